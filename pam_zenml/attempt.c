/* SPDX-License-Identifier: Apache-2.0 */
#include "attempt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>

#include <security/pam_ext.h>

#include "audit.h"
#include "conversation.h"
#include "core/clock.h"
#include "helper_process.h"

/* --- beginning and end ---------------------------------------------------------------------- */

static void log_problem(void *ctx, const char *line)
{
    pam_syslog(ctx, LOG_ERR, "%s", line);
}

static int64_t now_ms(void)
{
    const struct zn_clock clock = zn_clock_system();
    return clock.now_ms(clock.ctx);
}

struct zp_attempt *zp_attempt_begin(pam_handle_t *pamh)
{
    struct zp_attempt *attempt = calloc(1, sizeof(*attempt));

    if (attempt == NULL)
        return NULL;
    attempt->pamh = pamh;
    attempt->reporter = (struct zh_reporter){pamh, log_problem};
    attempt->start_ms = now_ms();
    if (getrandom(&attempt->id, sizeof(attempt->id), GRND_NONBLOCK) != sizeof(attempt->id))
        attempt->id = 0; /* it only tells lines of the log apart */
    return attempt;
}

void zp_attempt_end(struct zp_attempt *attempt)
{
    if (attempt != NULL)
        explicit_bzero(attempt, sizeof(*attempt));
    free(attempt);
}

/* --- options, user, scope ------------------------------------------------------------------- */

/* Strings of the host; the user may be asked for its name here. */
static int find_user(struct zp_attempt *attempt)
{
    const char *name = NULL;
    const void *service = NULL;

    if (pam_get_user(attempt->pamh, &name, NULL) != PAM_SUCCESS || name == NULL)
        return ZP_CONVERSATION;
    if (pam_get_item(attempt->pamh, PAM_SERVICE, &service) != PAM_SUCCESS || service == NULL)
        return ZN_INTERNAL;
    attempt->user = zh_user_find(name);
    attempt->service = service;
    return ZN_OK;
}

int zp_attempt_prepare(struct zp_attempt *attempt, int argc, const char **argv)
{
    struct zh_config *config = &attempt->config;

    zh_config_init(config);
    const bool arguments = zh_config_take_arguments(config, argc, argv, &attempt->reporter);
    const int found = find_user(attempt);
    if (found != ZN_OK)
        return found;
    const bool file = zh_config_read(config, config->config, &attempt->reporter);
    const bool usable = arguments && file && zh_config_check(config, &attempt->reporter);
    if (!arguments)
        return ZN_CONFIG;
    if (!zh_user_is_in_scope(&attempt->user, attempt->service, config))
        return ZP_SCOPE;
    return usable ? ZN_OK : ZN_CONFIG;
}

/* --- the question to the helper ------------------------------------------------------------- */

/* `dst` is all zero. False when the text does not fit. */
static bool put_text(char *dst, size_t size, const char *text)
{
    const size_t len = strlen(text);

    if (len >= size)
        return false;
    memcpy(dst, text, len);
    return true;
}

#define PUT_TEXT(dst, text) put_text(dst, sizeof(dst), text)

static bool fill_request(const struct zh_config *config, const struct zn_secret *credential,
                         struct zp_request *request)
{
    const struct zn_span typed = zn_secret_reveal(credential);

    const bool in_browser = typed.len == 0 && (config->credential & ZH_DEVICE) != 0;

    *request = (struct zp_request){
        .magic = ZP_MAGIC,
        .accept = ((config->credential & ZH_API_KEY) != 0 ? ZP_ACCEPT_API_KEY : 0) |
                  ((config->credential & ZH_API_TOKEN) != 0 ? ZP_ACCEPT_API_TOKEN : 0) |
                  ((config->credential & ZH_DEVICE) != 0 ? ZP_ACCEPT_DEVICE : 0),
        .any_account = config->account_type != ZH_ACCOUNT_SERVICE,
        .credential_len = (uint32_t)typed.len,
        .qr = (uint32_t)config->device_qr,
        .timeout_ms = (in_browser ? config->device_timeout : config->timeout) * 1000,
        .token_lifetime_s = config->session_env == ZH_SESSION_TOKEN ? config->session_token_ttl : 0,
    };
    if (typed.len > 0)
        memcpy(request->credential, typed.ptr, typed.len);
    return PUT_TEXT(request->server, config->server) &&
           PUT_TEXT(request->ca_file, config->ca_file) && PUT_TEXT(request->pin, config->pin) &&
           PUT_TEXT(request->proxy, config->proxy) &&
           PUT_TEXT(request->pro_api_url, config->pro_api_url) &&
           PUT_TEXT(request->server_id, config->server_id) && zp_request_is_valid(request);
}

static int reason_of(enum zp_helper_outcome outcome, const struct zp_reply *reply)
{
    switch (outcome) {
    case ZP_HELPER_ANSWERED:
        return (int)reply->status;
    case ZP_HELPER_LATE:
        return ZN_TIMEOUT;
    case ZP_HELPER_FAILED:
    case ZP_HELPER_UNSAFE:
        break;
    }
    return ZP_HELPER;
}

/* The module's side of the approval: who it is, and what the policy says to that. */
struct decision {
    struct zp_attempt *attempt;
    int (*policy)(const struct zp_attempt *attempt);
    int reason;
    bool has_shown; /* the person was told where to approve */
    bool is_cancelled;
};

/*
 * In the prompt itself, since sshd shows what stands in a message of its own only together with the
 * next prompt. What is answered does not matter, only that it is.
 */
static bool show(void *ctx, const struct zp_grant *grant)
{
    struct decision *decision = ctx;
    struct zn_secret answer = {0};
    struct zn_buf prompt;

    decision->has_shown = true;
    decision->is_cancelled = true;
    zn_buf_init(&prompt, sizeof(*grant) + 256);
    if (zn_buf_append_text(&prompt, "Open this page in a browser, and approve the login:\n\n") &&
        zn_buf_append_text(&prompt, grant->qr) &&
        zn_buf_append_text(&prompt, grant->qr[0] == '\0' ? "    " : "\n    ") &&
        zn_buf_append_text(&prompt, grant->url) &&
        zn_buf_append_text(&prompt, "\n\nPress Enter once you have approved: "))
        decision->is_cancelled =
            zp_ask(decision->attempt->pamh, prompt.ptr, &answer) != ZP_ANSWER_GIVEN;
    zn_secret_clear(&answer);
    zn_buf_clear(&prompt);
    return !decision->is_cancelled;
}

static bool approve(void *ctx, const struct zp_reply *reply)
{
    struct decision *decision = ctx;
    struct zn_identity *identity = &decision->attempt->identity;

    memcpy(identity->id, reply->account_id, sizeof(identity->id));
    memcpy(identity->name, reply->account_name, sizeof(identity->name));
    identity->is_service_account = reply->is_service_account == 1;
    identity->is_admin = reply->is_admin == 1;
    decision->reason = decision->policy(decision->attempt);
    return decision->reason == ZN_OK;
}

static int reason_when_shown(int reason)
{
    return reason == ZN_TIMEOUT ? ZP_NOT_APPROVED : reason;
}

int zp_attempt_prove(struct zp_attempt *attempt, const struct zn_secret *credential,
                     int (*policy)(const struct zp_attempt *attempt))
{
    struct decision decision = {attempt, policy, ZN_REJECTED, false, false};
    const struct zp_approval approval = {&decision, show, approve};

    if (!fill_request(&attempt->config, credential, &attempt->request))
        return ZN_CONFIG;
    const enum zp_helper_outcome outcome = zp_helper_ask(
        ZP_HELPER_PATH, &attempt->request, &attempt->reporter, &approval, &attempt->reply);
    const int reason = decision.is_cancelled ? ZP_CONVERSATION
                       : decision.has_shown ? reason_when_shown(reason_of(outcome, &attempt->reply))
                                            : reason_of(outcome, &attempt->reply);
    if (outcome == ZP_HELPER_ANSWERED && attempt->reply.has_landlock == 0 && attempt->config.debug)
        pam_syslog(attempt->pamh, LOG_DEBUG, "helper: the kernel has no Landlock to confine it");
    explicit_bzero(attempt->request.credential, sizeof(attempt->request.credential));
    return reason == ZN_OK ? decision.reason : reason;
}

/* --- policy --------------------------------------------------------------------------------- */

static int reason_of_verdict(enum zn_verdict verdict)
{
    switch (verdict) {
    case ZN_VERDICT_ALLOWED:
        return ZN_OK;
    case ZN_VERDICT_UNKNOWN_USER:
        return ZP_UNKNOWN_USER;
    case ZN_VERDICT_ROOT:
        return ZP_ROOT;
    case ZN_VERDICT_GROUP:
        return ZP_GROUP;
    case ZN_VERDICT_NOT_ADMIN:
        return ZP_NOT_ADMIN;
    case ZN_VERDICT_NO_MAPPING:
    case ZN_VERDICT_COUNT:
        break;
    }
    return ZP_NO_MAPPING;
}

/* The helper keeps people out where they are not wanted; here, service accounts. */
static bool is_wanted_type(const struct zp_attempt *attempt)
{
    switch (attempt->config.account_type) {
    case ZH_ACCOUNT_ANY:
        return true;
    case ZH_ACCOUNT_USER:
        return !attempt->identity.is_service_account;
    default:
        return attempt->identity.is_service_account;
    }
}

int zp_attempt_check_policy(const struct zp_attempt *attempt)
{
    bool unusable = false;
    const enum zn_verdict verdict = zh_user_check(
        &attempt->config, &attempt->user, &attempt->identity, &attempt->reporter, &unusable);

    if (unusable)
        return ZN_CONFIG;
    return is_wanted_type(attempt) ? reason_of_verdict(verdict) : ZN_FORBIDDEN;
}

/* --- the log -------------------------------------------------------------------------------- */

void zp_attempt_log(const struct zp_attempt *attempt, int reason)
{
    const struct zp_audit audit = {
        .allowed = reason == ZN_OK,
        .reason = reason,
        .user = attempt->user.name,
        .account = attempt->identity.name,
        .account_id = attempt->identity.id,
        .server = attempt->config.server,
        .detail = reason == (int)attempt->reply.status ? attempt->reply.detail : "",
        .elapsed_ms = now_ms() - attempt->start_ms,
        .request_id = attempt->id,
    };

    if (reason != ZP_SCOPE || attempt->config.debug)
        zp_audit_log(attempt->pamh, &audit);
}
