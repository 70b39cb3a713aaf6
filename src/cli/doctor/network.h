/*
 * network - what lies between here and the server, below HTTP: name and connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_NETWORK_H
#define ZC_DOCTOR_NETWORK_H

#include <stdint.h>

#include "core/url.h"
#include "findings.h"

#define ZC_HOST_MAX ((size_t)255) /* bytes; longer names do not resolve */

/* Host (a literal address without its brackets) and port of a normalised URL. */
void zc_network_split(const struct zn_url *url, char host[ZC_HOST_MAX + 1], char port[8]);

/*
 * Resolves the host and connects to each of its addresses, all until `deadline_ms` by
 * zn_clock_system. ZN_UNREACHABLE: no name, or no address answers; findings say which.
 */
ZN_MUST_CHECK enum zn_status zc_network_check(const struct zn_url *url, int64_t deadline_ms,
                                              struct zc_findings *findings, struct zn_error *error);

#endif
