/*
 * clock - the clock of this machine behind struct zn_clock.
 *
 * Layer 2. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_CLOCK_H
#define ZN_CORE_CLOCK_H

#include "http.h"

/* CLOCK_MONOTONIC, CLOCK_REALTIME, nanosleep(2) and getrandom(2). Holds no state. */
struct zn_clock zn_clock_system(void);

/*
 * Makes a random UUID (RFC 9562 section 5.4) with getrandom(2). False: there is no randomness.
 */
ZN_MUST_CHECK bool zn_random_uuid(char ret[37]);

/*
 * Waits until there is something to read from `fd`, or its end, at most until `deadline_ms` by
 * zn_clock_system. False when neither came in time. A signal neither ends nor prolongs the wait.
 */
ZN_MUST_CHECK bool zn_wait_readable(int fd, int64_t deadline_ms);

#endif
