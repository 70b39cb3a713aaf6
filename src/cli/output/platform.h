/*
 * platform - the CI platform that this job runs on, told by its environment variables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_PLATFORM_H
#define ZC_PLATFORM_H

#include "format.h"

/* A platform. docs/ci.md holds the same table (a test). */
struct zc_platform {
    const char *name;
    const char *variable; /* it is here when this variable has this value */
    const char *value;    /* NULL: any but the empty one */
    const struct zc_format *format;
};

/* The platform that is here; NULL: none that is known. */
const struct zc_platform *zc_platform_find(void);

/*
 * The next of the platform's own switches that are on and make it log or do what endangers a
 * credential, as a warning in our words; NULL: no more. `*at` is 0 at first.
 */
const char *zc_platform_danger(const struct zc_platform *platform, size_t *at);

#endif
