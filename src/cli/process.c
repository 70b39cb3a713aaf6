/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char **copy_environment(void)
{
    size_t count = 0;

    while (environ != NULL && environ[count] != NULL)
        count++;
    char **copy = calloc(count + 1, sizeof(*copy));
    if (copy != NULL && count > 0)
        memcpy(copy, environ, count * sizeof(*copy));
    return copy;
}

/* Whatever is opened first gets the lowest free number; a command run later finds them closed. */
static bool occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH | O_CLOEXEC) != fd)
            return false;
    return true;
}

enum zn_status zc_process_harden(struct zc_process *ret, struct zn_error *error)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    ret->environment = copy_environment();
    if (ret->environment == NULL)
        return zn_error_no_memory(error);
    if (!occupy_standard_descriptors() || getrlimit(RLIMIT_CORE, &ret->core_limit) != 0 ||
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, ret->core_limit.rlim_max}) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        sigaction(SIGPIPE, &ignore, &ret->pipe_action) != 0 ||
        sigaction(SIGXFSZ, &ignore, &ret->file_size_action) != 0 || unsetenv("SSLKEYLOGFILE") != 0)
        return zn_error_set(error, ZN_INTERNAL, "the process cannot be protected", NULL);
    return ZN_OK;
}

void zc_process_restore(const struct zc_process *process)
{
    setrlimit(RLIMIT_CORE, &process->core_limit);
    sigaction(SIGPIPE, &process->pipe_action, NULL);
    sigaction(SIGXFSZ, &process->file_size_action, NULL);
}
