#include "server/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

/** The main thread, whose thread id is the process id, holds the signal back, so it stays pending there. */
static void pass_to_main(int number)
{
    const int code = errno;
    syscall(SYS_tgkill, getpid(), getpid(), number);
    errno = code;
}

static void end_at_once(int number)
{
    (void)number;
    _exit(1);
}

static bool handle_stop_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0;
}

enum ep_status signals_hold(struct ep_error *error)
{
    sigset_t set;
    stop_signals(&set);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    // Blocked first: the handler may only run on other threads.
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || !handle_stop_signals(pass_to_main) ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return ep_fail_errno(error, EP_INTERNAL, errno, "cannot set up signals");
    }
    return EP_OK;
}

int signals_wait(void)
{
    sigset_t set;
    stop_signals(&set);
    int number = 0;
    while (sigwait(&set, &number) != 0) {
    }
    return number;
}

int signals_poll(void)
{
    sigset_t set;
    stop_signals(&set);
    const struct timespec now = {0};
    const int number = sigtimedwait(&set, NULL, &now);
    return number > 0 ? number : 0;
}

static void release(void (*handler)(int))
{
    handle_stop_signals(handler);
    sigset_t set;
    stop_signals(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void signals_end_at_once(void)
{
    release(end_at_once);
}

void signals_restore(void)
{
    release(SIG_DFL);
}

const char *signals_name(int number)
{
    return number == SIGINT ? "SIGINT" : "SIGTERM";
}
