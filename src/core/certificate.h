/*
 * certificate - whose certificate a server shows, and of which authorities, in the words of
 * CURLINFO_CERTINFO(3). For people to read: nothing is decided by it.
 *
 * Layer 1. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_CERTIFICATE_H
#define ZN_CORE_CERTIFICATE_H

#include <stdint.h>

#include "text.h"

#define ZN_CHAIN_NAMES_MAX ((size_t)127)

/* One certificate, in spans of the lines it was read from. All zero: nothing was read. */
struct zn_certificate {
    struct zn_span subject; /* "C = DE, CN = zenml.example.com" */
    struct zn_span issuer;
    struct zn_span expires; /* a date as zn_date_from_certificate reads it */
};

/* Takes one line about the certificate ("Subject:C = DE, CN = zenml.example.com"), and borrows it.
 */
void zn_certificate_take_line(struct zn_certificate *certificate, struct zn_span line);

/* What a server showed. All zero: nothing, which is all that is known of some failures. */
struct zn_chain {
    size_t count;                       /* of the certificates */
    int64_t expires_s;                  /* the server's own, seconds since 1970 UTC; 0: unknown */
    char names[ZN_CHAIN_NAMES_MAX + 1]; /* "server, by authority, by root", safe to show */
};

/* Adds the certificate that the server sent next, its own first. Names that do not fit any more are
 * left out. */
void zn_chain_add(struct zn_chain *chain, const struct zn_certificate *certificate);

#endif
