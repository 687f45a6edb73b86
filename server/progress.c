#include "server/progress.h"

#include <math.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/clock.h"

enum { LINE_BYTES = 256, USUAL_COLUMNS = 80 };

static const double rewrite_seconds = 0.1;

void progress_start(struct progress *progress, FILE *file, uint64_t epochs, uint64_t steps, uint64_t images)
{
    *progress = (struct progress){
        .file = file,
        .terminal = isatty(fileno(file)) == 1,
        .epochs = epochs,
        .steps = steps,
        .images = (double)images * (double)epochs,
        .started = ep_clock_seconds(),
    };
}

static double fraction(const struct progress *progress)
{
    return progress->steps > 0 ? (double)progress->done / (double)progress->steps : 0;
}

double progress_rate(const struct progress *progress)
{
    const double elapsed = ep_clock_seconds() - progress->started;
    return elapsed > 0 && progress->done > 0 ? progress->images * fraction(progress) / elapsed : NAN;
}

/** Writes images per second and the seconds that are left. */
static void format_pace(const struct progress *progress, char *text, size_t size)
{
    const double rate = progress_rate(progress);
    if (!isfinite(rate)) {
        text[0] = '\0';
        return;
    }
    const double left = progress->images * (1 - fraction(progress)) / rate;
    snprintf(text, size, "%.0f images/s, %.0f s left", rate, left);
}

static int columns(const struct progress *progress)
{
    struct winsize size;
    if (ioctl(fileno(progress->file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return USUAL_COLUMNS;
    }
    return size.ws_col;
}

/** A line longer than the terminal would wrap, and could not be rewritten. */
static void rewrite(struct progress *progress)
{
    progress->written = ep_clock_seconds();
    char pace[LINE_BYTES];
    format_pace(progress, pace, sizeof pace);
    char measures[LINE_BYTES] = "";
    const struct nn_epoch *latest = &progress->latest;
    if (latest->epoch > 0) {
        const bool validated = isfinite(latest->accuracy_validation);
        snprintf(measures, sizeof measures, "cost %.4f, accuracy %.2f %%, ",
                 validated ? latest->cost_validation : latest->cost_train,
                 100 * (validated ? latest->accuracy_validation : latest->accuracy_train));
    }
    const uint64_t epoch = latest->epoch < progress->epochs ? latest->epoch + 1 : progress->epochs;
    char line[3 * LINE_BYTES];
    snprintf(line, sizeof line, "epoch %llu/%llu, step %llu/%llu, %s%s", (unsigned long long)epoch,
             (unsigned long long)progress->epochs, (unsigned long long)progress->done,
             (unsigned long long)progress->steps, measures, pace);
    fprintf(progress->file, "\r%.*s\033[K", columns(progress) - 1, line);
    fflush(progress->file);
}

void progress_step(struct progress *progress, uint64_t done)
{
    progress->done = done;
    if (progress->terminal && ep_clock_seconds() - progress->written >= rewrite_seconds) {
        rewrite(progress);
    }
}

void progress_epoch(struct progress *progress, const struct nn_epoch *epoch)
{
    progress->latest = *epoch;
    progress->done = progress->epochs > 0 ? progress->steps / progress->epochs * epoch->epoch : 0;
    if (progress->terminal) {
        rewrite(progress);
        return;
    }
    char pace[LINE_BYTES];
    format_pace(progress, pace, sizeof pace);
    fprintf(progress->file, "epoch %zu/%llu: cost %.4f, accuracy %.2f %%", epoch->epoch,
            (unsigned long long)progress->epochs, epoch->cost_train, 100 * epoch->accuracy_train);
    if (isfinite(epoch->accuracy_validation)) {
        fprintf(progress->file, "; validation: cost %.4f, accuracy %.2f %%", epoch->cost_validation,
                100 * epoch->accuracy_validation);
    }
    fprintf(progress->file, "; %s\n", pace);
}

void progress_end(struct progress *progress)
{
    if (progress->terminal) {
        rewrite(progress);
        fputc('\n', progress->file);
    }
}
