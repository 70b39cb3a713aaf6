/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "pam_zenml/sandbox.h"

static int failing_option = -1; /* of prctl(2) */
static bool no_landlock;

int __real_prctl(int option, long a, long b, long c, long d);
int __wrap_prctl(int option, long a, long b, long c, long d);
long __real_syscall(long number, long a, long b, long c, long d, long e);
long __wrap_syscall(long number, long a, long b, long c, long d, long e);

int __wrap_prctl(int option, long a, long b, long c, long d)
{
    return option == failing_option ? -1 : __real_prctl(option, a, b, c, d);
}

long __wrap_syscall(long number, long a, long b, long c, long d, long e)
{
    if (!no_landlock || number != SYS_landlock_create_ruleset)
        return __real_syscall(number, a, b, c, d, e);
    errno = ENOSYS;
    return -1;
}

/* Runs `body` in a process of its own, since there is no way out of a sandbox. */
static void in_a_process(bool (*body)(void))
{
    const pid_t child = fork();
    int status = -1;

    assert_true(child >= 0);
    if (child == 0)
        _exit(body() ? EXIT_SUCCESS : EXIT_FAILURE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* --- a folder with something in it ------------------------------------------------------------ */

static char folder[] = "zn-sandbox-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL && chdir(folder) == 0 && mkdir("there", 0755) == 0 &&
                   mknod("file", S_IFREG | 0644, 0) == 0
               ? 0
               : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink("file");
    rmdir("there");
    return chdir("..") == 0 ? rmdir(folder) : -1;
}

static int bind_socket(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(fd, (const struct sockaddr *)&address, sizeof(address));
}

/* Whoever becomes this program ends with 1. */
static int start_program(void)
{
    static char name[] = "false";
    char *const arguments[] = {name, NULL};
    char *const environment[] = {NULL};
    return execve("/bin/false", arguments, environment);
}

/* Everything that leaves a trace; each of them works outside. */
static bool may_change_nothing(void)
{
    const char *worked = !zp_sandbox_enter()                                      ? "enter"
                         : open("file", O_WRONLY | O_CLOEXEC) >= 0                ? "write"
                         : open("new", O_CREAT | O_RDONLY | O_CLOEXEC, 0600) >= 0 ? "create"
                         : open(".", O_TMPFILE | O_RDWR, 0600) >= 0               ? "temporary file"
                         : mkdir("new", 0700) == 0                                ? "mkdir"
                         : symlink("file", "new") == 0                            ? "symlink"
                         : link("file", "there/new") == 0                         ? "link"
                         : rename("file", "new") == 0                             ? "rename"
                         : mkfifo("new", 0600) == 0                               ? "mkfifo"
                         : bind_socket() == 0                                     ? "socket"
                         : unlink("file") == 0                                    ? "unlink"
                         : rmdir("there") == 0                                    ? "rmdir"
                         : start_program() == 0                                   ? "exec"
                                                                                  : NULL;
    if (worked != NULL)
        print_error("not denied: %s\n", worked);
    return worked == NULL;
}

/* Reading files and speaking TCP is what a TLS client does. */
static bool may_read_and_connect(void)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return bind(server, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
           listen(server, 1) == 0 && getsockname(server, (struct sockaddr *)&bound, &size) == 0 &&
           zp_sandbox_enter() && open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 &&
           opendir("/etc") != NULL && connect(client, (const struct sockaddr *)&bound, size) == 0;
}

static bool cannot_be_inspected(void)
{
    return prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 1 && zp_sandbox_enter() &&
           prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 0 &&
           prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1;
}

static bool fails_when_it_could_be_inspected(void)
{
    failing_option = PR_SET_DUMPABLE;
    return !zp_sandbox_enter();
}

static bool fails_when_privileges_could_grow(void)
{
    failing_option = PR_SET_NO_NEW_PRIVS;
    return !zp_sandbox_enter();
}

static bool works_without_landlock(void)
{
    no_landlock = true;
    return cannot_be_inspected();
}

static bool leaves_no_descriptor(void)
{
    const int before = dup(STDIN_FILENO);
    if (before < 0 || close(before) != 0 || !zp_sandbox_enter())
        return false;
    return dup(STDIN_FILENO) == before;
}

static void nothing_can_be_changed_or_started(void **state)
{
    (void)state;
    if (syscall(SYS_landlock_create_ruleset, 0L, 0L, (long)LANDLOCK_CREATE_RULESET_VERSION, 0L,
                0L) < 1) {
        print_message("SKIPPED [1] test_pam_sandbox: this kernel has no Landlock\n");
        skip();
    }
    in_a_process(may_change_nothing);
}

static void the_work_can_still_be_done(void **state)
{
    (void)state;
    in_a_process(may_read_and_connect);
}

static void the_process_cannot_be_inspected(void **state)
{
    (void)state;
    in_a_process(cannot_be_inspected);
    in_a_process(fails_when_it_could_be_inspected);
    in_a_process(fails_when_privileges_could_grow);
}

static void landlock_is_not_required(void **state)
{
    (void)state;
    in_a_process(works_without_landlock);
}

static void no_descriptor_is_left_open(void **state)
{
    (void)state;
    in_a_process(leaves_no_descriptor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_can_be_changed_or_started),
        cmocka_unit_test(the_work_can_still_be_done),
        cmocka_unit_test(the_process_cannot_be_inspected),
        cmocka_unit_test(landlock_is_not_required),
        cmocka_unit_test(no_descriptor_is_left_open),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
