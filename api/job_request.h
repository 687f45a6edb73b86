#ifndef EP_API_JOB_REQUEST_H
#define EP_API_JOB_REQUEST_H

#include "api/router.h"

/**
 * Decodes and resolves the spec in a request's body, as api_decode_job_spec; false when something is wrong
 * with it, and `response` then says what.
 */
bool request_job_spec(const struct api_call *call, struct job_spec *spec, char spec_digest[EP_SHA256_TEXT],
                      struct http_response *response);

/**
 * Describes the dataset called `name`, which a client wrote at `pointer`, in *info. *known is false, without
 * an error, when the name is "" or faulty already, or with a fault when there is no such dataset. One whose
 * files are missing is a fault too. EP_NO_MEMORY.
 */
EP_NODISCARD enum ep_status request_find_dataset(struct data_registry *registry, const char *name,
                                                 const char *pointer, struct data_info *info, bool *known,
                                                 struct ep_faults *faults, struct ep_error *error);

/** The dataset itself, which is loaded if need be; NULL, with a fault, when that cannot be. EP_NO_MEMORY. */
EP_NODISCARD enum ep_status request_open_dataset(struct data_registry *registry, const char *name,
                                                 const char *pointer, const struct data_set **set,
                                                 struct ep_faults *faults, struct ep_error *error);

/** Whether a body that must say nothing is empty or {}; if not, `response` says so. */
bool request_says_nothing(const struct http_request *request, struct http_response *response);

#endif
