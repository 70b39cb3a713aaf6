/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mask.h"

#define OUTPUT_MAX ((size_t)(128 * 1024))

/* --- choosing ------------------------------------------------------------------------------- */

static enum zn_status choose_channel(const struct zc_format *format, const char *output,
                                     struct zc_channel *ret, struct zn_error *error)
{
    if (output != NULL && strcmp(output, "-") != 0) {
        *ret =
            (struct zc_channel){format->appends ? ZC_CHANNEL_APPEND : ZC_CHANNEL_REPLACE, output};
        return ZN_OK;
    }
    if (output != NULL || format->file_variable == NULL) {
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

enum zn_status zc_target_choose(const char *format, const char *output, bool secret_artifact,
                                struct zc_target *ret, struct zn_error *error)
{
    struct zc_target target = {.secret_artifact = secret_artifact};
    enum zn_status status = zc_format_find(format, &target.format, error);

    if (status == ZN_OK)
        status = choose_channel(target.format, output, &target.channel, error);
    if (status != ZN_OK)
        return status;
    const bool to_file = target.channel.kind != ZC_CHANNEL_STDOUT;
    const bool differs = to_file && target.format->output_writer.encode != NULL;
    target.writer = differs ? &target.format->output_writer : &target.format->writer;
    if ((!to_file || target.format->mask != NULL) && isatty(STDOUT_FILENO))
        return zn_error_set(error, ZN_CONFIG,
                            "standard output is a terminal: it would show secrets",
                            "redirect it, or give --output FILE");
    if (secret_artifact && !target.writer->is_artifact)
        return zn_error_set(error, ZN_CONFIG,
                            "--allow-secret-artifact is for --format gitlab --output", NULL);
    status = zc_channel_check(&target.channel, error);
    if (status == ZN_OK)
        *ret = target;
    return status;
}

/* --- writing -------------------------------------------------------------------------------- */

/* An artifact gets an API token only when asked for, and an API key never. */
static bool may_hold(const struct zc_target *target, const struct zc_variable *variable)
{
    return !target->writer->is_artifact || variable->secret == ZN_CREDENTIAL_NONE ||
           (variable->secret == ZN_CREDENTIAL_API_TOKEN && target->secret_artifact);
}

static struct zc_variables select_variables(const struct zc_target *target,
                                            const struct zc_variables *variables)
{
    struct zc_variables selected = {0};

    for (size_t i = 0; i < variables->count; i++)
        if (may_hold(target, &variables->list[i]))
            selected.list[selected.count++] = variables->list[i];
    return selected;
}

static enum zn_status encode(const struct zc_target *target, const struct zc_variables *variables,
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

static enum zn_status print_masks(const struct zc_target *target,
                                  const struct zn_credential *credential,
                                  const struct zn_secret *token, struct zn_error *error)
{
    const struct zc_channel log = {ZC_CHANNEL_STDOUT, NULL};
    enum zn_status status = ZN_OK;
    struct zn_buf lines;

    if (target->format->mask == NULL)
        return ZN_OK;
    zn_buf_init(&lines, OUTPUT_MAX);
    if (zc_mask_credential(credential, target->format->mask, &lines) &&
        zc_mask_secret(zn_secret_reveal(token), target->format->mask, &lines))
        status = zc_channel_write(&log, zn_buf_span(&lines), error);
    else
        status = zn_error_no_memory(error);
    zn_buf_clear(&lines);
    return status;
}

/* Masks first: once the file is written, any later step may print what is in it. */
enum zn_status zc_target_write(const struct zc_target *target, const struct zc_variables *variables,
                               const struct zn_credential *credential,
                               const struct zn_secret *token, bool *ret_left_out,
                               struct zn_error *error)
{
    const struct zc_variables selected = select_variables(target, variables);
    struct zn_buf text;

    zn_buf_init(&text, target->writer->cap != 0 ? target->writer->cap : OUTPUT_MAX);
    enum zn_status status = encode(target, &selected, &text, error);
    if (status == ZN_OK)
        status = print_masks(target, credential, token, error);
    if (status == ZN_OK)
        status = zc_channel_write(&target->channel, zn_buf_span(&text), error);
    zn_buf_clear(&text);
    if (status == ZN_OK)
        *ret_left_out = selected.count < variables->count;
    return status;
}
