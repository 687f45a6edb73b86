/* What a spec becomes with the dataset it is for, what is refused, and what its digest depends on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/macros.h"
#include "core/jobs/spec.h"

static const struct data_info info = {
    .name = "images", .features = 6, .classes = 3, .train_count = 1000, .test_count = 100};

static const struct job_limits any;
static const struct job_limits one_byte = {.memory = 1};

/* Bits of the rows named, as a decoder would set them. */
static uint64_t bits(const char *const *names, size_t count)
{
    uint64_t given = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t row = ep_fields_find(&job_spec_fields, names[i]);
        assert_true(row < job_spec_fields.count);
        given |= (uint64_t)1 << row;
    }
    return given;
}

#define GIVEN(...)                                                                                           \
    bits((const char *const[]){"dataset", "epochs", __VA_ARGS__},                                            \
         EP_COUNT(((const char *const[]){"dataset", "epochs", __VA_ARGS__})))

static struct job_spec preset(void)
{
    struct job_spec spec = {0};
    ep_fields_preset(&job_spec_fields, &spec);
    snprintf(spec.dataset, sizeof spec.dataset, "images");
    spec.epochs = 10;
    return spec;
}

static struct ep_faults resolve(struct job_spec *spec, uint64_t given)
{
    struct ep_faults faults = {0};
    job_spec_resolve(spec, given, &info, &any, &faults);
    return faults;
}

static void assert_fault(const struct ep_faults *faults, const char *pointer, const char *part)
{
    if (faults->count != 1 || strcmp(faults->items[0].pointer, pointer) != 0 ||
        strstr(faults->items[0].detail, part) == NULL) {
        fail_msg("%zu faults, the first at \"%s\": %s", faults->count, faults->items[0].pointer,
                 faults->items[0].detail);
    }
}

static void depth_alone_means_50_30_30(void **state)
{
    (void)state;
    static const uint32_t expected[] = {50, 30, 30, 30};
    for (uint64_t depth = 1; depth <= 5; depth++) {
        struct job_spec spec = preset();
        spec.depth = depth;
        assert_int_equal(resolve(&spec, GIVEN("depth")).count, 0);
        assert_int_equal(spec.hidden.count, depth - 1);
        assert_memory_equal(spec.hidden.items, expected, (depth - 1) * sizeof expected[0]);
    }
}

static void hidden_alone_gives_depth(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.hidden = (struct ep_integer_list){.count = 2, .items = {7, 5}};
    assert_int_equal(resolve(&spec, GIVEN("hidden")).count, 0);
    assert_int_equal(spec.depth, 3);
    spec = preset();
    assert_int_equal(resolve(&spec, GIVEN("hidden")).count, 0);
    assert_int_equal(spec.depth, 1);
}

static void depth_and_hidden_must_agree(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.hidden = (struct ep_integer_list){.count = 2, .items = {7, 5}};
    spec.depth = 3;
    assert_int_equal(resolve(&spec, GIVEN("hidden", "depth")).count, 0);
    spec.depth = 4;
    struct ep_faults faults = resolve(&spec, GIVEN("hidden", "depth"));
    assert_fault(&faults, "/depth", "2 layers");
    spec = preset();
    faults = resolve(&spec, GIVEN("seed"));
    assert_fault(&faults, "/depth", "required");
}

static void sizes_follow_from_the_dataset(void **state)
{
    (void)state;
    static const struct {
        bool train_given, validation_given;
        uint64_t train, validation, expected_train, expected_validation;
        const char *fault;
    } cases[] = {
        {false, false, 0, 0, 900, 100, NULL},
        {true, false, 600, 0, 600, 100, NULL},
        {true, false, 950, 0, 950, 50, NULL},
        {true, false, 1000, 0, 1000, 0, NULL},
        {false, true, 0, 300, 700, 300, NULL},
        {false, true, 0, 0, 1000, 0, NULL},
        {false, true, 0, 999, 1, 999, NULL},
        {true, true, 400, 600, 400, 600, NULL},
        {false, true, 0, 1000, 0, 0, "/validation_size"},
        {true, false, 1001, 0, 0, 0, "/train_size"},
        {true, true, 401, 600, 0, 0, "/train_size"},
        {true, true, 1, 10000000, 0, 0, "/train_size"},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct job_spec spec = preset();
        spec.depth = 1;
        spec.batch_norm = false;
        uint64_t given = GIVEN("depth", "batch_norm");
        given |= cases[i].train_given ? GIVEN("train_size") : 0;
        given |= cases[i].validation_given ? GIVEN("validation_size") : 0;
        spec.train_size = cases[i].train;
        spec.validation_size = cases[i].validation;
        const struct ep_faults faults = resolve(&spec, given);
        if (cases[i].fault != NULL) {
            assert_fault(&faults, cases[i].fault, "1000");
        } else {
            assert_int_equal(faults.count, 0);
            assert_int_equal(spec.train_size, cases[i].expected_train);
            assert_int_equal(spec.validation_size, cases[i].expected_validation);
        }
    }
}

static void mini_batches_fit_the_training_set(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.depth = 1;
    spec.train_size = 20;
    assert_int_equal(resolve(&spec, GIVEN("depth", "train_size")).count, 0);
    assert_int_equal(spec.batch_size, 20);
    spec.batch_size = 21;
    struct ep_faults faults = resolve(&spec, GIVEN("depth", "train_size", "batch_size"));
    assert_fault(&faults, "/batch_size", "20");
    spec.batch_size = 1;
    faults = resolve(&spec, GIVEN("depth", "train_size", "batch_size"));
    assert_fault(&faults, "/batch_size", "batch_norm");
    spec.batch_norm = false;
    assert_int_equal(resolve(&spec, GIVEN("depth", "train_size", "batch_size", "batch_norm")).count, 0);
}

static void a_deviation_goes_only_with_gaussian(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.depth = 2;
    struct ep_faults faults = resolve(&spec, GIVEN("depth", "init/std"));
    assert_fault(&faults, "/init/std", "gaussian");
    spec.init_kind = NN_INIT_GAUSSIAN;
    assert_int_equal(resolve(&spec, GIVEN("depth", "init/kind", "init/std")).count, 0);
}

static void a_schedule_takes_only_what_belongs_to_it(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.depth = 2;
    spec.decay_kind = NN_COSINE;
    assert_int_equal(resolve(&spec, GIVEN("depth", "decay/kind")).count, 0);
    struct ep_faults faults = resolve(&spec, GIVEN("depth", "decay/kind", "decay/every"));
    assert_fault(&faults, "/decay/every", "step");
    faults = resolve(&spec, GIVEN("depth", "decay/kind", "decay/factor"));
    assert_fault(&faults, "/decay/factor", "step");
    spec.warm_up = 9;
    assert_int_equal(resolve(&spec, GIVEN("depth", "decay/kind", "warm_up")).count, 0);
    spec.warm_up = 10;
    faults = resolve(&spec, GIVEN("depth", "decay/kind", "warm_up"));
    assert_fault(&faults, "/warm_up", "10 epochs");
}

static void memory_is_limited_with_figures(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.hidden = (struct ep_integer_list){.count = 2, .items = {65536, 65536}};
    struct ep_faults faults = {0};
    job_spec_resolve(&spec, GIVEN("hidden"), &info, &(struct job_limits){.memory = (size_t)1 << 30}, &faults);
    assert_fault(&faults, "/hidden", "1024 MiB");
    /* 65 536² weights and as many momenta, of 4 bytes each, are 32 GiB. */
    assert_non_null(strstr(faults.items[0].detail, " 33"));
}

static void faults_do_not_breed(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    struct ep_faults faults = {0};
    ep_faults_add(&faults, "/depth", "is wrong");
    ep_faults_add(&faults, "/train_size", "is wrong");
    ep_faults_add(&faults, "/batch_size", "is wrong");
    spec.batch_size = 0;
    job_spec_resolve(&spec, GIVEN("depth", "train_size", "batch_size"), &info, &one_byte, &faults);
    assert_int_equal(faults.count, 3);
}

/* Each case is wrong in one place, which the decoder or an earlier check has told already. */
static void what_follows_from_a_fault_is_not_told(void **state)
{
    (void)state;
    static const struct {
        const char *told; /* NULL: the resolution finds it itself, at `pointer` */
        const char *pointer;
        uint64_t train_size, batch_size, depth;
        const char *given[3];
    } cases[] = {
        {"/hidden/0", "/hidden/0", 0, 100, 4, {"depth", "hidden", "seed"}},
        {"/hidden", "/hidden", 0, 100, 4, {"depth", "hidden", "seed"}},
        {"/depth", "/depth", 0, 100, 0, {"depth", "hidden", "seed"}},
        {"/train_size", "/train_size", 5000, 100, 1, {"depth", "train_size", "seed"}},
        {"/train_size", "/train_size", 50, 100, 1, {"depth", "train_size", "batch_size"}},
        {"/validation_size", "/validation_size", 5000, 100, 1, {"depth", "train_size", "validation_size"}},
        {"/batch_norm", "/batch_norm", 0, 1, 1, {"depth", "batch_norm", "batch_size"}},
        {"/init/kind", "/init/kind", 0, 100, 1, {"depth", "init/kind", "init/std"}},
        {NULL, "/train_size", 2000, 5000, 1, {"depth", "train_size", "batch_size"}},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct job_spec spec = preset();
        struct ep_faults faults = {0};
        spec.depth = cases[i].depth;
        spec.train_size = cases[i].train_size;
        spec.batch_size = cases[i].batch_size;
        if (cases[i].told != NULL) {
            ep_faults_add(&faults, cases[i].told, "is wrong");
        }
        /* One byte is over the limit for any network, but none is weighed that is wrong already. */
        job_spec_resolve(&spec, bits(cases[i].given, EP_COUNT(cases[i].given)), &info, &one_byte, &faults);
        assert_fault(&faults, cases[i].pointer, "");
    }
}

static void unrelated_faults_are_told_together(void **state)
{
    (void)state;
    static const char *const pointers[] = {"/depth", "/train_size", "/batch_size", "/init/std"};
    struct job_spec spec = preset();
    spec.depth = 5;
    spec.train_size = 1001;
    spec.batch_size = 1;
    const struct ep_faults faults =
        resolve(&spec, GIVEN("depth", "hidden", "train_size", "batch_size", "init/std"));
    assert_int_equal(faults.count, EP_COUNT(pointers));
    for (size_t i = 0; i < EP_COUNT(pointers); i++) {
        assert_string_equal(faults.items[i].pointer, pointers[i]);
    }
}

static void the_memory_limit_may_be_reached_but_not_passed(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    struct ep_faults faults = {0};
    struct job_cost cost;
    spec.depth = 3;
    assert_int_equal(resolve(&spec, GIVEN("depth")).count, 0);
    assert_int_equal(job_cost_of(&spec, &info, &cost, NULL), EP_OK);
    job_spec_resolve(&spec, GIVEN("depth"), &info, &(struct job_limits){.memory = cost.memory}, &faults);
    assert_int_equal(faults.count, 0);
    job_spec_resolve(&spec, GIVEN("depth"), &info, &(struct job_limits){.memory = cost.memory - 1}, &faults);
    assert_fault(&faults, "/hidden", "MiB");
}

static void memory_that_cannot_be_counted_is_a_fault_without_a_limit(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    struct data_info endless = info;
    struct ep_faults faults = {0};
    endless.features = SIZE_MAX / 8;
    spec.depth = 2;
    job_spec_resolve(&spec, GIVEN("depth"), &endless, &any, &faults);
    assert_fault(&faults, "/hidden", "");
}

static void without_a_dataset_sizes_are_left_alone(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    struct ep_faults faults = {0};
    spec.depth = 3;
    job_spec_resolve(&spec, GIVEN("depth"), NULL, &one_byte, &faults);
    assert_int_equal(faults.count, 0);
    assert_int_equal(spec.hidden.count, 2);
    assert_int_equal(spec.train_size, 0);
    assert_int_equal(spec.validation_size, 0);
    assert_int_equal(spec.batch_size, 100);
    spec.train_size = 20;
    spec.batch_size = 21;
    job_spec_resolve(&spec, GIVEN("depth", "train_size", "batch_size"), NULL, &one_byte, &faults);
    assert_fault(&faults, "/batch_size", "20");
}

static void without_a_dataset_the_rest_is_checked(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    struct ep_faults faults = {0};
    spec.depth = 3;
    spec.hidden = (struct ep_integer_list){.count = 1, .items = {5}};
    job_spec_resolve(&spec, GIVEN("depth", "hidden"), NULL, &one_byte, &faults);
    assert_fault(&faults, "/depth", "hidden");
}

static void resolving_twice_changes_nothing(void **state)
{
    (void)state;
    struct job_spec once = preset();
    once.depth = 4;
    once.train_size = 970;
    assert_int_equal(resolve(&once, GIVEN("depth", "train_size")).count, 0);
    struct job_spec twice = once;
    uint64_t counting = 0;
    for (size_t i = 0; i < job_spec_fields.count; i++) {
        counting |= (uint64_t)job_spec_counts(&once, job_spec_fields.rows[i].name) << i;
    }
    assert_int_equal(resolve(&twice, counting).count, 0);
    assert_memory_equal(&once, &twice, sizeof once);
}

static void shape_and_options_are_those_of_the_spec(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.hidden = (struct ep_integer_list){.count = 2, .items = {7, 5}};
    spec.lambda = 0.25;
    spec.seed = 99;
    assert_int_equal(resolve(&spec, GIVEN("hidden")).count, 0);
    struct nn_shape shape;
    struct nn_member_options options;
    job_spec_shape(&spec, &info, &shape);
    job_spec_member(&spec, &options);
    static const size_t widths[] = {6, 7, 5, 3};
    assert_int_equal(shape.layers, 3);
    assert_memory_equal(shape.width, widths, sizeof widths);
    assert_true(shape.batch_norm);
    assert_true(options.eta == 0.02 && options.lambda == 0.25 && options.momentum == 0.9);
    assert_int_equal(options.seed, 99);
    assert_int_equal(options.decay_every, 10);
    assert_true(options.decay_factor == 0.95);
    assert_int_equal(options.init, NN_INIT_HE);
    spec.batch_norm = false;
    spec.init_kind = NN_INIT_GAUSSIAN;
    spec.init_std = 0.5;
    job_spec_shape(&spec, &info, &shape);
    job_spec_member(&spec, &options);
    assert_false(shape.batch_norm);
    assert_int_equal(options.init, NN_INIT_GAUSSIAN);
    assert_true(options.init_std == 0.5);
}

static void digest_of(const struct job_spec *spec, char digest[EP_SHA256_TEXT])
{
    assert_int_equal(job_spec_digest(spec, "dataset", digest, NULL), EP_OK);
}

/* Changes the member of a row to something else that it may be. */
static void change(struct job_spec *spec, const struct ep_field *field)
{
    void *member = ep_field_at(field, spec);
    switch (field->kind) {
    case EP_FIELD_INTEGER:
        *(uint64_t *)member += 1;
        break;
    case EP_FIELD_NUMBER:
        *(double *)member = nextafter(*(double *)member, 1);
        break;
    case EP_FIELD_BOOLEAN:
        *(bool *)member = !*(bool *)member;
        break;
    case EP_FIELD_CHOICE:
        *(int *)member = *(int *)member == 0 ? 1 : 0;
        break;
    case EP_FIELD_TEXT:
        snprintf(member, 8, "other");
        break;
    case EP_FIELD_INTEGER_LIST:
        ((struct ep_integer_list *)member)->items[0] += 1;
        break;
    case EP_FIELD_TEXT_LIST:
        *(struct ep_text_list *)member = (struct ep_text_list){.count = 1, .items = {"word"}};
        break;
    }
}

static void the_digest_depends_on_what_changes_numbers(void **state)
{
    (void)state;
    struct job_spec spec = preset();
    spec.hidden = (struct ep_integer_list){.count = 2, .items = {7, 5}};
    spec.init_kind = NN_INIT_GAUSSIAN;
    spec.patience = 3;
    char first[EP_SHA256_TEXT];
    char other[EP_SHA256_TEXT];
    digest_of(&spec, first);
    for (size_t i = 0; i < job_spec_fields.count; i++) {
        struct job_spec changed = spec;
        const char *name = job_spec_fields.rows[i].name;
        const bool for_people = strcmp(name, "name") == 0 || strcmp(name, "tags") == 0;
        const bool for_speed = strcmp(name, "threads") == 0;
        /* Where it counts: adam.beta1 does with Adam, momentum without. */
        struct job_spec same = spec;
        same.optimizer = changed.optimizer = strncmp(name, "adam/", 5) == 0 ? NN_ADAM : NN_SGD;
        change(&changed, &job_spec_fields.rows[i]);
        digest_of(&same, first);
        digest_of(&changed, other);
        if ((strcmp(first, other) == 0) != (for_people || for_speed)) {
            fail_msg("the digest takes %s wrongly", name);
        }
    }
    digest_of(&spec, first);
    assert_int_equal(job_spec_digest(&spec, "another", other, NULL), EP_OK);
    assert_string_not_equal(first, other);
    spec.hidden = (struct ep_integer_list){.count = 1, .items = {75}};
    digest_of(&spec, other);
    assert_string_not_equal(first, other);
}

static void the_digest_takes_no_notice_of_what_does_not_count(void **state)
{
    (void)state;
    char first[EP_SHA256_TEXT];
    char other[EP_SHA256_TEXT];
    static const int without_deviation[] = {NN_INIT_HE, NN_INIT_XAVIER};
    for (size_t i = 0; i < EP_COUNT(without_deviation); i++) {
        struct job_spec spec = preset();
        spec.init_kind = without_deviation[i];
        digest_of(&spec, first);
        spec.init_std = 5;
        spec.lambda = -0.0;
        digest_of(&spec, other);
        assert_string_equal(first, other);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth_alone_means_50_30_30),
        cmocka_unit_test(hidden_alone_gives_depth),
        cmocka_unit_test(depth_and_hidden_must_agree),
        cmocka_unit_test(sizes_follow_from_the_dataset),
        cmocka_unit_test(mini_batches_fit_the_training_set),
        cmocka_unit_test(a_deviation_goes_only_with_gaussian),
        cmocka_unit_test(a_schedule_takes_only_what_belongs_to_it),
        cmocka_unit_test(memory_is_limited_with_figures),
        cmocka_unit_test(faults_do_not_breed),
        cmocka_unit_test(what_follows_from_a_fault_is_not_told),
        cmocka_unit_test(unrelated_faults_are_told_together),
        cmocka_unit_test(the_memory_limit_may_be_reached_but_not_passed),
        cmocka_unit_test(memory_that_cannot_be_counted_is_a_fault_without_a_limit),
        cmocka_unit_test(without_a_dataset_sizes_are_left_alone),
        cmocka_unit_test(without_a_dataset_the_rest_is_checked),
        cmocka_unit_test(resolving_twice_changes_nothing),
        cmocka_unit_test(shape_and_options_are_those_of_the_spec),
        cmocka_unit_test(the_digest_depends_on_what_changes_numbers),
        cmocka_unit_test(the_digest_takes_no_notice_of_what_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
