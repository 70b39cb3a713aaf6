/* SPDX-License-Identifier: Apache-2.0 */
#include "step.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/target.h"
#include "output/workflow_command.h"
#include "exit_code.h"
#include "say.h"

#define TEXT_MAX ((size_t)(16 * 1024))

/* --- outputs -------------------------------------------------------------------------------- */

static bool add_output(struct zn_buf *out, const char *name, const char *value)
{
    return zn_buf_append_text(out, name) && zn_buf_append_text(out, "=") &&
           zn_buf_append_text(out, value) && zn_buf_append_text(out, "\n");
}

enum zn_status zc_step_open(const struct zc_options *options, struct zc_step *step,
                            struct zn_error *error)
{
    const struct zc_format *format = NULL;
    const char *path = getenv("GITHUB_OUTPUT");

    zn_buf_init(&step->lines, TEXT_MAX);
    step->is_wanted = options->github_step;
    if (!step->is_wanted)
        return ZN_OK;
    if (zc_target_find_format(options->format, &format, error) != ZN_OK ||
        format != &zc_format_github)
        return zn_error_set(error, ZN_CONFIG, "--github-step needs the format github",
                            "leave out --github-step on other platforms");
    if (path == NULL || path[0] == '\0')
        return zn_error_set(error, ZN_CANNOT_WRITE,
                            "GITHUB_OUTPUT is not set, so there is no file for the step's outputs",
                            "--github-step works in a step of a GitHub workflow only");
    const struct zc_channel outputs = {.kind = ZC_CHANNEL_APPEND, .path = path};
    const enum zn_status status = zc_channel_check(&outputs, error);
    if (status == ZN_OK)
        step->outputs = outputs;
    return status;
}

void zc_step_close(struct zc_step *step)
{
    zn_buf_clear(&step->lines);
}

enum zn_status zc_step_outputs(struct zc_step *step, const struct zc_session *session,
                               enum zn_credential_kind kind, int64_t expires_s,
                               struct zc_output *ret, struct zn_error *error)
{
    const struct zn_proof *proof = &session->proof;
    char expires[21] = "";

    if (!step->is_wanted)
        return ZN_OK;
    if (expires_s != 0)
        zc_format_time(expires_s, expires);
    if (!add_output(&step->lines, "authenticated", "true") ||
        !add_output(&step->lines, "user", proof->identity.name) ||
        !add_output(&step->lines, "user-id", proof->identity.id) ||
        !add_output(&step->lines, "server-id", proof->info.id) ||
        !add_output(&step->lines, "server-version", proof->info.version) ||
        !add_output(&step->lines, "server-url", session->server.text) ||
        !add_output(&step->lines, "credential-kind", zn_credential_kind_name(kind)) ||
        !add_output(&step->lines, "expires-at", expires))
        return zn_error_no_memory(error);
    *ret = (struct zc_output){&step->outputs, zn_buf_span(&step->lines)};
    return ZN_OK;
}

/* What cannot be told here is told by the exit code and the annotation. */
static void write_refusal(struct zc_step *step)
{
    struct zn_error ignored = {0};

    if (step->outputs.path == NULL)
        return;
    zn_buf_clear(&step->lines);
    if (add_output(&step->lines, "authenticated", "false") &&
        zc_channel_write(&step->outputs, zn_buf_span(&step->lines), &ignored) != ZN_OK)
        zc_say_warning("the outputs of the step cannot be written");
}

/* --- the job summary ------------------------------------------------------------------------ */

/* Appends `text` so that Markdown shows it as it is: one safe line, punctuation escaped. */
static bool add_markdown(struct zn_buf *out, const char *text)
{
    char safe[ZN_URL_MAX + 1] = "";
    bool ok = true;

    zn_text_append_safe(safe, sizeof(safe), zn_span_of(text));
    for (const char *c = safe; ok && *c != '\0'; c++) {
        const bool special = ispunct((unsigned char)*c) && strchr(".,:;-/_'", *c) == NULL;
        ok = zn_buf_append_text(out, special ? "\\" : "") &&
             zn_buf_append(out, (struct zn_span){c, 1});
    }
    return ok;
}

static bool add_row(struct zn_buf *out, const char *name, const char *value, const char *more)
{
    return zn_buf_append_text(out, "| ") && zn_buf_append_text(out, name) &&
           zn_buf_append_text(out, " | ") && add_markdown(out, value) &&
           zn_buf_append_text(out, more[0] == '\0' ? "" : ", ") && add_markdown(out, more) &&
           zn_buf_append_text(out, " |\n");
}

/* Gone unnoticed when it cannot be written: a summary is not worth a failed step. */
static void append_summary(struct zn_buf *text)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    const struct zc_channel channel = {.kind = ZC_CHANNEL_APPEND, .path = path};
    struct zn_error ignored = {0};

    if (path != NULL && path[0] != '\0' &&
        zc_channel_write(&channel, zn_buf_span(text), &ignored) != ZN_OK)
        zc_say_note("the job summary cannot be written");
}

void zc_step_succeed(const struct zc_step *step, const struct zc_options *options,
                     const struct zc_session *session, enum zn_credential_kind kind,
                     int64_t expires_s)
{
    const struct zn_session *core = &session->core;
    const struct zn_proof *proof = &session->proof;
    const int64_t begin_ms = core->deadline_ms - options->timeout_ms;
    const char *kind_name = kind == ZN_CREDENTIAL_API_KEY ? "API key" : "API token";
    char expires[32] = "never expires";
    char taken[40] = "";
    struct zn_buf text;

    if (!step->is_wanted)
        return;
    if (expires_s != 0) {
        memcpy(expires, "until ", sizeof("until "));
        zc_format_time(expires_s, expires + strlen("until "));
    }
    snprintf(taken, sizeof(taken), "%lld ms",
             (long long)(core->clock.now_ms(core->clock.ctx) - begin_ms));
    zn_buf_init(&text, TEXT_MAX);
    if (zn_buf_append_text(&text, "### ZenML login\n\n| | |\n| :--- | :--- |\n") &&
        add_row(&text, "Server", session->server.text, proof->info.version) &&
        add_row(&text, "Account", proof->identity.name,
                proof->identity.is_service_account ? "service account" : "user") &&
        add_row(&text, "Credential", kind_name, kind == ZN_CREDENTIAL_API_KEY ? "" : expires) &&
        add_row(&text, "Time taken", taken, ""))
        append_summary(&text);
    zn_buf_clear(&text);
}

/* --- annotations ---------------------------------------------------------------------------- */

/* "::error title=...::cause. Fix: next step" on a line of its own. */
static void annotate(const char *command, const char *title, const struct zn_error *error)
{
    struct zn_error ignored = {0};
    const struct zc_channel log = {.kind = ZC_CHANNEL_STDOUT};
    struct zn_buf line;

    zn_buf_init(&line, TEXT_MAX);
    if (zn_buf_append_text(&line, command) && zn_buf_append_text(&line, " title=") &&
        zc_workflow_property(zn_span_of(title), &line) && zn_buf_append_text(&line, "::") &&
        zc_workflow_data(zn_span_of(error->detail), &line) &&
        zn_buf_append_text(&line, error->next[0] == '\0' ? "" : ". Fix: ") &&
        zc_workflow_data(zn_span_of(error->next), &line) && zn_buf_append_text(&line, "\n") &&
        zc_channel_write(&log, zn_buf_span(&line), &ignored) != ZN_OK)
        zc_say_error(&ignored);
    zn_buf_clear(&line);
}

static void summarise_failure(const char *title, const struct zn_error *error)
{
    struct zn_buf text;

    zn_buf_init(&text, TEXT_MAX);
    if (zn_buf_append_text(&text, "### ") && add_markdown(&text, title) &&
        zn_buf_append_text(&text, "\n\n") && add_markdown(&text, error->detail) &&
        zn_buf_append_text(&text, error->next[0] == '\0' ? "" : "\n\nFix: ") &&
        add_markdown(&text, error->next) && zn_buf_append_text(&text, "\n"))
        append_summary(&text);
    zn_buf_clear(&text);
}

static void report_failure(struct zc_step *step, const struct zn_error *error, int code)
{
    char title[96] = "ZenML login";

    for (const struct zc_exit_code *row = zc_exit_codes; row->meaning != NULL; row++)
        if (row->code == code)
            snprintf(title, sizeof(title), "ZenML login: %s", row->meaning);
    annotate("::error", title, error);
    summarise_failure(title, error);
    write_refusal(step);
}

/* Elsewhere, standard output may be read by a shell, to which a command of the runner is code. */
static bool is_heard(const struct zc_options *options)
{
    const struct zc_format *format = NULL;
    struct zn_error ignored = {0};

    return options->github_step &&
           zc_target_find_format(options->format, &format, &ignored) == ZN_OK &&
           format == &zc_format_github;
}

int zc_step_fail(struct zc_step *step, const struct zc_options *options, int code,
                 const struct zn_error *error)
{
    zc_say_error(error);
    if (is_heard(options))
        report_failure(step, error, code);
    return code;
}

int zc_step_finish(struct zc_step *step, const struct zc_options *options, enum zn_status status,
                   const struct zn_error *error)
{
    if (status == ZN_OK)
        return 0;
    if (status == ZN_MISSING && options->skip_if_missing) {
        zc_say_note("skipped: no credential was given, and --if-missing is skip");
        if (is_heard(options)) {
            annotate("::notice", "ZenML login skipped", error);
            write_refusal(step);
        }
        return 0;
    }
    return zc_step_fail(step, options, zc_exit_code_of(status), error);
}
