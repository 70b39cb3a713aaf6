/*
 * step - what a step of a GitHub workflow tells its runner, beside variables: step outputs, a job
 * summary, and an annotation that says why it failed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_STEP_H
#define ZC_STEP_H

#include "output/channel.h"
#include "session.h"

/* All zero, then zc_step_open. Without --github-step it tells nobody anything. */
struct zc_step {
    bool is_wanted;
    struct zc_channel outputs; /* the file named by GITHUB_OUTPUT; path NULL: none */
    struct zn_buf lines;       /* owned: what is appended to it */
};

/*
 * Finds the file for outputs, when --github-step asks for a report. ZN_CONFIG: the platform or
 * --format is another one; ZN_CANNOT_WRITE: there is no such file. zc_step_finish works after any
 * of them.
 */
ZN_MUST_CHECK enum zn_status zc_step_open(const struct zc_options *options, struct zc_step *step,
                                          struct zn_error *error);

/* Frees what the step owns. */
void zc_step_close(struct zc_step *step);

/*
 * Makes the outputs of a login: the account, the server, and the kind and expiry of what is handed
 * on (`expires_s`: seconds since 1970, 0: never). They are not secret. `ret->channel` is NULL when
 * there is nothing to write; what it points to is the step's.
 */
ZN_MUST_CHECK enum zn_status zc_step_outputs(struct zc_step *step, const struct zc_session *session,
                                             enum zn_credential_kind kind, int64_t expires_s,
                                             struct zc_output *ret, struct zn_error *error);

/* After all is written: the summary. It cannot fail the step. */
void zc_step_succeed(const struct zc_step *step, const struct zc_options *options,
                     const struct zc_session *session, enum zn_credential_kind kind,
                     int64_t expires_s);

/*
 * The end of a command: says on standard error what went wrong, when `status` is not ZN_OK, and
 * annotates the step with it. A missing credential under --if-missing skip is a note instead.
 * Returns the exit code.
 */
int zc_step_finish(struct zc_step *step, const struct zc_options *options, enum zn_status status,
                   const struct zn_error *error);

/* The same for a failure that has an exit code of its own. Returns `code`. */
int zc_step_fail(struct zc_step *step, const struct zc_options *options, int code,
                 const struct zn_error *error);

#endif
