/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "exit_code.h"

int zc_say_error(const struct zn_error *error)
{
    fflush(stdout); /* what led to it stands before it, in a log as well */
    fprintf(stderr, "zenml-login: %s\n", error->detail);
    if (error->next[0] != '\0')
        fprintf(stderr, "zenml-login: fix: %s\n", error->next);
    return zc_exit_code_of(error->status);
}

void zc_say_warning(const char *text)
{
    fprintf(stderr, "zenml-login: warning: %s\n", text);
}

/* The command line asks for it once, for the whole run. */
static bool is_quiet;

void zc_say_quietly(void)
{
    is_quiet = true;
}

__attribute__((format(printf, 2, 0))) static void say_line(const char *begin, const char *format,
                                                           va_list values)
{
    if (is_quiet)
        return;
    fputs(begin, stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
}

void zc_say_note(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    say_line("zenml-login: note: ", format, values);
    va_end(values);
}

void zc_say_done(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    say_line("zenml-login: ", format, values);
    va_end(values);
}

void zc_say_trace(void *ctx, const struct zn_trace *trace)
{
    (void)ctx;
    fprintf(stderr, "zenml-login: %s %s -> ", zn_method_name(trace->method), trace->path);
    if (trace->http_status != 0)
        fprintf(stderr, "%d", trace->http_status);
    else
        fputs("no reply", stderr);
    fprintf(stderr, " (%" PRId64 " ms)", trace->elapsed_ms);
    if (trace->retry_in_ms > 0)
        fprintf(stderr, ", again in %" PRId64 " ms", trace->retry_in_ms);
    fputc('\n', stderr);
}

void zc_format_time(int64_t time_s, char dst[21])
{
    const time_t time = (time_t)time_s;
    struct tm utc = {0};

    if (gmtime_r(&time, &utc) == NULL || strftime(dst, 21, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        snprintf(dst, 21, "beyond the calendar");
}
