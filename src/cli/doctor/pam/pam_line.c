/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_line.h"

#include <string.h>

#define BLANKS " \t\n"

/* --- words ---------------------------------------------------------------------------------- */

/* "[...]" is one word without its brackets, in which "\]" stands for "]". */
static char *end_bracketed(char *from)
{
    char *to = from;
    char *at = from + 1;

    for (; *at != '\0' && *at != ']'; at++) {
        if (at[0] == '\\' && at[1] == ']')
            at++;
        *to++ = *at;
    }
    char *const next = *at == '\0' ? at : at + 1;
    *to = '\0';
    return next;
}

/* Ends the word that begins at `from`; returns where the next one may begin. */
static char *end_word(char *from)
{
    if (*from == '[')
        return end_bracketed(from);

    char *const end = from + strcspn(from, BLANKS);
    char *const next = *end == '\0' ? end : end + 1;
    *end = '\0';
    return next;
}

static bool cut_words(struct zc_pam_line *line)
{
    char *at = line->text + strspn(line->text, BLANKS);

    for (line->count = 0; *at != '\0'; line->count++) {
        if (line->count == ZC_PAM_WORDS_MAX)
            return false;
        line->words[line->count] = (unsigned short)(at - line->text);
        at = end_word(at);
        at += strspn(at, BLANKS);
    }
    return true;
}

const char *zc_pam_line_word(const struct zc_pam_line *line, size_t index)
{
    return index < line->count ? line->text + line->words[index] : NULL;
}

/* --- lines ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What libpam looks at of one line of the file: no blanks before it, nothing from a "#" on. */
static struct zn_span strip(struct zn_span line, bool *ret_has_comment)
{
    struct zn_span rest = line;
    struct zn_span text = zn_span_cut(&rest, '#');

    *ret_has_comment = rest.ptr != NULL;
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = zn_span_skip(text, 1);
    return text;
}

/* Takes the "\" off a line that another one continues. */
static bool is_continued(struct zn_span *line)
{
    struct zn_span text = *line;

    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    if (text.len == 0 || text.ptr[text.len - 1] != '\\')
        return false;
    line->len = text.len - 1;
    return true;
}

static bool append(struct zc_pam_line *line, size_t *len, struct zn_span part, char end)
{
    if (part.len + 1 > ZC_PAM_LINE_MAX - *len)
        return false;
    if (part.len > 0)
        memcpy(line->text + *len, part.ptr, part.len);
    *len += part.len;
    if (end != '\0')
        line->text[(*len)++] = end;
    line->text[*len] = '\0';
    return true;
}

enum zc_pam_read zc_pam_line_next(struct zc_pam_text *text, struct zc_pam_line *ret)
{
    size_t len = 0;

    while (text->rest.len > 0) {
        const struct zn_span raw = zn_span_cut(&text->rest, '\n');
        struct zn_span whole = raw;
        struct zn_span line = zn_span_cut(&whole, '\0');
        bool has_comment = false;

        text->number++;
        if (len == 0)
            ret->number = text->number;
        if (raw.len > ZC_PAM_LINE_MAX)
            return ZC_PAM_READ_LONG;
        line = strip(line, &has_comment);
        if (line.len == 0)
            continue;
        const bool continued = !has_comment && is_continued(&line);
        if (!append(ret, &len, line, continued ? ' ' : '\0'))
            return ZC_PAM_READ_LONG;
        if (!continued)
            return cut_words(ret) ? ZC_PAM_READ_LINE : ZC_PAM_READ_LONG;
    }
    return len > 0 ? ZC_PAM_READ_OPEN : ZC_PAM_READ_END;
}
