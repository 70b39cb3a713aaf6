/*
 * attempt - one authentication by the module: what it knows so far.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_ATTEMPT_H
#define ZP_ATTEMPT_H

#include <security/pam_modules.h>

#include "hostcfg/options.h"
#include "hostcfg/user.h"
#include "reason.h"
#include "record.h"

/* Allocated once, wiped and freed at the end: too large for the stack of a host's thread. */
struct zp_attempt {
    pam_handle_t *pamh;
    struct zh_config config;
    struct zh_reporter reporter; /* logs the problems of configuration and map */
    struct zh_user user;
    const char *service;
    struct zp_request request;
    struct zp_reply reply;
    struct zn_identity identity; /* of the reply */
    int64_t start_ms;
    uint32_t id; /* for the log */
};

/* A new attempt on behalf of the host. NULL when memory is short. Ended by zp_attempt_end. */
ZN_MUST_CHECK struct zp_attempt *zp_attempt_begin(pam_handle_t *pamh);

/* Wipes and frees; NULL is allowed. */
void zp_attempt_end(struct zp_attempt *attempt);

/*
 * Reads arguments and configuration, finds the user, and checks the scope. ZN_OK: the login is
 * ours. ZP_SCOPE: it is not, which holds for whoever the PAM line leaves out, and root, even when
 * the file is broken, so that a mistake in it locks nobody out who was never meant.
 */
ZN_MUST_CHECK int zp_attempt_prepare(struct zp_attempt *attempt, int argc, const char **argv);

/*
 * Has the helper prove `credential`, and `policy` decide about whose it is, before a token is made
 * for the session. ZN_OK: both said yes; attempt->identity and attempt->reply are what they saw.
 */
ZN_MUST_CHECK int zp_attempt_prove(struct zp_attempt *attempt, const struct zn_secret *credential,
                                   int (*policy)(const struct zp_attempt *attempt));

/* May the identity be the user? ZN_OK or the reason why not. Looks at map and groups, no more. */
ZN_MUST_CHECK int zp_attempt_check_policy(const struct zp_attempt *attempt);

/* Logs the decision. */
void zp_attempt_log(const struct zp_attempt *attempt, int reason);

#endif
