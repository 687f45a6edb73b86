#ifndef EP_JOBS_SPEC_COUNTS_H
#define EP_JOBS_SPEC_COUNTS_H

#include "core/jobs/spec.h"

/** A field that plays a part only with certain values of another. Private to the jobs. */
struct job_spec_dependence {
    const char *name;
    const char *on; /**< the other field */
    bool (*holds)(const struct job_spec *spec);
    const char *fault; /**< what to tell who gives it all the same */
};

/** NULL for a field that always counts. */
const struct job_spec_dependence *job_spec_dependence_of(const char *name);

#endif
