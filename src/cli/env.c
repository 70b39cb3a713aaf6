/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "format.h"
#include "mask.h"
#include "say.h"
#include "verbs.h"

#define OUTPUT_MAX ((size_t)(128 * 1024))

/* Where and how the variables are written. */
struct target {
    const struct zc_format *format;
    const struct zc_writer *writer;
    struct zc_channel channel;
};

/* --- choosing the target, before anything is sent ------------------------------------------- */

static enum zn_status choose_channel(const struct zc_options *options,
                                     const struct zc_format *format, struct zc_channel *ret,
                                     struct zn_error *error)
{
    if (options->output != NULL && strcmp(options->output, "-") != 0) {
        *ret = (struct zc_channel){format->appends ? ZC_CHANNEL_APPEND : ZC_CHANNEL_REPLACE,
                                   options->output};
        return ZN_OK;
    }
    if (options->output != NULL || format->file_variable == NULL) {
        *ret = (struct zc_channel){ZC_CHANNEL_STDOUT, NULL};
        return ZN_OK;
    }
    const char *path = getenv(format->file_variable);
    if (path == NULL || path[0] == '\0') {
        zn_error_set(error, ZN_CANNOT_WRITE, format->file_variable,
                     "pass this variable and the file it names into the container or step");
        zn_error_add(error, " is not set, so there is no file to write to");
        return ZN_CANNOT_WRITE;
    }
    *ret = (struct zc_channel){ZC_CHANNEL_APPEND, path};
    return ZN_OK;
}

static enum zn_status choose_target(const struct zc_options *options, struct target *ret,
                                    struct zn_error *error)
{
    enum zn_status status = zc_format_find(options->format, &ret->format, error);

    if (status == ZN_OK)
        status = choose_channel(options, ret->format, &ret->channel, error);
    if (status != ZN_OK)
        return status;
    const bool to_file = ret->channel.kind != ZC_CHANNEL_STDOUT;
    const bool differs = to_file && ret->format->output_writer.encode != NULL;
    ret->writer = differs ? &ret->format->output_writer : &ret->format->writer;
    if ((!to_file || ret->format->mask_command != NULL) && isatty(STDOUT_FILENO))
        return zn_error_set(error, ZN_CONFIG,
                            "standard output is a terminal: it would show secrets",
                            "redirect it, or give --output FILE");
    if (options->allow_secret_artifact && !ret->writer->is_artifact)
        return zn_error_set(error, ZN_CONFIG,
                            "--allow-secret-artifact is for --format gitlab --output", NULL);
    return zc_channel_check(&ret->channel, error);
}

/* --- writing -------------------------------------------------------------------------------- */

/* An artifact gets secrets only when asked for, and an API key never. */
static struct zc_variables select_variables(const struct zc_options *options,
                                            const struct target *target,
                                            const struct zc_grant *grant)
{
    const bool secrets = !target->writer->is_artifact ||
                         (options->allow_secret_artifact && grant->kind == ZN_CREDENTIAL_API_TOKEN);
    struct zc_variables selected = {0};

    for (size_t i = 0; i < grant->variables.count; i++) {
        const struct zc_variable *variable = &grant->variables.list[i];
        if (secrets || !variable->is_secret)
            selected.list[selected.count++] = *variable;
    }
    if (selected.count < grant->variables.count)
        zc_say_note("the credential is left out: whoever may download artifacts could read it");
    return selected;
}

static enum zn_status encode(const struct target *target, const struct zc_variables *variables,
                             struct zn_buf *out, struct zn_error *error)
{
    for (size_t i = 0; i < variables->count; i++) {
        if (target->writer->can_hold(variables->list[i].value))
            continue;
        zn_error_set(error, ZN_UNSUPPORTED, "the value of ",
                     "give it a value without such characters");
        zn_error_add(error, variables->list[i].name);
        zn_error_add(error, " has characters that are not safe in format ");
        zn_error_add(error, target->format->name);
        return ZN_UNSUPPORTED;
    }
    if (target->writer->encode(variables, out))
        return ZN_OK;
    if (out->state == ZN_BUF_OVER_CAP)
        return zn_error_set(error, ZN_UNSUPPORTED, "the variables are too large for this format",
                            NULL);
    return zn_error_no_memory(error);
}

static enum zn_status print_masks(const struct target *target, const struct zc_session *session,
                                  const struct zc_grant *grant, struct zn_error *error)
{
    const struct zc_channel log = {ZC_CHANNEL_STDOUT, NULL};
    const char *command = target->format->mask_command;
    enum zn_status status = ZN_OK;
    struct zn_buf lines;

    if (command == NULL)
        return ZN_OK;
    zn_buf_init(&lines, OUTPUT_MAX);
    if (zc_mask_credential(&session->credential, command, &lines) &&
        zc_mask_secret(zn_secret_reveal(&grant->token.secret), command, &lines))
        status = zc_channel_write(&log, zn_buf_span(&lines), error);
    else
        status = zn_error_no_memory(error);
    zn_buf_clear(&lines);
    return status;
}

/* Masks first: once the file is written, any later step may print what is in it. */
static enum zn_status write_variables(const struct zc_options *options, const struct target *target,
                                      const struct zc_session *session,
                                      const struct zc_grant *grant, struct zn_error *error)
{
    const struct zc_variables variables = select_variables(options, target, grant);
    struct zn_buf text;

    zn_buf_init(&text, target->writer->cap != 0 ? target->writer->cap : OUTPUT_MAX);
    enum zn_status status = encode(target, &variables, &text, error);
    if (status == ZN_OK)
        status = print_masks(target, session, grant, error);
    if (status == ZN_OK)
        status = zc_channel_write(&target->channel, zn_buf_span(&text), error);
    zn_buf_clear(&text);
    return status;
}

/* --- the command ---------------------------------------------------------------------------- */

static void say_success(const struct zc_session *session, const struct zc_grant *grant)
{
    char name[ZN_NAME_MAX + 1] = "";
    char expires[21] = "";
    const bool token = grant->kind == ZN_CREDENTIAL_API_TOKEN;

    zn_text_append_safe(name, sizeof(name), zn_span_of(session->proof.identity.name));
    if (grant->expires_s != 0)
        zc_format_time(grant->expires_s, expires);
    fprintf(stderr, "zenml-login: logged in to %s as %s; handed on: API %s%s%s\n",
            session->server.text, name, token ? "token" : "key",
            !token                  ? ""
            : grant->expires_s != 0 ? ", valid until "
                                    : ", never expires",
            expires);
}

static enum zn_status run(const struct zc_options *options, struct zc_session *session,
                          struct zc_grant *grant, struct zn_error *error)
{
    struct target target = {0};
    enum zc_hand_on hand_on = ZC_HAND_ON_DEFAULT;
    enum zn_status status = choose_target(options, &target, error);

    if (status == ZN_OK)
        status = zc_session_open(options, session, error);
    if (status == ZN_OK)
        status = zc_grant_choose(options, session, ZC_HAND_ON_TOKEN, &hand_on, error);
    if (status == ZN_OK)
        status = zc_session_login(options, false, session, error);
    if (status == ZN_OK)
        status = zc_grant_obtain(options, session, hand_on, grant, error);
    if (status == ZN_OK)
        status = write_variables(options, &target, session, grant, error);
    if (status == ZN_OK)
        say_success(session, grant);
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
