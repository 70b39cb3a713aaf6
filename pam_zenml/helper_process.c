/* SPDX-License-Identifier: Apache-2.0 */
#include "helper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

#define GRACE_MS      500   /* beyond the helper's own deadline */
#define GOODBYE_MS    200   /* to end by itself after its answer */
#define TAKE_BACK_MS  2200  /* the same, when it has a device to delete; also when it is late */
#define NOBODY        65534 /* the overflow uid and gid of the kernel */
#define HELPER_FD_MAX 64
#define PROGRAM_FD    3
#define HELPER_MEMORY ((rlim_t)1024 * 1024 * 1024)

/* --- in the child: async-signal-safe calls only --------------------------------------------- */

static void reset_signals(void)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &standard, NULL); /* fails for SIGKILL, SIGSTOP and those of libc */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool close_from(int first)
{
    struct rlimit limit;

    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0)
        return true;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    for (int fd = first; fd < (int)limit.rlim_cur; fd++)
        close(fd);
    return true;
}

/* Socket, /dev/null twice, and the program itself, which closes when it starts. */
static bool take_descriptors(int socket, int program)
{
    if (dup2(socket, STDIN_FILENO) < 0)
        return false;
    const int null = open("/dev/null", O_RDWR); /* not 0 any more, whatever the host had closed */
    return null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
           dup3(program, PROGRAM_FD, O_CLOEXEC) >= 0 && close_from(PROGRAM_FD + 1);
}

#ifdef __GLIBC__
typedef __rlimit_resource_t resource_t;
#else
typedef int resource_t;
#endif

/* Lowers a limit; one that is lower already stays. */
static bool limit(resource_t resource, rlim_t value)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) != 0)
        return false;
    if (limit.rlim_max < value)
        value = limit.rlim_max;
    limit = (struct rlimit){value, value};
    return setrlimit(resource, &limit) == 0;
}

#ifndef __has_feature /* of clang */
#define __has_feature(feature) 0
#endif

static bool set_limits(void)
{
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
    const rlim_t memory = RLIM_INFINITY; /* the sanitizer reserves terabytes */
#else
    const rlim_t memory = HELPER_MEMORY;
#endif
    return limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_AS, memory) &&
           limit(RLIMIT_NOFILE, HELPER_FD_MAX) && limit(RLIMIT_NPROC, 4096);
}

/*
 * In su and sudo the real uid is the caller's, so what counts is the effective one. System calls,
 * since setresuid(3) and kin tell all threads of the process, of which there are none here.
 */
static bool drop_privileges(void)
{
    if (geteuid() != 0)
        return true;
    return syscall(SYS_setgroups, 0, NULL) == 0 &&
           syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) == 0 &&
           syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0;
}

static _Noreturn void become_helper(int program, int socket)
{
    static char name[] = "zenml-pam-helper";
    static char locale[] = "LC_ALL=C";
    char *arguments[] = {name, NULL};
    char *environment[] = {locale, NULL};

    reset_signals();
    umask(077);
    if (setsid() >= 0 && chdir("/") == 0 && take_descriptors(socket, program) && set_limits() &&
        drop_privileges() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        syscall(SYS_execveat, PROGRAM_FD, "", arguments, environment, AT_EMPTY_PATH);
    _exit(127);
}

/* --- in the host ---------------------------------------------------------------------------- */

/* Moves a descriptor above those that the child arranges, and closes the old one. -1: it cannot. */
static int move_up(int fd)
{
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);

    close(fd);
    return moved;
}

static bool make_sockets(int ret[2])
{
    int low[2] = {-1, -1};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, low) != 0)
        return false;
    ret[0] = move_up(low[0]);
    ret[1] = move_up(low[1]);
    return ret[0] >= 0 && ret[1] >= 0;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* How the host dealt with SIGCHLD before. */
struct held {
    sigset_t mask; /* of this thread */
    bool was_pending;
    bool was_ignored;
    struct sigaction action;
};

static sigset_t only_sigchld(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return set;
}

static bool is_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGCHLD) == 1;
}

/* The death of the helper is not to reach a handler of the host, which might wait for it. */
static struct held hold_sigchld(void)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    const sigset_t sigchld = only_sigchld();
    struct held held;

    sigprocmask(SIG_BLOCK, &sigchld, &held.mask);
    held.was_pending = is_pending();
    held.was_ignored =
        sigaction(SIGCHLD, NULL, &held.action) == 0 &&
        (held.action.sa_handler == SIG_IGN || (held.action.sa_flags & SA_NOCLDWAIT) != 0);
    /* The kernel would reap the helper by itself, and its pid be another's when we end it. */
    if (held.was_ignored)
        sigaction(SIGCHLD, &standard, NULL);
    return held;
}

/* One pending signal may stand for several deaths: that of a child of the host is given back. */
static void release_sigchld(const struct held *held)
{
    static const struct timespec now = {0, 0};
    const sigset_t sigchld = only_sigchld();
    siginfo_t other = {0};

    if (!held->was_pending && is_pending() && sigtimedwait(&sigchld, NULL, &now) == SIGCHLD &&
        waitid(P_ALL, 0, &other, WEXITED | WNOHANG | WNOWAIT) == 0 && other.si_pid != 0)
        kill(getpid(), SIGCHLD);
    if (held->was_ignored)
        sigaction(SIGCHLD, &held->action, NULL);
    sigprocmask(SIG_SETMASK, &held->mask, NULL);
}

/*
 * fork(2) without the host's atfork handlers. All signals are blocked meanwhile, so that no handler
 * of the host runs in the child.
 */
static pid_t start(int program, int socket)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    if (sigprocmask(SIG_BLOCK, &all, &before) != 0)
        return -1;
    const pid_t child = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0UL);
    if (child == 0)
        become_helper(program, socket);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return child;
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static enum zp_helper_outcome receive(int socket, int64_t deadline_ms, bool with_token,
                                      struct zp_reply *reply)
{
    const struct zn_clock clock = zn_clock_system();

    if (!zp_record_receive(socket, reply, sizeof(*reply), deadline_ms))
        return clock.now_ms(clock.ctx) >= deadline_ms ? ZP_HELPER_LATE : ZP_HELPER_FAILED;
    return zp_reply_is_valid(reply, with_token) ? ZP_HELPER_ANSWERED : ZP_HELPER_FAILED;
}

/* The token is somebody's who was let in: it must not be another's than the first reply's. */
static enum zp_helper_outcome ask_token(int socket, int64_t deadline_ms, struct zp_reply *reply)
{
    const struct zp_go_ahead go_ahead = {ZP_MAGIC};
    char account[sizeof(reply->account_id)];

    memcpy(account, reply->account_id, sizeof(account));
    if (!zp_record_send(socket, &go_ahead, sizeof(go_ahead)))
        return ZP_HELPER_FAILED;
    const enum zp_helper_outcome outcome = receive(socket, deadline_ms, true, reply);
    const bool same = reply->status != ZN_OK || strcmp(account, reply->account_id) == 0;
    return outcome == ZP_HELPER_ANSWERED && !same ? ZP_HELPER_FAILED : outcome;
}

/* The person's part of a login in a browser. ZP_HELPER_ANSWERED: a reply follows. */
static enum zp_helper_outcome show_grant(int socket, int64_t deadline_ms,
                                         const struct zp_approval *approval, struct zp_grant *grant)
{
    const struct zn_clock clock = zn_clock_system();
    const struct zp_go_ahead go_ahead = {ZP_MAGIC};

    if (!zp_record_receive(socket, grant, sizeof(*grant), deadline_ms))
        return clock.now_ms(clock.ctx) >= deadline_ms ? ZP_HELPER_LATE : ZP_HELPER_FAILED;
    if (!zp_grant_is_valid(grant))
        return ZP_HELPER_FAILED;
    if (grant->is_granted == 0)
        return ZP_HELPER_ANSWERED;
    const bool done = approval->show(approval->ctx, grant);
    /* People may take longer than the helper waits for them; it is not to blame for being gone. */
    if (done && clock.now_ms(clock.ctx) >= deadline_ms - GRACE_MS)
        return ZP_HELPER_LATE;
    return done && zp_record_send(socket, &go_ahead, sizeof(go_ahead)) ? ZP_HELPER_ANSWERED
                                                                       : ZP_HELPER_FAILED;
}

/* The grant is too large for the stack of a host's thread. */
static enum zp_helper_outcome ask_person(int socket, int64_t deadline_ms,
                                         const struct zp_approval *approval)
{
    struct zp_grant *grant = calloc(1, sizeof(*grant));

    if (grant == NULL)
        return ZP_HELPER_FAILED;
    const enum zp_helper_outcome outcome = show_grant(socket, deadline_ms, approval, grant);
    explicit_bzero(grant, sizeof(*grant));
    free(grant);
    return outcome;
}

static enum zp_helper_outcome ask(int socket, const struct zp_request *request,
                                  const struct zp_approval *approval, struct zp_reply *reply)
{
    const struct zn_clock clock = zn_clock_system();
    const int64_t deadline_ms = clock.now_ms(clock.ctx) + request->timeout_ms + GRACE_MS;

    if (!zp_record_send(socket, request, sizeof(*request)))
        return ZP_HELPER_FAILED;
    enum zp_helper_outcome outcome = zp_request_is_for_browser(request)
                                         ? ask_person(socket, deadline_ms, approval)
                                         : ZP_HELPER_ANSWERED;
    if (outcome == ZP_HELPER_ANSWERED)
        outcome = receive(socket, deadline_ms, false, reply);
    if (outcome == ZP_HELPER_ANSWERED && reply->status == ZN_OK) {
        const bool approved = approval->approve(approval->ctx, reply);
        if (approved && request->token_lifetime_s > 0)
            outcome = ask_token(socket, deadline_ms, reply);
    }
    return outcome;
}

/* Lets a helper close its connection; its end of the socket closes with it. */
static void say_goodbye(int socket, int patience_ms)
{
    struct pollfd poll_fd = {.fd = socket, .events = 0};
    int ready = 0;

    shutdown(socket, SHUT_WR);
    do
        ready = poll(&poll_fd, 1, patience_ms);
    while (ready < 0 && errno == EINTR);
}

/* Opens the helper as a file that only root can have changed; what was checked is what is run. */
static int open_program(const char *path, const struct zh_reporter *reporter)
{
    const int fd = zh_file_open(path, reporter);
    return fd < 0 ? fd : move_up(fd);
}

enum zp_helper_outcome zp_helper_ask(const char *path, const struct zp_request *request,
                                     const struct zh_reporter *reporter,
                                     const struct zp_approval *approval, struct zp_reply *reply)
{
    enum zp_helper_outcome outcome = ZP_HELPER_FAILED;
    int fds[3] = {-1, -1, -1}; /* our socket, the helper's socket, the program */

    explicit_bzero(reply, sizeof(*reply));
    fds[2] = open_program(path, reporter);
    if (fds[2] < 0)
        return ZP_HELPER_UNSAFE;
    const struct held held = hold_sigchld();
    const pid_t child = make_sockets(fds) ? start(fds[2], fds[1]) : -1;
    close_all(fds + 1, 2);
    if (child > 0) {
        outcome = ask(fds[0], request, approval, reply);
        if (zp_request_is_for_browser(request))
            say_goodbye(fds[0], TAKE_BACK_MS);
        else if (outcome == ZP_HELPER_ANSWERED)
            say_goodbye(fds[0], GOODBYE_MS);
        end(child);
    }
    release_sigchld(&held);
    close_all(fds, 1);
    if (outcome != ZP_HELPER_ANSWERED)
        explicit_bzero(reply, sizeof(*reply));
    return outcome;
}
