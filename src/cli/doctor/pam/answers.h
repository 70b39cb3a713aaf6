/*
 * answers - what modules other than ours answer, as far as it is known without asking them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_ANSWERS_H
#define ZC_DOCTOR_ANSWERS_H

#include "pam_stack.h"

/* What a line can answer, and what its success means. */
enum zc_answer_kind {
    ZC_ANSWER_PROOF = 0, /* good or bad; good means that somebody proved who they are */
    ZC_ANSWER_CHECK,     /* good or bad; good proves nothing */
    ZC_ANSWER_FIXED      /* always the same */
};

struct zc_answer {
    enum zc_answer_kind kind;
    int code; /* of ZC_ANSWER_FIXED */
};

/* The answer of a line in its chain. A module that we do not know asks for a proof. */
struct zc_answer zc_answer_of(const struct zc_pam_handler *handler);

#endif
