/*
 * zenml-pam-helper - proves one credential for pam_zenml.so, and ends.
 *
 * Descriptor 0 is the socket to the module. Everything comes in the request record; no argument,
 * no environment variable, no configuration is looked at.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/http_curl.h"
#include "core/login.h"
#include "record.h"
#include "sandbox.h"
#include "version.h"

#define USER_AGENT "zn-login/" ZN_VERSION " (pam)"

#define START_MS 5000 /* for the request to arrive */

/* What the helper owns while it works. */
struct work {
    struct zn_url server;
    struct zn_credential credential;
    struct zn_session session;
    struct zn_proof proof;
    struct zn_token token;
    bool has_landlock;
};

/* --- from the request ----------------------------------------------------------------------- */

static const char *text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static enum zn_status take_credential(const struct zp_request *request, struct work *work,
                                      struct zn_error *error)
{
    const struct zn_span typed = {request->credential, request->credential_len};
    const enum zn_status status = zn_credential_parse(typed, &work->credential, error);
    const uint32_t kind =
        work->credential.kind == ZN_CREDENTIAL_API_KEY ? ZP_ACCEPT_API_KEY : ZP_ACCEPT_API_TOKEN;

    if (status == ZN_OK && (request->accept & kind) == 0)
        return zn_error_set(error, ZN_MALFORMED, "this kind of credential is not accepted here",
                            "see the option credential");
    return status;
}

static enum zn_status connect_to(const struct zp_request *request, struct work *work,
                                 struct zn_error *error)
{
    const struct zn_clock clock = zn_clock_system();
    const struct zn_http_curl_config config = {
        .url = &work->server,
        .user_agent = USER_AGENT,
        .ca_file = text_or_null(request->ca_file),
        .pin = text_or_null(request->pin),
        .proxy = request->proxy, /* "": none; the environment is never asked */
    };
    enum zn_status status = zn_url_parse(zn_span_of(request->server), false, &work->server, error);

    work->session.credential = &work->credential;
    work->session.clock = clock;
    work->session.deadline_ms = clock.now_ms(clock.ctx) + request->timeout_ms;
    if (status == ZN_OK)
        status = zn_http_curl_init(error);
    if (status == ZN_OK)
        status = zn_http_curl_open(&config, &work->session.transport, error);
    return status;
}

/* --- to the reply --------------------------------------------------------------------------- */

/* `dst` is all zero and larger than any string that comes here. */
static void put_text(char *dst, size_t size, const char *text)
{
    const size_t len = strlen(text);
    memcpy(dst, text, len < size ? len : size - 1);
}

static void put_proof(const struct work *work, struct zp_reply *reply)
{
    const struct zn_span token = zn_secret_reveal(&work->token.secret);
    const struct zn_identity *identity = &work->proof.identity;

    put_text(reply->account_id, sizeof(reply->account_id), identity->id);
    put_text(reply->account_name, sizeof(reply->account_name), identity->name);
    put_text(reply->server_url, sizeof(reply->server_url), work->server.text);
    reply->is_service_account = identity->is_service_account;
    reply->is_admin = identity->is_admin;
    reply->token_len = (uint32_t)token.len;
    if (token.len > 0)
        memcpy(reply->token, token.ptr, token.len);
}

/* --- the work ------------------------------------------------------------------------------- */

static enum zn_status prove(const struct zp_request *request, struct work *work,
                            struct zn_error *error)
{
    const struct zn_policy policy = {
        .account_type = request->any_account == 1 ? ZN_ACCOUNT_ANY : ZN_ACCOUNT_SERVICE,
        .expect_server_id = zn_span_of(request->server_id),
    };
    enum zn_status status = connect_to(request, work, error);

    if (status == ZN_OK)
        status = take_credential(request, work, error);
    if (status == ZN_OK)
        status = zn_login(&work->session, &policy, true, &work->proof, error);
    return status;
}

static enum zn_status make_token(const struct zp_request *request, struct work *work,
                                 struct zn_error *error)
{
    return zn_mint_api_token(&work->session, &work->proof.access.secret, request->token_lifetime_s,
                             &work->token, error);
}

static bool answer(const struct work *work, enum zn_status status, const struct zn_error *error,
                   struct zp_reply *reply)
{
    explicit_bzero(reply, sizeof(*reply));
    reply->magic = ZP_MAGIC;
    reply->status = status;
    reply->http_status = error->http_status;
    reply->has_landlock = work->has_landlock;
    if (status == ZN_OK)
        put_proof(work, reply);
    else
        put_text(reply->detail, sizeof(reply->detail), error->detail);
    return zp_record_send(STDIN_FILENO, reply, sizeof(*reply));
}

/* The module says nothing more when it does not let the user in, and ends this process. */
static bool may_go_ahead(const struct work *work)
{
    struct zp_go_ahead go_ahead = {0};

    return zp_record_receive(STDIN_FILENO, &go_ahead, sizeof(go_ahead),
                             work->session.deadline_ms) &&
           go_ahead.magic == ZP_MAGIC;
}

static bool serve(const struct zp_request *request, struct work *work, struct zp_reply *reply)
{
    struct zn_error error = {0};
    enum zn_status status = prove(request, work, &error);
    bool ok = answer(work, status, &error, reply);

    if (ok && status == ZN_OK && request->token_lifetime_s > 0 && may_go_ahead(work)) {
        status = make_token(request, work, &error);
        ok = answer(work, status, &error, reply);
    }
    return ok;
}

static void clear(struct work *work)
{
    zn_http_curl_close(&work->session.transport);
    zn_credential_clear(&work->credential);
    zn_proof_clear(&work->proof);
    zn_secret_clear(&work->token.secret);
}

int main(void)
{
    static struct zp_request request;
    static struct zp_reply reply;
    const struct zn_clock clock = zn_clock_system();
    const int64_t deadline_ms = clock.now_ms(clock.ctx) + START_MS;
    const enum zp_sandbox sandbox = zp_sandbox_enter();
    bool ok = sandbox != ZP_SANDBOX_FAILED &&
              zp_record_receive(STDIN_FILENO, &request, sizeof(request), deadline_ms) &&
              zp_request_is_valid(&request);

    struct work work = {.has_landlock = sandbox == ZP_SANDBOX_WHOLE};
    if (ok) {
        /* Should the module be gone, nobody else ends a helper that hangs. */
        alarm((unsigned)(request.timeout_ms / 1000) + 2);
        ok = serve(&request, &work, &reply);
    }
    clear(&work);
    explicit_bzero(&request, sizeof(request));
    explicit_bzero(&reply, sizeof(reply));
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
