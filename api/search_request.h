#ifndef EP_API_SEARCH_REQUEST_H
#define EP_API_SEARCH_REQUEST_H

#include "api/router.h"

/**
 * Decodes and checks the search in a request's body; false when something is wrong with it, and `response`
 * then says what. Release the definition with search_definition_done when it was right.
 */
bool request_search(const struct api_call *call, struct search_definition *definition,
                    struct http_response *response);

/**
 * Decodes the stage in a request's body, and checks it as the next one of `definition`; false when something
 * is wrong with it, and `response` then says what. Release the stage with search_stage_done when it was
 * right.
 */
bool request_stage(const struct api_call *call, const struct search_definition *definition,
                   struct search_stage *stage, struct http_response *response);

#endif
