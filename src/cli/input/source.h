/*
 * source - where the server URL and the credential come from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_SOURCE_H
#define ZC_SOURCE_H

#include "core/credential.h"
#include "core/url.h"
#include "options.h"

/*
 * Finds the server: --server, else ZENML_STORE_URL or ZENML_SERVER_URL. ZN_CONFIG: none, two that
 * differ, or not acceptable (zn_url_parse).
 */
ZN_MUST_CHECK enum zn_status zc_source_server(const struct zc_options *options, struct zn_url *ret,
                                              struct zn_error *error);

/* What was found. All zero is nothing; the caller clears both credentials. */
struct zc_credentials {
    struct zn_credential first;
    struct zn_credential second; /* of a file with two lines, during a rotation; else none */
    bool none;                   /* no source was given at all, not even an empty one */
};

/*
 * Finds the credential and checks its shape; the caller clears it. The sources are those of
 * zenml-login(1), CREDENTIALS. ZN_CONFIG: two that differ, or unreadable; ZN_MISSING: none, or
 * empty; otherwise as zn_credential_parse. The error names the source. `ret->none` is set in any
 * case.
 */
ZN_MUST_CHECK enum zn_status zc_source_credential(const struct zc_options *options,
                                                  struct zc_credentials *ret,
                                                  struct zn_error *error);

/*
 * True when `entry` ("NAME" or "NAME=value") is one of our inputs: a credential,
 * a way to one, or the server. None of them goes to a command that exec runs.
 */
bool zc_source_is_input(const char *entry);

#endif
