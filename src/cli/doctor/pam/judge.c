/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <stdint.h>
#include <stdio.h>

#include "answers.h"
#include "dispatch.h"

#define BITS_MAX 8 /* lines that vary independently: 256 combinations */

#define FIX_AUTH    "write: auth [success=done ignore=ignore default=die] pam_zenml.so"
#define FIX_ACCOUNT "write: account [success=ok ignore=ignore default=bad] pam_zenml.so"

/* A set of codes. */
#define CODE(code) (UINT32_C(1) << (code))

/* Every way in which pam_zenml keeps somebody out, one that is not installed included. */
#define DENIALS                                                                                    \
    (CODE(ZC_PAM_AUTH_ERR) | CODE(ZC_PAM_AUTHINFO_UNAVAIL) | CODE(ZC_PAM_SERVICE_ERR) |            \
     CODE(ZC_PAM_SYSTEM_ERR) | CODE(ZC_PAM_PERM_DENIED) | CODE(ZC_PAM_CONV_ERR) |                  \
     CODE(ZC_PAM_MODULE_UNKNOWN))

#define ANSWERS (DENIALS | CODE(ZC_PAM_SUCCESS) | CODE(ZC_PAM_IGNORE))

/* The lines of one type, and what the modules in them answer. */
struct stage {
    enum zc_pam_type type;
    struct zc_pam_chain chain;
    struct zc_answer answers[ZC_PAM_HANDLERS_MAX];
    unsigned char bits[ZC_PAM_HANDLERS_MAX]; /* which one varies the answer, if it is not fixed */
    unsigned bit_count;
};

/* What came of the answers of one of our lines, over all answers of the others. */
struct verdict {
    bool reached;
    bool matters;      /* somewhere, success lets in and a refusal does not */
    uint32_t granted;  /* codes with which somebody got in */
    uint32_t unproven; /* codes with which somebody got in who proved nothing */
};

/* --- playing -------------------------------------------------------------------------------- */

static void prepare(const struct zc_pam_stack *stack, enum zc_pam_type type, struct stage *ret)
{
    *ret = (struct stage){.type = type};
    zc_pam_chain_of(stack, type, &ret->chain);
    for (size_t i = 0; i < ret->chain.count; i++) {
        ret->answers[i] = zc_answer_of(ret->chain.at[i]);
        if (ret->answers[i].kind == ZC_ANSWER_FIXED)
            continue;
        ret->bits[i] = (unsigned char)(ret->bit_count < BITS_MAX ? ret->bit_count++ : BITS_MAX - 1);
    }
}

/* What line `i` answers when the bits in `bad` make theirs fail. */
static int answer_of(const struct stage *stage, size_t i, uint32_t bad)
{
    if (stage->answers[i].kind == ZC_ANSWER_FIXED)
        return stage->answers[i].code;
    return (bad & CODE(stage->bits[i])) != 0 ? ZC_PAM_AUTH_ERR : ZC_PAM_SUCCESS;
}

/* Lets line `at` answer `code`, and the others what `bad` says. */
static void play(const struct stage *stage, size_t at, int code, uint32_t bad,
                 struct zc_pam_outcome *ret)
{
    int answers[ZC_PAM_HANDLERS_MAX] = {0};

    for (size_t i = 0; i < stage->chain.count; i++)
        answers[i] = i == at ? code : answer_of(stage, i, bad);
    zc_pam_dispatch(&stage->chain, answers, ret);
}

/* Did a line that asks for a proof get one? */
static bool is_proven(const struct stage *stage, uint32_t bad, const struct zc_pam_outcome *outcome)
{
    for (size_t i = 0; i < stage->chain.count; i++)
        if (outcome->called[i] && stage->chain.at[i]->kind == ZC_PAM_MODULE &&
            stage->answers[i].kind == ZC_ANSWER_PROOF && answer_of(stage, i, bad) == ZC_PAM_SUCCESS)
            return true;
    return false;
}

static void play_answers(const struct stage *stage, size_t ours, uint32_t bad, struct verdict *ret)
{
    struct zc_pam_outcome outcome;
    uint32_t granted = 0;

    for (int code = 0; code < ZC_PAM_CODES; code++) {
        if ((ANSWERS & CODE(code)) == 0)
            continue;
        play(stage, ours, code, bad, &outcome);
        ret->reached = ret->reached || outcome.called[ours];
        if (!outcome.called[ours] || outcome.code != ZC_PAM_SUCCESS)
            continue;
        granted |= CODE(code);
        if (!is_proven(stage, bad, &outcome))
            ret->unproven |= CODE(code);
    }
    ret->granted |= granted;
    if ((granted & CODE(ZC_PAM_SUCCESS)) != 0 && (granted & CODE(ZC_PAM_AUTH_ERR)) == 0)
        ret->matters = true;
}

static struct verdict try_all(const struct stage *stage, size_t ours)
{
    struct verdict verdict = {.reached = false};

    for (uint32_t bad = 0; bad < CODE(stage->bit_count); bad++)
        play_answers(stage, ours, bad, &verdict);
    return verdict;
}

/* --- saying --------------------------------------------------------------------------------- */

static void find_codes(struct zc_findings *findings, struct zc_place place, enum zc_level level,
                       const char *cause, uint32_t codes, const char *fix)
{
    struct zn_error error = {.status = ZN_CONFIG};
    const char *between = "";

    zn_error_set(&error, ZN_CONFIG, cause, fix);
    if (codes == DENIALS)
        zn_error_add(&error, "any");
    for (int code = 0; codes != DENIALS && code < ZC_PAM_CODES; code++) {
        if ((codes & CODE(code)) == 0)
            continue;
        zn_error_add(&error, between);
        zn_error_add(&error, zc_pam_code_name(code));
        between = ", ";
    }
    zc_find_error(findings, place, level, &error);
}

static const char *words_of(int code)
{
    return code == ZC_PAM_SUCCESS ? "let in" : zc_pam_code_name(code);
}

/* For -v: what comes of each answer, when all other modules succeed and when they fail. */
static void say_answers(const struct stage *stage, size_t ours)
{
    const struct zc_place place = stage->chain.at[ours]->place;
    char file[256] = "";
    struct zc_pam_outcome all_good;
    struct zc_pam_outcome all_bad;

    zn_text_append_safe(file, sizeof(file), zn_span_of(place.file));
    for (int code = 0; code < ZC_PAM_CODES; code++) {
        if ((ANSWERS & CODE(code)) == 0)
            continue;
        play(stage, ours, code, 0, &all_good);
        play(stage, ours, code, UINT32_MAX, &all_bad);
        fprintf(stderr, "zenml-login: %s:%zu: %s -> %s; when the other modules fail: %s\n", file,
                place.line, zc_pam_code_name(code), words_of(all_good.code),
                words_of(all_bad.code));
    }
}

/* --- lines that lead nowhere ---------------------------------------------------------------- */

/* Success that lets nobody in: most often a jump that lands where it should not. */
static void find_dead_end(const struct stage *stage, size_t at, struct zc_findings *findings)
{
    const struct zc_pam_handler *handler = stage->chain.at[at];
    const int action = handler->actions[ZC_PAM_SUCCESS];
    size_t next = 0;

    if (action <= 0)
        zc_find(findings, handler->place, ZC_LEVEL_FAIL,
                "a right credential does not let anybody in", "",
                stage->type == ZC_PAM_AUTH ? FIX_AUTH : FIX_ACCOUNT);
    else if (!zc_pam_jump(&stage->chain, at, action, &next))
        return; /* find_jumps() says it */
    else if (next == stage->chain.count)
        zc_find(findings, handler->place, ZC_LEVEL_FAIL,
                "success jumps past the end of the stack, so that nobody gets in", "",
                "end the stack with a line that succeeds: required pam_permit.so");
    else
        zc_find(findings, handler->place, ZC_LEVEL_FAIL, "success jumps to where nobody gets in",
                "", "count the lines that lie between, those of included files too");
}

/* Jumps over more lines than there are: libpam refuses the login. */
static void find_jumps(const struct stage *stage, struct zc_findings *findings)
{
    for (size_t at = 0; at < stage->chain.count; at++) {
        const struct zc_pam_handler *handler = stage->chain.at[at];
        uint32_t codes = 0;
        size_t next = 0;
        for (int code = 0; code < ZC_PAM_CODES; code++)
            if (handler->kind == ZC_PAM_MODULE && handler->actions[code] > 0 &&
                !zc_pam_jump(&stage->chain, at, handler->actions[code], &next))
                codes |= CODE(code);
        if (codes != 0)
            zc_find(findings, handler->place, ZC_LEVEL_FAIL,
                    "a jump goes past the end of the stack, where libpam refuses everybody", "",
                    "jump over fewer lines: those that follow, of included files too, count");
    }
}

/* Does anybody get in after line `at`, another's, has succeeded? True, too, when it never runs. */
static bool leads_on(struct stage *stage, size_t at, size_t ours)
{
    struct zc_answer *answer = &stage->answers[ours];
    bool reached = false;
    bool granted = false;

    for (uint32_t bad = 0; bad < 2 * CODE(stage->bit_count) && !granted; bad++) {
        struct zc_pam_outcome outcome;
        answer->code = bad < CODE(stage->bit_count) ? ZC_PAM_SUCCESS : ZC_PAM_IGNORE;
        play(stage, at, ZC_PAM_SUCCESS, bad, &outcome);
        reached = reached || outcome.called[at];
        granted = outcome.called[at] && outcome.code == ZC_PAM_SUCCESS;
    }
    answer->code = ZC_PAM_IGNORE;
    return granted || !reached;
}

/* Our line between the jump of another module and its aim makes the jump miss it. */
static void find_missed_jumps(struct stage *stage, size_t ours, struct zc_findings *findings)
{
    for (size_t at = 0; at < ours; at++) {
        const struct zc_pam_handler *handler = stage->chain.at[at];
        const int action = handler->actions[ZC_PAM_SUCCESS];
        size_t next = 0;
        if (handler->kind == ZC_PAM_MODULE && action > 0 &&
            zc_pam_jump(&stage->chain, at, action, &next) && next > ours &&
            stage->answers[at].kind != ZC_ANSWER_FIXED && !leads_on(stage, at, ours))
            find_dead_end(stage, at, findings);
    }
}

/* --- our lines ------------------------------------------------------------------------------ */

static void find_auth(struct zc_place place, const struct verdict *verdict,
                      struct zc_findings *findings)
{
    const uint32_t through = verdict->granted & DENIALS;
    const bool open = (verdict->unproven & CODE(ZC_PAM_IGNORE)) != 0;
    const bool works = (verdict->granted & CODE(ZC_PAM_SUCCESS)) != 0;

    if ((verdict->unproven & DENIALS) != 0)
        find_codes(findings, place, ZC_LEVEL_FAIL,
                   "a denial lets in whoever has no credential: ", verdict->unproven & DENIALS,
                   FIX_AUTH);
    else if (works && !verdict->matters)
        zc_find(findings, place, ZC_LEVEL_FAIL,
                "it makes no difference whether the credential is right", "", FIX_AUTH);
    else if (through != 0)
        find_codes(findings, place, ZC_LEVEL_WARN,
                   "after a denial another line may let the user in: ", through,
                   FIX_AUTH ", unless this is wanted");
    if (open)
        zc_find(findings, place, ZC_LEVEL_FAIL, "users out of scope get in without any credential",
                "", "let a line follow that asks for one, or: auth required pam_deny.so");
    if (through == 0 && verdict->matters && !open)
        zc_find(findings, place, ZC_LEVEL_OK,
                (verdict->granted & CODE(ZC_PAM_IGNORE)) != 0
                    ? "auth: every denial counts; other lines decide for users out of scope"
                    : "auth: every denial counts; users out of scope are refused",
                "", NULL);
}

static void find_account(struct zc_place place, const struct verdict *verdict,
                         struct zc_findings *findings)
{
    const uint32_t through = verdict->granted & DENIALS;
    const bool leaves_alone = (verdict->granted & CODE(ZC_PAM_IGNORE)) != 0;

    if (through != 0)
        find_codes(findings, place, ZC_LEVEL_FAIL, "a denial is let through: ", through,
                   FIX_ACCOUNT);
    if (!leaves_alone)
        zc_find(findings, place, ZC_LEVEL_WARN,
                "refuses logins that pam_zenml did not authenticate, such as by public key", "",
                "let a line follow that permits: account required pam_permit.so");
    if (through == 0 && leaves_alone)
        zc_find(findings, place, ZC_LEVEL_OK,
                "account: every denial counts; logins by other means are left alone", "", NULL);
}

static void judge_ours(struct stage *stage, size_t ours, struct zc_findings *findings)
{
    const struct zc_place place = stage->chain.at[ours]->place;
    const struct verdict verdict = try_all(stage, ours);
    const bool works = (verdict.granted & CODE(ZC_PAM_SUCCESS)) != 0;

    find_missed_jumps(stage, ours, findings);
    if (!verdict.reached)
        zc_find(findings, place, ZC_LEVEL_FAIL, "no login ever gets to this line", "",
                "put it above the lines that decide");
    else if (!works)
        find_dead_end(stage, ours, findings);
    if (!works && (verdict.granted & DENIALS) == 0)
        return;
    if (stage->type == ZC_PAM_AUTH)
        find_auth(place, &verdict, findings);
    else
        find_account(place, &verdict, findings);
}

static size_t judge_stage(const struct zc_pam_stack *stack, enum zc_pam_type type, bool verbose,
                          struct zc_findings *findings)
{
    struct stage stage;
    size_t count = 0;

    prepare(stack, type, &stage);
    for (size_t at = 0; at < stage.chain.count; at++) {
        if (!zc_pam_is_ours(stage.chain.at[at]))
            continue;
        if (count++ == 0)
            find_jumps(&stage, findings);
        if (verbose)
            say_answers(&stage, at);
        judge_ours(&stage, at, findings);
    }
    return count;
}

void zc_judge(const struct zc_pam_stack *stack, bool verbose, struct zc_findings *findings)
{
    const size_t auth = judge_stage(stack, ZC_PAM_AUTH, verbose, findings);
    const size_t account = judge_stage(stack, ZC_PAM_ACCOUNT, verbose, findings);

    for (size_t i = 0; i < stack->count; i++) {
        const struct zc_pam_handler *handler = &stack->handlers[i];
        if (!zc_pam_is_ours(handler))
            continue;
        if (handler->type == ZC_PAM_SESSION || handler->type == ZC_PAM_PASSWORD)
            zc_find(findings, handler->place, ZC_LEVEL_FAIL,
                    "pam_zenml has neither a session nor a password stage", "", "remove the line");
        if (handler->type == ZC_PAM_ACCOUNT && account > 0 && auth == 0)
            zc_find(findings, handler->place, ZC_LEVEL_WARN,
                    "without an auth line of pam_zenml this one has no opinion", "", FIX_AUTH);
    }
}
