#include "api/json.h"
#include "api/problem.h"
#include "api/routes.h"

static json_t *classes_json(const struct data_info *info)
{
    json_t *list = json_array();
    for (size_t i = 0; i < info->classes && list != NULL; i++) {
        list = json_append(list, json_text(info->class_names[i]));
    }
    return list;
}

static json_t *dataset_json(const struct data_info *info)
{
    return json_pack("{s:s, s:s, s:b, s:o, s:{s:I, s:I, s:I}, s:I, s:o, s:{s:I, s:I}, s:s, s:s, s:o}", "name",
                     info->name, "title", info->title, "available", info->available, "fault",
                     info->available ? json_null() : json_text(info->fault), "shape", "height",
                     (json_int_t)info->height, "width", (json_int_t)info->width, "channels",
                     (json_int_t)info->channels, "features", (json_int_t)info->features, "classes",
                     classes_json(info), "images", "train", (json_int_t)info->train_count, "test",
                     (json_int_t)info->test_count, "source", info->source, "remedy", info->remedy, "folder",
                     json_text(info->folder));
}

void list_datasets(const struct api_call *call, struct http_response *response)
{
    json_t *list = json_array();
    for (size_t i = 0; i < data_registry_count(call->api->registry) && list != NULL; i++) {
        struct data_info info;
        data_registry_describe_at(call->api->registry, i, &info);
        list = json_append(list, dataset_json(&info));
    }
    json_respond(response, 200, json_pack("{s:o}", "data", list));
}

void get_dataset(const struct api_call *call, struct http_response *response)
{
    struct data_info info;
    struct ep_error error;
    if (data_registry_describe(call->api->registry, call->argument, &info, &error) != EP_OK) {
        problem_respond_error(response, &error);
        return;
    }
    json_respond(response, 200, dataset_json(&info));
}
