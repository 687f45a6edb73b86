#ifndef EP_SERVER_SIGNALS_H
#define EP_SERVER_SIGNALS_H

#include "core/base/error.h"

/**
 * SIGINT and SIGTERM as something the main thread asks for. Libraries start threads before main does, and a
 * signal to the process may reach any of them; a handler passes it on to the main thread. All functions are
 * for the main thread.
 */

/** Holds SIGINT and SIGTERM back until they are asked for, and ignores SIGPIPE. Call before starting threads.
 */
EP_NODISCARD enum ep_status signals_hold(struct ep_error *error);

/** Waits for SIGINT or SIGTERM, and returns which came. */
int signals_wait(void);

/** SIGINT or SIGTERM if one came, otherwise 0. */
int signals_poll(void);

/** From now on SIGINT and SIGTERM end the process at once, with exit status 1. */
void signals_end_at_once(void);

/** From now on SIGINT and SIGTERM do what they do by default: the process dies of them. */
void signals_restore(void);

/** "SIGINT" or "SIGTERM". */
const char *signals_name(int number);

#endif
