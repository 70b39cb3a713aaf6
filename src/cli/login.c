/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/device.h"
#include "core/qr.h"
#include "input/source.h"
#include "say.h"
#include "session.h"
#include "token_file.h"
#include "verbs.h"

#define QR_MAX      ((size_t)(128 * 1024))
#define LINES_BELOW ((size_t)7) /* a URL of several lines, what to do, and the cursor */

/* --- the terminal --------------------------------------------------------------------------- */

/* As setlocale(3) would decide, of which no more is needed here. */
static bool shows_blocks(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static size_t count_lines(struct zn_span text)
{
    size_t count = 0;

    while (text.len > 0) {
        zn_span_cut(&text, '\n');
        count++;
    }
    return count;
}

/* Only where somebody can hold a phone in front of all of it. */
static void show_qr(const char *url)
{
    struct winsize size = {0};
    struct zn_buf text;

    if (!isatty(STDERR_FILENO) || ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0)
        return;
    zn_buf_init(&text, QR_MAX);
    if (zn_qr_draw(url, size.ws_col, shows_blocks() ? ZN_QR_COLOURED : ZN_QR_LETTERS, &text) &&
        (size.ws_row == 0 || count_lines(zn_buf_span(&text)) + LINES_BELOW <= size.ws_row))
        fprintf(stderr, "%s\n", text.ptr);
    zn_buf_clear(&text);
}

/* --- the person ----------------------------------------------------------------------------- */

/* Where and how the person is reached. */
struct reach {
    bool trusted;
    bool draws;       /* a QR code, where one can be shown */
    bool listens;     /* Enter on standard input means "I have approved" */
    bool is_unheard;  /* nothing can be shown */
    sigset_t signals; /* that are blocked while nothing is waited for */
};

static bool show(void *ctx, const struct zn_device_grant *grant)
{
    struct reach *reach = ctx;

    fprintf(stderr, "Open this page in a browser, and approve the login%s:\n\n",
            reach->trusted ? " (tick \"trust this device\" there)" : "");
    if (reach->draws)
        show_qr(grant->url);
    fprintf(stderr, "    %s\n\n", grant->url); /* below, where it is not scrolled away */
    if (reach->listens)
        fputs("Press Enter once you have approved, or Ctrl-C to give up.\n", stderr);
    reach->is_unheard = ferror(stderr) != 0;
    return !reach->is_unheard;
}

/* A job in the background would be stopped for reading. */
static bool is_listening(const struct reach *reach)
{
    const pid_t foreground = tcgetpgrp(STDIN_FILENO); /* -1: of another session's terminal */

    return reach->listens && (foreground < 0 || foreground == getpgrp());
}

/* What is typed is of no interest, only that it is. */
static void swallow_line(struct reach *reach)
{
    char bytes[256];
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (got <= 0)
        reach->listens = false;
}

static bool wait_for_person(void *ctx, int64_t duration_ms)
{
    struct reach *reach = ctx;
    const struct zn_clock clock = zn_clock_system();
    const int64_t deadline_ms = clock.now_ms(clock.ctx) + duration_ms;

    sigprocmask(SIG_UNBLOCK, &reach->signals, NULL);
    if (!is_listening(reach))
        clock.sleep_ms(clock.ctx, duration_ms);
    else if (zn_wait_readable(STDIN_FILENO, deadline_ms) && is_listening(reach))
        swallow_line(reach);
    sigprocmask(SIG_BLOCK, &reach->signals, NULL);
    return true;
}

/* --- logging in ----------------------------------------------------------------------------- */

static enum zn_status open_session(const struct zc_options *options, struct zc_session *session,
                                   struct zn_error *error)
{
    const struct zn_http_curl_config config = {
        .ca_file = options->ca_file, .add_system_cas = options->ca_add, .pin = options->pin};
    const enum zn_status status = zc_source_server(options, &session->server, error);

    zc_session_begin(session, options->timeout_ms, options->verbose);
    if (status == ZN_OK)
        zc_session_warn(session);
    return status == ZN_OK ? zc_session_connect(session, config, error) : status;
}

/* What a token that nobody has any more leaves behind on the server; one that has ended: nothing.
 */
static enum zn_status end_on_server(const struct zc_session *session,
                                    const struct zc_stored_token *stored, struct zn_error *error)
{
    if (stored->device_id[0] == '\0')
        return zn_error_set(error, ZN_MISSING, "the server does not tell how to end it", NULL);
    return zn_device_delete(&session->core, &stored->token, stored->device_id, error);
}

/* The token of an earlier login would stay valid, and nobody would have it any more. */
static void end_earlier(const struct zc_session *session, const struct zc_stored_token *earlier)
{
    struct zn_error ignored = {0};

    if (zn_secret_is_empty(&earlier->token))
        return;
    const enum zn_status status = end_on_server(session, earlier, &ignored);
    if (status != ZN_OK && status != ZN_REJECTED)
        zc_say_warning("the token of the earlier login could not be ended on the server");
}

static void say_success(const struct zc_session *session)
{
    char name[ZN_NAME_MAX + 1] = "";
    char expires[21] = "";
    int64_t expires_s = 0;
    const struct zn_span token = zn_secret_reveal(&session->proof.access.secret);

    zn_text_append_safe(name, sizeof(name), zn_span_of(session->proof.identity.name));
    const bool ends = zn_jwt_expiry(token, &expires_s) && expires_s != 0;
    if (ends)
        zc_format_time(expires_s, expires);
    zc_say_done("logged in to %s as %s; %s%s", session->server.text, name,
                ends ? "valid until "
                     : "the token never expires: end it with zenml-login login --logout",
                expires);
}

/* What else there is wins over this login, or hides it. */
static void say_what_is_in_its_way(const struct zc_options *options)
{
    const char *url = getenv("ZENML_STORE_URL");
    struct zc_credentials other = {0};
    struct zn_error ignored = {0};

    (void)!zc_source_credential(options, &other, &ignored);
    if (!other.none)
        zc_say_warning("a credential is set here: the other commands take that, not this login");
    if (options->server != NULL && (url == NULL || url[0] == '\0'))
        zc_say_note("set ZENML_STORE_URL to this server for the other commands");
    zn_credential_clear(&other.first);
    zn_credential_clear(&other.second);
}

/* The new token takes the place of an earlier one, which is ended after that: one of them is kept.
 */
static enum zn_status keep(const struct zc_session *session, const struct zn_device_grant *grant,
                           struct zn_error *error)
{
    struct zc_stored_token earlier = {0};
    struct zc_stored_token stored = {0};
    struct zn_error ignored = {0};
    enum zn_status status = ZN_INTERNAL;

    /* One that others could read is among them; a file that holds none is replaced. */
    if (zc_token_file_read(&session->server, &earlier, &ignored) == ZN_INTERNAL)
        zc_say_warning("the token of the earlier login could not be ended on the server");
    memcpy(stored.device_id, grant->device_id, sizeof(stored.device_id));
    if (zn_secret_set(&stored.token, zn_secret_reveal(&session->proof.access.secret)))
        status = zc_token_file_write(&session->server, &stored, error);
    else
        zn_error_no_memory(error);
    if (status == ZN_OK)
        end_earlier(session, &earlier);
    else if (!zn_secret_is_empty(&stored.token) &&
             end_on_server(session, &stored, &ignored) != ZN_OK)
        zc_say_warning("the token could not be ended on the server");
    zc_stored_token_clear(&earlier);
    zc_stored_token_clear(&stored);
    return status;
}

/* Whoever gives up while a token is on its way would leave it on the server: not before it is kept.
 */
static void block_signals(struct reach *reach, sigset_t *ret_before)
{
    sigemptyset(&reach->signals);
    sigaddset(&reach->signals, SIGINT);
    sigaddset(&reach->signals, SIGTERM);
    sigaddset(&reach->signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &reach->signals, ret_before);
}

static enum zn_status log_in(const struct zc_options *options, struct zc_session *session,
                             struct zn_error *error)
{
    const struct zn_policy policy = {.account_type = ZN_ACCOUNT_PERSON,
                                     .expect_user = zn_span_of(options->expect_user),
                                     .expect_server_id = zn_span_of(options->expect_server_id)};
    struct reach reach = {
        .trusted = options->trusted, .draws = !options->quiet, .listens = isatty(STDIN_FILENO)};
    const struct zn_person person = {&reach, show, wait_for_person};
    struct zn_device_grant grant = {0};
    sigset_t before;
    enum zn_status status = zc_token_file_check(&session->server, error);

    block_signals(&reach, &before);
    if (status == ZN_OK)
        status = zn_device_login(&session->core, &policy, zn_span_of(session->server.text), &person,
                                 &grant, &session->proof, error);
    if (status == ZN_OK)
        status = keep(session, &grant, error);
    zn_device_grant_clear(&grant);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (reach.is_unheard)
        status = zn_error_set(error, ZN_CANNOT_WRITE, "the page to be opened cannot be shown",
                              "let standard error be a terminal, or a file");
    if (status == ZN_OK) {
        say_success(session);
        say_what_is_in_its_way(options);
    }
    return status;
}

/* --- logging out ---------------------------------------------------------------------------- */

/* Another login may have come between: its token is not the one that has been ended. */
static enum zn_status remove_file(const struct zc_session *session,
                                  const struct zc_stored_token *ended, struct zn_error *error)
{
    struct zc_stored_token now = {0};
    struct zn_error ignored = {0};
    const enum zn_status status = zc_token_file_read(&session->server, &now, &ignored);
    const bool is_other = status == ZN_OK && !zn_span_equal(zn_secret_reveal(&now.token),
                                                            zn_secret_reveal(&ended->token));

    zc_stored_token_clear(&now);
    if (is_other)
        return zn_error_set(error, ZN_CANNOT_WRITE, "somebody has logged in meanwhile",
                            "log out once more to end that login, too");
    return zc_token_file_remove(&session->server, error);
}

static enum zn_status log_out(const struct zc_session *session, struct zn_error *error)
{
    struct zc_stored_token stored = {0};
    enum zn_status status = zc_token_file_read(&session->server, &stored, error);

    if (status == ZN_MISSING) {
        zc_say_note("there is no login for %s", session->server.text);
        return ZN_OK;
    }
    if (!zn_secret_is_empty(&stored.token)) /* also one that others could read */
        status = end_on_server(session, &stored, error);
    if (status == ZN_REJECTED)
        zc_say_note("the token was not valid any more");
    else if (status == ZN_MISSING)
        zc_say_warning(
            "the token stays valid until it expires: the server does not tell its device");
    else if (status == ZN_FORBIDDEN)
        zc_say_warning(
            "the token stays valid until it expires: the server does not let its account end it");
    if (status == ZN_OK || status == ZN_REJECTED || status == ZN_MISSING || status == ZN_FORBIDDEN)
        status = remove_file(session, &stored, error);
    if (status == ZN_OK)
        zc_say_done("logged out of %s", session->server.text);
    zc_stored_token_clear(&stored);
    return status;
}

int zc_login_run(const struct zc_options *options)
{
    struct zn_error error = {0};
    struct zc_session session = {0};
    enum zn_status status = open_session(options, &session, &error);

    if (status == ZN_OK)
        status = options->logout ? log_out(&session, &error) : log_in(options, &session, &error);
    zc_session_close(&session);
    return status == ZN_OK ? 0 : zc_say_error(&error);
}
