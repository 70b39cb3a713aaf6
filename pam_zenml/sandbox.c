/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights of later versions of Landlock, which the headers of older systems do not have. */
#define FS_REFER    ((uint64_t)1 << 13) /* ABI 2 */
#define FS_TRUNCATE ((uint64_t)1 << 14) /* ABI 3 */

/* Rights of ABI 1. Reading is left: name resolution and TLS need files all over. */
#define DENIED                                                                                     \
    ((uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                       \
                LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                   \
                LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                       \
                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                       \
                LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                     \
                LANDLOCK_ACCESS_FS_MAKE_SYM))

/* A ruleset that handles these rights and has no rule denies them everywhere. */
static bool deny_changes(void)
{
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    const struct landlock_ruleset_attr attributes = {
        .handled_access_fs = DENIED | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0)};
    const int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

    if (ruleset < 0)
        return false;
    const bool denied = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return denied;
}

enum zp_sandbox zp_sandbox_enter(void)
{
    /* execveat(2) of a descriptor names the process after that on older kernels. */
    prctl(PR_SET_NAME, "zenml-pam-helper", 0, 0, 0);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ZP_SANDBOX_FAILED;
    return deny_changes() ? ZP_SANDBOX_WHOLE : ZP_SANDBOX_WITHOUT_LANDLOCK;
}
