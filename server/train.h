#ifndef EP_SERVER_TRAIN_H
#define EP_SERVER_TRAIN_H

#include "server/options.h"

/** `epochd train`: trains one spec. Main thread, before any other is started. */
enum exit_code train_run(const struct options *options);

#endif
