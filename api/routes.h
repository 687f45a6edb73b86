#ifndef EP_API_ROUTES_H
#define EP_API_ROUTES_H

#include "api/router.h"

/** All routes, in the order in which GET / lists them. */
const struct api_route *api_routes(size_t *count);

/** The handlers, one file per resource; each fills `response` in any case. */
api_handler create_job, list_jobs, get_job, cancel_job, delete_job; /* resource_jobs.c */
api_handler get_job_history;                                        /* resource_history.c */
api_handler get_job_confusion;                                      /* resource_confusion.c */
api_handler create_gradient_check, list_gradient_checks, get_gradient_check,
    delete_gradient_check; /* resource_checks.c */
api_handler create_search, list_searches, get_search, delete_search, cancel_search, pause_search,
    resume_search, add_search_stage;                           /* resource_searches.c */
api_handler list_trials, get_trials_csv, get_importance;       /* resource_trials.c */
api_handler get_search_figure;                                 /* resource_figure.c */
api_handler list_datasets, get_dataset;                        /* resource_datasets.c */
api_handler get_system;                                        /* resource_system.c */
api_handler get_health, get_readiness, get_openapi, get_index; /* resource_index.c */

#endif
