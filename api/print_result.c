#include <errno.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/job_json.h"
#include "api/json.h"

enum ep_status api_print_result(FILE *file, const struct job *job, const struct jobs_history *history,
                                struct ep_error *error)
{
    size_t length = 0;
    json_t *root = job_json(job);
    /* There is no server to which a link could lead. */
    json_object_del(root, "links");
    char *text = NULL;
    const bool measured = job->confusion.classes > 0;
    if (root != NULL && json_object_set_new(root, "history", job_history_json(job->id, history)) == 0 &&
        (!measured || json_object_set_new(root, "test", job_confusion_json(&job->confusion)) == 0)) {
        text = json_print(root, &length);
    }
    json_decref(root);
    if (text == NULL) {
        return ep_fail(error, EP_NO_MEMORY, "no memory to print the result");
    }
    const size_t written = fwrite(text, 1, length, file);
    free(text);
    return written == length ? EP_OK : ep_fail_errno(error, EP_IO, errno, "cannot write the result");
}
