/* SPDX-License-Identifier: Apache-2.0 */
#include "grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A hosted CI job ends within six hours. */

enum zn_status zc_grant_choose(const struct zc_options *options, const struct zc_session *session,
                               enum zc_hand_on by_default, enum zc_hand_on *ret,
                               struct zn_error *error)
{
    const bool have_token = session->credential.kind == ZN_CREDENTIAL_API_TOKEN;
    const enum zc_hand_on asked = options->hand_on;

    if (have_token && asked == ZC_HAND_ON_KEY)
        return zn_error_set(error, ZN_CONFIG, "--credential key needs an API key, not an API token",
                            "give the API key, or leave out --credential");
    if (have_token && options->expires_in_s != 0)
        return zn_error_set(error, ZN_CONFIG, "--expires-in needs an API key to make a token with",
                            "leave out --expires-in: an API token keeps its own expiry");
    const enum zc_hand_on chosen = have_token                    ? ZC_HAND_ON_TOKEN
                                   : asked != ZC_HAND_ON_DEFAULT ? asked
                                                                 : by_default;
    if (chosen == ZC_HAND_ON_KEY && options->expires_in_s != 0)
        return zn_error_set(error, ZN_CONFIG, "--expires-in is for a token, and a key is handed on",
                            "add --credential token, or leave out --expires-in");
    *ret = chosen;
    return ZN_OK;
}

static void add(struct zc_grant *grant, const char *name, struct zn_span value,
                enum zn_credential_kind secret)
{
    grant->variables.list[grant->variables.count++] = (struct zc_variable){name, value, secret};
}

/* Not realpath(3): what a mounted secret's link points to changes under it. */
static enum zn_status make_absolute(const char *path, struct zn_buf *ret, struct zn_error *error)
{
    char folder[1024] = "";

    zn_buf_init(ret, sizeof(folder) + 1024);
    if (path[0] != '/' && getcwd(folder, sizeof(folder)) == NULL) {
        zn_error_set(error, ZN_CONFIG, "the current folder has no name: ", "give an absolute path");
        zn_error_add(error, strerror(errno));
        return ZN_CONFIG;
    }
    if (zn_buf_append_text(ret, folder) && zn_buf_append_text(ret, path[0] != '/' ? "/" : "") &&
        zn_buf_append_text(ret, path))
        return ZN_OK;
    return ret->state == ZN_BUF_NO_MEMORY
               ? zn_error_no_memory(error)
               : zn_error_set(error, ZN_CONFIG, "the path of --ca-file is too long", NULL);
}

static enum zn_status add_token(const struct zc_options *options, const struct zc_session *session,
                                struct zc_grant *grant, struct zn_error *error)
{
    const bool have_one = session->credential.kind == ZN_CREDENTIAL_API_TOKEN;
    const struct zn_secret *token = have_one ? &session->credential.secret : &grant->token.secret;

    if (!have_one) {
        const enum zn_status status = zn_mint_api_token(
            &session->core, &session->proof.access.secret,
            options->expires_in_s != 0 ? options->expires_in_s : ZC_TOKEN_LIFETIME_S, &grant->token,
            error);
        if (status != ZN_OK)
            return status;
    }
    grant->kind = ZN_CREDENTIAL_API_TOKEN;
    grant->expires_s = have_one ? session->credential.expires_s : grant->token.expires_s;
    add(grant, "ZENML_STORE_API_TOKEN", zn_secret_reveal(token), ZN_CREDENTIAL_API_TOKEN);
    return ZN_OK;
}

static enum zn_status add_credential(const struct zc_options *options,
                                     const struct zc_session *session, enum zc_hand_on hand_on,
                                     struct zc_grant *grant, struct zn_error *error)
{
    if (hand_on == ZC_HAND_ON_TOKEN)
        return add_token(options, session, grant, error);
    /* The client looks a key of ZenML Pro up under exactly this URL (zenml-protocol 4.2). */
    if (session->credential.is_pro && session->proof.info.pro_api_url[0] == '\0')
        return zn_error_set(error, ZN_UNSUPPORTED,
                            "the server does not name its ZenML Pro, so the ZenML client cannot "
                            "use the key",
                            "add --credential token");
    grant->kind = ZN_CREDENTIAL_API_KEY;
    if (session->credential.is_pro)
        add(grant, "ZENML_PRO_API_URL", zn_span_of(session->proof.info.pro_api_url),
            ZN_CREDENTIAL_NONE);
    add(grant, "ZENML_STORE_API_KEY", zn_secret_reveal(&session->credential.secret),
        ZN_CREDENTIAL_API_KEY);
    return ZN_OK;
}

static enum zn_status find_project(const struct zc_options *options,
                                   const struct zc_session *session, struct zc_grant *grant,
                                   struct zn_error *error)
{
    if (options->project == NULL)
        return ZN_OK;
    return zn_find_project(&session->core, &session->proof.access.secret,
                           zn_span_of(options->project), grant->project_id, error);
}

/* What the ZenML client needs beside the credential. */
static enum zn_status add_rest(const struct zc_options *options, struct zc_grant *grant,
                               struct zn_error *error)
{
    enum zn_status status = ZN_OK;

    if (options->ca_file != NULL) {
        status = make_absolute(options->ca_file, &grant->ca_path, error);
        add(grant, "ZENML_STORE_VERIFY_SSL", zn_buf_span(&grant->ca_path), ZN_CREDENTIAL_NONE);
    }
    if (options->project != NULL)
        add(grant, "ZENML_ACTIVE_PROJECT_ID", zn_span_of(grant->project_id), ZN_CREDENTIAL_NONE);
    if (!options->allow_disk_cache)
        add(grant, "DISABLE_CREDENTIALS_DISK_CACHING", ZN_SPAN("true"), ZN_CREDENTIAL_NONE);
    return status;
}

enum zn_status zc_grant_obtain(const struct zc_options *options, const struct zc_session *session,
                               enum zc_hand_on hand_on, struct zc_grant *grant,
                               struct zn_error *error)
{
    /* The token last of all that can fail: nobody can take it back. */
    enum zn_status status = find_project(options, session, grant, error);

    if (status == ZN_OK)
        add(grant, "ZENML_STORE_URL", zn_span_of(session->server.text), ZN_CREDENTIAL_NONE);
    if (status == ZN_OK)
        status = add_rest(options, grant, error);
    if (status == ZN_OK)
        status = add_credential(options, session, hand_on, grant, error);
    return status;
}

void zc_grant_clear(struct zc_grant *grant)
{
    zn_secret_clear(&grant->token.secret);
    zn_buf_clear(&grant->ca_path);
    *grant = (struct zc_grant){0};
}
