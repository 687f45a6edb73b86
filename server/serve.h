#ifndef EP_SERVER_SERVE_H
#define EP_SERVER_SERVE_H

#include "server/options.h"

/** `epochd serve`: runs the server until SIGTERM or SIGINT. Main thread, before any other is started. */
enum exit_code serve_run(const struct options *options);

#endif
