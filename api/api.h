#ifndef EP_API_API_H
#define EP_API_API_H

#include <stdbool.h>
#include <stdio.h>

#include "api/http.h"
#include "core/base/faults.h"
#include "core/data/registry.h"
#include "core/jobs/checks.h"
#include "core/jobs/job.h"
#include "core/jobs/jobs.h"
#include "core/jobs/run.h"
#include "core/search/searches.h"

/** The front door of the API: a request in, a response out. Knows JSON, no sockets. */

/** What handlers work with; all borrowed, and thread-safe itself. */
struct api {
    struct jobs *jobs;
    struct searches *searches;
    struct checks *checks;
    struct data_registry *registry;
    const struct nn_gemm *gemm;
    struct job_limits limits; /**< of a single job */
    const char *version;      /**< "0.1.0" */
    double started_seconds;   /**< ep_clock_seconds() at the start */
};

/** Answers a request; always fills `response` (release with http_response_done). Thread-safe. */
void api_handle(const struct api *api, const struct http_request *request, struct http_response *response);

/**
 * Whether a body may be sent to this method and path, before it is read: false, with a finished response
 * (404, 405, 413, 415), when it would be refused whatever it says. `length` is the announced length, or 0
 * when unknown.
 */
bool api_accepts(const struct api *api, const struct http_request *request, size_t length,
                 struct http_response *response);

/** Largest request body in bytes. */
enum { API_BODY_MAX = 1 << 20 };

/** Makes `response` the problem (RFC 9457) that the listener answers with when it refuses a request by
 * itself. */
void api_refuse(struct http_response *response, int status, const char *detail);

/**
 * Decodes and resolves a job spec given as JSON text, as POST /v1/jobs does. EP_INVALID with all faults;
 * other statuses as data_registry_describe and data_registry_open. `spec_digest` is filled on success.
 */
EP_NODISCARD enum ep_status api_decode_job_spec(const char *text, size_t length,
                                                struct data_registry *registry,
                                                const struct job_limits *limits, struct job_spec *spec,
                                                char spec_digest[EP_SHA256_TEXT], struct ep_faults *faults,
                                                struct ep_error *error);

/** The text of a definition: the form in which a search is stored. The caller frees it. NULL when memory is
 * short. */
char *api_encode_search(const struct search_definition *definition);

/** Reads what api_encode_search gave. Release with search_definition_done. EP_CORRUPT: it is something else,
 * or a field's value is out of its range; EP_NO_MEMORY. */
EP_NODISCARD enum ep_status api_decode_stored_search(const char *text, struct search_definition *definition,
                                                     struct ep_error *error);

/** Writes a job and its history as one JSON document and a newline to `file`, as `epochd train` prints it. */
EP_NODISCARD enum ep_status api_print_result(FILE *file, const struct job *job,
                                             const struct jobs_history *history, struct ep_error *error);

#endif
