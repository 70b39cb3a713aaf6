/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include <stdio.h>
#include <string.h>

#define SAID_MAX  ((size_t)1024 * 1024)
#define ABOUT_MAX ((size_t)128) /* room for a path; zn_error_quote() knows a credential */

void zc_findings_init(struct zc_findings *findings)
{
    *findings = (struct zc_findings){.warnings = 0};
    zn_buf_init(&findings->said, SAID_MAX);
}

void zc_findings_clear(struct zc_findings *findings)
{
    zn_buf_clear(&findings->said);
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

static void say(struct zc_findings *findings, const char *place, enum zc_level level,
                const char *cause, const char *fix)
{
    static const char *const names[] = {"ok", "warn", "fail"};
    char line[1600];

    snprintf(line, sizeof(line), "%s: %s: %s\n", place, names[level], cause);
    if (!remember(findings, line))
        return;
    fputs(line, stdout);
    if (fix[0] != '\0')
        printf("  fix: %s\n", fix);
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
