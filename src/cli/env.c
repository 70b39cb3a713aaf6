/* SPDX-License-Identifier: Apache-2.0 */
#include "grant.h"
#include "output/platform.h"
#include "output/target.h"
#include "say.h"
#include "step.h"
#include "verbs.h"

static void warn_of_dangers(void)
{
    const struct zc_platform *here = zc_platform_find();
    size_t at = 0;

    for (const char *text; (text = zc_platform_danger(here, &at)) != NULL;)
        zc_say_warning(text);
}

static void say_how_to_map(const struct zc_variables *variables)
{
    for (size_t i = 0; i < variables->count; i++)
        if (variables->list[i].secret != ZN_CREDENTIAL_NONE)
            zc_say_note("a later step sees the credential only when it maps it: "
                        "env: { %s: $(%s) }",
                        variables->list[i].name, variables->list[i].name);
}

static void say_success(const struct zc_session *session, const struct zc_grant *grant,
                        const struct zc_target *target, bool left_out)
{
    char name[ZN_NAME_MAX + 1] = "";
    char expires[21] = "";
    const bool is_key = grant->kind == ZN_CREDENTIAL_API_KEY;
    const char *what = left_out ? "not handed on: the credential, since others can read the file"
                       : is_key ? "handed on: the API key"
                       : grant->expires_s == 0 ? "handed on: an API token that never expires"
                                               : "handed on: an API token, valid until ";

    zn_text_append_safe(name, sizeof(name), zn_span_of(session->proof.identity.name));
    if (!left_out && !is_key && grant->expires_s != 0)
        zc_format_time(grant->expires_s, expires);
    zc_say_done("logged in to %s as %s; %s%s", session->server.text, name, what, expires);
    if (target->format->maps_secrets)
        say_how_to_map(&grant->variables);
}

static enum zn_status write_all(const struct zc_session *session, const struct zc_grant *grant,
                                const struct zc_target *target, struct zc_step *step,
                                struct zn_error *error)
{
    const struct zc_secrets secrets = {&session->credential, &grant->token.secret};
    struct zc_output outputs = {0};
    bool left_out = false;
    enum zn_status status =
        zc_step_outputs(step, session, grant->kind, grant->expires_s, &outputs, error);

    if (status == ZN_OK)
        status = zc_target_write(target, &grant->variables, &secrets,
                                 outputs.channel == NULL ? NULL : &outputs, &left_out, error);
    if (status == ZN_OK)
        say_success(session, grant, target, left_out);
    return status;
}

static enum zn_status run(const struct zc_options *options, struct zc_session *session,
                          struct zc_grant *grant, struct zc_step *step, struct zn_error *error)
{
    struct zc_target target = {0};
    enum zc_hand_on hand_on = ZC_HAND_ON_DEFAULT;
    enum zn_status status = zc_step_open(options, step, error);

    if (status == ZN_OK)
        status = zc_target_choose(options->format, options->output, options->allow_secret_artifact,
                                  &target, error);
    if (status == ZN_OK)
        status = zc_session_open(options, session, error);
    if (status == ZN_OK)
        status = zc_grant_choose(options, session, ZC_HAND_ON_TOKEN, &hand_on, error);
    if (status == ZN_OK)
        status = zc_session_login(options, step->is_wanted, session, error);
    if (status == ZN_OK)
        status = zc_grant_obtain(options, session, hand_on, grant, error);
    if (status == ZN_OK)
        status = write_all(session, grant, &target, step, error);
    if (status == ZN_OK)
        zc_step_succeed(step, options, session, grant->kind, grant->expires_s);
    return status;
}

int zc_env_run(const struct zc_options *options)
{
    struct zn_error error = {0};
    struct zc_session session = {0};
    struct zc_grant grant = {0};
    struct zc_step step = {0};

    warn_of_dangers();
    const enum zn_status status = run(options, &session, &grant, &step, &error);
    const int code = zc_step_finish(&step, options, status, &error);
    if (code != 0)
        zc_target_fail(options->format, options->output, code);
    zc_step_close(&step);
    zc_grant_clear(&grant);
    zc_session_close(&session);
    return code;
}
