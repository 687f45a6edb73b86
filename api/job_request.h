#ifndef EP_API_JOB_REQUEST_H
#define EP_API_JOB_REQUEST_H

#include "api/router.h"

/**
 * Decodes and resolves the spec in a request's body, as api_decode_job_spec; false when something is wrong
 * with it, and `response` then says what.
 */
bool request_job_spec(const struct api_call *call, struct job_spec *spec, char spec_digest[EP_SHA256_TEXT],
                      struct http_response *response);

#endif
