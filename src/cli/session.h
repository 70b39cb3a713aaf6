/*
 * session - from the command line to a proven login: source, transport, login.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_SESSION_H
#define ZC_SESSION_H

#include "core/http_curl.h"
#include "core/login.h"
#include "core/url.h"
#include "options.h"

/* One run of the program against one server. All zero, then zc_session_open. */
struct zc_session {
    struct zn_url server;
    struct zn_credential credential;
    bool is_stored;              /* the credential is what `login` has kept */
    struct zn_credential second; /* tried when the server refuses the first, and then that one */
    struct zn_session core;
    struct zn_proof proof; /* filled by zc_session_login */
};

/*
 * Starts the clock: everything together may take `timeout_ms`. `verbose`: tell of each request.
 * For callers that find server and credential in their own way; zc_session_open does all of it.
 */
void zc_session_begin(struct zc_session *session, int64_t timeout_ms, bool verbose);

/* Opens the transport to session->server; its url and user_agent in `config` are set here. */
ZN_MUST_CHECK enum zn_status zc_session_connect(struct zc_session *session,
                                                struct zn_http_curl_config config,
                                                struct zn_error *error);

/*
 * Finds the credential: what was given, and when nothing was, what `login` has kept for the server.
 * As zc_source_credential. A part of zc_session_open, as the next one.
 */
ZN_MUST_CHECK enum zn_status zc_session_find_credential(const struct zc_options *options,
                                                        struct zc_session *session,
                                                        struct zn_error *error);

/* Opens the transport to session->server as the options say, and for a key of ZenML Pro another
 * one to Pro. */
ZN_MUST_CHECK enum zn_status zc_session_open_transport(const struct zc_options *options,
                                                       struct zc_session *session,
                                                       struct zn_error *error);

/* Warns when what is sent to session->server can be read on its way. */
void zc_session_warn(const struct zc_session *session);

/*
 * Finds server and credential and opens the transport; sends nothing. Warns about unprotected
 * http. Whatever it returns, the caller ends the session with zc_session_close.
 */
ZN_MUST_CHECK enum zn_status zc_session_open(const struct zc_options *options,
                                             struct zc_session *session, struct zn_error *error);

/*
 * Proves the credential and applies the --expect options. Only after ZN_OK does session->proof
 * hold anything. `want_info`: ask the server about itself, too.
 */
ZN_MUST_CHECK enum zn_status zc_session_login(const struct zc_options *options, bool want_info,
                                              struct zc_session *session, struct zn_error *error);

/* Closes the connection and keeps the rest: before a command is run that must not inherit it. */
void zc_session_disconnect(struct zc_session *session);

/* Closes the connection; wipes and frees everything. */
void zc_session_close(struct zc_session *session);

#endif
