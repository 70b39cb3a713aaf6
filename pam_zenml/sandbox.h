/*
 * sandbox - what the helper gives up before it talks to anybody.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_SANDBOX_H
#define ZP_SANDBOX_H

#include "core/text.h"

/* What became of it. */
enum zp_sandbox {
    ZP_SANDBOX_FAILED = 0, /* the process could be inspected */
    ZP_SANDBOX_WITHOUT_LANDLOCK,
    ZP_SANDBOX_WHOLE
};

/*
 * Not traceable and no core dump (PR_SET_DUMPABLE), no program can be started and no file be
 * written, made, linked, cut or removed (Landlock, where the kernel has it; landlock(7)).
 */
ZN_MUST_CHECK enum zp_sandbox zp_sandbox_enter(void);

#endif
