/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/json.h"
#include "output/channel.h"
#include "exit_code.h"
#include "say.h"
#include "session.h"
#include "step.h"
#include "verbs.h"

#define OUTPUT_MAX ((size_t)(16 * 1024))

static const struct zc_channel standard_output = {.kind = ZC_CHANNEL_STDOUT};

/* --- text ----------------------------------------------------------------------------------- */

static bool add_line(struct zn_buf *out, const char *name, const char *value)
{
    char safe[ZN_URL_MAX + 1] = "";

    zn_text_append_safe(safe, sizeof(safe), zn_span_of(value));
    return value[0] == '\0' || (zn_buf_append_text(out, name) && zn_buf_append_text(out, ": ") &&
                                zn_buf_append_text(out, safe) && zn_buf_append_text(out, "\n"));
}

static bool format_text(const struct zc_session *session, struct zn_buf *out)
{
    const struct zn_identity *account = &session->proof.identity;
    const struct zn_credential *credential = &session->credential;
    const bool token = credential->kind == ZN_CREDENTIAL_API_TOKEN;
    char expires[21] = "never";

    if (credential->expires_s != 0)
        zc_format_time(credential->expires_s, expires);
    return zn_buf_append_text(out, "server: ") && zn_buf_append_text(out, session->server.text) &&
           zn_buf_append_text(out, "\n") && add_line(out, "server id", session->proof.info.id) &&
           add_line(out, "server version", session->proof.info.version) &&
           add_line(out, "account", account->name) && add_line(out, "account id", account->id) &&
           add_line(out, "kind", account->is_service_account ? "service account" : "user") &&
           add_line(out, "credential", token ? "API token" : "API key") &&
           add_line(out, "key id", credential->key_id) &&
           add_line(out, "expires", token ? expires : "");
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* Appends `name`, a key with its punctuation, and `value` as a string; null when it is empty. */
static bool add_member(struct zn_buf *out, const char *name, const char *value)
{
    return zn_buf_append_text(out, name) &&
           (value[0] == '\0' ? zn_buf_append_text(out, "null")
                             : zn_json_write_string(out, zn_span_of(value)));
}

static bool format_json(const struct zc_session *session, struct zn_buf *out)
{
    const struct zn_identity *account = &session->proof.identity;
    const struct zn_credential *credential = &session->credential;
    char expires[21] = "";

    if (credential->expires_s != 0)
        zc_format_time(credential->expires_s, expires);
    return add_member(out, "{\"ok\":true,\"server\":{\"url\":", session->server.text) &&
           add_member(out, ",\"id\":", session->proof.info.id) &&
           add_member(out, ",\"version\":", session->proof.info.version) &&
           add_member(out, "},\"account\":{\"id\":", account->id) &&
           add_member(out, ",\"name\":", account->name) &&
           add_member(out,
                      ",\"kind\":", account->is_service_account ? "service_account" : "user") &&
           add_member(out,
                      "},\"credential\":{\"kind\":", zn_credential_kind_name(credential->kind)) &&
           add_member(out, ",\"key_id\":", credential->key_id) &&
           add_member(out, ",\"expires_at\":", expires) && zn_buf_append_text(out, "}}\n");
}

static bool format_json_error(const struct zn_error *error, struct zn_buf *out)
{
    return add_member(out, "{\"ok\":false,\"error\":{\"status\":", zn_status_name(error->status)) &&
           zn_buf_append_text(out, ",\"exit_code\":") &&
           zn_buf_append_number(out, zc_exit_code_of(error->status)) &&
           zn_buf_append_text(out, ",\"http_status\":") &&
           (error->http_status == 0 ? zn_buf_append_text(out, "null")
                                    : zn_buf_append_number(out, error->http_status)) &&
           add_member(out, ",\"detail\":", error->detail) &&
           add_member(out, ",\"next\":", error->next) && zn_buf_append_text(out, "}}\n");
}

/* --- the command ---------------------------------------------------------------------------- */

static enum zn_status print_account(const struct zc_options *options,
                                    const struct zc_session *session, struct zn_error *error)
{
    struct zn_buf out;
    enum zn_status status = ZN_INTERNAL;

    zn_buf_init(&out, OUTPUT_MAX);
    if (options->json ? format_json(session, &out) : format_text(session, &out))
        status = zc_channel_write(&standard_output, zn_buf_span(&out), error);
    else
        zn_error_no_memory(error);
    zn_buf_clear(&out);
    return status;
}

/* A program reads standard output, a person standard error: both get to know. */
static void print_json_error(const struct zn_error *error)
{
    struct zn_error ignored = {0};
    struct zn_buf out;

    zn_buf_init(&out, OUTPUT_MAX);
    if (format_json_error(error, &out) &&
        zc_channel_write(&standard_output, zn_buf_span(&out), &ignored) != ZN_OK)
        zc_say_error(&ignored);
    zn_buf_clear(&out);
}

/* True when --min-ttl asks for more than is left; `error` says so. */
static bool ends_soon(const struct zc_options *options, const struct zc_session *session,
                      struct zn_error *error)
{
    const struct zn_clock *clock = &session->core.clock;
    const int64_t expires_s = session->credential.expires_s;
    char expires[21] = "";

    if (options->min_ttl_s == 0 || expires_s == 0 ||
        expires_s - clock->wall_s(clock->ctx) >= options->min_ttl_s)
        return false;
    zc_format_time(expires_s, expires);
    zn_error_set(error, ZN_CONFIG, "the credential ends too soon, at ",
                 "log in again, or make a new API token");
    zn_error_add(error, expires);
    return true;
}

static enum zn_status report(const struct zc_options *options, const struct zc_session *session,
                             struct zc_step *step, struct zn_error *error)
{
    const struct zn_credential *credential = &session->credential;
    struct zc_output outputs = {0};
    enum zn_status status =
        zc_step_outputs(step, session, credential->kind, credential->expires_s, &outputs, error);

    if (status == ZN_OK && outputs.channel != NULL)
        status = zc_channel_write(outputs.channel, outputs.bytes, error);
    if (status == ZN_OK)
        zc_step_succeed(step, options, session, credential->kind, credential->expires_s);
    return status;
}

static enum zn_status run(const struct zc_options *options, struct zc_session *session,
                          struct zc_step *step, struct zn_error *error)
{
    const bool want_info = options->json || options->github_step;
    enum zn_status status = zc_step_open(options, step, error);

    if (status == ZN_OK)
        status = zc_session_open(options, session, error);
    if (status == ZN_OK)
        status = zc_session_login(options, want_info, session, error);
    if (status == ZN_OK)
        status = print_account(options, session, error);
    return status;
}

int zc_whoami_run(const struct zc_options *options)
{
    struct zn_error error = {0};
    struct zc_session session = {0};
    struct zc_step step = {0};
    enum zn_status status = run(options, &session, &step, &error);
    /* The account has been printed: a monitor wants to know which one it is. */
    const bool is_short = status == ZN_OK && ends_soon(options, &session, &error);
    int code = ZC_EXIT_ENDS_SOON;

    if (status == ZN_OK && !is_short)
        status = report(options, &session, &step, &error);
    zc_session_close(&session);
    if (status != ZN_OK && options->json && status != ZN_CANNOT_WRITE)
        print_json_error(&error);
    if (is_short)
        zc_step_fail(&step, options, code, &error);
    else
        code = zc_step_finish(&step, options, status, &error);
    zc_step_close(&step);
    return code;
}
