#ifndef EP_SERVER_HEALTH_H
#define EP_SERVER_HEALTH_H

#include "server/options.h"

/** `epochd health`: asks the server at options->listen for /healthz. Messages go to standard error. */
enum exit_code health_run(const struct options *options);

#endif
