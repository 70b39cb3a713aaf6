/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"

#define SAID_MAX  ((size_t)1024 * 1024)
#define ABOUT_MAX ((size_t)128) /* room for a path; zn_error_quote() knows a credential */

static const char *const level_names[] = {"ok", "warn", "fail"};

/* https://no-color.org; a terminal that does not say what it is may be one that has no colours. */
static bool wants_colours(void)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0 &&
           (no_color == NULL || no_color[0] == '\0');
}

void zc_findings_init(struct zc_findings *findings)
{
    *findings = (struct zc_findings){.is_coloured = wants_colours()};
    zn_buf_init(&findings->said, SAID_MAX);
    zn_buf_init(&findings->json, SAID_MAX);
}

static int64_t now_ms(void)
{
    const struct zn_clock clock = zn_clock_system();
    return clock.now_ms(clock.ctx);
}

void zc_findings_time(struct zc_findings *findings)
{
    findings->is_timed = true;
    findings->last_ms = now_ms();
}

void zc_findings_clear(struct zc_findings *findings)
{
    zn_buf_clear(&findings->said);
    zn_buf_clear(&findings->json);
}

/* --- printing ------------------------------------------------------------------------------- */

/* Everything that comes here is safe to print. True when it has not been said before. */
static bool remember(struct zc_findings *findings, const char *line)
{
    const struct zn_buf *said = &findings->said;

    if (said->len > 0 && strstr(said->ptr, line) != NULL)
        return false;
    if (!zn_buf_append_text(&findings->said, line))
        zn_buf_clear(&findings->said); /* saying it twice is better than not at all */
    return true;
}

/* Milliseconds since the finding before this one. */
static int64_t lap_ms(struct zc_findings *findings)
{
    const int64_t before_ms = findings->last_ms;

    findings->last_ms = now_ms();
    return findings->last_ms - before_ms;
}

static void print(struct zc_findings *findings, const char *place, enum zc_level level,
                  const char *cause, const char *fix)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    const char *begin = findings->is_coloured ? colours[level] : "";
    const char *end = findings->is_coloured ? "\033[0m" : "";
    const int64_t taken_ms = lap_ms(findings);

    if (findings->is_quiet && level == ZC_LEVEL_OK)
        return;
    printf("%s: %s%s%s: %s", place, begin, level_names[level], end, cause);
    if (findings->is_timed)
        printf(" (%" PRId64 " ms)", taken_ms);
    putchar('\n');
    if (fix[0] != '\0')
        printf("  fix: %s\n", fix);
}

static void collect_json(struct zc_findings *findings, const char *place, const char *level,
                         const char *cause, const char *fix)
{
    struct zn_buf *out = &findings->json;

    /* What does not fit any more is not printed; the exit code counts it all the same. */
    (void)!(
        zn_buf_append_text(out, out->len == 0 ? "{\"check\":" : ",{\"check\":") &&
        zn_json_write_string(out, zn_span_of(place)) && zn_buf_append_text(out, ",\"level\":") &&
        zn_json_write_string(out, zn_span_of(level)) && zn_buf_append_text(out, ",\"cause\":") &&
        zn_json_write_string(out, zn_span_of(cause)) && zn_buf_append_text(out, ",\"fix\":") &&
        (fix[0] == '\0' ? zn_buf_append_text(out, "null")
                        : zn_json_write_string(out, zn_span_of(fix))) &&
        zn_buf_append_text(out, ",\"ms\":") && zn_buf_append_number(out, lap_ms(findings)) &&
        zn_buf_append_text(out, "}"));
}

void zc_findings_print_json(const struct zc_findings *findings, int exit_code)
{
    printf("{\"ok\":%s,\"exit_code\":%d,\"checks\":[%s]}\n", exit_code == 0 ? "true" : "false",
           exit_code, findings->json.len > 0 ? findings->json.ptr : "");
}

static void say(struct zc_findings *findings, const char *place, enum zc_level level,
                const char *cause, const char *fix)
{
    char line[1600];

    snprintf(line, sizeof(line), "%s: %s: %s\n", place, level_names[level], cause);
    if (!remember(findings, line))
        return;
    if (findings->is_json)
        collect_json(findings, place, level_names[level], cause, fix);
    else
        print(findings, place, level, cause, fix);
    findings->warnings += level == ZC_LEVEL_WARN;
    findings->failures += level == ZC_LEVEL_FAIL;
}

void zc_find_error(struct zc_findings *findings, struct zc_place place, enum zc_level level,
                   const struct zn_error *error)
{
    char text[512] = "";

    zn_text_append_safe(text, sizeof(text) - 24, zn_span_of(place.file));
    if (place.line > 0)
        snprintf(text + strlen(text), 24, ":%zu", place.line);
    say(findings, text, level, error->detail, error->next);
}

void zc_find(struct zc_findings *findings, struct zc_place place, enum zc_level level,
             const char *cause, const char *about, const char *fix)
{
    struct zn_error error = {.status = ZN_CONFIG};
    const struct zn_span foreign = zn_span_of(about);

    zn_error_set(&error, ZN_CONFIG, cause, fix);
    zn_error_quote(&error, foreign.len <= ABOUT_MAX ? foreign : ZN_SPAN("(a long word)"));
    zc_find_error(findings, place, level, &error);
}

/* --- what src/hostcfg reports --------------------------------------------------------------- */

static bool cut(char *text, const char *mark, bool last, char **ret_rest)
{
    char *at = strstr(text, mark);

    for (char *next = at; last && next != NULL; next = strstr(next + 1, mark))
        at = next;
    if (at == NULL)
        return false;
    *at = '\0';
    *ret_rest = at + strlen(mark);
    return true;
}

/* `line` is "config: FILE:LINE: PROBLEM; FIX" or "config: argument KEY: PROBLEM; FIX". */
static void collect(void *ctx, const char *line)
{
    static const char prefix[] = "config: ";
    static const char argument[] = "argument ";
    struct zc_collector *collector = ctx;
    char text[1024] = "";
    char *place = text;
    char *cause = text;
    char *fix = text + sizeof(text) - 1;

    line += strncmp(line, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    snprintf(text, sizeof(text), "%s", line);
    (void)!cut(text, "; ", true, &fix);
    if (strncmp(text, argument, strlen(argument)) == 0) {
        struct zn_error error = {.status = ZN_CONFIG};
        zn_error_set(&error, ZN_CONFIG, text, fix);
        zc_find_error(collector->findings, collector->line, ZC_LEVEL_FAIL, &error);
    } else if (cut(text, ": ", false, &cause)) {
        say(collector->findings, place, ZC_LEVEL_FAIL, cause, fix);
    }
}

struct zh_reporter zc_find_reporter(struct zc_collector *collector)
{
    return (struct zh_reporter){.ctx = collector, .problem = collect};
}
