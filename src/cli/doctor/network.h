/*
 * network - what lies between here and the server, below HTTP: proxy, name, connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_NETWORK_H
#define ZC_DOCTOR_NETWORK_H

#include <stdint.h>

#include "core/url.h"
#include "findings.h"

/* True when a variable of the environment sends requests to `url` through a proxy; finds which. */
bool zc_network_has_proxy(const struct zn_url *url, struct zc_findings *findings);

/*
 * Resolves the host and connects to each of its addresses, all until `deadline_ms` by
 * zn_clock_system. ZN_UNREACHABLE: no name, or no address answers; findings say which.
 */
ZN_MUST_CHECK enum zn_status zc_network_check(const struct zn_url *url, int64_t deadline_ms,
                                              struct zc_findings *findings, struct zn_error *error);

#endif
