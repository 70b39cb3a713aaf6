/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>

#include "core/clock.h"
#include "say.h"
#include "input/source.h"
#include "output/platform.h"
#include "token_file.h"
#include "version.h"

/* Not "zenml/": servers take that for the ZenML client (zenml-protocol 6.3). */
#define USER_AGENT "zn-login/" ZN_VERSION

void zc_session_begin(struct zc_session *session, int64_t timeout_ms, bool verbose)
{
    const struct zn_clock clock = zn_clock_system();

    session->core.credential = &session->credential;
    session->core.clock = clock;
    session->core.deadline_ms = clock.now_ms(clock.ctx) + timeout_ms;
    session->core.trace = verbose ? zc_say_trace : NULL;
}

enum zn_status zc_session_connect(struct zc_session *session, struct zn_http_curl_config config,
                                  struct zn_error *error)
{
    const enum zn_status status = zn_http_curl_init(error);

    config.url = &session->server;
    config.user_agent = USER_AGENT;
    return status == ZN_OK ? zn_http_curl_open(&config, &session->core.transport, error) : status;
}

/* Opened only for a key of ZenML Pro, and asked only when the workspace cannot ask it. */
static enum zn_status connect_to_pro(struct zc_session *session, struct zn_http_curl_config config,
                                     struct zn_error *error)
{
    const char *given = getenv("ZENML_PRO_API_URL");
    const bool is_set = given != NULL && given[0] != '\0';
    struct zn_url url = {0};
    /* --allow-http is for the server that it is given with. */
    const enum zn_status status =
        zn_url_parse(zn_span_of(is_set ? given : ZN_PRO_API_URL), false, &url, error);

    if (status != ZN_OK) {
        zn_error_prefix(error, "ZENML_PRO_API_URL");
        zn_error_advise(error, "write it as https://HOST or https://HOST/PATH");
        return status;
    }
    session->core.pro_url = is_set ? NULL : ZN_PRO_API_URL;
    config.url = &url;
    config.pin = NULL; /* of the workspace */
    config.user_agent = USER_AGENT;
    return zn_http_curl_open(&config, &session->core.pro, error);
}

static enum zn_status use_stored_token(struct zc_session *session, struct zn_error *error)
{
    struct zc_stored_token stored = {0};
    enum zn_status status = zc_token_file_read(&session->server, &stored, error);

    if (status == ZN_OK)
        status = zn_credential_parse(zn_secret_reveal(&stored.token), &session->credential, error);
    zc_stored_token_clear(&stored);
    return status;
}

/* What was given; and when nothing was, what `login` has kept for this server. */
enum zn_status zc_session_find_credential(const struct zc_options *options,
                                          struct zc_session *session, struct zn_error *error)
{
    struct zn_error stored_error = {0};
    struct zc_credentials found = {0};
    const enum zn_status status = zc_source_credential(options, &found, error);

    session->credential = found.first;
    session->second = found.second;
    if (!found.none || zc_source_server(options, &session->server, &stored_error) != ZN_OK)
        return status;
    const enum zn_status stored_status = use_stored_token(session, &stored_error);
    session->is_stored = stored_status == ZN_OK;
    if (stored_status == ZN_MISSING)
        return status;
    *error = stored_error;
    return stored_status;
}

enum zn_status zc_session_open_transport(const struct zc_options *options,
                                         struct zc_session *session, struct zn_error *error)
{
    const struct zn_http_curl_config config = {.ca_file = options->ca_file,
                                               .add_system_cas = options->ca_add,
                                               .pin = options->pin,
                                               .want_chain = options->verb == ZC_DOCTOR};
    const enum zn_status status = zc_session_connect(session, config, error);

    return status == ZN_OK && (session->credential.is_pro || session->second.is_pro)
               ? connect_to_pro(session, config, error)
               : status;
}

void zc_session_warn(const struct zc_session *session)
{
    if (session->server.is_http && !session->server.is_loopback)
        zc_say_warning("plain http: everybody on the way can read the credential");
}

/* Logins of persons are kept for a server: without one, that is what is missing. */
static enum zn_status look_for_server(const struct zc_options *options, struct zc_session *session,
                                      struct zn_error *error)
{
    struct zn_error server_error = {0};

    if (zc_source_server(options, &session->server, &server_error) == ZN_OK)
        return ZN_MISSING;
    *error = server_error;
    return server_error.status;
}

enum zn_status zc_session_open(const struct zc_options *options, struct zc_session *session,
                               struct zn_error *error)
{
    /* The credential first: a job without secrets may lack the server as well. */
    enum zn_status status = zc_session_find_credential(options, session, error);
    const bool is_job = zc_platform_find() != NULL;

    if (status == ZN_MISSING && !is_job && !options->skip_if_missing)
        status = look_for_server(options, session, error);
    if (session->is_stored && is_job)
        zc_say_warning("no credential was given: the login of a person that is kept here is used");

    zc_session_begin(session, options->timeout_ms, options->verbose);
    if (status == ZN_OK)
        status = zc_source_server(options, &session->server, error);
    if (status == ZN_OK)
        zc_session_warn(session);
    return status == ZN_OK ? zc_session_open_transport(options, session, error) : status;
}

static enum zn_status log_in(const struct zc_options *options, bool want_info,
                             struct zc_session *session, struct zn_error *error)
{
    const bool is_service =
        session->credential.kind == ZN_CREDENTIAL_API_KEY && !session->credential.is_pro;
    const struct zn_policy policy = {
        .account_type = is_service ? ZN_ACCOUNT_SERVICE : ZN_ACCOUNT_ANY,
        .expect_user = zn_span_of(options->expect_user),
        .expect_server_id = zn_span_of(options->expect_server_id),
    };

    return zn_login(&session->core, &policy, want_info, &session->proof, error);
}

/* During a rotation a file holds two keys. One more attempt, and never more: they are counted. */
static bool take_second(struct zc_session *session, enum zn_status status,
                        const struct zn_error *error)
{
    if (status != ZN_REJECTED || error->http_status != 401 ||
        session->second.kind == ZN_CREDENTIAL_NONE)
        return false;
    zc_say_note("the server rejected the first key of the file; trying the second one");
    const struct zn_credential rejected = session->credential;
    session->credential = session->second;
    session->second = rejected; /* kept: the server may show it yet */
    session->core.rejected = &session->second;
    return true;
}

enum zn_status zc_session_login(const struct zc_options *options, bool want_info,
                                struct zc_session *session, struct zn_error *error)
{
    enum zn_status status = log_in(options, want_info, session, error);

    if (take_second(session, status, error)) {
        *error = (struct zn_error){0};
        status = log_in(options, want_info, session, error);
    }
    if (status == ZN_REJECTED && session->is_stored)
        zn_error_advise(error, "run zenml-login login again");
    return status;
}

void zc_session_disconnect(struct zc_session *session)
{
    zn_http_curl_close(&session->core.transport);
    zn_http_curl_close(&session->core.pro);
}

void zc_session_close(struct zc_session *session)
{
    zc_session_disconnect(session);
    zn_credential_clear(&session->credential);
    zn_credential_clear(&session->second);
    zn_proof_clear(&session->proof);
}
