/* SPDX-License-Identifier: Apache-2.0 */
#include "output/target.h"
#include "output/written.h"
#include "say.h"
#include "verbs.h"

#define OUTPUT_MAX ((size_t)4096)

static enum zn_status choose(const struct zc_options *options, const struct zc_format **ret,
                             struct zc_channel *ret_channel, struct zn_error *error)
{
    enum zn_status status = zc_target_find_format(options->format, ret, error);

    if (status == ZN_OK && (*ret)->writer.undo == NULL) {
        zn_error_set(error, ZN_UNSUPPORTED, "clear cannot undo what env wrote as ",
                     (*ret)->on_undo);
        zn_error_add(error, (*ret)->name);
        return ZN_UNSUPPORTED;
    }
    if (status == ZN_OK)
        status = zc_target_find_channel(*ret, ret_channel, error);
    return status == ZN_OK ? zc_channel_check(ret_channel, error) : status;
}

/* Appends what undoes one variable, when it is as env wrote it. */
static bool undo(const struct zc_format *format, const char *name, struct zn_buf *out)
{
    const enum zc_written_state state = zc_written_look_up(name);
    const bool stays = !zc_writer_can_undo(&format->writer, name);

    if (state == ZC_NOT_WRITTEN)
        return true;
    if (state == ZC_WRITTEN_AND_PRESENT && !stays)
        return format->writer.undo(name, out);
    zc_say_note("%s stays: %s", name,
                stays ? "it cannot be taken away here, and the ZenML client fails when it is empty"
                      : "it was changed or removed since env wrote it");
    return true;
}

static bool undo_all(const struct zc_format *format, struct zn_buf *out)
{
    bool ok = true;

    for (size_t i = 0; ok && zc_variable_names[i] != NULL; i++)
        ok = undo(format, zc_variable_names[i], out);
    return ok && format->writer.undo(ZC_WRITTEN, out);
}

static enum zn_status run(const struct zc_options *options, struct zn_error *error)
{
    const struct zc_format *format = NULL;
    struct zc_channel channel = {0};
    struct zn_buf out;
    enum zn_status status = choose(options, &format, &channel, error);

    if (status != ZN_OK)
        return status;
    if (!zc_written_is_there()) {
        zc_say_note("nothing to clear: env has written nothing in this job");
        return ZN_OK;
    }
    zn_buf_init(&out, OUTPUT_MAX);
    if (undo_all(format, &out))
        status = zc_channel_write(&channel, zn_buf_span(&out), error);
    else
        status = zn_error_no_memory(error);
    zn_buf_clear(&out);
    if (status == ZN_OK)
        zc_say_done("cleared; a token stays valid until it expires");
    return status;
}

int zc_clear_run(const struct zc_options *options)
{
    struct zn_error error = {0};

    if (run(options, &error) == ZN_OK)
        return 0;
    const int code = zc_say_error(&error);
    zc_target_fail(options->format, NULL, code);
    return code;
}
