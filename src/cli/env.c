/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "grant.h"
#include "output/target.h"
#include "say.h"
#include "verbs.h"

static void say_success(const struct zc_session *session, const struct zc_grant *grant,
                        bool left_out)
{
    char name[ZN_NAME_MAX + 1] = "";
    char expires[21] = "";

    zn_text_append_safe(name, sizeof(name), zn_span_of(session->proof.identity.name));
    fprintf(stderr, "zenml-login: logged in to %s as %s", session->server.text, name);
    if (grant->expires_s != 0)
        zc_format_time(grant->expires_s, expires);
    if (left_out)
        fputs("; not handed on: the credential, since others can read artifacts\n", stderr);
    else if (grant->kind == ZN_CREDENTIAL_API_KEY)
        fputs("; handed on: the API key\n", stderr);
    else if (grant->expires_s != 0)
        fprintf(stderr, "; handed on: an API token, valid until %s\n", expires);
    else
        fputs("; handed on: an API token that never expires\n", stderr);
}

static enum zn_status run(const struct zc_options *options, struct zc_session *session,
                          struct zc_grant *grant, struct zn_error *error)
{
    struct zc_target target = {0};
    bool left_out = false;
    enum zc_hand_on hand_on = ZC_HAND_ON_DEFAULT;
    enum zn_status status = zc_target_choose(options->format, options->output,
                                             options->allow_secret_artifact, &target, error);

    if (status == ZN_OK)
        status = zc_session_open(options, session, error);
    if (status == ZN_OK)
        status = zc_grant_choose(options, session, ZC_HAND_ON_TOKEN, &hand_on, error);
    if (status == ZN_OK)
        status = zc_session_login(options, false, session, error);
    if (status == ZN_OK)
        status = zc_grant_obtain(options, session, hand_on, grant, error);
    if (status == ZN_OK)
        status = zc_target_write(&target, &grant->variables, &session->credential,
                                 &grant->token.secret, &left_out, error);
    if (status == ZN_OK)
        say_success(session, grant, left_out);
    return status;
}

int zc_env_run(const struct zc_options *options)
{
    struct zn_error error = {0};
    struct zc_session session = {0};
    struct zc_grant grant = {0};
    const enum zn_status status = run(options, &session, &grant, &error);

    zc_grant_clear(&grant);
    zc_session_close(&session);
    return status == ZN_OK ? 0 : zc_say_error(&error);
}
