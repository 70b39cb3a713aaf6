/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <string.h>

#define BYTE_ORDER_MARK ZN_SPAN("\xef\xbb\xbf")

static void report(struct zh_lines *lines, const char *problem, const char *fix)
{
    zh_lines_report(lines, problem, ZN_SPAN(""), fix);
}

void zh_lines_start(struct zh_lines *lines, struct zn_span text, const char *path,
                    const struct zh_reporter *reporter)
{
    *lines = (struct zh_lines){.path = path, .reporter = reporter, .rest = text};
    if (zn_span_starts_with(text, BYTE_ORDER_MARK)) {
        lines->number = 1;
        report(lines, "begins with a byte-order mark", "save the file as UTF-8 without one");
        lines->number = 0;
        lines->rest = zn_span_skip(text, BYTE_ORDER_MARK.len);
    }
}

bool zh_lines_report(struct zh_lines *lines, const char *problem, struct zn_span about,
                     const char *fix)
{
    const struct zh_place place = {.file = lines->path, .line = lines->number};

    if (++lines->problems <= ZH_PROBLEMS_MAX)
        return zh_report(lines->reporter, place, problem, about, fix);
    if (lines->problems == ZH_PROBLEMS_MAX + 1)
        zh_report(lines->reporter, place, "more problems from here on", ZN_SPAN(""),
                  "repair the others first");
    return false;
}

/* Nearly all text is ASCII, and this is several times as fast as decoding UTF-8. */
static bool is_ascii(struct zn_span text)
{
    unsigned strange = 0;

    for (size_t i = 0; i < text.len; i++)
        strange |= text.ptr[i] < ' ' || text.ptr[i] > '~';
    return strange == 0;
}

static bool is_printable(struct zn_span text)
{
    return is_ascii(text) || zn_text_is_printable(text);
}

static bool has_comment(struct zn_span value)
{
    for (size_t i = 1; i < value.len; i++)
        if (value.ptr[i] == '#' && (value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '\t'))
            return true;
    return false;
}

/* Takes a CR off the end of the line: the rest of it is worth looking at. */
static struct zn_span without_return(struct zh_lines *lines, struct zn_span line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
        if (!lines->has_returns)
            report(lines, "the line ends with CR LF", "save the file with Unix line ends (LF)");
        lines->has_returns = true;
    }
    return line;
}

/* Cuts a line into key and value. False: it is empty, a comment, or wrong and reported. */
static bool cut_line(struct zh_lines *lines, struct zn_span line, struct zn_span *ret_key,
                     struct zn_span *ret_value)
{
    struct zn_span rest = zn_span_trim(line);

    if (rest.len == 0 || rest.ptr[0] == '#')
        return false;
    *ret_key = zn_span_trim(zn_span_cut(&rest, '='));
    *ret_value = zn_span_trim(rest);
    if (rest.ptr == NULL)
        report(lines, "the line has no '='", "write key = value");
    else if (ret_key->len == 0)
        report(lines, "nothing stands before the '='", "write key = value");
    else if (ret_value->len == 0)
        report(lines, "nothing stands after the '='", "write a value, or remove the line");
    else if (!is_printable(*ret_key) || !is_printable(*ret_value))
        report(lines, "the line has control characters or is not UTF-8", "retype the line");
    else if (has_comment(*ret_value))
        report(lines, "a comment stands after the value", "give the comment its own line");
    else
        return true;
    return false;
}

bool zh_lines_next(struct zh_lines *lines, struct zn_span *ret_key, struct zn_span *ret_value)
{
    while (lines->rest.len > 0) {
        struct zn_span line = zn_span_cut(&lines->rest, '\n');
        lines->number++;
        line = without_return(lines, line);
        if (line.len > ZH_LINE_MAX)
            report(lines, "the line is longer than 1024 bytes", "shorten or split it");
        else if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL)
            report(lines, "the line has a NUL byte", "check that this is a text file");
        else if (cut_line(lines, line, ret_key, ret_value))
            return true;
    }
    return false;
}
