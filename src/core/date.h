/*
 * date - points in time as servers and certificates write them. All UTC.
 *
 * Layer 1. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_DATE_H
#define ZN_CORE_DATE_H

#include <stdint.h>

#include "text.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7) in seconds since 1970; 0
 * when it is not of that form. */
int64_t zn_date_from_header(struct zn_span text);

/*
 * A date out of CURLINFO_CERTINFO(3), in seconds since 1970: "Nov  6 08:49:37 2026 GMT" as OpenSSL
 * writes it, or "2026-11-06 08:49:37 GMT" as libcurl does for other libraries; otherwise 0.
 */
int64_t zn_date_from_certificate(struct zn_span text);

#endif
