/*
 * pam_stand_in - stands in for zenml-pam-helper and does what the request says, in `server`:
 *
 *   good          answers as somebody; after the go-ahead, the same with a token
 *   echo          the token is the credential of the request
 *   report        the token is what this process is like, see report()
 *   refuse        answers rejected
 *   garbage short long empty early     answers something else; early: a token before the go-ahead
 *   exit hang abort stop               answers nothing
 *   hang-after stop-after              answers, and then does not end, whatever signal asks for it
 *   twice                              answers good, then refuse
 *   token-none token-failed token-of-another token-garbage token-exit token-hang
 *                 what happens after the go-ahead
 *
 * Asked for a login in a browser, it first says where to approve, and does that after the go-ahead;
 * or else:
 *
 *   no-grant      says that there is none, and refuses
 *   grant-garbage grant-short grant-without-url grant-reply
 *                 answers something else than a grant
 *   grant-twice   a second grant stands in the place of the reply
 *   grant-exit grant-hang  says nothing
 *   grant-leave   says where, and does not wait for the person
 *
 * It has no other way to be told, and none to tell, than the socket.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pam_zenml/record.h"

extern char **environ;

static struct zp_request request;
static struct zp_reply reply;

static bool is(const char *order)
{
    return strcmp(request.server, order) == 0;
}

/* --- what this process is like ---------------------------------------------------------------- */

/* Adds `text` to the token, which may hold no blanks. */
static void say(const char *text)
{
    for (; *text != '\0' && reply.token_len < sizeof(reply.token); text++)
        reply.token[reply.token_len++] = *text > ' ' && *text <= '~' ? *text : '_';
}

static void say_number(const char *name, unsigned long long number)
{
    char text[64];

    snprintf(text, sizeof(text), "%s=%llu;", name, number);
    say(text);
}

static void say_words(const char *name, char **words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        say(name);
        say("=");
        say(words[i]);
        say(";");
    }
}

/* Each open descriptor and what it is: "fd0=socket;". */
static void say_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry = NULL;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char target[256] = "";
        const bool is_itself = strtol(entry->d_name, NULL, 10) == dirfd(folder);
        if (entry->d_name[0] == '.' || is_itself ||
            readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1) < 0)
            continue;
        target[strcspn(target, ":")] = '\0';
        say("fd");
        say(entry->d_name);
        say("=");
        say(target);
        say(";");
    }
}

static void say_limits(void)
{
    static const struct {
        const char *name;
        unsigned resource;
    } rows[] = {{"core", RLIMIT_CORE},
                {"fsize", RLIMIT_FSIZE},
                {"as", RLIMIT_AS},
                {"nofile", RLIMIT_NOFILE},
                {"nproc", RLIMIT_NPROC}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rlimit limit = {0};
        if (getrlimit(rows[i].resource, &limit) != 0 || limit.rlim_cur != limit.rlim_max)
            say("differ:");
        say_number(rows[i].name, limit.rlim_max);
    }
}

/* Uid, gid, groups, signals, capabilities: "Uid:_65534_...;". */
static void say_status(void)
{
    static const char *const wanted[] = {
        "Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:", "CapEff:", "CapPrm:", "CapInh:"};
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) {
                line[strcspn(line, "\n")] = '\0';
                say(line);
                say(";");
            }
}

static void report(char **arguments)
{
    char folder[256] = "?";
    const mode_t mask = umask(0);

    say_words("arg", arguments);
    say_words("env", environ);
    say_descriptors();
    say_limits();
    say_status();
    say("cwd=");
    say(getcwd(folder, sizeof(folder)) == NULL ? "?" : folder);
    say(";");
    say_number("umask", mask);
    say_number("leads-session", getsid(0) == getpid());
    say_number("no-new-privs", (unsigned long long)prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

/* --- answering -------------------------------------------------------------------------------- */

static void never_end(void)
{
    for (;;)
        pause();
}

static void ignore_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
}

#define PUT(dst, text) snprintf(dst, sizeof(dst), "%s", text)

/* Sends the reply, or what the order makes of it. */
static void send_reply(void)
{
    static char bytes[2 * sizeof(reply)];
    size_t size = sizeof(reply);

    memcpy(bytes, &reply, sizeof(reply));
    if (is("garbage") || (is("token-garbage") && reply.token_len > 0))
        memset(bytes, 0xa5, sizeof(bytes));
    size = is("short") ? size - 1 : is("long") ? size + 1 : is("empty") ? 0 : size;
    (void)!send(STDIN_FILENO, bytes, size, MSG_NOSIGNAL);
}

static void answer(void)
{
    reply.magic = ZP_MAGIC;
    reply.has_landlock = 1;
    reply.status = is("refuse") || is("no-grant") ? ZN_REJECTED : ZN_OK;
    PUT(reply.account_id, "787ffa87-c7e8-440c-ba04-a0989561ffd8");
    PUT(reply.account_name, "ci-bot");
    PUT(reply.server_url, "https://zenml.example.com");
    if (is("early"))
        say("a.b.c");
    send_reply();
    if (is("twice")) {
        reply.status = ZN_REJECTED;
        send_reply();
    }
}

static void answer_with_token(char **arguments)
{
    if (is("token-exit"))
        _exit(0);
    if (is("token-hang"))
        never_end();
    if (is("token-of-another"))
        reply.account_id[0] = 'a';
    reply.status = is("token-failed") ? ZN_SERVER_ERROR : ZN_OK;
    if (is("report"))
        report(arguments);
    else if (is("echo")) {
        reply.token_len = request.credential_len;
        memcpy(reply.token, request.credential, request.credential_len);
    } else if (!is("token-none") && !is("token-failed"))
        say("a.b.c");
    send_reply();
}

static bool receive_go_ahead(void)
{
    struct zp_go_ahead go_ahead = {0};

    return recv(STDIN_FILENO, &go_ahead, sizeof(go_ahead), MSG_TRUNC) == sizeof(go_ahead) &&
           go_ahead.magic == ZP_MAGIC;
}

static void send_grant(void)
{
    static struct zp_grant grant = {.magic = ZP_MAGIC, .is_granted = 1};

    PUT(grant.url, is("grant-without-url") ? "" : "https://zenml.example.com/devices/verify");
    if (is("no-grant"))
        grant = (struct zp_grant){.magic = ZP_MAGIC};
    if (is("grant-garbage"))
        memset(&grant, 0xa5, sizeof(grant));
    (void)!send(STDIN_FILENO, &grant, sizeof(grant) - is("grant-short"), MSG_NOSIGNAL);
}

/* What comes before the reply when the person is to approve in a browser. */
static void begin_in_browser(void)
{
    if (is("grant-exit"))
        _exit(0);
    if (is("grant-hang"))
        never_end();
    if (is("grant-reply"))
        return;
    send_grant();
    if (is("no-grant"))
        return;
    if (is("grant-leave") || !receive_go_ahead())
        _exit(0);
    if (is("grant-twice"))
        send_grant();
}

int main(int count, char **arguments)
{

    (void)count;
    if (recv(STDIN_FILENO, &request, sizeof(request), MSG_TRUNC) != sizeof(request))
        _exit(1);
    if (is("abort"))
        abort();
    if (is("stop"))
        raise(SIGSTOP);
    if (is("hang"))
        never_end();
    if (is("hang-after") || is("stop-after"))
        ignore_signals();
    if (is("exit"))
        _exit(0);
    if ((request.accept & ZP_ACCEPT_DEVICE) != 0 && request.credential_len == 0)
        begin_in_browser();
    answer();
    if (receive_go_ahead())
        answer_with_token(arguments);
    if (is("stop-after"))
        raise(SIGSTOP);
    if (is("hang-after"))
        never_end();
    _exit(0); /* not through the exit handlers of sanitizers, which expect a friendlier place */
}
