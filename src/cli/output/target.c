/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mask.h"
#include "platform.h"
#include "written.h"

#define OUTPUT_MAX ((size_t)(128 * 1024))
#define NOTE_MAX   ((size_t)1024)

/* --- choosing ------------------------------------------------------------------------------- */

enum zn_status zc_target_find_format(const char *name, const struct zc_format **ret,
                                     struct zn_error *error)
{
    const struct zc_platform *here = zc_platform_find();

    if (name != NULL)
        return zc_format_find(name, ret, error);
    if (here == NULL)
        return zn_error_set(error, ZN_UNSUPPORTED, "no CI platform was recognized",
                            "zenml-login exec -- COMMAND runs one command; for this shell: "
                            "eval \"$(zenml-login env --format shell)\"; or give --format");
    *ret = here->format;
    return ZN_OK;
}

static bool is_file(const char *output)
{
    return output != NULL && strcmp(output, "-") != 0;
}

enum zn_status zc_target_find_channel(const struct zc_format *format, struct zc_channel *ret,
                                      struct zn_error *error)
{
    if (format->file_variable == NULL) {
        *ret = (struct zc_channel){.kind = ZC_CHANNEL_STDOUT};
        return ZN_OK;
    }
    const char *path = getenv(format->file_variable);
    if (path == NULL || path[0] == '\0') {
        zn_error_set(error, ZN_CANNOT_WRITE, format->file_variable,
                     "pass this variable and the file it names into the container or step");
        zn_error_add(error, " is not set, so there is no file to write to");
        return ZN_CANNOT_WRITE;
    }
    *ret = (struct zc_channel){ZC_CHANNEL_APPEND, path, format->creates};
    return ZN_OK;
}

static enum zn_status choose_channel(const struct zc_format *format, const char *output,
                                     struct zc_channel *ret, struct zn_error *error)
{
    if (output == NULL)
        return zc_target_find_channel(format, ret, error);
    if (!is_file(output)) {
        *ret = (struct zc_channel){.kind = ZC_CHANNEL_STDOUT};
        return ZN_OK;
    }
    if (format->output_rule == ZC_OUTPUT_REFUSED) {
        zn_error_set(error, ZN_CONFIG, "--output does not go with --format ",
                     "leave out --output: the runner reads the log");
        zn_error_add(error, format->name);
        return ZN_CONFIG;
    }
    const bool appends = format->output_rule == ZC_OUTPUT_APPENDS;
    *ret = (struct zc_channel){appends ? ZC_CHANNEL_APPEND : ZC_CHANNEL_REPLACE, output,
                               format->creates};
    return ZN_OK;
}

/* act and act_runner give every step a terminal, and still it is them who read what we print. */
static bool runner_reads_stdout(const struct zc_format *format, const char *output)
{
    const struct zc_platform *here = zc_platform_find();

    return format->mask != NULL && output == NULL && here != NULL && here->format == format;
}

enum zn_status zc_target_choose(const char *format, const char *output, bool secret_artifact,
                                struct zc_target *ret, struct zn_error *error)
{
    struct zc_target target = {.secret_artifact = secret_artifact};
    enum zn_status status = zc_target_find_format(format, &target.format, error);

    if (status == ZN_OK)
        status = choose_channel(target.format, output, &target.channel, error);
    if (status != ZN_OK)
        return status;
    const bool to_file = target.channel.kind != ZC_CHANNEL_STDOUT;
    const bool differs = is_file(output) && target.format->output_writer.encode != NULL;
    target.writer = differs ? &target.format->output_writer : &target.format->writer;
    if ((!to_file || target.format->mask != NULL) && isatty(STDOUT_FILENO) &&
        !runner_reads_stdout(target.format, output))
        return zn_error_set(error, ZN_CONFIG,
                            "standard output is a terminal: it would show secrets",
                            "redirect it, give --output FILE, or: "
                            "eval \"$(zenml-login env --format shell)\"");
    if (secret_artifact && !target.writer->is_artifact)
        return zn_error_set(error, ZN_CONFIG,
                            "--allow-secret-artifact is for --output with --format gitlab or "
                            "bitbucket",
                            NULL);
    status = zc_channel_check(&target.channel, error);
    if (status == ZN_OK)
        *ret = target;
    return status;
}

static bool is_evaluated(const char *format, const char *output)
{
    const struct zc_format *found = NULL;
    struct zn_error ignored = {0};

    if (is_file(output) || isatty(STDOUT_FILENO))
        return false;
    if (zc_target_find_format(format, &found, &ignored) != ZN_OK)
        return true; /* who reads it is not known: this line is no value to anybody */
    return found->writer.is_shell && (output != NULL || found->file_variable == NULL);
}

void zc_target_fail(const char *format, const char *output, int code)
{
    if (is_evaluated(format, output))
        printf("(exit %d)\n", code);
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

/* The note, for those who can undo what they read. */
static enum zn_status add_note(const struct zc_target *target, struct zc_variables *variables,
                               struct zn_buf *note, struct zn_error *error)
{
    if (target->writer->undo == NULL)
        return ZN_OK;
    if (!zc_written_encode(variables, note))
        return zn_error_no_memory(error);
    variables->list[variables->count++] =
        (struct zc_variable){ZC_WRITTEN, zn_buf_span(note), ZN_CREDENTIAL_NONE};
    return ZN_OK;
}

static bool has(const struct zc_variables *variables, const char *name)
{
    for (size_t i = 0; i < variables->count; i++)
        if (strcmp(variables->list[i].name, name) == 0)
            return true;
    return false;
}

/*
 * True when `name` must not be what later steps find: an earlier login of this job wrote it, or it
 * is the other credential, for which the ZenML client would drop the one that is written.
 */
static bool is_stale(const char *name)
{
    const char *value = getenv(name);
    const bool is_credential =
        strcmp(name, "ZENML_STORE_API_KEY") == 0 || strcmp(name, "ZENML_STORE_API_TOKEN") == 0;

    return zc_written_look_up(name) == ZC_WRITTEN_AND_PRESENT ||
           (is_credential && value != NULL && value[0] != '\0');
}

/* Undoes what is stale and not written anew. */
static bool encode_undoing(const struct zc_writer *writer, const struct zc_variables *variables,
                           struct zn_buf *out)
{
    bool ok = writer->encode(variables, out);

    for (size_t i = 0; ok && zc_variable_names[i] != NULL; i++) {
        const char *name = zc_variable_names[i];
        if (zc_writer_can_undo(writer, name) && !has(variables, name) && is_stale(name))
            ok = writer->undo(name, out);
    }
    return ok;
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
    if (encode_undoing(target->writer, variables, out))
        return ZN_OK;
    if (out->state == ZN_BUF_OVER_CAP)
        return zn_error_set(error, ZN_UNSUPPORTED, "the variables are too large for this format",
                            NULL);
    return zn_error_no_memory(error);
}

static enum zn_status print_masks(const struct zc_target *target, const struct zc_secrets *secrets,
                                  struct zn_error *error)
{
    const struct zc_channel log = {.kind = ZC_CHANNEL_STDOUT};
    enum zn_status status = ZN_OK;
    struct zn_buf lines;

    if (target->format->mask == NULL)
        return ZN_OK;
    zn_buf_init(&lines, OUTPUT_MAX);
    if (zc_mask_credential(secrets->credential, target->format->mask, &lines) &&
        zc_mask_secret(zn_secret_reveal(secrets->token), target->format->mask, &lines))
        status = zc_channel_write(&log, zn_buf_span(&lines), error);
    else
        status = zn_error_no_memory(error);
    zn_buf_clear(&lines);
    return status;
}

static enum zn_status deliver(const struct zc_target *target, struct zn_span text,
                              const struct zc_output *beside, struct zn_error *error)
{
    if (beside == NULL)
        return zc_channel_write(&target->channel, text, error);
    /* The variables last: a later step finds them only when all the rest is there. */
    const struct zc_output outputs[] = {*beside, {&target->channel, text}};
    return zc_channel_append_all(outputs, 2, error);
}

/* Masks first: once the file is written, any later step may print what is in it. */
enum zn_status zc_target_write(const struct zc_target *target, const struct zc_variables *variables,
                               const struct zc_secrets *secrets, const struct zc_output *beside,
                               bool *ret_left_out, struct zn_error *error)
{
    struct zc_variables selected = select_variables(target, variables);
    const bool left_out = selected.count < variables->count;
    struct zn_buf note;
    struct zn_buf text;

    zn_buf_init(&note, NOTE_MAX);
    zn_buf_init(&text, target->writer->cap != 0 ? target->writer->cap : OUTPUT_MAX);
    enum zn_status status = add_note(target, &selected, &note, error);
    if (status == ZN_OK)
        status = encode(target, &selected, &text, error);
    if (status == ZN_OK)
        status = print_masks(target, secrets, error);
    if (status == ZN_OK)
        status = deliver(target, zn_buf_span(&text), beside, error);
    zn_buf_clear(&note);
    zn_buf_clear(&text);
    if (status == ZN_OK)
        *ret_left_out = left_out;
    return status;
}
