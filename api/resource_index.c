#include "api/json.h"
#include "api/routes.h"

/* Made from openapi.yaml by the build. */
extern const unsigned char api_openapi[];
extern const size_t api_openapi_size;

void get_health(const struct api_call *call, struct http_response *response)
{
    (void)call;
    json_respond(response, 200, json_pack("{s:s}", "status", "ok"));
}

/* The port opens only when the store is loaded and the workers run: who is answered, is answered by all. */
void get_readiness(const struct api_call *call, struct http_response *response)
{
    (void)call;
    json_respond(response, 200, json_pack("{s:s}", "status", "ready"));
}

void get_openapi(const struct api_call *call, struct http_response *response)
{
    (void)call;
    response->status = 200;
    response->content_type = "application/yaml";
    response->static_body = (const char *)api_openapi;
    response->body_length = api_openapi_size;
}

void get_index(const struct api_call *call, struct http_response *response)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);
    json_t *list = json_array();
    for (size_t i = 0; i < count && list != NULL; i++) {
        json_t *item = json_pack("{s:s, s:s, s:s}", "method", http_method_name(routes[i].method), "path",
                                 routes[i].path, "operation", routes[i].operation);
        list = json_append(list, item);
    }
    json_respond(response, 200,
                 json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:o}", "name", "epochd", "version",
                           call->api->version, "links", "jobs", "/v1/jobs", "searches", "/v1/searches",
                           "datasets", "/v1/datasets", "system", "/v1/system", "contract", "/openapi.yaml",
                           "routes", list));
}
