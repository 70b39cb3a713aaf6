/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "core/clock.h"
#include "pam_zenml/helper_process.h"

#define FOLDER "/mnt" /* root's, like all above it; ours alone in a mount namespace */
#define HELPER FOLDER "/helper"

#define SKIPPED 77 /* exit code; SKIP_RETURN_CODE in CMakeLists.txt */

/* --- system calls that fail on demand --------------------------------------------------------- */

static const char *failing;          /* the function that fails */
static long failing_number = -1;     /* the number of the syscall(2) that fails */
static void (*before_sockets)(void); /* is called between the check of the program and its start */

static bool fails(const char *name)
{
    errno = EPERM;
    return failing != NULL && strcmp(failing, name) == 0;
}

#define WRAP(name, parameters, arguments)                                                          \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        return fails(#name) ? -1 : __real_##name arguments;                                        \
    }

WRAP(setsid, (void), ())
WRAP(chdir, (const char *path), (path))
WRAP(open, (const char *path, int flags), (path, flags))
WRAP(dup2, (int from, int to), (from, to))
WRAP(dup3, (int from, int to, int flags), (from, to, flags))
WRAP(getrlimit, (int resource, struct rlimit *limit), (resource, limit))
WRAP(setrlimit, (int resource, const struct rlimit *limit), (resource, limit))
WRAP(prctl, (int option, long a, long b, long c, long d), (option, a, b, c, d))

static bool killed_a_stranger; /* kill(2) was given the pid of no child of this process */

int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

int __wrap_kill(pid_t pid, int number)
{
    siginfo_t info;

    if (pid != getpid() && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        killed_a_stranger = true;
    return __real_kill(pid, number);
}

int __real_socketpair(int domain, int type, int protocol, int fds[2]);
int __wrap_socketpair(int domain, int type, int protocol, int fds[2]);
long __real_syscall(long number, long a, long b, long c, long d, long e);
long __wrap_syscall(long number, long a, long b, long c, long d, long e);

int __wrap_socketpair(int domain, int type, int protocol, int fds[2])
{
    if (before_sockets != NULL)
        before_sockets();
    return fails("socketpair") ? -1 : __real_socketpair(domain, type, protocol, fds);
}

long __wrap_syscall(long number, long a, long b, long c, long d, long e)
{
    errno = ENOSYS;
    return number == failing_number ? -1 : __real_syscall(number, a, b, c, d, e);
}

static volatile sig_atomic_t deaths;

static void count_death(int number)
{
    (void)number;
    deaths++;
}

/* --- asking ----------------------------------------------------------------------------------- */

static struct zp_reply reply;
static int problems;       /* reported since the last question */
static int approvals;      /* asked for since then */
static bool approves;      /* the answer to that */
static int64_t lifetime_s; /* of the token that is asked for; 0: none */
static bool in_browser;    /* asks for a login in a browser */
static int shows;          /* how often the person was told where to approve, since then */
static bool cancels;       /* what they do then */
static int64_t dawdles_ms; /* until they do it */

static void count_problem(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
    problems++;
}

/* Sees what the module's policy would see. */
static bool approve(void *ctx, const struct zp_reply *shown)
{
    approvals++;
    return approves && ctx == &approvals && strcmp(shown->account_name, "ci-bot") == 0 &&
           shown->status == ZN_OK && shown->token_len == 0;
}

/* Does what the person would do. */
static bool show(void *ctx, const struct zp_grant *grant)
{
    const struct zn_clock clock = zn_clock_system();

    shows++;
    clock.sleep_ms(clock.ctx, dawdles_ms);
    return !cancels && ctx == &approvals &&
           strcmp(grant->url, "https://zenml.example.com/devices/verify") == 0;
}

/* Asks the helper at `path`, which does what `order` says (pam_stand_in.c). */
static enum zp_helper_outcome ask_at(const char *path, const char *order, int64_t timeout_ms)
{
    const struct zh_reporter reporter = {NULL, count_problem};
    const struct zp_approval approval = {&approvals, show, approve};
    static struct zp_request request;

    memset(&request, 0, sizeof(request));
    request.magic = ZP_MAGIC;
    request.accept = ZP_ACCEPT_API_KEY | (in_browser ? ZP_ACCEPT_DEVICE : 0);
    request.timeout_ms = timeout_ms;
    request.token_lifetime_s = lifetime_s;
    snprintf(request.server, sizeof(request.server), "%s", order);
    if (!in_browser)
        request.credential_len =
            (uint32_t)snprintf(request.credential, sizeof(request.credential), "ZENKEY_%0999d", 7);
    memset(&reply, 'X', sizeof(reply));
    problems = approvals = shows = 0;
    return zp_helper_ask(path, &request, &reporter, &approval, &reply);
}

static enum zp_helper_outcome ask(const char *order)
{
    return ask_at(HELPER, order, 20000);
}

static bool is_wiped(void)
{
    static const struct zp_reply nothing;
    return memcmp(&reply, &nothing, sizeof(reply)) == 0;
}

static const char *token(void)
{
    static char text[sizeof(reply.token) + 1];

    memcpy(text, reply.token, reply.token_len);
    text[reply.token_len] = '\0';
    return text;
}

/* --- what must be as it was ------------------------------------------------------------------- */

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* the folder itself */

    assert_non_null(folder);
    for (const struct dirent *entry = NULL; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static bool has_children(void)
{
    return waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD;
}

/* Asks, and fails the test when it ends otherwise, or leaves anything behind. */
static void expect(const char *order, int64_t timeout_ms, enum zp_helper_outcome expected)
{
    const int before = open_descriptors();

    CHECK_ROW(order, ask_at(HELPER, order, timeout_ms) == expected);
    CHECK_ROW(order, open_descriptors() == before);
    CHECK_ROW(order, !has_children());
    CHECK_ROW(order, is_wiped() == (expected != ZP_HELPER_ANSWERED));
    CHECK_ROW(order, problems == 0);
}

/* --- answers ---------------------------------------------------------------------------------- */

static int wish_for_token(void **state)
{
    (void)state;
    lifetime_s = 3600;
    approves = true;
    in_browser = cancels = false;
    dawdles_ms = 0;
    return 0;
}

static int wish_for_browser(void **state)
{
    wish_for_token(state);
    in_browser = true;
    return 0;
}

static void a_good_answer_arrives(void **state)
{
    (void)state;
    expect("good", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(reply.status, ZN_OK);
    assert_string_equal(reply.account_name, "ci-bot");
    assert_string_equal(token(), "a.b.c");
    assert_int_equal(approvals, 1);
}

static void a_refusal_arrives_and_asks_for_no_approval(void **state)
{
    (void)state;
    expect("refuse", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(reply.status, ZN_REJECTED);
    assert_int_equal(approvals, 0);
}

static void the_helper_gets_the_credential(void **state)
{
    (void)state;
    expect("echo", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(reply.token_len, strlen("ZENKEY_") + 999);
    assert_memory_equal(reply.token, "ZENKEY_0000", 11);
    assert_int_equal(reply.token[reply.token_len - 1], '7');
}

static void without_approval_there_is_no_token(void **state)
{
    (void)state;
    approves = false;
    expect("good", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(approvals, 1);
    assert_int_equal(reply.token_len, 0);
}

static void without_a_wish_there_is_no_token(void **state)
{
    (void)state;
    lifetime_s = 0;
    expect("good", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(approvals, 1);
    assert_int_equal(reply.token_len, 0);
}

static void a_token_that_cannot_be_made_is_the_answer(void **state)
{
    (void)state;
    expect("token-failed", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(reply.status, ZN_SERVER_ERROR);
}

static void only_the_first_answer_counts(void **state)
{
    (void)state;
    lifetime_s = 0;
    expect("twice", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(reply.status, ZN_OK);
}

static void whatever_else_it_does_is_a_failure(void **state)
{
    static const char *const orders[] = {"garbage",       "short",      "long",
                                         "empty",         "early",      "exit",
                                         "abort",         "token-none", "token-of-another",
                                         "token-garbage", "token-exit"};

    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++)
        expect(orders[i], 20000, ZP_HELPER_FAILED);
}

static void one_that_does_not_answer_is_late(void **state)
{
    const struct zn_clock clock = zn_clock_system();
    const int64_t start_ms = clock.now_ms(clock.ctx);

    (void)state;
    expect("hang", 1, ZP_HELPER_LATE);
    expect("stop", 1, ZP_HELPER_LATE);
    expect("token-hang", 1, ZP_HELPER_LATE);
    assert_true(clock.now_ms(clock.ctx) - start_ms >= 3);
}

static void one_that_does_not_end_is_ended(void **state)
{
    (void)state;
    expect("hang-after", 20000, ZP_HELPER_ANSWERED);
    expect("stop-after", 20000, ZP_HELPER_ANSWERED);
}

static void nothing_is_left_of_many(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        expect("good", 20000, ZP_HELPER_ANSWERED);
        expect("exit", 20000, ZP_HELPER_FAILED);
    }
}

/* --- a login in a browser --------------------------------------------------------------------- */

static void who_has_approved_is_answered(void **state)
{
    (void)state;
    expect("good", 20000, ZP_HELPER_ANSWERED);
    assert_string_equal(token(), "a.b.c");
    assert_int_equal(shows, 1);
    assert_int_equal(approvals, 1);
}

static int64_t lasts_ms(const char *order, int64_t timeout_ms, enum zp_helper_outcome outcome)
{
    const struct zn_clock clock = zn_clock_system();
    const int64_t start_ms = clock.now_ms(clock.ctx);

    expect(order, timeout_ms, outcome);
    return clock.now_ms(clock.ctx) - start_ms;
}

/* One that does not end may be deleting a device, also when it is late. */
static void a_helper_has_time_to_take_back_a_device(void **state)
{
    (void)state;
    assert_true(lasts_ms("hang-after", 20000, ZP_HELPER_ANSWERED) >= 2000);
    assert_true(lasts_ms("grant-hang", 1, ZP_HELPER_LATE) >= 2000);
}

static void who_cancels_ends_it(void **state)
{
    (void)state;
    cancels = true;
    expect("good", 20000, ZP_HELPER_FAILED);
    assert_int_equal(shows, 1);
    assert_int_equal(approvals, 0);
}

static void without_a_grant_nothing_is_shown(void **state)
{
    (void)state;
    expect("no-grant", 20000, ZP_HELPER_ANSWERED);
    assert_int_equal(reply.status, ZN_REJECTED);
    assert_int_equal(shows, 0);
}

static void what_is_no_grant_is_a_failure_and_is_not_shown(void **state)
{
    static const char *const orders[] = {"grant-garbage", "grant-short", "grant-without-url",
                                         "grant-reply", "grant-exit"};

    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        expect(orders[i], 20000, ZP_HELPER_FAILED);
        CHECK_ROW(orders[i], shows == 0);
    }
    expect("grant-hang", 1, ZP_HELPER_LATE);
    assert_int_equal(shows, 0);
}

static void a_second_grant_is_no_reply(void **state)
{
    (void)state;
    expect("grant-twice", 20000, ZP_HELPER_FAILED);
    assert_int_equal(shows, 1);
    assert_int_equal(approvals, 0);
}

static void a_helper_that_leaves_the_person_alone_is_a_failure(void **state)
{
    (void)state;
    dawdles_ms = 50;
    expect("grant-leave", 20000, ZP_HELPER_FAILED);
}

/* Also when the helper, which waits for half a second less than we for it, still listens. */
static void whoever_comes_back_too_late_is_late(void **state)
{
    (void)state;
    dawdles_ms = 50;
    expect("grant-leave", 1, ZP_HELPER_LATE);
    expect("good", 1, ZP_HELPER_LATE);
    assert_int_equal(approvals, 0);
}

/* --- what the helper is ----------------------------------------------------------------------- */

/* A hard limit of this process, or `most` when that is lower. */
static unsigned long long limit_of(unsigned resource, rlim_t most)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(resource, &limit), 0);
    return limit.rlim_max < most ? limit.rlim_max : most;
}

/* The report of a helper that runs as this user, who is in these groups, as /proc says it. */
static const char *expected_report(unsigned uid, const char *groups)
{
#ifdef __SANITIZE_ADDRESS__
    const rlim_t memory = RLIM_INFINITY;
#else
    const rlim_t memory = (rlim_t)1 << 30;
#endif
    static char text[2048];

    snprintf(text, sizeof(text),
             "arg=zenml-pam-helper;env=LC_ALL=C;fd0=socket;fd1=/dev/null;fd2=/dev/null;"
             "core=0;fsize=0;as=%llu;nofile=%llu;nproc=%llu;"
             "Uid:_%u_%u_%u_%u;Gid:_%u_%u_%u_%u;Groups:_%s;SigBlk:_0000000000000000;"
             "SigIgn:_0000000000000000;CapInh:_0000000000000000;CapPrm:_0000000000000000;"
             "CapEff:_0000000000000000;cwd=/;umask=63;leads-session=1;no-new-privs=1;",
             limit_of(RLIMIT_AS, memory), limit_of(RLIMIT_NOFILE, 64), limit_of(RLIMIT_NPROC, 4096),
             uid, uid, uid, uid, uid, uid, uid, uid, groups);
    return text;
}

static bool reports(unsigned uid, const char *groups)
{
    const bool good =
        ask("report") == ZP_HELPER_ANSWERED && strcmp(token(), expected_report(uid, groups)) == 0;
    if (!good)
        print_error("reported: %s\nexpected: %s\n", token(), expected_report(uid, groups));
    return good;
}

static void the_helper_of_root_is_nobody_and_has_nothing(void **state)
{
    (void)state;
    assert_true(reports(65534, "_"));
}

/* --- in hosts that are not as one would like -------------------------------------------------- */

/* Runs `host`, of this name, in a process of its own, which it may spoil. */
static void in_a_host(const char *name, bool (*host)(void))
{
    const pid_t child = fork();
    int status = -1;

    assert_true(child >= 0);
    if (child == 0)
        _exit(host() ? EXIT_SUCCESS : EXIT_FAILURE);
    CHECK_ROW(name, waitpid(child, &status, 0) == child);
    CHECK_ROW(name, status == 0);
}

#define IN_A_HOST(host) in_a_host(#host, host)

static bool with_an_environment_and_a_folder(void)
{
    return setenv("SSLKEYLOGFILE", FOLDER "/keys", 1) == 0 &&
           setenv("LD_PRELOAD", "x.so", 1) == 0 && chdir("/proc") == 0 && umask(0) == 022 &&
           reports(65534, "_");
}

static bool with_open_descriptors(void)
{
    for (int i = 0; i < 100; i++)
        if (dup(STDERR_FILENO) < 0) /* without FD_CLOEXEC */
            return false;
    return reports(65534, "_");
}

static bool without_close_range(void)
{
    failing_number = SYS_close_range;
    return with_open_descriptors();
}

static bool without_descriptors(void)
{
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    return reports(65534, "_") && fcntl(STDIN_FILENO, F_GETFD) == -1 &&
           fcntl(STDOUT_FILENO, F_GETFD) == -1 && fcntl(STDERR_FILENO, F_GETFD) == -1;
}

static bool without_room_for_descriptors(void)
{
    const struct rlimit limit = {3, 3};
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && ask("good") == ZP_HELPER_UNSAFE;
}

static bool with_low_limits(void)
{
    const struct rlimit descriptors = {20, 20};
    const struct rlimit processes = {1000, 1000};
    return setrlimit(RLIMIT_NOFILE, &descriptors) == 0 &&
           setrlimit(RLIMIT_NPROC, &processes) == 0 && reports(65534, "_");
}

static bool with_signals_blocked_and_ignored(void)
{
    sigset_t all;

    sigfillset(&all);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
    return sigprocmask(SIG_BLOCK, &all, NULL) == 0 && reports(65534, "_") && !has_children();
}

/* Such a host does not wait for children: the kernel reaps them, and gives their pids to others. */
static bool with_children_ignored(void)
{
    const struct sigaction no_zombies = {.sa_handler = count_death, .sa_flags = SA_NOCLDWAIT};

    signal(SIGCHLD, SIG_IGN);
    if (ask("exit") != ZP_HELPER_FAILED || ask("good") != ZP_HELPER_ANSWERED)
        return false;
    sigaction(SIGCHLD, &no_zombies, NULL);
    return ask("exit") == ZP_HELPER_FAILED && ask("good") == ZP_HELPER_ANSWERED &&
           !killed_a_stranger;
}

static bool as_an_ordinary_user(void)
{
    return setgroups(0, NULL) == 0 && setresgid(20001, 20001, 20001) == 0 &&
           setresuid(20001, 20001, 20001) == 0 && reports(20001, "_") && !has_children();
}

/* As su and sudo run us: the caller's real uid, and root's effective one. */
static bool as_a_setuid_program(void)
{
    const gid_t groups[] = {20001, 4};
    return setgroups(2, groups) == 0 && setresgid(20001, 20001, 20001) == 0 &&
           setresuid(20001, 0, 0) == 0 && reports(65534, "_") && getuid() == 20001 &&
           geteuid() == 0;
}

static void the_host_does_not_show_in_the_helper(void **state)
{
    (void)state;
    IN_A_HOST(with_an_environment_and_a_folder);
    IN_A_HOST(with_open_descriptors);
    IN_A_HOST(without_close_range);
    IN_A_HOST(without_descriptors);
    IN_A_HOST(without_room_for_descriptors);
    IN_A_HOST(with_low_limits);
    IN_A_HOST(with_signals_blocked_and_ignored);
    IN_A_HOST(with_children_ignored);
    IN_A_HOST(as_an_ordinary_user);
    IN_A_HOST(as_a_setuid_program);
}

/* --- the host afterwards ---------------------------------------------------------------------- */

/* How the host deals with each signal, and which are blocked: bit N is signal N. */
struct signals {
    struct {
        void (*handler)(int);
        int flags;
        uint64_t mask;
    } actions[NSIG];
    uint64_t blocked;
};

static uint64_t bits_of(const sigset_t *set)
{
    uint64_t bits = 0;

    for (int number = 1; number < 64; number++)
        bits |= (uint64_t)(sigismember(set, number) == 1) << number;
    return bits;
}

static void look_at_signals(struct signals *ret)
{
    sigset_t blocked;

    memset(ret, 0, sizeof(*ret));
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action = {0};
        if (sigaction(number, NULL, &action) != 0)
            continue;
        ret->actions[number].handler = action.sa_handler;
        ret->actions[number].flags = action.sa_flags;
        ret->actions[number].mask = bits_of(&action.sa_mask);
    }
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    ret->blocked = bits_of(&blocked);
}

static bool keeps_its_signals(void)
{
    static struct signals before;
    static struct signals after;
    const struct sigaction action = {.sa_handler = count_death, .sa_flags = SA_RESTART};
    sigset_t some;

    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGTERM);
    sigprocmask(SIG_SETMASK, &some, NULL);
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    look_at_signals(&before);
    if (ask("good") != ZP_HELPER_ANSWERED || ask("abort") != ZP_HELPER_FAILED)
        return false;
    look_at_signals(&after);
    return memcmp(&before, &after, sizeof(before)) == 0 && deaths == 0;
}

/* sshd and others wait for children of their own, whose deaths must not get lost. */
static bool keeps_its_children(void)
{
    const pid_t child = fork();
    int status = -1;

    if (child == 0)
        _exit(42);
    return ask("good") == ZP_HELPER_ANSWERED && waitpid(child, &status, 0) == child &&
           WEXITSTATUS(status) == 42;
}

static void the_host_stays_as_it_was(void **state)
{
    (void)state;
    IN_A_HOST(keeps_its_signals);
    IN_A_HOST(keeps_its_children);
}

/* --- when a protection cannot be had ---------------------------------------------------------- */

static void without_any_of_its_protections_it_is_not_started(void **state)
{
    static const char *const functions[] = {"setsid",    "chdir",     "open",  "dup2",      "dup3",
                                            "getrlimit", "setrlimit", "prctl", "socketpair"};

    (void)state;
    for (size_t i = 0; i < COUNT(functions); i++) {
        failing = functions[i];
        expect(functions[i], 20000, ZP_HELPER_FAILED);
        failing = NULL;
    }
}

static void without_any_of_these_calls_it_is_a_failure(void **state)
{
    static const long numbers[] = {SYS_clone, SYS_setgroups, SYS_setresgid, SYS_setresuid,
                                   SYS_execveat};

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        failing_number = numbers[i];
        expect("good", 20000, ZP_HELPER_FAILED);
        failing_number = -1;
    }
}

/* --- which program ---------------------------------------------------------------------------- */

static void make_folder(const char *path, mode_t mode, uid_t owner)
{
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chown(path, owner, 0), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void copy(const char *from, const char *to, mode_t mode, uid_t owner)
{
    static char bytes[65536];
    size_t got = 0;
    FILE *source = fopen(from, "re");
    FILE *target = fopen(to, "we");

    assert_non_null(source);
    assert_non_null(target);
    while ((got = fread(bytes, 1, sizeof(bytes), source)) > 0)
        assert_int_equal(fwrite(bytes, 1, got, target), got);
    assert_int_equal(fclose(target), 0);
    fclose(source);
    assert_int_equal(chown(to, owner, 0), 0);
    assert_int_equal(chmod(to, mode), 0);
}

static void a_program_that_others_could_change_is_not_run(void **state)
{
    static const char *const paths[] = {
        FOLDER "/missing",
        FOLDER "/strangers",
        FOLDER "/group",
        FOLDER "/others",
        FOLDER "/link",
        FOLDER "/fifo",
        FOLDER "/open/helper",
        FOLDER "/sticky/helper",
        FOLDER "/theirs/helper",
        FOLDER "/linked/helper",
        FOLDER,
        "mnt/helper",
        HELPER "/",
        "",
    };

    (void)state;
    copy(HELPER, FOLDER "/strangers", 0755, 20001);
    copy(HELPER, FOLDER "/group", 0775, 0);
    copy(HELPER, FOLDER "/others", 0757, 0);
    assert_int_equal(symlink(HELPER, FOLDER "/link"), 0);
    assert_int_equal(mkfifo(FOLDER "/fifo", 0755), 0);
    make_folder(FOLDER "/open", 0777, 0);
    make_folder(FOLDER "/sticky", 01777, 0);
    make_folder(FOLDER "/theirs", 0755, 20001);
    assert_int_equal(symlink(FOLDER, FOLDER "/linked"), 0);
    copy(HELPER, FOLDER "/open/helper", 0755, 0);
    copy(HELPER, FOLDER "/sticky/helper", 0755, 0);
    copy(HELPER, FOLDER "/theirs/helper", 0755, 0);
    for (size_t i = 0; i < COUNT(paths); i++) {
        const int before = open_descriptors();
        CHECK_ROW(paths[i], ask_at(paths[i], "good", 20000) == ZP_HELPER_UNSAFE);
        CHECK_ROW(paths[i], problems == 1);
        CHECK_ROW(paths[i], open_descriptors() == before);
    }
}

static void a_file_that_is_no_program_is_a_failure(void **state)
{
    FILE *file = NULL;

    (void)state;
    copy(HELPER, FOLDER "/plain", 0644, 0);
    assert_int_equal(ask_at(FOLDER "/plain", "good", 20000), ZP_HELPER_FAILED);
    file = fopen(FOLDER "/text", "we");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(FOLDER "/text", 0755), 0);
    assert_int_equal(ask_at(FOLDER "/text", "good", 20000), ZP_HELPER_FAILED);
    assert_false(has_children());
}

static void replace_helper(void)
{
    rename(HELPER, FOLDER "/moved");
}

static void what_was_checked_is_what_runs(void **state)
{
    (void)state;
    before_sockets = replace_helper;
    const enum zp_helper_outcome outcome = ask("good");
    before_sockets = NULL;
    rename(FOLDER "/moved", HELPER);
    assert_int_equal(outcome, ZP_HELPER_ANSWERED);
}

/* --- the place -------------------------------------------------------------------------------- */

static int make_place(void **state)
{
    (void)state;
    umask(022);
    copy(ZN_STAND_IN, HELPER, 0755, 0);
    return 0;
}

/* Why there can be no place in which only root writes; NULL: it is there, and nobody else's. */
static const char *cannot_start(void)
{
    if (geteuid() != 0)
        return "needs root: the module starts no program that others could change";
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", FOLDER, "tmpfs", 0, "mode=0755") != 0)
        return "this container may not mount (it needs CAP_SYS_ADMIN)";
    return NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_answer_arrives, wish_for_token),
        cmocka_unit_test_setup(a_refusal_arrives_and_asks_for_no_approval, wish_for_token),
        cmocka_unit_test_setup(the_helper_gets_the_credential, wish_for_token),
        cmocka_unit_test_setup(without_approval_there_is_no_token, wish_for_token),
        cmocka_unit_test_setup(without_a_wish_there_is_no_token, wish_for_token),
        cmocka_unit_test_setup(a_token_that_cannot_be_made_is_the_answer, wish_for_token),
        cmocka_unit_test_setup(only_the_first_answer_counts, wish_for_token),
        cmocka_unit_test_setup(whatever_else_it_does_is_a_failure, wish_for_token),
        cmocka_unit_test_setup(one_that_does_not_answer_is_late, wish_for_token),
        cmocka_unit_test_setup(one_that_does_not_end_is_ended, wish_for_token),
        cmocka_unit_test_setup(nothing_is_left_of_many, wish_for_token),
        cmocka_unit_test_setup(who_has_approved_is_answered, wish_for_browser),
        cmocka_unit_test_setup(a_helper_has_time_to_take_back_a_device, wish_for_browser),
        cmocka_unit_test_setup(who_cancels_ends_it, wish_for_browser),
        cmocka_unit_test_setup(without_a_grant_nothing_is_shown, wish_for_browser),
        cmocka_unit_test_setup(what_is_no_grant_is_a_failure_and_is_not_shown, wish_for_browser),
        cmocka_unit_test_setup(a_second_grant_is_no_reply, wish_for_browser),
        cmocka_unit_test_setup(a_helper_that_leaves_the_person_alone_is_a_failure,
                               wish_for_browser),
        cmocka_unit_test_setup(whoever_comes_back_too_late_is_late, wish_for_browser),
        cmocka_unit_test_setup(the_helper_of_root_is_nobody_and_has_nothing, wish_for_token),
        cmocka_unit_test_setup(the_host_does_not_show_in_the_helper, wish_for_token),
        cmocka_unit_test_setup(the_host_stays_as_it_was, wish_for_token),
        cmocka_unit_test_setup(without_any_of_its_protections_it_is_not_started, wish_for_token),
        cmocka_unit_test_setup(without_any_of_these_calls_it_is_a_failure, wish_for_token),
        cmocka_unit_test_setup(a_program_that_others_could_change_is_not_run, wish_for_token),
        cmocka_unit_test_setup(a_file_that_is_no_program_is_a_failure, wish_for_token),
        cmocka_unit_test_setup(what_was_checked_is_what_runs, wish_for_token),
    };
    const char *reason = cannot_start();

    if (reason != NULL) {
        printf("SKIPPED [1] test_pam_helper_process: %s\n", reason);
        return getenv("ZN_NO_SKIP") != NULL ? EXIT_FAILURE : SKIPPED;
    }
    return cmocka_run_group_tests(tests, make_place, NULL);
}
