#ifndef EP_API_SEARCH_CSV_H
#define EP_API_SEARCH_CSV_H

#include <stddef.h>

#include "core/search/searches.h"

/** The trials as RFC 4180: a header row, then a row a trial in order of creation; the fields that differ are
 * the last columns. The caller frees the text. NULL when memory is short. */
char *search_trials_csv(const struct search_trials *trials, size_t *length);

#endif
