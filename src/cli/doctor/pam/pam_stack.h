/*
 * pam_stack - a PAM service with everything that it includes, as libpam loads it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_PAM_STACK_H
#define ZC_DOCTOR_PAM_STACK_H

#include "control.h"
#include "doctor/findings.h"
#include "pam_line.h"

#define ZC_PAM_FOLDER       "/etc/pam.d"
#define ZC_PAM_OTHER_FOLDER "/usr/lib/pam.d"
#define ZC_PAM_FILES_MAX    ((size_t)64)
#define ZC_PAM_HANDLERS_MAX ((size_t)256)

/* Bits, since the lines of one type are looked for in a file of all types. */
enum zc_pam_type {
    ZC_PAM_AUTH = 1,
    ZC_PAM_ACCOUNT = 2,
    ZC_PAM_SESSION = 4,
    ZC_PAM_PASSWORD = 8,
    ZC_PAM_ANY = 15
};

/* A broken line takes part: it always fails. The line of a substack does nothing by itself. */
enum zc_pam_kind { ZC_PAM_BROKEN = 0, ZC_PAM_MODULE, ZC_PAM_SUBSTACK };

/* A line, in the place where the includes have put it. */
struct zc_pam_handler {
    enum zc_pam_type type;
    enum zc_pam_kind kind;
    int level; /* of substacks */
    int actions[ZC_PAM_CODES];
    struct zc_place place;
    struct zc_pam_line line;
};

/* All zero, then zc_pam_stack_load. */
struct zc_pam_stack {
    struct zc_pam_handler *handlers; /* owned */
    size_t count;
    char *files[ZC_PAM_FILES_MAX]; /* owned: every file that was read, the service's first */
    size_t file_count;
};

/*
 * Loads the file `path` and what it includes: relative names are looked for beside it, then in
 * /etc/pam.d and /usr/lib/pam.d. What libpam cannot read is a finding. False when libpam refuses
 * the service as a whole. The caller clears the stack in any case.
 */
ZN_MUST_CHECK bool zc_pam_stack_load(struct zc_pam_stack *stack, const char *path,
                                     struct zc_findings *findings);

/* Frees everything. */
void zc_pam_stack_clear(struct zc_pam_stack *stack);

/* The module of the line as it is written; "" for a line that has none. */
const char *zc_pam_module(const struct zc_pam_handler *handler);

/* Argument `index` of the module, from 0; NULL when it has fewer. */
const char *zc_pam_argument(const struct zc_pam_handler *handler, size_t index);

/* True when the file name of the module is `name`. */
bool zc_pam_is_module(const struct zc_pam_handler *handler, const char *name);

/* True for a line of ours. */
bool zc_pam_is_ours(const struct zc_pam_handler *handler);

/* The lines of one type. Borrowed from a stack. */
struct zc_pam_chain {
    const struct zc_pam_handler *at[ZC_PAM_HANDLERS_MAX];
    size_t count;
};

/* Picks the lines of that type, in their order. */
void zc_pam_chain_of(const struct zc_pam_stack *stack, enum zc_pam_type type,
                     struct zc_pam_chain *ret);

#endif
