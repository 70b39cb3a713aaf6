/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"

#include <string.h>

void zn_proof_clear(struct zn_proof *proof)
{
    zn_secret_clear(&proof->access.secret);
    *proof = (struct zn_proof){0};
}

/* --- one endpoint each: build, send, parse -------------------------------------------------- */

static enum zn_status ask_info(const struct zn_session *session, struct zn_server_info *ret,
                               struct zn_error *error)
{
    struct zn_exchange x;

    zn_exchange_init(&x);
    enum zn_status status =
        zn_exchange_send(session, &session->transport, zn_info_build(&x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_info_parse(&x.reply, ret, error);
    return zn_exchange_finish(session, &x, status, error);
}

/* `*ret_unknown`: the server cannot read keys of this kind in this form. */
static enum zn_status exchange_key(const struct zn_session *session, struct zn_token *ret,
                                   bool *ret_unknown, struct zn_error *error)
{
    struct zn_exchange x;

    zn_exchange_init(&x);
    enum zn_status status =
        zn_exchange_send(session, &session->transport,
                         zn_login_build(session->credential, &x.request, error), &x, error);
    if (status == ZN_OK) {
        *ret_unknown = zn_login_key_unknown(&x.reply);
        status = zn_login_parse(&x.reply, ret, error);
    }
    return zn_exchange_finish(session, &x, status, error);
}

static enum zn_status exchange_external(const struct zn_session *session,
                                        const struct zn_secret *bearer, struct zn_token *ret,
                                        struct zn_error *error)
{
    struct zn_exchange x;

    zn_exchange_init(&x);
    enum zn_status status =
        zn_exchange_send(session, &session->transport,
                         zn_external_login_build(bearer, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_login_parse(&x.reply, ret, error);
    return zn_exchange_finish(session, &x, status, error);
}

static enum zn_status exchange_at_pro(const struct zn_session *session, struct zn_token *ret,
                                      struct zn_error *error)
{
    struct zn_exchange x;

    zn_exchange_init(&x);
    enum zn_status status =
        zn_exchange_send(session, &session->pro,
                         zn_pro_login_build(session->credential, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_login_parse(&x.reply, ret, error);
    zn_exchange_finish(session, &x, status, error);
    if (status != ZN_OK) {
        zn_error_prefix(error, "ZenML Pro");
        zn_error_advise(error, status == ZN_REJECTED
                                   ? "check the key, and ZENML_PRO_API_URL if it is set"
                                   : "try again later; ZENML_PRO_API_URL says where ZenML Pro is");
    }
    return status;
}

static enum zn_status ask_current_user(const struct zn_session *session,
                                       const struct zn_secret *bearer, struct zn_identity *ret,
                                       struct zn_error *error)
{
    struct zn_exchange x;

    zn_exchange_init(&x);
    enum zn_status status = zn_exchange_send(
        session, &session->transport, zn_current_user_build(bearer, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_current_user_parse(&x.reply, ret, error);
    return zn_exchange_finish(session, &x, status, error);
}

enum zn_status zn_mint_api_token(const struct zn_session *session, const struct zn_secret *bearer,
                                 int64_t expires_in_s, struct zn_token *ret, struct zn_error *error)
{
    const struct zn_clock *clock = &session->clock;
    struct zn_exchange x;

    zn_exchange_init(&x);
    enum zn_status status =
        zn_exchange_send(session, &session->transport,
                         zn_api_token_build(bearer, expires_in_s, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_api_token_parse(&x.reply, expires_in_s, clock->wall_s(clock->ctx), ret, error);
    return zn_exchange_finish(session, &x, status, error);
}

enum zn_status zn_find_project(const struct zn_session *session, const struct zn_secret *bearer,
                               struct zn_span name_or_id, char ret_id[37], struct zn_error *error)
{
    struct zn_exchange x;

    zn_exchange_init(&x);
    enum zn_status status =
        zn_exchange_send(session, &session->transport,
                         zn_project_build(bearer, name_or_id, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_project_parse(&x.reply, ret_id, error);
    return zn_exchange_finish(session, &x, status, error);
}

/* --- the login ------------------------------------------------------------------------------ */

enum zn_status zn_login_check_server(const struct zn_session *session,
                                     const struct zn_policy *policy, struct zn_proof *proof,
                                     struct zn_error *error)
{
    const enum zn_status status = ask_info(session, &proof->info, error);

    proof->has_info = status == ZN_OK;
    return status == ZN_OK ? zn_policy_check_server(policy, &proof->info, error) : status;
}

/* A workspace says 401 whether Pro refuses the key or cannot be asked (zenml-protocol 11.5). */
static enum zn_status doubt(enum zn_status status, struct zn_error *error)
{
    const struct zn_error said = *error;
    const char *words = strstr(said.detail, " (HTTP "); /* and what it says */

    if (status != ZN_REJECTED)
        return status;
    zn_error_set(error, ZN_REJECTED, "ZenML Pro refuses the key or is down",
                 "check the key; an outage of ZenML Pro looks the same: then try again later");
    zn_error_add(error, words != NULL ? words : "");
    error->http_status = said.http_status;
    return status;
}

/* Pro's word for the key, for workspaces that cannot ask Pro about the key itself. */
static enum zn_status obtain_access_by_pro(const struct zn_session *session, struct zn_token *ret,
                                           struct zn_error *error)
{
    struct zn_token pro = {0};
    enum zn_status status = exchange_at_pro(session, &pro, error);

    if (status == ZN_OK)
        status = doubt(exchange_external(session, &pro.secret, ret, error), error);
    zn_secret_clear(&pro.secret);
    return status;
}

/* A self-hosted Pro has keys of its own, which nobody else is shown: who it is has to be said. */
static bool is_its_pro(const struct zn_session *session, const struct zn_server_info *info)
{
    return session->pro_url == NULL ||
           zn_span_equal(zn_span_of(info->pro_api_url), zn_span_of(session->pro_url));
}

/* Each form of login, from the newest workspaces to the oldest. */
static enum zn_status obtain_access_with_pro_key(const struct zn_session *session,
                                                 const struct zn_server_info *info,
                                                 struct zn_token *ret, struct zn_error *error)
{
    bool unknown = false;
    enum zn_status status = exchange_key(session, ret, &unknown, error);

    if (status == ZN_REJECTED && unknown)
        status = exchange_external(session, &session->credential->secret, ret, error);
    if (status != ZN_REJECTED || !unknown || session->pro.perform == NULL)
        return doubt(status, error);
    if (is_its_pro(session, info))
        return obtain_access_by_pro(session, ret, error);
    doubt(status, error);
    zn_error_advise(error, "check the key, and set ZENML_PRO_API_URL to the URL of its ZenML Pro");
    return status;
}

/* The token that current-user is asked with: an API token itself, or what the API key is worth. */
static enum zn_status obtain_access(const struct zn_session *session, struct zn_proof *proof,
                                    struct zn_error *error)
{
    const struct zn_credential *credential = session->credential;
    struct zn_token *ret = &proof->access;
    bool unknown = false;

    if (credential->is_pro)
        return obtain_access_with_pro_key(session, &proof->info, ret, error);
    if (credential->kind == ZN_CREDENTIAL_API_KEY)
        return exchange_key(session, ret, &unknown, error);
    ret->expires_s = credential->expires_s;
    if (!zn_secret_set(&ret->secret, zn_secret_reveal(&credential->secret)))
        return zn_error_no_memory(error);
    return ZN_OK;
}

/*
 * A key that logs in but whose account is then refused, or is a person's, is what it looks like on
 * a server that does not check bearer tokens. If it is one, that is the cause to be told.
 */
static enum zn_status explain(const struct zn_session *session, const struct zn_policy *policy,
                              struct zn_proof *proof, enum zn_status refusal,
                              struct zn_error *error)
{
    struct zn_error server_error = {0};

    if (zn_login_check_server(session, policy, proof, &server_error) != ZN_NOT_ZENML)
        return refusal;
    *error = server_error;
    return ZN_NOT_ZENML;
}

static enum zn_status check_credential(const struct zn_credential *credential,
                                       struct zn_error *error)
{
    return credential->kind == ZN_CREDENTIAL_NONE ? zn_error_set(error, ZN_MISSING, NULL, NULL)
                                                  : ZN_OK;
}

/* True when current-user alone would not tell a server that checks tokens from one that does not.
 */
static bool proves_little(const struct zn_credential *credential, const struct zn_policy *policy)
{
    return credential->kind != ZN_CREDENTIAL_API_KEY || credential->is_pro ||
           policy->account_type != ZN_ACCOUNT_SERVICE;
}

/* A key of ZenML Pro is shown to nobody else. */
static enum zn_status check_fit(const struct zn_credential *credential,
                                const struct zn_server_info *info, struct zn_error *error)
{
    if (!credential->is_pro || info->auth_scheme == ZN_AUTH_EXTERNAL)
        return ZN_OK;
    return zn_error_set(error, ZN_REJECTED,
                        "this is an API key of ZenML Pro, and the server is no workspace of it",
                        "check the server URL, or use an API key of this server (ZENKEY_)");
}

static bool shows_credential(const struct zn_session *session, const struct zn_secret *bearer,
                             struct zn_span text)
{
    return zn_credential_is_shown(session->credential, text) || zn_secret_is_shown(bearer, text) ||
           (session->rejected != NULL && zn_credential_is_shown(session->rejected, text));
}

/* A name that shows the credential is none, and must not get to be printed. */
static enum zn_status check_names(const struct zn_session *session, const struct zn_proof *proof,
                                  struct zn_error *error)
{
    const struct zn_secret *bearer = &proof->access.secret;

    if (shows_credential(session, bearer, zn_span_of(proof->identity.name)) ||
        shows_credential(session, bearer, zn_span_of(proof->info.version)))
        return zn_error_set(error, ZN_BAD_REPLY, "the server gives the credential as a name",
                            "trust this server no further: make a new API key");
    return ZN_OK;
}

enum zn_status zn_login_check_identity(const struct zn_session *session,
                                       const struct zn_policy *policy, struct zn_proof *proof,
                                       struct zn_error *error)
{
    enum zn_status status =
        ask_current_user(session, &proof->access.secret, &proof->identity, error);

    if (status == ZN_OK)
        status = check_names(session, proof, error);
    return status == ZN_OK ? zn_policy_check_identity(policy, &proof->identity, error) : status;
}

enum zn_status zn_login(const struct zn_session *session, const struct zn_policy *policy,
                        bool want_info, struct zn_proof *ret, struct zn_error *error)
{
    const bool ask_server =
        want_info || proves_little(session->credential, policy) || policy->expect_server_id.len > 0;
    struct zn_proof proof = {0};
    enum zn_status status = check_credential(session->credential, error);

    if (status == ZN_OK && ask_server)
        status = zn_login_check_server(session, policy, &proof, error);
    if (status == ZN_OK && ask_server)
        status = check_fit(session->credential, &proof.info, error);
    if (status == ZN_OK)
        status = obtain_access(session, &proof, error);
    if (status == ZN_OK)
        status = zn_login_check_identity(session, policy, &proof, error);
    if ((status == ZN_REJECTED || status == ZN_FORBIDDEN) && !ask_server &&
        !zn_secret_is_empty(&proof.access.secret))
        status = explain(session, policy, &proof, status, error);
    if (status == ZN_OK)
        *ret = proof;
    else
        zn_proof_clear(&proof);
    return status;
}
