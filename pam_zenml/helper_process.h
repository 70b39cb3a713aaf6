/*
 * helper_process - starting zenml-pam-helper, asking it one question, ending it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_HELPER_PROCESS_H
#define ZP_HELPER_PROCESS_H

#include "hostcfg/file.h"
#include "record.h"

/* How the question went. */
enum zp_helper_outcome {
    ZP_HELPER_FAILED = 0, /* not started, died, or answered no valid record */
    ZP_HELPER_ANSWERED,
    ZP_HELPER_UNSAFE, /* missing, or somebody but root could change it; the reporter knows more */
    ZP_HELPER_LATE    /* no answer within the time of the request, and half a second more */
};

/*
 * What the module decides meanwhile.
 *
 * show: tells the person where to approve, and returns when that is said to be done. False: it is
 * not, and the helper ends. Only for a request for a login in a browser.
 * approve: may the account be the user?
 */
struct zp_approval {
    void *ctx;
    bool (*show)(void *ctx, const struct zp_grant *grant);
    bool (*approve)(void *ctx, const struct zp_reply *reply);
};

/*
 * Starts the helper at `path`, sends `request`, and fills `reply` for ZP_HELPER_ANSWERED. A good
 * reply is shown to `approval`; only with its yes a token is made, if the request wants one, and
 * `reply` is then what came of that. The helper is gone, and reaped, when this returns; the host
 * keeps its descriptors, signal dispositions and mask, and no handler of SIGCHLD hears of it when
 * the host has one thread.
 *
 * The helper gets: an environment built from nothing, the socket as descriptor 0 and /dev/null as
 * 1 and 2, a session of its own, limits on core, file size, memory, processes and descriptors,
 * no_new_privs, and, when started by root, the uid and gid of nobody without groups.
 */
ZN_MUST_CHECK enum zp_helper_outcome zp_helper_ask(const char *path,
                                                   const struct zp_request *request,
                                                   const struct zh_reporter *reporter,
                                                   const struct zp_approval *approval,
                                                   struct zp_reply *reply);

#endif
