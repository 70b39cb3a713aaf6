/*
 * ca_embedded - the bundle of certificate authorities inside the static program, for hosts that
 * have none. src/cmake/embed_ca.py writes the source.
 *
 * Layer 1. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_CA_EMBEDDED_H
#define ZN_CORE_CA_EMBEDDED_H

#include "text.h"

/* The certificates in DER, one behind the other. */
extern const struct zn_span zn_ca_embedded;

/* What the bundle is called: "CA bundle 2026-10-18". */
extern const char zn_ca_embedded_name[];

#endif
