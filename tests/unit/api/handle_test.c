/* Requests to responses, without a port: routes, methods, media types, queries, and jobs end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "api/api.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/routes.h"
#include "core/base/clock.h"
#include "core/nn/gemm.h"
#include "tests/unit/jobs/dots.h"
#include "tests/unit/jobs/store_fixture.h"

static const char spec[] =
    "{\"dataset\":\"dots\",\"hidden\":[8],\"epochs\":2,\"batch_size\":50,\"tags\":[\"t\"]}";
static const char endless[] = "{\"dataset\":\"dots\",\"hidden\":[8],\"epochs\":10000,\"batch_size\":50}";

struct fixture {
    char folder[FOLDER_MAX];
    struct data_registry *registry;
    struct nn_gemm *gemm;
    struct jobs *jobs;
    struct searches *searches;
    struct checks *checks;
    struct api api;
};

static int set_up(void **state)
{
    struct fixture *fixture = ep_allocate(1, sizeof *fixture);
    assert_non_null(fixture);
    make_folder(fixture->folder);
    assert_int_equal(nn_gemm_create(NN_GEMM_AUTO, &fixture->gemm, NULL), EP_OK);
    char path[FOLDER_MAX + 8];
    snprintf(path, sizeof path, "%s/dots", fixture->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(
        data_registry_create_from(&dots_catalogue, fixture->folder, "/nowhere", &fixture->registry, NULL),
        EP_OK);
    const struct jobs_options options = {.state_folder = fixture->folder,
                                         .registry = fixture->registry,
                                         .gemm = fixture->gemm,
                                         .workers = 1,
                                         .queued_most = 5};
    assert_int_equal(jobs_open(&options, &fixture->jobs, NULL), EP_OK);
    const struct searches_options searches = {.jobs = fixture->jobs,
                                              .registry = fixture->registry,
                                              .limits = {.memory = 1U << 30},
                                              .decode = api_decode_stored_search,
                                              .encode = api_encode_search};
    assert_int_equal(searches_open(&searches, &fixture->searches, NULL), EP_OK);
    assert_int_equal(checks_create(fixture->registry, &fixture->checks, NULL), EP_OK);
    fixture->api = (struct api){.jobs = fixture->jobs,
                                .searches = fixture->searches,
                                .checks = fixture->checks,
                                .registry = fixture->registry,
                                .gemm = fixture->gemm,
                                .version = "0",
                                .limits = {.memory = 1U << 30}};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    checks_destroy(fixture->checks);
    searches_close(fixture->searches);
    jobs_close(fixture->jobs);
    data_registry_destroy(fixture->registry);
    nn_gemm_destroy(fixture->gemm);
    remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

/* An answer with its JSON, if it has any. */
struct answer {
    struct http_response response;
    json_t *root;
};

static void answer_done(struct answer *answer)
{
    json_decref(answer->root);
    http_response_done(&answer->response);
}

static struct answer ask(struct fixture *fixture, const struct http_request *request)
{
    struct answer answer = {.root = NULL};
    api_handle(&fixture->api, request, &answer.response);
    const char *body = answer.response.body != NULL ? answer.response.body : answer.response.static_body;
    if (body != NULL && strstr(answer.response.content_type, "json") != NULL) {
        assert_int_equal(json_read(body, answer.response.body_length, &answer.root, NULL), EP_OK);
    }
    return answer;
}

static struct answer get(struct fixture *fixture, const char *path)
{
    const struct http_request request = {.method = HTTP_GET, .path = path};
    return ask(fixture, &request);
}

static struct answer post(struct fixture *fixture, const char *path, const char *body)
{
    const struct http_request request = {
        .method = HTTP_POST,
        .path = path,
        .content_type = "application/json; charset=utf-8",
        .body = body,
        .body_length = strlen(body),
    };
    return ask(fixture, &request);
}

static const char *text_of(const struct answer *answer, const char *name)
{
    const char *text = json_string_value(json_object_get(answer->root, name));
    return text == NULL ? "" : text;
}

static const char *header_of(const struct answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->response.header_count; i++) {
        if (strcmp(answer->response.headers[i].name, name) == 0) {
            return answer->response.headers[i].value;
        }
    }
    return "";
}

static void assert_problem(struct answer *answer, enum problem problem)
{
    char type[96];
    snprintf(type, sizeof type, "urn:epochd:problem:%s", problem_row(problem)->code);
    assert_string_equal(text_of(answer, "type"), type);
    assert_int_equal(answer->response.status, problem_row(problem)->status);
    assert_string_equal(answer->response.content_type, "application/problem+json");
    assert_true(text_of(answer, "detail")[0] != '\0');
    answer_done(answer);
}

static void methods_and_paths_are_judged_in_one_place(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum http_method method;
        const char *path;
        int status;
        const char *allow;
    } cases[] = {
        {HTTP_GET, "/healthz", 200, ""},
        {HTTP_HEAD, "/healthz", 200, ""},
        {HTTP_OPTIONS, "/healthz", 204, "GET, HEAD, OPTIONS"},
        {HTTP_POST, "/healthz", 405, "GET, HEAD, OPTIONS"},
        {HTTP_PUT, "/v1/jobs", 405, "POST, GET, HEAD, OPTIONS"},
        {HTTP_OTHER, "/v1/jobs", 405, "POST, GET, HEAD, OPTIONS"},
        {HTTP_POST, "/v1/jobs/x", 405, "GET, HEAD, DELETE, OPTIONS"},
        {HTTP_GET, "/v1/jobs/x/cancel", 405, "POST, OPTIONS"},
        {HTTP_GET, "/v1/jobs/x", 404, ""},
        {HTTP_GET, "/v1/jobs/", 404, ""},
        {HTTP_GET, "/v1/jobs/x/", 404, ""},
        {HTTP_GET, "/v1/jobs/x/y", 404, ""},
        {HTTP_GET, "/v1//jobs", 404, ""},
        {HTTP_GET, "/v1/datasets/none", 404, ""},
        {HTTP_GET, "/V1/jobs", 404, ""},
        {HTTP_GET, "", 404, ""},
        {HTTP_GET, "/nothing", 404, ""},
        {HTTP_OPTIONS, "/nothing", 404, ""},
        {HTTP_OTHER, "/nothing", 404, ""},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        const struct http_request request = {.method = cases[i].method, .path = cases[i].path};
        struct answer answer = ask(fixture, &request);
        if (answer.response.status != cases[i].status) {
            fail_msg("%s %s: %d", http_method_name(cases[i].method), cases[i].path, answer.response.status);
        }
        assert_string_equal(header_of(&answer, "Allow"), cases[i].allow);
        answer_done(&answer);
    }
}

static void every_get_route_answers_and_refuses_foreign_queries(void **state)
{
    struct fixture *fixture = *state;
    size_t count;
    const struct api_route *routes = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        if (routes[i].method != HTTP_GET) {
            continue;
        }
        const bool one = strchr(routes[i].path, '{') != NULL;
        struct answer answer = get(fixture, routes[i].path);
        assert_int_equal(answer.response.status, one ? 404 : 200);
        assert_true(answer.response.body_length > 0);
        answer_done(&answer);
        const struct http_request request = {
            .method = HTTP_GET, .path = routes[i].path, .query_count = 1, .query = {{"foreign", "1"}}};
        answer = ask(fixture, &request);
        assert_non_null(strstr(text_of(&answer, "detail"), "foreign"));
        assert_problem(&answer, PROBLEM_INVALID_QUERY);
    }
}

static void bodies_are_judged_before_they_are_read(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path, *type;
        size_t length;
        int status; /* 0: accepted */
    } cases[] = {
        {"/v1/jobs", "application/json", 10, 0},
        {"/v1/jobs", "APPLICATION/JSON;charset=utf-8", 10, 0},
        {"/v1/jobs", "application/json", 0, 0},
        {"/v1/jobs", "application/json", API_BODY_MAX, 0},
        {"/v1/jobs", "application/json", API_BODY_MAX + 1, 413},
        {"/v1/jobs", "application/jsonx", 10, 415},
        {"/v1/jobs", "text/plain", 10, 415},
        {"/v1/jobs", NULL, 10, 415},
        {"/v1/jobs/x/cancel", NULL, 10, 415},
        {"/v1/jobs/x/cancel", "application/json", 2, 0},
        {"/v1/nothing", "application/json", 2, 404},
        {"/v1/system", "application/json", 2, 405},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        const struct http_request request = {
            .method = HTTP_POST, .path = cases[i].path, .content_type = cases[i].type};
        struct http_response response = {0};
        const bool accepted = api_accepts(&fixture->api, &request, cases[i].length, &response);
        assert_int_equal(accepted, cases[i].status == 0);
        assert_int_equal(response.status, cases[i].status);
        http_response_done(&response);
    }
    const struct http_request bare = {.method = HTTP_POST, .path = "/v1/jobs"};
    struct answer answer = ask(fixture, &bare);
    assert_problem(&answer, PROBLEM_UNSUPPORTED_MEDIA_TYPE);
}

static void refusals_of_the_listener_are_problems(void **state)
{
    (void)state;
    static const int statuses[] = {400, 408, 413, 414, 415, 421, 431, 503, 505};
    for (size_t i = 0; i < EP_COUNT(statuses); i++) {
        struct http_response response = {0};
        api_refuse(&response, statuses[i], "because");
        assert_int_equal(response.status, statuses[i]);
        assert_string_equal(response.content_type, "application/problem+json");
        assert_non_null(strstr(response.body, "because"));
        http_response_done(&response);
    }
}

static void wait_until(struct fixture *fixture, const char *path, const char *wanted)
{
    const double end = ep_clock_seconds() + 30;
    bool reached = false;
    while (!reached) {
        assert_true(ep_clock_seconds() < end);
        struct answer answer = get(fixture, path);
        assert_int_equal(answer.response.status, 200);
        reached = strcmp(text_of(&answer, "state"), wanted) == 0;
        answer_done(&answer);
        const struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
    }
}

static void create(struct fixture *fixture, const char *body, char path[64])
{
    struct answer answer = post(fixture, "/v1/jobs", body);
    assert_int_equal(answer.response.status, 202);
    snprintf(path, 64, "%s", header_of(&answer, "Location"));
    assert_string_equal(path + strlen("/v1/jobs/"), text_of(&answer, "id"));
    answer_done(&answer);
}

static void a_job_from_spec_to_history(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    char history[80];
    create(fixture, spec, path);
    wait_until(fixture, path, "succeeded");
    snprintf(history, sizeof history, "%s/history", path);
    struct answer answer = get(fixture, history);
    static const char *const columns[] = {
        "epoch", "eta", "cost_train", "cost_validation", "accuracy_train", "accuracy_validation", "seconds"};
    for (size_t i = 0; i < EP_COUNT(columns); i++) {
        assert_int_equal(json_array_size(json_object_get(answer.root, columns[i])), 2);
    }
    assert_true(json_real_value(json_object_get(answer.root, "accuracy_test")) > 0.5);
    answer_done(&answer);
    const struct http_request later = {
        .method = HTTP_GET, .path = history, .query_count = 1, .query = {{"since_epoch", "1"}}};
    answer = ask(fixture, &later);
    assert_int_equal(json_array_size(json_object_get(answer.root, "eta")), 1);
    answer_done(&answer);
    const struct http_request erase = {.method = HTTP_DELETE, .path = path};
    answer = ask(fixture, &erase);
    assert_int_equal(answer.response.status, 204);
    answer_done(&answer);
    answer = get(fixture, path);
    assert_problem(&answer, PROBLEM_NOT_FOUND);
}

static void the_queue_has_an_end_and_can_be_cancelled(void **state)
{
    struct fixture *fixture = *state;
    char paths[6][64];
    char cancel[80];
    create(fixture, endless, paths[0]);
    wait_until(fixture, paths[0], "running");
    for (size_t i = 1; i < 6; i++) {
        create(fixture, endless, paths[i]);
    }
    struct answer answer = post(fixture, "/v1/jobs", endless);
    assert_true(strtol(header_of(&answer, "Retry-After"), NULL, 10) > 0);
    assert_problem(&answer, PROBLEM_QUEUE_FULL);
    const struct http_request erase = {.method = HTTP_DELETE, .path = paths[0]};
    answer = ask(fixture, &erase);
    assert_problem(&answer, PROBLEM_WRONG_STATE);
    for (size_t i = 6; i-- > 0;) {
        snprintf(cancel, sizeof cancel, "%s/cancel", paths[i]);
        answer = post(fixture, cancel, i % 2 == 0 ? "" : "{}");
        assert_int_equal(answer.response.status, 200);
        assert_true(json_is_true(json_object_get(answer.root, "cancel_requested")) ==
                    (strcmp(text_of(&answer, "state"), "running") == 0));
        answer_done(&answer);
        wait_until(fixture, paths[i], "cancelled");
    }
    answer = post(fixture, cancel, "{\"now\": true}");
    assert_problem(&answer, PROBLEM_BAD_REQUEST);
    answer = post(fixture, cancel, "{");
    assert_problem(&answer, PROBLEM_NOT_JSON);
}

static void a_dry_run_creates_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct http_request request = {
        .method = HTTP_POST,
        .path = "/v1/jobs",
        .content_type = "application/json",
        .query_count = 1,
        .query = {{"dry_run", "true"}},
        .body = spec,
        .body_length = sizeof spec - 1,
    };
    struct answer answer = ask(fixture, &request);
    assert_int_equal(answer.response.status, 200);
    assert_int_equal(json_number_value(json_object_get(answer.root, "parameters")), 16 * 8 + 8 * 4 + 4);
    assert_int_equal(json_number_value(json_object_get(answer.root, "steps")), 2 * 11);
    assert_true(json_is_null(json_object_get(answer.root, "estimated_seconds")));
    assert_int_equal(strlen(text_of(&answer, "spec_digest")), 64);
    answer_done(&answer);
    answer = get(fixture, "/v1/jobs");
    assert_int_equal(json_array_size(json_object_get(answer.root, "data")), 0);
    answer_done(&answer);
}

static void queries_of_a_list_are_strict(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *name, *value;
        int status;
    } cases[] = {
        {"limit", "1", 200},
        {"limit", "200", 200},
        {"limit", "0", 400},
        {"limit", "201", 400},
        {"limit", "-1", 400},
        {"limit", " 1", 400},
        {"limit", "1e1", 400},
        {"limit", "", 400},
        {"limit", "99999999999999999999", 400},
        {"state", "queued", 200},
        {"state", "queued,failed", 200},
        {"state", "Queued", 400},
        {"state", "queued,,failed", 400},
        {"state", "", 400},
        {"state", "queued,", 400},
        {"tag", "t", 200},
        {"tag", "a b", 400},
        {"tag", "", 400},
        {"dataset", "dots", 200},
        {"dataset", "../x", 400},
        {"cursor", "abc", 400},
        {"cursor", "01a20895-087d-7000-b955-619e8d60abf1", 200},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        const struct http_request request = {.method = HTTP_GET,
                                             .path = "/v1/jobs",
                                             .query_count = 1,
                                             .query = {{cases[i].name, cases[i].value}}};
        struct answer answer = ask(fixture, &request);
        if (answer.response.status != cases[i].status) {
            fail_msg("%s=%s: %d", cases[i].name, cases[i].value, answer.response.status);
        }
        answer_done(&answer);
    }
    struct http_request twice = {
        .method = HTTP_GET, .path = "/v1/jobs", .query_count = 2, .query = {{"limit", "1"}, {"limit", "2"}}};
    struct answer answer = ask(fixture, &twice);
    assert_problem(&answer, PROBLEM_INVALID_QUERY);
    twice.query_overflow = true;
    answer = ask(fixture, &twice);
    assert_problem(&answer, PROBLEM_INVALID_QUERY);
}

static void faults_of_a_spec_are_all_told(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *body, *pointer, *part;
    } cases[] = {
        {"{\"dataset\":\"none\",\"depth\":2,\"epochs\":1}", "/dataset", "dots, lost"},
        {"{\"dataset\":\"lost\",\"depth\":2,\"epochs\":1}", "/dataset", "lost"},
        {"{\"dataset\":\"dots\",\"epochs\":1}", "/depth", "required"},
        {"{\"dataset\":\"dots\",\"depth\":2,\"epochs\":1,\"train_size\":601}", "/train_size", "600"},
        {"{\"dataset\":\"dots\",\"hidden\":[65536,65536],\"epochs\":1}", "/hidden", "1024 MiB"},
        {"[]", "", "object"},
    };
    for (size_t i = 0; i < EP_COUNT(cases); i++) {
        struct answer answer = post(fixture, "/v1/jobs", cases[i].body);
        const json_t *fault = json_array_get(json_object_get(answer.root, "errors"), 0);
        assert_non_null(fault);
        assert_string_equal(json_string_value(json_object_get(fault, "pointer")), cases[i].pointer);
        const char *detail = json_string_value(json_object_get(fault, "detail"));
        if (strstr(detail, cases[i].part) == NULL) {
            fail_msg("%s: %s", cases[i].body, detail);
        }
        assert_problem(&answer, PROBLEM_INVALID_SPEC);
    }
    struct answer answer = post(fixture, "/v1/jobs", "{\"dataset\":");
    assert_problem(&answer, PROBLEM_NOT_JSON);
}

static void a_search_from_definition_to_table(void **state)
{
    struct fixture *fixture = *state;
    static const char search[] = "{\"base\":{\"dataset\":\"dots\",\"epochs\":1,\"batch_size\":50},"
                                 "\"grid\":{\"eta\":[0.1,0.01],\"hidden\":[[8],[]]}}";
    char path[64];
    char below[80];
    struct answer answer = post(fixture, "/v1/searches", search);
    assert_int_equal(answer.response.status, 202);
    snprintf(path, sizeof path, "%s", header_of(&answer, "Location"));
    assert_string_equal(path + strlen("/v1/searches/"), text_of(&answer, "id"));
    answer_done(&answer);
    wait_until(fixture, path, "succeeded");
    snprintf(below, sizeof below, "%s/trials", path);
    answer = get(fixture, below);
    assert_int_equal(json_array_size(json_object_get(answer.root, "data")), 4);
    const json_t *first = json_array_get(json_object_get(answer.root, "data"), 0);
    assert_int_equal(json_number_value(json_object_get(first, "rank")), 1);
    assert_int_equal(json_object_size(json_object_get(first, "values")), 2);
    answer_done(&answer);
    answer = post(fixture, below, "{\"grid\":{\"eta\":[0.1,0]},\"around\":\"best\"}");
    const json_t *fault = json_array_get(json_object_get(answer.root, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(fault, "pointer")), "/grid/eta/1");
    assert_problem(&answer, PROBLEM_INVALID_SPEC);
    snprintf(below, sizeof below, "%s/trials.csv", path);
    answer = get(fixture, below);
    assert_string_equal(answer.response.content_type, "text/csv; charset=utf-8");
    assert_non_null(strstr(answer.response.body, ",finished_at,eta,hidden\r\n"));
    answer_done(&answer);
    snprintf(below, sizeof below, "%s/importance", path);
    answer = get(fixture, below);
    assert_int_equal(json_array_size(json_object_get(answer.root, "data")), 2);
    answer_done(&answer);
    snprintf(below, sizeof below, "%s/pause", path);
    answer = post(fixture, below, "{}");
    assert_problem(&answer, PROBLEM_WRONG_STATE);
    const struct http_request erase = {.method = HTTP_DELETE, .path = path};
    answer = ask(fixture, &erase);
    assert_int_equal(answer.response.status, 204);
    answer_done(&answer);
    answer = get(fixture, path);
    assert_problem(&answer, PROBLEM_NOT_FOUND);
}

static void faults_of_a_search_are_all_told(void **state)
{
    struct fixture *fixture = *state;
    static const char search[] =
        "{\"base\":{\"dataset\":\"none\",\"epochs\":0,\"depth\":2},\"random\":{\"eta\":[0]}}";
    static const char *const pointers[] = {"/base/epochs", "/trials", "/random/eta/0", "/base/dataset"};
    struct answer answer = post(fixture, "/v1/searches", search);
    const json_t *faults = json_object_get(answer.root, "errors");
    assert_int_equal(json_array_size(faults), EP_COUNT(pointers));
    for (size_t i = 0; i < EP_COUNT(pointers); i++) {
        const json_t *pointer = json_object_get(json_array_get(faults, i), "pointer");
        assert_string_equal(json_string_value(pointer), pointers[i]);
    }
    assert_problem(&answer, PROBLEM_INVALID_SPEC);
    answer = post(fixture, "/v1/searches", "{\"base\":");
    assert_problem(&answer, PROBLEM_NOT_JSON);
    answer = get(fixture, "/v1/searches");
    assert_int_equal(json_array_size(json_object_get(answer.root, "data")), 0);
    answer_done(&answer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(methods_and_paths_are_judged_in_one_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_get_route_answers_and_refuses_foreign_queries, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bodies_are_judged_before_they_are_read, set_up, tear_down),
        cmocka_unit_test(refusals_of_the_listener_are_problems),
        cmocka_unit_test_setup_teardown(a_job_from_spec_to_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_queue_has_an_end_and_can_be_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dry_run_creates_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queries_of_a_list_are_strict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_of_a_spec_are_all_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_search_from_definition_to_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_of_a_search_are_all_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
