/*
 * The map: three lines say who asks (id, name, local user), the rest is the map. The answer is that
 * of a second, slow and simple reading of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hostcfg/map.h"

struct question {
    struct zn_span id, name, user;
};

static void count_problem(void *ctx, const char *line)
{
    size_t *problems = ctx;

    (*problems)++;
    REQUIRE(strncmp(line, "config: ", 8) == 0 && strlen(line) < 1024);
    REQUIRE(fuzz_is_safe(line) && strstr(line, "; ") != NULL);
    REQUIRE(!fuzz_shows_credential(line));
}

/* --- the second reading: right for maps without problems ------------------------------------ */

static bool is_same(struct zn_span a, struct zn_span b)
{
    return zn_text_is_uuid(a) ? zn_text_equal_ignoring_case(a, b) : zn_span_equal(a, b);
}

static bool lists(struct zn_span users, struct zn_span user)
{
    bool listed = false;

    while (users.ptr != NULL) {
        const struct zn_span name = zn_span_trim(zn_span_cut(&users, ','));
        REQUIRE(name.len > 0 && name.len <= 32 && zn_text_is_graphic(name));
        listed = listed || zn_span_equal(name, user);
    }
    return listed;
}

static enum zh_map_answer read_slowly(struct zn_span map, const struct question *asked)
{
    enum zh_map_answer answer = ZH_MAP_NO;
    struct zn_span rest = map, account, users, other, unused;

    while (fuzz_next_rule(&rest, &account, &users)) {
        const struct zn_span wanted = zn_text_is_uuid(account) ? asked->id : asked->name;
        struct zn_span below = rest;
        REQUIRE(account.len > 0 && zn_text_is_printable(account));
        if (lists(users, asked->user) && is_same(account, wanted))
            answer = ZH_MAP_YES;
        while (fuzz_next_rule(&below, &other, &unused))
            REQUIRE(!is_same(account, other)); /* has two lines: not a map without problems */
    }
    return answer;
}

/* --- the comparison ------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t problems = 0;
    const struct zh_reporter reporter = {&problems, count_problem};
    struct zn_span rest = fuzz_span(data, size);
    const struct question asked = {fuzz_copy(zn_span_cut(&rest, '\n')),
                                   fuzz_copy(zn_span_cut(&rest, '\n')),
                                   fuzz_copy(zn_span_cut(&rest, '\n'))};
    const struct zn_span map = fuzz_copy(rest);

    const enum zh_map_answer answer =
        zh_map_find_in(map, "/etc/security/a.map", asked.id, asked.name, asked.user, &reporter);
    REQUIRE((answer == ZH_MAP_UNUSABLE) == (problems > 0));
    if (answer != ZH_MAP_UNUSABLE)
        REQUIRE(answer == read_slowly(map, &asked));
    free((void *)(uintptr_t)asked.id.ptr);
    free((void *)(uintptr_t)asked.name.ptr);
    free((void *)(uintptr_t)asked.user.ptr);
    free((void *)(uintptr_t)map.ptr);
    return 0;
}
