/*
 * process - what this process gives up while it holds secrets, and gives back before exec.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_PROCESS_H
#define ZC_PROCESS_H

#include <signal.h>
#include <sys/resource.h>

#include "core/status.h"

/* How the process was started. */
struct zc_process {
    char **environment; /* NULL-terminated; the array is ours, the strings are not */
    struct rlimit core_limit;
    struct sigaction pipe_action;
    struct sigaction file_size_action;
};

/*
 * No core dump and no ptrace(2) by others (RLIMIT_CORE, PR_SET_DUMPABLE); no TLS secrets to the
 * file that SSLKEYLOGFILE names; SIGPIPE and SIGXFSZ become errors of write(2); descriptors 0 to 2
 * are taken, so that no connection gets their numbers. Call first. `*ret` is for
 * zc_process_restore and holds the environment as it was. ZN_INTERNAL when the system refuses.
 */
ZN_MUST_CHECK enum zn_status zc_process_harden(struct zc_process *ret, struct zn_error *error);

/* Undoes zc_process_harden as far as an execve(2) does not. */
void zc_process_restore(const struct zc_process *process);

#endif
