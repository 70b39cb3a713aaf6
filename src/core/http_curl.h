/*
 * http_curl - the transport over libcurl: one handle, one server, one connection kept alive.
 *
 * TLS 1.2 or later with peer and host verified; no redirects, cookies, netrc or compression; no
 * switch turns any of this off. Proxy variables of the environment are obeyed unless `proxy` is
 * set (CURLOPT_PROXY(3)); never for http to a loopback address, which would leave the host then.
 *
 * Layer 3. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_HTTP_CURL_H
#define ZN_CORE_HTTP_CURL_H

#include "certificate.h"
#include "http.h"
#include "url.h"

/* curl_global_init(3): call once, before any thread is started. ZN_INTERNAL when it fails. */
ZN_MUST_CHECK enum zn_status zn_http_curl_init(struct zn_error *error);

/* All borrowed, and read by zn_http_curl_open only. */
struct zn_http_curl_config {
    const struct zn_url *url;
    const char *user_agent;
    const char *ca_file; /* PEM; NULL: the system's certificate authorities */
    bool add_system_cas; /* trust those of the system besides ca_file */
    const char *pin;     /* "sha256//...", CURLOPT_PINNEDPUBLICKEY(3); NULL: none */
    const char *proxy;   /* "": no proxy whatever the environment says; NULL: as it says */
    bool want_chain;     /* for zn_http_curl_chain; costs time */
};

/*
 * Opens a transport to the server. On ZN_OK the caller ends it with zn_http_curl_close.
 * ZN_CONFIG: the CA file cannot be used. ZN_INTERNAL: libcurl refuses a setting that
 * the security of the connection rests on, or memory is short.
 *
 * zn_http_curl_init must have been called.
 */
ZN_MUST_CHECK enum zn_status zn_http_curl_open(const struct zn_http_curl_config *config,
                                               struct zn_transport *ret, struct zn_error *error);

/* Closes the connection and frees everything. The transport is all zero afterwards. */
void zn_http_curl_close(struct zn_transport *transport);

/*
 * What the server has shown of itself, trusted or not, where `want_chain` was set and the TLS
 * library of libcurl tells: of a certificate that is not trusted only mbedTLS does. Otherwise all
 * zero.
 */
void zn_http_curl_chain(const struct zn_transport *transport, struct zn_chain *ret);

/* The version of libcurl and its TLS library in words, for --version. Static. */
const char *zn_http_curl_version(void);

/*
 * The certificate authorities inside this program, used where the host has none, in words for
 * --version ("CA bundle 2026-10-18"). NULL: it has none. Static.
 */
const char *zn_http_curl_embedded_cas(void);

/*
 * Where the certificate authorities of the system are, which are trusted without a `ca_file`: a
 * path, or the bundle inside this program as above. Static.
 */
const char *zn_http_curl_system_cas(void);

#endif
