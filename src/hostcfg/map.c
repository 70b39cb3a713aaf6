/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "lines.h"

#define USER_MAX ((size_t)32)

/* --- accounts that had a line ---------------------------------------------------------------- */

/* A hash table: keeps the time of a login linear in the size of the map. */
struct seen {
    struct zn_span text;
    uint32_t *slots; /* where in the text an account stands, from 1; 0: free */
    size_t mask;     /* number of slots - 1 */
};

/* More than half of the slots stay free: there is one account per line at most. */
static bool seen_init(struct seen *seen, struct zn_span text)
{
    size_t lines = 1;
    size_t slots = 4;

    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    while (slots < 2 * lines + 1)
        slots *= 2;
    *seen = (struct seen){text, calloc(slots, sizeof(uint32_t)), slots - 1};
    return seen->slots != NULL;
}

/* Equal for texts that differ in case only. */
static size_t hash(struct zn_span text)
{
    uint64_t sum = text.len;

    while (text.len > 0) {
        const size_t len = text.len < sizeof(uint64_t) ? text.len : sizeof(uint64_t);
        uint64_t word = 0;
        memcpy(&word, text.ptr, len);
        sum = (sum ^ (word | 0x2020202020202020U)) * 0x9e3779b97f4a7c15U;
        sum ^= sum >> 32;
        text = zn_span_skip(text, len);
    }
    return (size_t)sum;
}

static bool is_same_account(struct zn_span a, struct zn_span b)
{
    return zn_span_equal(a, b) || (zn_text_is_uuid(a) && zn_text_equal_ignoring_case(a, b));
}

/* Remembers the account. False when it has been there before. */
static bool seen_add(struct seen *seen, struct zn_span account)
{
    size_t at = hash(account) & seen->mask;

    for (; seen->slots[at] != 0; at = (at + 1) & seen->mask) {
        struct zn_span rest = zn_span_skip(seen->text, seen->slots[at] - 1);
        if (is_same_account(zn_span_trim(zn_span_cut(&rest, '=')), account))
            return false;
    }
    seen->slots[at] = (uint32_t)(account.ptr - seen->text.ptr) + 1;
    return true;
}

/* --- lines ----------------------------------------------------------------------------------- */

/* What is looked for; see zh_map_find. */
struct wanted {
    struct zn_span id;
    struct zn_span name;
    struct zn_span user;
};

static bool is_user_name(struct zn_span name)
{
    bool good = name.len > 0 && name.len <= USER_MAX && name.ptr[0] != '-';

    for (size_t i = 0; good && i < name.len; i++)
        good = name.ptr[i] > ' ' && name.ptr[i] <= '~' && name.ptr[i] != ':' && name.ptr[i] != '/';
    return good;
}

/* Checks all users of a line. True when one of them is `user`. */
static bool has_user(struct zh_lines *lines, struct zn_span users, struct zn_span user)
{
    bool found = false;

    while (users.ptr != NULL) {
        const struct zn_span name = zn_span_trim(zn_span_cut(&users, ','));
        if (!is_user_name(name))
            zh_lines_report(lines, "not the name of a local user: ", name,
                            "write user[, user...] without ':' and '/', at most 32 bytes each");
        found = found || zn_span_equal(name, user);
    }
    return found;
}

static bool is_wanted(struct zn_span account, const struct wanted *wanted)
{
    if (zn_text_is_uuid(account))
        return zn_text_equal_ignoring_case(account, wanted->id);
    return zn_span_equal(account, wanted->name);
}

/* One pass over all lines, also when the answer is clear: a wrong line counts wherever it is. */
static enum zh_map_answer search(struct zh_lines *lines, struct seen *seen,
                                 const struct wanted *wanted)
{
    enum zh_map_answer answer = ZH_MAP_NO;
    struct zn_span account;
    struct zn_span users;

    while (zh_lines_next(lines, &account, &users)) {
        if (!seen_add(seen, account))
            zh_lines_report(lines, "a second line for the account ", account,
                            "list all its users in one line");
        if (has_user(lines, users, wanted->user) && is_wanted(account, wanted))
            answer = ZH_MAP_YES;
    }
    return lines->problems == 0 ? answer : ZH_MAP_UNUSABLE;
}

enum zh_map_answer zh_map_find_in(struct zn_span text, const char *path, struct zn_span account_id,
                                  struct zn_span account_name, struct zn_span local_user,
                                  const struct zh_reporter *reporter)
{
    const struct wanted wanted = {account_id, account_name, local_user};
    struct zh_lines lines;
    struct seen seen;

    if (!seen_init(&seen, text)) {
        zh_report(reporter, (struct zh_place){.file = path}, "cannot be read: out of memory",
                  ZN_SPAN(""), "try again");
        return ZH_MAP_UNUSABLE;
    }
    zh_lines_start(&lines, text, path, reporter);
    const enum zh_map_answer answer = search(&lines, &seen, &wanted);
    free(seen.slots);
    return answer;
}

enum zh_map_answer zh_map_find(const char *path, struct zn_span account_id,
                               struct zn_span account_name, struct zn_span local_user,
                               const struct zh_reporter *reporter)
{
    enum zh_map_answer answer = ZH_MAP_UNUSABLE;
    struct zn_buf text;

    zn_buf_init(&text, ZH_MAP_MAX);
    if (zh_file_read(path, &text, reporter))
        answer = zh_map_find_in(zn_buf_span(&text), path, account_id, account_name, local_user,
                                reporter);
    zn_buf_clear(&text);
    return answer;
}
