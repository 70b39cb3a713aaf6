/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_server.h"

#include <stdio.h>

#include "check.h"

static void log_request(struct fake_server *server, const struct zn_request *request)
{
    const size_t used = strlen(server->log);
    const struct zn_span bearer =
        request->bearer != NULL ? zn_secret_reveal(request->bearer) : (struct zn_span){0};

    snprintf(server->log + used, sizeof(server->log) - used, "%s %s%s%s%s%.*s%s\n",
             zn_method_name(request->method), request->path.ptr, request->body.len > 0 ? " " : "",
             request->body.len > 0 ? request->body.ptr : "", request->bearer != NULL ? " <" : "",
             (int)bearer.len, bearer.len > 0 ? bearer.ptr : "", request->bearer != NULL ? ">" : "");
}

static enum zn_status perform(void *ctx, const struct zn_request *request, int64_t timeout_ms,
                              struct zn_reply *reply, bool *ret_retry, struct zn_error *error)
{
    struct fake_server *server = ctx;
    char line[1024];

    snprintf(line, sizeof(line), "%s %s", zn_method_name(request->method), request->path.ptr);
    log_request(server, request);
    if (server->requests >= server->step_count)
        fail_msg("one request too many: %s", line);
    assert_true(server->requests < FAKE_REQUESTS_MAX);
    server->asked_ms[server->requests] = server->now_ms;
    server->timeouts_ms[server->requests] = timeout_ms;
    const struct fake_step *step = &server->steps[server->requests++];
    assert_string_equal(line, step->request);
    assert_true(timeout_ms > 0);
    if (!server->has_own_limits)
        assert_in_range(timeout_ms, server->deadline_ms - server->now_ms,
                        server->deadline_ms - server->now_ms + server->tick_ms);
    assert_true(reply->status == 0 && reply->body.len == 0 && reply->retry_after_s == -1);

    server->now_ms += step->takes_ms;
    if (step->http_status == 0) {
        *ret_retry = step->never_sent;
        return zn_error_set(error, step->failure, "the transport says why", NULL);
    }
    reply->status = step->http_status;
    if (step->body != NULL)
        zn_reply_take_header(reply, ZN_SPAN("Content-Type: application/json"));
    if (step->header != NULL)
        zn_reply_take_header(reply, zn_span_of(step->header));
    if (step->body != NULL && !zn_buf_append_text(&reply->body, step->body))
        return zn_error_no_memory(error);
    return ZN_OK;
}

static int64_t now_ms(void *ctx)
{
    struct fake_server *server = ctx;
    const int64_t now = server->now_ms;

    server->now_ms += server->tick_ms;
    return now;
}

static int64_t wall_s(void *ctx)
{
    const struct fake_server *server = ctx;
    return server->wall_s;
}

static void sleep_ms(void *ctx, int64_t duration_ms)
{
    struct fake_server *server = ctx;

    assert_true(duration_ms > 0);
    assert_true(server->sleeps < FAKE_SLEEPS_MAX);
    server->sleeps_ms[server->sleeps++] = duration_ms;
    server->now_ms += duration_ms;
}

static uint32_t jitter(void *ctx, uint32_t bound)
{
    const struct fake_server *server = ctx;
    return server->high_jitter ? bound - 1 : 0;
}

static void take_trace(void *ctx, const struct zn_trace *trace)
{
    struct fake_server *server = ctx;
    const size_t used = strlen(server->trace);

    snprintf(server->trace + used, sizeof(server->trace) - used, "%s %s -> %d %lld %lld\n",
             zn_method_name(trace->method), trace->path, trace->http_status,
             (long long)trace->elapsed_ms, (long long)trace->retry_in_ms);
}

void fake_server_start(struct fake_server *server, const struct fake_step *steps, size_t step_count,
                       int64_t timeout_ms)
{
    *server = (struct fake_server){.steps = steps,
                                   .step_count = step_count,
                                   .now_ms = 1000000,
                                   .wall_s = 1767225600, /* Thu, 01 Jan 2026 00:00:00 GMT */
                                   .deadline_ms = 1000000 + timeout_ms};
}

struct zn_session fake_server_session(struct fake_server *server,
                                      const struct zn_credential *credential)
{
    return (struct zn_session){.credential = credential,
                               .transport = {server, perform},
                               .clock = {server, now_ms, wall_s, sleep_ms, jitter},
                               .deadline_ms = server->deadline_ms,
                               .trace = take_trace,
                               .trace_ctx = server};
}
