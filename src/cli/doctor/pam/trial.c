/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include "input/source.h"
#include "session.h"
#include "hostcfg/user.h"

static const char *text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* --- the server ----------------------------------------------------------------------------- */

static enum zn_status take_credential(const struct zc_options *options,
                                      const struct zh_config *config, struct zc_session *session,
                                      struct zn_error *error)
{
    struct zc_credentials found = {0};
    const enum zn_status status = zc_source_credential(options, &found, error);

    session->credential = found.first;
    session->second = found.second;
    /* A person brings none along. */
    if (found.none && (config->credential & ZH_DEVICE) != 0)
        return ZN_OK;
    const bool is_key = session->credential.kind == ZN_CREDENTIAL_API_KEY;

    if (status == ZN_OK && (config->credential & (is_key ? ZH_API_KEY : ZH_API_TOKEN)) == 0)
        return zn_error_set(error, ZN_MALFORMED, "pam_zenml takes no credential of this kind here",
                            "see the option credential in pam_zenml(8)");
    return status;
}

/* As the helper of the module does it: the environment names no proxy. */
static enum zn_status connect_to(const struct zc_options *options, const struct zh_config *config,
                                 struct zc_session *session, struct zn_error *error)
{
    const struct zn_http_curl_config transport = {
        .ca_file = text_or_null(config->ca_file),
        .pin = text_or_null(config->pin),
        .proxy = config->proxy,
    };
    enum zn_status status =
        zn_url_parse(zn_span_of(config->server), false, &session->server, error);

    zc_session_begin(session, config->timeout * 1000, options->verbose);
    if (status == ZN_OK)
        status = take_credential(options, config, session, error);
    if (status == ZN_OK)
        status = zc_session_connect(session, transport, error);
    return status;
}

static enum zn_status prove(const struct zc_options *options, const struct zh_config *config,
                            struct zc_session *session, struct zn_error *error)
{
    const bool service = config->account_type == ZH_ACCOUNT_SERVICE;
    const struct zn_policy policy = {
        .account_type = service ? ZN_ACCOUNT_SERVICE : ZN_ACCOUNT_ANY,
        .expect_server_id = zn_span_of(config->server_id),
    };
    enum zn_status status = connect_to(options, config, session, error);

    if (status == ZN_OK && session->credential.kind == ZN_CREDENTIAL_NONE)
        return zn_login_check_server(&session->core, &policy, &session->proof, error);
    if (status == ZN_OK)
        status = zn_login(&session->core, &policy, true, &session->proof, error);
    if (status == ZN_OK && config->account_type == ZH_ACCOUNT_USER &&
        session->proof.identity.is_service_account)
        return zn_error_set(error, ZN_FORBIDDEN, "service accounts may not log in here",
                            "see the option account_type in pam_zenml(8)");
    return status;
}

/* --- the local user ------------------------------------------------------------------------- */

static enum zn_status refuse(enum zn_verdict verdict, const char *account, struct zn_error *error)
{
    static const struct {
        enum zn_status status;
        const char *cause;
        const char *fix;
    } texts[ZN_VERDICT_COUNT] = {
        [ZN_VERDICT_NO_MAPPING] = {ZN_IDENTITY, "nothing lets this account be that user: ",
                                   "add a line to map_file"},
        [ZN_VERDICT_UNKNOWN_USER] = {ZN_IDENTITY, "there is no such local user for the account ",
                                     "create the user, or correct --user"},
        [ZN_VERDICT_ROOT] = {ZN_IDENTITY, "this account may not be root: ",
                             "set allow_root = yes, and list root in map_file"},
        [ZN_VERDICT_GROUP] = {ZN_IDENTITY, "the user is in none of allow_groups; the account is ",
                              "add the user to such a group"},
        [ZN_VERDICT_NOT_ADMIN] = {ZN_FORBIDDEN, "this account is no admin of the server: ",
                                  "see the option require_admin in pam_zenml(8)"},
    };

    zn_error_set(error, texts[verdict].status, texts[verdict].cause, texts[verdict].fix);
    zn_error_quote(error, zn_span_of(account));
    return texts[verdict].status;
}

static enum zn_status check_user(const char *name, const struct zh_config *config,
                                 const struct zn_identity *account, struct zc_collector *collector,
                                 struct zn_error *error)
{
    const struct zh_reporter reporter = zc_find_reporter(collector);
    const struct zh_user user = zh_user_find(name);
    bool unusable = false;

    if (user.exists && !zh_user_is_in_scope(&user, NULL, config))
        zc_find(collector->findings, collector->line, ZC_LEVEL_WARN,
                "this line leaves the user to the other lines: ", name,
                "see users, groups and min_uid in pam_zenml(8)");
    const enum zn_verdict verdict = zh_user_check(config, &user, account, &reporter, &unusable);
    if (verdict != ZN_VERDICT_ALLOWED)
        return refuse(verdict, account->name, error);
    zc_find(collector->findings, collector->line, ZC_LEVEL_OK, "the account may be the user ", name,
            NULL);
    return ZN_OK;
}

enum zn_status zc_trial_run(const struct zc_options *options, const struct zh_config *config,
                            struct zc_place place, struct zc_findings *findings,
                            struct zn_error *error)
{
    struct zc_collector collector = {findings, place};
    struct zc_session session = {.core = {.trace = NULL}};
    const struct zn_identity *account = &session.proof.identity;
    enum zn_status status = prove(options, config, &session, error);

    if (status == ZN_OK && session.credential.kind == ZN_CREDENTIAL_NONE) {
        zc_find(findings, place, ZC_LEVEL_OK,
                "the server answers; to try a login in a browser, log in with ssh", "", NULL);
    } else if (status == ZN_OK) {
        zc_find(findings, place, ZC_LEVEL_OK, "the server vouches for the account ", account->name,
                NULL);
        if (options->user != NULL)
            status = check_user(options->user, config, account, &collector, error);
    }
    if (status != ZN_OK)
        zc_find_error(findings, place, ZC_LEVEL_FAIL, error);
    zc_session_close(&session);
    return status;
}
