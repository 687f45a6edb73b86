#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs those above.
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/progress.h"

/** Everything that is shown of two epochs, on something that is no terminal. The caller frees it. */
static char *show(double accuracy_validation)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    struct progress progress;
    progress_start(&progress, file, 2, 20, 1000);
    for (size_t epoch = 1; epoch <= 2; epoch++) {
        for (size_t step = 1; step <= 10; step++) {
            progress_step(&progress, (epoch - 1) * 10 + step);
        }
        const struct nn_epoch row = {
            .epoch = epoch,
            .cost_train = 0.5,
            .accuracy_train = 0.75,
            .cost_validation = 0.625,
            .accuracy_validation = accuracy_validation,
        };
        progress_epoch(&progress, &row);
    }
    assert_true(progress_rate(&progress) > 0);
    progress_end(&progress);
    fclose(file);
    assert_non_null(text);
    return text;
}

static void test_a_line_per_epoch(void **state)
{
    (void)state;
    char *text = show(0.5);
    assert_ptr_equal(strstr(text,
                            "epoch 1/2: cost 0.5000, accuracy 75.00 %; validation: cost 0.6250, accuracy "
                            "50.00 %; "),
                     text);
    assert_non_null(strstr(text, "\nepoch 2/2: "));
    assert_non_null(strstr(text, " images/s, 0 s left\n"));
    assert_null(strchr(text, '\r'));
    free(text);
}

static void test_without_validation(void **state)
{
    (void)state;
    char *text = show(NAN);
    assert_null(strstr(text, "validation"));
    assert_null(strstr(text, "nan"));
    free(text);
}

static void test_rate_is_unknown_at_first(void **state)
{
    (void)state;
    struct progress progress;
    progress_start(&progress, stderr, 2, 20, 1000);
    assert_true(isnan(progress_rate(&progress)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_per_epoch),
        cmocka_unit_test(test_without_validation),
        cmocka_unit_test(test_rate_is_unknown_at_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
