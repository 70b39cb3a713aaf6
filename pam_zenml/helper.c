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
#include "core/device.h"
#include "core/http_curl.h"
#include "core/login.h"
#include "core/qr.h"
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
    struct zn_device_grant device; /* of a login in a browser */
    bool has_landlock;
    uint32_t qr;    /* enum zp_qr */
    bool has_shown; /* the module knows whether there is a grant */
    bool has_waited;
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

/* As in the CLI: asked only when the workspace cannot read a key of ZenML Pro. */
static enum zn_status connect_to_pro(const struct zp_request *request, struct work *work,
                                     struct zn_error *error)
{
    const bool is_set = request->pro_api_url[0] != '\0';
    struct zn_url url = {0};
    const struct zn_http_curl_config config = {
        .url = &url,
        .user_agent = USER_AGENT,
        .ca_file = text_or_null(request->ca_file),
        .proxy = request->proxy,
    };
    enum zn_status status = zn_url_parse(zn_span_of(is_set ? request->pro_api_url : ZN_PRO_API_URL),
                                         false, &url, error);

    work->session.pro_url = is_set ? NULL : ZN_PRO_API_URL;
    if (status == ZN_OK)
        status = zn_http_curl_open(&config, &work->session.pro, error);
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

/* --- a login in a browser ------------------------------------------------------------------- */

_Static_assert(ZP_BROWSER_URL_MAX == ZN_BROWSER_URL_MAX, "a URL fits into the record");

static bool receive_go_ahead(const struct work *work)
{
    struct zp_go_ahead go_ahead = {0};

    return zp_record_receive(STDIN_FILENO, &go_ahead, sizeof(go_ahead),
                             work->session.deadline_ms) &&
           go_ahead.magic == ZP_MAGIC;
}

/* A terminal has 80 columns until it says otherwise, which it cannot here. */
static void put_qr(const struct work *work, const char *url, struct zp_grant *grant)
{
    const bool blocks = work->qr == ZP_QR_BLOCKS;
    struct zn_buf text;

    if (work->qr == ZP_QR_NONE)
        return;
    zn_buf_init(&text, ZP_QR_MAX);
    if (zn_qr_draw(url, blocks ? 80 : 160, blocks ? ZN_QR_BLOCKS : ZN_QR_LETTERS, &text))
        put_text(grant->qr, sizeof(grant->qr), text.ptr);
    zn_buf_clear(&text);
}

/* Says where to approve; `device` NULL: there is no grant. */
static bool send_grant(struct work *work, const struct zn_device_grant *device)
{
    static struct zp_grant grant; /* too large for the stack */

    grant = (struct zp_grant){.magic = ZP_MAGIC, .is_granted = device != NULL};
    if (device != NULL) {
        put_text(grant.url, sizeof(grant.url), device->url);
        put_qr(work, device->url, &grant);
    }
    work->has_shown = true;
    const bool sent = zp_record_send(STDIN_FILENO, &grant, sizeof(grant));
    explicit_bzero(&grant, sizeof(grant));
    return sent;
}

static bool show_person(void *ctx, const struct zn_device_grant *device)
{
    struct work *work = ctx;
    return send_grant(work, device) && receive_go_ahead(work);
}

/*
 * The person has said that it is done: the first poll need not wait. The module has nothing to say
 * meanwhile, so what can be read is the end of it, and of the login.
 */
static bool wait_for_person(void *ctx, int64_t duration_ms)
{
    struct work *work = ctx;
    const struct zn_clock *clock = &work->session.clock;
    const bool is_first = !work->has_waited;

    work->has_waited = true;
    return is_first || !zn_wait_readable(STDIN_FILENO, clock->now_ms(clock->ctx) + duration_ms);
}

/* Ends all tokens of the device; without them, nobody can be who the person is. */
static enum zn_status forget_device(struct work *work, struct zn_error *error)
{
    if (work->device.device_id[0] == '\0')
        return zn_error_set(error, ZN_BAD_REPLY, "the server does not tell how to end the login",
                            NULL);
    const enum zn_status status =
        zn_device_delete(&work->session, &work->proof.access.secret, work->device.device_id, error);
    if (status == ZN_OK)
        work->device.device_id[0] = '\0';
    return status;
}

static enum zn_status log_in_by_browser(const struct zp_request *request, struct work *work,
                                        struct zn_error *error)
{
    const struct zn_policy policy = {.account_type = ZN_ACCOUNT_PERSON,
                                     .expect_server_id = zn_span_of(request->server_id)};
    work->qr = request->qr;
    const struct zn_person person = {work, show_person, wait_for_person};
    enum zn_status status = zn_device_login(&work->session, &policy, zn_span_of(work->server.text),
                                            &person, &work->device, &work->proof, error);

    /* A token for the session is made from that of the device, and dies with it. */
    if (status == ZN_OK && request->token_lifetime_s == 0)
        status = forget_device(work, error);
    return status;
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

    if (status == ZN_OK && zp_request_is_for_browser(request))
        return log_in_by_browser(request, work, error);
    if (status == ZN_OK)
        status = take_credential(request, work, error);
    if (status == ZN_OK && work->credential.is_pro)
        status = connect_to_pro(request, work, error);
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

/* The module says nothing more when it does not let the user in, and ends this process soon. */
static bool serve(const struct zp_request *request, struct work *work, struct zp_reply *reply)
{
    struct zn_error error = {0};
    enum zn_status status = prove(request, work, &error);

    if (zp_request_is_for_browser(request) && !work->has_shown && !send_grant(work, NULL))
        return false;
    bool ok = answer(work, status, &error, reply);
    if (ok && status == ZN_OK && request->token_lifetime_s > 0 && receive_go_ahead(work)) {
        status = make_token(request, work, &error);
        ok = answer(work, status, &error, reply);
        if (ok && status == ZN_OK)
            work->device.device_id[0] = '\0'; /* it stays */
    }
    if (work->device.device_id[0] != '\0' && forget_device(work, &error) != ZN_OK)
        return false; /* nobody is left to be told */
    return ok;
}

static void clear(struct work *work)
{
    zn_http_curl_close(&work->session.transport);
    zn_http_curl_close(&work->session.pro);
    zn_credential_clear(&work->credential);
    zn_proof_clear(&work->proof);
    zn_secret_clear(&work->token.secret);
    zn_device_grant_clear(&work->device);
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
        alarm((unsigned)(request.timeout_ms / 1000) + 4);
        ok = serve(&request, &work, &reply);
    }
    clear(&work);
    explicit_bzero(&request, sizeof(request));
    explicit_bzero(&reply, sizeof(reply));
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
