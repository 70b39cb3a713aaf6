/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grant.h"
#include "input/source.h"
#include "say.h"
#include "session.h"
#include "findings.h"
#include "network.h"
#include "proxy.h"

#define CLOCK_SLACK_S      60
#define TRIAL_TOKEN_S      60
#define CERTIFICATE_SOON_S ((int64_t)14 * 24 * 3600)

/* One visit: what is known so far. */
struct visit {
    const struct zc_options *options;
    struct zc_session session;
    struct zc_findings findings;
    bool has_proxy;
};

static struct zc_place place(const char *check)
{
    return (struct zc_place){check, 0};
}

static enum zn_status find_failure(struct visit *visit, const char *check,
                                   const struct zn_error *error)
{
    zc_find_error(&visit->findings, place(check), ZC_LEVEL_FAIL, error);
    return error->status;
}

static void find_ok(struct visit *visit, const char *check, const char *cause, const char *about)
{
    zc_find(&visit->findings, place(check), ZC_LEVEL_OK, cause, about, NULL);
}

/* --- what is given -------------------------------------------------------------------------- */

static enum zn_status check_url(struct visit *visit, struct zn_error *error)
{
    const struct zn_url *url = &visit->session.server;

    if (zc_source_server(visit->options, &visit->session.server, error) != ZN_OK)
        return find_failure(visit, "url", error);
    if (url->is_http && !url->is_loopback)
        zc_find(&visit->findings, place("url"), ZC_LEVEL_WARN, "plain http: ", url->text,
                "use https: everybody on the way can read the credential");
    else
        find_ok(visit, "url", "", url->text);
    return ZN_OK;
}

/* A token that has ended is shown to the server all the same: the clock may be wrong. */
static bool has_ended(const struct visit *visit)
{
    const struct zn_session *core = &visit->session.core;
    const int64_t expires_s = visit->session.credential.expires_s;

    return expires_s != 0 && expires_s <= core->clock.wall_s(core->clock.ctx);
}

/* Without one, what can be checked without one is checked. */
static enum zn_status check_credential(struct visit *visit, struct zn_error *error)
{
    const struct zn_credential *credential = &visit->session.credential;
    char expires[21] = "";
    const enum zn_status status =
        zc_session_find_credential(visit->options, &visit->session, error);

    if (status != ZN_OK)
        return find_failure(visit, "credential", error);
    if (credential->expires_s != 0)
        zc_format_time(credential->expires_s, expires);
    if (has_ended(visit))
        zc_find(&visit->findings, place("credential"), ZC_LEVEL_WARN,
                "by the clock here the API token has ended: ", expires,
                "make a new one, or run zenml-login login again; and check the clock");
    else if (credential->is_pro)
        find_ok(visit, "credential", "an API key of ZenML Pro", "");
    else if (credential->kind == ZN_CREDENTIAL_API_KEY)
        find_ok(visit, "credential", "an API key with the id ", credential->key_id);
    else if (expires[0] == '\0')
        find_ok(visit, "credential", "an API token that never expires", "");
    else
        find_ok(visit, "credential", "an API token, valid until ", expires);
    return ZN_OK;
}

/* --- the way to the server ------------------------------------------------------------------ */

static enum zn_status check_network(struct visit *visit, struct zn_error *error)
{
    visit->has_proxy = zc_proxy_check(&visit->session.server, &visit->findings);
    if (visit->has_proxy)
        return ZN_OK; /* names are resolved, and connections made, beyond it */
    return zc_network_check(&visit->session.server, visit->session.core.deadline_ms,
                            &visit->findings, error);
}

/* Whom we trust explains most of what goes wrong below. */
static void tell_authorities(struct visit *visit)
{
    const struct zc_options *options = visit->options;

    if (options->ca_file == NULL || options->ca_add)
        find_ok(visit, "tls", "certificate authorities: ", zn_http_curl_system_cas());
    if (options->ca_file != NULL)
        find_ok(visit, "tls", "certificate authorities: ", options->ca_file);
}

static void tell_certificate(struct visit *visit, const struct zn_chain *chain)
{
    const struct zn_session *core = &visit->session.core;
    const int64_t soon_s = core->clock.wall_s(core->clock.ctx) + CERTIFICATE_SOON_S;
    char cause[80] = "the certificate is trusted";
    char expires[21];

    if (chain->expires_s != 0) {
        zc_format_time(chain->expires_s, expires);
        snprintf(cause, sizeof(cause), "the certificate is trusted, until %s: ", expires);
    }
    if (chain->expires_s != 0 && chain->expires_s < soon_s)
        zc_find(&visit->findings, place("tls"), ZC_LEVEL_WARN, cause, chain->names,
                "that is soon: have the server's certificate renewed");
    else
        find_ok(visit, "tls", cause, chain->names);
}

/* What the server showed of itself: with a reply it is trusted, otherwise it may explain why not.
 */
static void check_certificate(struct visit *visit, enum zn_status status, struct zn_error *error)
{
    const bool is_trusted = status == ZN_OK || error->http_status != 0;
    struct zn_chain chain;

    if (visit->session.server.is_http || (!is_trusted && status != ZN_TLS))
        return;
    tell_authorities(visit);
    zn_http_curl_chain(&visit->session.core.transport, &chain);
    if (is_trusted) {
        tell_certificate(visit, &chain);
    } else if (chain.names[0] != '\0') {
        zn_error_add(error, "; it shows ");
        zn_error_quote(error, zn_span_of(chain.names));
    }
}

/* A file of authorities that cannot be used is found out without, and with, a connection. */
static const char *check_of(const struct visit *visit, const struct zn_error *error)
{
    const bool is_way = error->status == ZN_UNREACHABLE && visit->has_proxy;
    const bool is_ours = error->status == ZN_CONFIG && error->http_status == 0;

    return error->status == ZN_TLS || is_ours                       ? "tls"
           : is_way                                                 ? "proxy"
           : zn_status_class(error->status) == ZN_CLASS_UNAVAILABLE ? "http"
                                                                    : "server";
}

static void check_clock(struct visit *visit)
{
    const struct zn_session *core = &visit->session.core;
    const int64_t theirs_s = visit->session.proof.info.date_s;
    const int64_t ahead_s = core->clock.wall_s(core->clock.ctx) - theirs_s;
    char about[64];

    if (theirs_s == 0)
        return;
    snprintf(about, sizeof(about), "%lld seconds %s", (long long)llabs(ahead_s),
             ahead_s < 0 ? "behind" : "ahead");
    if (llabs(ahead_s) > CLOCK_SLACK_S)
        zc_find(&visit->findings, place("clock"), ZC_LEVEL_WARN,
                "this machine and the server disagree on the time, here it is ", about,
                "set the clock (NTP): certificates and tokens depend on it");
    else
        find_ok(visit, "clock", "as the server's", "");
}

/* A version that shows the credential is none, and must not get to be printed. */
static bool shows_credential(const struct visit *visit, const char *text)
{
    return zn_credential_is_shown(&visit->session.credential, zn_span_of(text)) ||
           zn_credential_is_shown(&visit->session.second, zn_span_of(text));
}

static enum zn_status check_server(struct visit *visit, struct zn_error *error)
{
    const struct zn_policy policy = {.expect_server_id =
                                         zn_span_of(visit->options->expect_server_id)};
    const struct zn_server_info *info = &visit->session.proof.info;
    const enum zn_status status =
        zn_login_check_server(&visit->session.core, &policy, &visit->session.proof, error);

    check_certificate(visit, status, error);
    if (status != ZN_OK)
        return find_failure(visit, check_of(visit, error), error);
    find_ok(visit, "server",
            info->pro_api_url[0] != '\0' ? "a workspace of ZenML Pro, version " : "ZenML, version ",
            shows_credential(visit, info->version) ? "(not shown)" : info->version);
    check_clock(visit);
    return ZN_OK;
}

/* --- the login ------------------------------------------------------------------------------ */

static enum zn_status check_login(struct visit *visit, struct zn_error *error)
{
    const struct zn_identity *account = &visit->session.proof.identity;
    const enum zn_status status = zc_session_login(visit->options, false, &visit->session, error);

    if (status != ZN_OK)
        return find_failure(visit, "login", error);
    find_ok(visit, "login", account->is_service_account ? "the service account " : "the user ",
            account->name);
    return ZN_OK;
}

static enum zn_status try_token(const struct visit *visit, int64_t lifetime_s,
                                struct zn_error *error)
{
    struct zn_token token = {0};
    const enum zn_status status = zn_mint_api_token(
        &visit->session.core, &visit->session.proof.access.secret, lifetime_s, &token, error);

    zn_secret_clear(&token.secret);
    return status;
}

/* A token that ends soon, since nobody can take it back; servers before 0.68 do not make one. */
static enum zn_status check_token(struct visit *visit, struct zn_error *error)
{
    struct zn_error other_error = {0};
    const enum zn_status status = try_token(visit, TRIAL_TOKEN_S, error);

    if (status == ZN_OK) {
        find_ok(visit, "token", "the account may make API tokens", "");
        return ZN_OK;
    }
    if (status != ZN_BAD_REPLY || try_token(visit, ZC_TOKEN_LIFETIME_S, &other_error) != ZN_OK)
        return find_failure(visit, "token", error);
    zc_find(&visit->findings, place("token"), ZC_LEVEL_WARN,
            "the account may make API tokens, but the server sets their lifetime itself", "",
            "give no short --expires-in, or have the server updated");
    return ZN_OK;
}

/* What env and exec need besides, when they are given a project. */
static enum zn_status check_project(struct visit *visit, struct zn_error *error)
{
    char id[37];

    if (visit->options->project == NULL)
        return ZN_OK;
    const enum zn_status status =
        zn_find_project(&visit->session.core, &visit->session.proof.access.secret,
                        zn_span_of(visit->options->project), id, error);
    if (status != ZN_OK)
        return find_failure(visit, "project", error);
    find_ok(visit, "project", "the account may see it, its id is ", id);
    return ZN_OK;
}

/* --- in this order -------------------------------------------------------------------------- */

static enum zn_status reach_server(struct visit *visit, struct zn_error *error)
{
    enum zn_status status = check_network(visit, error);

    if (status != ZN_OK)
        return status;
    status = zc_session_open_transport(visit->options, &visit->session, error);
    return status == ZN_OK ? check_server(visit, error)
                           : find_failure(visit, check_of(visit, error), error);
}

static enum zn_status log_in(struct visit *visit, struct zn_error *error)
{
    enum zn_status status = check_login(visit, error);

    if (status == ZN_OK && visit->session.credential.kind == ZN_CREDENTIAL_API_KEY)
        status = check_token(visit, error);
    return status == ZN_OK ? check_project(visit, error) : status;
}

/* The first failure is what is returned; a missing credential comes last, since much goes without.
 */
static enum zn_status run(struct visit *visit, struct zn_error *error)
{
    struct zn_error server_error = {0};
    enum zn_status server_status = check_url(visit, &server_error);
    const bool has_url = server_status == ZN_OK;
    const enum zn_status credential_status = check_credential(visit, error);

    if (has_url)
        server_status = reach_server(visit, &server_error);
    if (credential_status == ZN_OK && server_status == ZN_OK)
        return log_in(visit, error);
    if (server_status == ZN_OK ||
        (has_url && credential_status != ZN_OK && credential_status != ZN_MISSING))
        return credential_status;
    *error = server_error;
    return server_status;
}

int zc_doctor_server_run(const struct zc_options *options)
{
    struct visit visit = {.options = options};
    struct zn_error error = {0};

    zc_findings_init(&visit.findings);
    visit.findings.is_json = options->json;
    visit.findings.is_quiet = options->quiet;
    zc_findings_time(&visit.findings);
    zc_session_begin(&visit.session, options->timeout_ms, options->verbose);
    const enum zn_status status = run(&visit, &error);
    const int code = status == ZN_OK ? 0 : zc_say_error(&error);
    if (options->json)
        zc_findings_print_json(&visit.findings, code);
    zc_session_close(&visit.session);
    zc_findings_clear(&visit.findings);
    return code;
}
