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

#endif
