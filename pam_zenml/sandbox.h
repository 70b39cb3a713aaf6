/*
 * sandbox - what the helper gives up before it talks to anybody.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_SANDBOX_H
#define ZP_SANDBOX_H

#include "core/text.h"

/*
 * Not traceable and no core dump (PR_SET_DUMPABLE), no program can be started and no file be
 * written, made, linked or removed (Landlock, where the kernel has it; landlock(7)). False when
 * the process could be inspected; a kernel without Landlock is no failure.
 */
ZN_MUST_CHECK bool zp_sandbox_enter(void);

#endif
