/* SPDX-License-Identifier: Apache-2.0 */
#include "sshd.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "text_file.h"

#define FOLDER     "/etc/ssh"
#define MAIN_FILE  FOLDER "/sshd_config"
#define DEPTH_MAX  16 /* as in sshd */
#define PLACE_SIZE 256
#define GRACE_S    120 /* sshd's default */

/* A keyword that matters: the first file that sets it wins. */
struct setting {
    const char *keyword;
    const char *alias; /* an older name; NULL: none */
    bool is_set;
    bool is_on;      /* sshd's default, until set */
    int64_t seconds; /* of a time */
    char file[PLACE_SIZE];
    size_t line;
};

enum { USE_PAM = 0, KBD_INTERACTIVE, PASSWORD, GRACE_TIME, SETTINGS };

static void read_config(const char *path, struct setting settings[SETTINGS], int depth);

/* --- words ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next word, which may be quoted, off the line. Empty: there is none. */
static struct zn_span take_word(struct zn_span *line)
{
    size_t len = 0;

    while (line->len > 0 && is_blank(line->ptr[0]))
        *line = zn_span_skip(*line, 1);
    if (line->len > 0 && line->ptr[0] == '"') {
        *line = zn_span_skip(*line, 1);
        return zn_span_cut(line, '"');
    }
    while (len < line->len && !is_blank(line->ptr[len]))
        len++;
    const struct zn_span word = {line->ptr, len};
    *line = zn_span_skip(*line, len);
    return word;
}

/* The keyword, behind which one "=" may stand. */
static struct zn_span take_keyword(struct zn_span *line)
{
    struct zn_span rest = *line;
    struct zn_span word = take_word(&rest);

    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] == '=') {
            *line = (struct zn_span){word.ptr + i + 1, word.len - i - 1 + rest.len};
            return (struct zn_span){word.ptr, i};
        }
    while (rest.len > 0 && is_blank(rest.ptr[0]))
        rest = zn_span_skip(rest, 1);
    *line = rest.len > 0 && rest.ptr[0] == '=' ? zn_span_skip(rest, 1) : rest;
    return word;
}

static bool is_keyword(struct zn_span word, const char *keyword)
{
    return keyword != NULL && zn_text_equal_ignoring_case(word, zn_span_of(keyword));
}

/* sshd_config(5), TIME FORMATS: "120", "2m", "1h30m". 0 for what is no time, too: no limit. */
static int64_t read_time(struct zn_span text)
{
    static const char units[] = "smhdw";
    static const int64_t seconds_of[] = {1, 60, 3600, 86400, 604800};
    int64_t total_s = 0;

    while (text.len > 0) {
        size_t digits = 0;
        long long number = 0;
        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        if (!zn_text_to_number((struct zn_span){text.ptr, digits}, &number) || number > 1000000)
            return 0;
        text = zn_span_skip(text, digits);
        const char letter = text.len == 0                              ? 's'
                            : text.ptr[0] >= 'A' && text.ptr[0] <= 'Z' ? (char)(text.ptr[0] + 32)
                                                                       : text.ptr[0];
        const char *unit = strchr(units, letter);
        if (letter == '\0' || unit == NULL)
            return 0;
        total_s += number * seconds_of[unit - units];
        text = zn_span_skip(text, 1);
    }
    return total_s;
}

/* --- lines ---------------------------------------------------------------------------------- */

static void include(struct zn_span patterns, struct setting settings[SETTINGS], int depth)
{
    struct zn_span word;

    while ((word = take_word(&patterns)).len > 0 && word.ptr[0] != '#') {
        char path[1024];
        glob_t found = {.gl_pathc = 0};
        snprintf(path, sizeof(path), "%s%.*s", word.ptr[0] == '/' ? "" : FOLDER "/",
                 word.len < 512 ? (int)word.len : 512, word.ptr);
        if (glob(path, 0, NULL, &found) == 0)
            for (size_t i = 0; i < found.gl_pathc; i++)
                read_config(found.gl_pathv[i], settings, depth + 1);
        globfree(&found);
    }
}

static void take(struct setting *setting, struct zn_span value, const char *path, size_t number)
{
    if (setting->is_set)
        return;
    setting->is_set = true;
    setting->is_on = is_keyword(value, "yes");
    setting->seconds = read_time(value);
    setting->line = number;
    snprintf(setting->file, sizeof(setting->file), "%s", path);
}

/* Lines of a Match block hold for some logins only, up to the end of the file. */
static void read_text(struct zn_span text, const char *path, struct setting settings[SETTINGS],
                      int depth)
{
    for (size_t number = 1; text.len > 0; number++) {
        struct zn_span line = zn_span_cut(&text, '\n');
        const struct zn_span keyword = take_keyword(&line);
        if (is_keyword(keyword, "Match"))
            return;
        if (is_keyword(keyword, "Include"))
            include(line, settings, depth);
        for (size_t i = 0; i < SETTINGS; i++) {
            struct zn_span rest = line;
            if (is_keyword(keyword, settings[i].keyword) || is_keyword(keyword, settings[i].alias))
                take(&settings[i], take_word(&rest), path, number);
        }
    }
}

static void read_config(const char *path, struct setting settings[SETTINGS], int depth)
{
    struct zn_buf text;

    zn_buf_init(&text, ZC_TEXT_FILE_MAX);
    if (depth <= DEPTH_MAX && zc_text_file_read(path, &text) == 0)
        read_text(zn_buf_span(&text), path, settings, depth);
    zn_buf_clear(&text);
}

/* --- findings ------------------------------------------------------------------------------- */

static void find(const struct setting *setting, enum zc_level level, const char *cause,
                 const char *fix, struct zc_findings *findings)
{
    const struct zc_place place = {setting->is_set ? setting->file : MAIN_FILE, setting->line};

    zc_find(findings, place, level, cause, "", fix);
}

/* sshd ends the connection without a word, and nothing is in our log. */
static void check_grace_time(const struct setting *setting, int64_t device_timeout_s,
                             struct zc_findings *findings)
{
    const int64_t grace_s = setting->is_set ? setting->seconds : GRACE_S;
    char cause[128];
    char fix[64];

    if (grace_s == 0 || grace_s >= device_timeout_s)
        return;
    snprintf(cause, sizeof(cause),
             "LoginGraceTime ends a login after %lld seconds, device_timeout is %lld",
             (long long)grace_s, (long long)device_timeout_s);
    snprintf(fix, sizeof(fix), "write: LoginGraceTime %lld", (long long)device_timeout_s);
    find(setting, ZC_LEVEL_WARN, cause, fix, findings);
}

void zc_sshd_check(int64_t device_timeout_s, struct zc_findings *findings)
{
    struct setting settings[SETTINGS] = {
        [USE_PAM] = {.keyword = "UsePAM"},
        [KBD_INTERACTIVE] = {.keyword = "KbdInteractiveAuthentication",
                             .alias = "ChallengeResponseAuthentication",
                             .is_on = true},
        [PASSWORD] = {.keyword = "PasswordAuthentication", .is_on = true},
        [GRACE_TIME] = {.keyword = "LoginGraceTime"},
    };
    struct zn_buf text;
    const int problem = zc_text_file_read(MAIN_FILE, &text);

    zn_buf_clear(&text);
    if (problem != 0) {
        zc_find(findings, (struct zc_place){MAIN_FILE, 0}, ZC_LEVEL_WARN,
                "cannot be read, so that sshd was not looked at", "", "look at it as root");
        return;
    }
    read_config(MAIN_FILE, settings, 0);
    if (!settings[USE_PAM].is_on)
        find(&settings[USE_PAM], ZC_LEVEL_FAIL, "UsePAM is off: sshd asks no PAM module",
             "write: UsePAM yes", findings);
    if (!settings[KBD_INTERACTIVE].is_on)
        find(&settings[KBD_INTERACTIVE], ZC_LEVEL_FAIL,
             "KbdInteractiveAuthentication is off: users do not see the prompt",
             "write: KbdInteractiveAuthentication yes", findings);
    if (settings[PASSWORD].is_on)
        find(&settings[PASSWORD], ZC_LEVEL_WARN,
             "PasswordAuthentication is on: clients ask for a password, not for the credential",
             "write: PasswordAuthentication no", findings);
    check_grace_time(&settings[GRACE_TIME], device_timeout_s, findings);
    if (settings[USE_PAM].is_on && settings[KBD_INTERACTIVE].is_on && !settings[PASSWORD].is_on)
        zc_find(findings, (struct zc_place){MAIN_FILE, 0}, ZC_LEVEL_OK,
                "sshd shows the prompt of PAM, and asks for no password by itself", "", NULL);
}
