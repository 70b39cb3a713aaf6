/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"

#define LEVELS_MAX 17
#define MUST_FAIL  ZC_PAM_PERM_DENIED

enum impression { UNDEFINED = 0, POSITIVE, NEGATIVE };

struct state {
    enum impression impression;
    int status;
};

struct walk {
    const struct zc_pam_chain *chain;
    size_t at; /* the line that is looked at */
    struct state now;
    struct state before[LEVELS_MAX]; /* when the substack of that level was entered */
};

/* --- what libpam does about one answer ------------------------------------------------------ */

static void take_for_good(struct state *state, int answer)
{
    if (state->impression == UNDEFINED ||
        (state->impression == POSITIVE && state->status == ZC_PAM_SUCCESS))
        *state = (struct state){POSITIVE, answer};
}

static void take_for_bad(struct state *state, int answer)
{
    if (state->impression != NEGATIVE)
        *state = (struct state){NEGATIVE, answer == ZC_PAM_IGNORE ? MUST_FAIL : answer};
}

/* Is there a line behind `at` that is not above `level`? */
static bool has_next(const struct zc_pam_chain *chain, size_t at, int level)
{
    return at + 1 < chain->count && chain->at[at + 1]->level >= level;
}

/* A substack counts as one line. */
static bool jump(const struct zc_pam_chain *chain, size_t *at, int lines)
{
    const int level = chain->at[*at]->level;

    for (; lines > 0 && has_next(chain, *at, level); lines--)
        do
            ++*at;
        while (has_next(chain, *at, level + 1));
    return lines == 0;
}

static void finish_level(struct walk *walk, int level)
{
    while (has_next(walk->chain, walk->at, level))
        walk->at++;
}

static void act(struct walk *walk, int action, int answer)
{
    const int level = walk->chain->at[walk->at]->level;
    struct state *now = &walk->now;

    switch (action) {
    case ZC_ACTION_IGNORE:
        break;
    case ZC_ACTION_RESET:
        *now = walk->before[level];
        break;
    case ZC_ACTION_OK:
    case ZC_ACTION_DONE:
        take_for_good(now, answer);
        if (action == ZC_ACTION_DONE && now->impression == POSITIVE)
            finish_level(walk, level);
        break;
    case ZC_ACTION_BAD:
    case ZC_ACTION_DIE:
        take_for_bad(now, answer);
        if (action == ZC_ACTION_DIE)
            finish_level(walk, level);
        break;
    default:
        if (!jump(walk->chain, &walk->at, action))
            *now = (struct state){NEGATIVE, MUST_FAIL};
        break;
    }
}

/* --- the chain ------------------------------------------------------------------------------ */

void zc_pam_dispatch(const struct zc_pam_chain *chain, const int answers[ZC_PAM_HANDLERS_MAX],
                     struct zc_pam_outcome *ret)
{
    struct walk walk = {.chain = chain, .now = {UNDEFINED, MUST_FAIL}};
    int level_before = 0;

    *ret = (struct zc_pam_outcome){.code = MUST_FAIL};
    walk.before[0] = walk.now;
    for (; walk.at < chain->count; walk.at++) {
        const size_t at = walk.at;
        const struct zc_pam_handler *handler = chain->at[at];
        const int answer = handler->kind == ZC_PAM_MODULE ? answers[at] : MUST_FAIL;
        if (level_before < handler->level)
            walk.before[handler->level] = walk.now;
        level_before = handler->level;
        if (handler->kind == ZC_PAM_SUBSTACK)
            continue;
        ret->called[at] = true;
        act(&walk, handler->actions[answer], answer);
    }
    if (walk.now.status != ZC_PAM_SUCCESS || walk.now.impression == POSITIVE)
        ret->code = walk.now.status;
}

bool zc_pam_jump(const struct zc_pam_chain *chain, size_t at, int lines, size_t *ret_next)
{
    if (!jump(chain, &at, lines))
        return false;
    *ret_next = at + 1;
    return true;
}
