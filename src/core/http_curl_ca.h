/*
 * http_curl_ca - which certificate authorities a connection trusts.
 *
 * One of two files implements it: http_curl_ca_system.c over what a distribution's libcurl can do,
 * http_curl_ca_static.c, in the static build, over an index of our own.
 *
 * Layer 2. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_HTTP_CURL_CA_H
#define ZN_CORE_HTTP_CURL_CA_H

#include <curl/curl.h>

#include "status.h"

/* What has to live as long as the handle. NULL is none. */
struct zn_http_curl_ca;

/*
 * Makes `handle` trust the authorities in the PEM file `ca_file`, those of the system when that is
 * NULL, or both with `add_system`. ZN_CONFIG: the file cannot be used, or the system's authorities
 * cannot be added; ZN_INTERNAL: libcurl refuses a setting, or memory is short. The caller ends
 * `*ret` with zn_http_curl_ca_free, after the handle, in any case.
 */
ZN_MUST_CHECK enum zn_status zn_http_curl_ca_set(CURL *handle, const char *ca_file, bool add_system,
                                                 struct zn_http_curl_ca **ret,
                                                 struct zn_error *error);

/* Frees it; NULL is fine. */
void zn_http_curl_ca_free(struct zn_http_curl_ca *ca);

/* Names the bundle inside this program ("CA bundle 2026-10-18"); NULL: there is none. Static. */
const char *zn_http_curl_ca_embedded(void);

/* Where the system's authorities come from: a path, or the name of that bundle. Static. */
const char *zn_http_curl_ca_system(void);

#endif
