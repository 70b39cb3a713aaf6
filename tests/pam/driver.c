/*
 * driver - a PAM application for tests. It reads commands from standard input, one a line, obeys
 * them in order, and writes what happened as a transcript to standard output.
 *
 * Commands; TEXT is the rest of the line, in which \xNN is the byte NN:
 *   start CONFDIR SERVICE TEXT  pam_start_confdir for the user TEXT
 *   mute                        from the next start on the application has no conversation function
 *   item NAME TEXT              pam_set_item: RHOST, TTY, RUSER, USER, SERVICE
 *   answer TEXT                 the answer to the next prompt that has none yet
 *   fault KIND                  what happens instead: error (PAM_CONV_ERR), null-array, null-text
 *   call FUNCTION [FLAG...]     authenticate, acct_mgmt, setcred, open_session, close_session;
 *                               flags: silent, nonull, establish, delete, refresh
 *   show NAME                   an item, or env: all variables of the PAM environment, sorted
 *   end                         pam_end
 *   signal NAME ACTION          CHLD, PIPE, ALRM or TERM: ignore, default, handle, block
 *   log TEXT                    syslog() by the application itself, at level debug
 *   state                       everything of this process that a module could have changed
 *   clock                       from now on the time of each call is written, in microseconds
 *
 * Transcript: `FUNCTION CODE`, `prompt off TEXT`, `prompt on TEXT`, `info TEXT`, `error TEXT`,
 * `item NAME TEXT`, `env TEXT`, `delay MICROSECONDS`, `took MICROSECONDS`, `state ...`.
 *
 * Ends with 0; with 2 and a line on standard error when a command cannot be obeyed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct reply {
    struct reply *next;
    const char *fault; /* NULL: `text` is the answer */
    char text[];
};

static struct {
    pam_handle_t *pam;
    int last;              /* what the last PAM function returned */
    struct reply *replies; /* not used yet, the next one first */
    bool mute;
    bool clock;
} host;

extern char **environ;

static const char *const codes[] = {
    [PAM_SUCCESS] = "PAM_SUCCESS",
    [PAM_OPEN_ERR] = "PAM_OPEN_ERR",
    [PAM_SYMBOL_ERR] = "PAM_SYMBOL_ERR",
    [PAM_SERVICE_ERR] = "PAM_SERVICE_ERR",
    [PAM_SYSTEM_ERR] = "PAM_SYSTEM_ERR",
    [PAM_BUF_ERR] = "PAM_BUF_ERR",
    [PAM_PERM_DENIED] = "PAM_PERM_DENIED",
    [PAM_AUTH_ERR] = "PAM_AUTH_ERR",
    [PAM_CRED_INSUFFICIENT] = "PAM_CRED_INSUFFICIENT",
    [PAM_AUTHINFO_UNAVAIL] = "PAM_AUTHINFO_UNAVAIL",
    [PAM_USER_UNKNOWN] = "PAM_USER_UNKNOWN",
    [PAM_MAXTRIES] = "PAM_MAXTRIES",
    [PAM_NEW_AUTHTOK_REQD] = "PAM_NEW_AUTHTOK_REQD",
    [PAM_ACCT_EXPIRED] = "PAM_ACCT_EXPIRED",
    [PAM_SESSION_ERR] = "PAM_SESSION_ERR",
    [PAM_CRED_UNAVAIL] = "PAM_CRED_UNAVAIL",
    [PAM_CRED_EXPIRED] = "PAM_CRED_EXPIRED",
    [PAM_CRED_ERR] = "PAM_CRED_ERR",
    [PAM_NO_MODULE_DATA] = "PAM_NO_MODULE_DATA",
    [PAM_CONV_ERR] = "PAM_CONV_ERR",
    [PAM_AUTHTOK_ERR] = "PAM_AUTHTOK_ERR",
    [PAM_IGNORE] = "PAM_IGNORE",
    [PAM_ABORT] = "PAM_ABORT",
    [PAM_MODULE_UNKNOWN] = "PAM_MODULE_UNKNOWN",
    [PAM_BAD_ITEM] = "PAM_BAD_ITEM",
    [PAM_CONV_AGAIN] = "PAM_CONV_AGAIN",
    [PAM_INCOMPLETE] = "PAM_INCOMPLETE",
};

static _Noreturn void die(const char *what, const char *which)
{
    fprintf(stderr, "pam_driver: %s: %s\n", what, which);
    exit(2);
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        die("calloc", strerror(errno));
    return memory;
}

static const char *code_name(int code)
{
    const bool known = code >= 0 && (size_t)code < COUNT(codes) && codes[code] != NULL;

    return known ? codes[code] : "unknown code";
}

/* Writes a line of the transcript; what is not printable ASCII, and the backslash, as \xNN. */
static void say(const char *what, const char *text)
{
    fputs(what, stdout);
    if (text != NULL)
        putchar(' ');
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        if (*at >= ' ' && *at <= '~' && *at != '\\')
            putchar(*at);
        else
            printf("\\x%02x", (unsigned char)*at);
    }
    putchar('\n');
}

/* Replaces each \xNN by its byte, in place. */
static void unescape(char *text)
{
    char *out = text;

    while (*text != '\0') {
        if (text[0] == '\\' && text[1] == 'x' && text[2] != '\0' && text[3] != '\0') {
            const char digits[] = {text[2], text[3], '\0'};
            *out++ = (char)strtoul(digits, NULL, 16);
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

/* Cuts the first word off `*line` and returns it; "" when there is none. */
static char *next_word(char **line)
{
    char *word = *line + strspn(*line, " ");
    char *end = word + strcspn(word, " ");

    *line = end + (*end != '\0');
    *end = '\0';
    return word;
}

/* The index of a name in a table of `count` names. */
static size_t find(const char *const names[], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    die("unknown name", name);
}

/* --- conversation --- */

static struct reply *take_reply(void)
{
    struct reply *reply = host.replies;

    if (reply != NULL)
        host.replies = reply->next;
    return reply;
}

static void add_reply(const char *fault, const char *text)
{
    struct reply **end = &host.replies;
    struct reply *reply = allocate(sizeof(*reply) + strlen(text) + 1);

    reply->fault = fault;
    memcpy(reply->text, text, strlen(text));
    while (*end != NULL)
        end = &(*end)->next;
    *end = reply;
}

/* Answers one message. Returns false for a fault of the whole conversation, named by `*fault`. */
static bool answer(const struct pam_message *message, struct pam_response *response,
                   const char **fault)
{
    static const char *const styles[] = {
        [PAM_PROMPT_ECHO_OFF] = "prompt off",
        [PAM_PROMPT_ECHO_ON] = "prompt on",
        [PAM_ERROR_MSG] = "error",
        [PAM_TEXT_INFO] = "info",
    };
    struct reply *reply;

    if (message->msg_style < PAM_PROMPT_ECHO_OFF || message->msg_style > PAM_TEXT_INFO)
        die("message style", "unknown");
    say(styles[message->msg_style], message->msg);
    if (message->msg_style == PAM_ERROR_MSG || message->msg_style == PAM_TEXT_INFO)
        return true;
    reply = take_reply();
    *fault = reply == NULL ? "error" : reply->fault;
    if (reply == NULL)
        say("no answer", NULL);
    if (*fault == NULL)
        response->resp = strdup(reply->text);
    free(reply);
    return *fault == NULL || strcmp(*fault, "null-text") == 0;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *data)
{
    const char *fault = NULL;
    struct pam_response *answers = allocate((size_t)count * sizeof(*answers));

    (void)data;
    for (int i = 0; i < count; i++) {
        if (answer(messages[i], &answers[i], &fault))
            continue;
        for (int j = 0; j < i; j++)
            free(answers[j].resp);
        free(answers);
        *responses = NULL;
        return strcmp(fault, "error") == 0 ? PAM_CONV_ERR : PAM_SUCCESS;
    }
    *responses = answers;
    return PAM_SUCCESS;
}

/* Stands for the pause after a refusal, which would cost the tests hours. */
static void delay(int code, unsigned microseconds, void *data)
{
    char text[16];

    (void)data;
    if (code == PAM_SUCCESS || microseconds == 0)
        return;
    snprintf(text, sizeof(text), "%u", microseconds);
    say("delay", text);
}

/* --- commands --- */

static void do_start(char *line)
{
    struct pam_conv conversation = {.conv = host.mute ? NULL : converse};
    const char *folder = next_word(&line);
    const char *service = next_word(&line);

    unescape(line);
    host.last = pam_start_confdir(service, line, &conversation, folder, &host.pam);
    if (host.last != PAM_SUCCESS)
        die("pam_start", code_name(host.last));
    /* A function pointer is an item like any other in PAM, so the cast cannot be avoided. */
    union {
        void (*function)(int, unsigned, void *);
        const void *item;
    } delay_item = {.function = delay};
    if (pam_set_item(host.pam, PAM_FAIL_DELAY, delay_item.item) != PAM_SUCCESS)
        die("pam_set_item", "FAIL_DELAY");
}

static void do_mute(char *line)
{
    (void)line;
    host.mute = true;
}

static int item_type(const char *name)
{
    static const char *const names[] = {
        [PAM_SERVICE] = "SERVICE", [PAM_USER] = "USER",       [PAM_TTY] = "TTY",
        [PAM_RHOST] = "RHOST",     [PAM_RUSER] = "RUSER",     [0] = "",
        [PAM_CONV] = "",           [PAM_AUTHTOK] = "AUTHTOK", [PAM_OLDAUTHTOK] = "",
    };
    return (int)find(names, COUNT(names), name);
}

static void do_item(char *line)
{
    const char *name = next_word(&line);

    unescape(line);
    if (pam_set_item(host.pam, item_type(name), line) != PAM_SUCCESS)
        die("pam_set_item", name);
}

static void do_answer(char *line)
{
    unescape(line);
    add_reply(NULL, line);
}

static void do_fault(char *line)
{
    static const char *const kinds[] = {"error", "null-array", "null-text"};

    add_reply(kinds[find(kinds, COUNT(kinds), next_word(&line))], "");
}

static int read_flags(char *line)
{
    static const char *const names[] = {"silent", "nonull", "establish", "delete", "refresh"};
    static const int flags[] = {PAM_SILENT, PAM_DISALLOW_NULL_AUTHTOK, PAM_ESTABLISH_CRED,
                                PAM_DELETE_CRED, PAM_REFRESH_CRED};
    int all = 0;

    for (const char *word = next_word(&line); *word != '\0'; word = next_word(&line))
        all |= flags[find(names, COUNT(names), word)];
    return all;
}

static long long microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void do_call(char *line)
{
    static const char *const names[] = {"authenticate", "acct_mgmt", "setcred", "open_session",
                                        "close_session"};
    static int (*const functions[])(pam_handle_t *, int) = {
        pam_authenticate, pam_acct_mgmt, pam_setcred, pam_open_session, pam_close_session};
    const size_t which = find(names, COUNT(names), next_word(&line));
    const int flags = read_flags(line);
    const long long before = microseconds();

    host.last = functions[which](host.pam, flags);
    const long long took = microseconds() - before;
    say(names[which], code_name(host.last));
    if (host.clock)
        printf("took %lld\n", took);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_environment(void)
{
    char **variables = pam_getenvlist(host.pam);
    size_t count = 0;

    if (variables == NULL)
        die("pam_getenvlist", "no list");
    while (variables[count] != NULL)
        count++;
    qsort(variables, count, sizeof(*variables), compare);
    for (size_t i = 0; i < count; i++) {
        say("env", variables[i]);
        free(variables[i]);
    }
    free(variables);
}

static void do_show(char *line)
{
    const char *name = next_word(&line);
    const void *item = NULL;

    if (strcmp(name, "env") == 0) {
        show_environment();
        return;
    }
    /* The application may not ask for PAM_AUTHTOK: libpam says PAM_BAD_ITEM, and that is shown. */
    const int code = pam_get_item(host.pam, item_type(name), &item);
    printf("item %s", name);
    say("", code == PAM_SUCCESS ? item : code_name(code));
}

static void do_end(char *line)
{
    (void)line;
    if (pam_end(host.pam, host.last) != PAM_SUCCESS)
        die("pam_end", "failed");
    host.pam = NULL;
    while (host.replies != NULL) {
        say("not asked for",
            host.replies->fault != NULL ? host.replies->fault : host.replies->text);
        free(take_reply());
    }
}

static void handle(int number)
{
    (void)number;
}

static void do_signal(char *line)
{
    static const char *const names[] = {"CHLD", "PIPE", "ALRM", "TERM"};
    static const int numbers[] = {SIGCHLD, SIGPIPE, SIGALRM, SIGTERM};
    const int number = numbers[find(names, COUNT(names), next_word(&line))];
    const char *action = next_word(&line);
    struct sigaction disposition = {.sa_handler = SIG_DFL};
    sigset_t set;

    if (strcmp(action, "block") == 0) {
        sigemptyset(&set);
        sigaddset(&set, number);
        sigprocmask(SIG_BLOCK, &set, NULL);
        return;
    }
    if (strcmp(action, "ignore") == 0)
        disposition.sa_handler = SIG_IGN;
    else if (strcmp(action, "handle") == 0)
        disposition.sa_handler = handle;
    sigaction(number, &disposition, NULL);
}

static void do_log(char *line)
{
    unescape(line);
    syslog(LOG_DEBUG, "%s", line);
}

static void do_clock(char *line)
{
    (void)line;
    host.clock = true;
}

/* --- the state of the process --- */

static void show_descriptors(void)
{
    char *names[256];
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");

    if (folder == NULL)
        die("/proc/self/fd", strerror(errno));
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char target[256] = "";
        char line[300];

        if (entry->d_name[0] == '.' || strtol(entry->d_name, NULL, 10) == dirfd(folder) ||
            count == COUNT(names))
            continue;
        if (readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1) < 0)
            die("readlinkat", strerror(errno));
        snprintf(line, sizeof(line), "%.16s -> %s", entry->d_name, target);
        names[count++] = strdup(line);
    }
    closedir(folder);
    qsort(names, count, sizeof(*names), compare);
    for (size_t i = 0; i < count; i++) {
        say("state fd", names[i]);
        free(names[i]);
    }
}

/* Shows the lines of a file in /proc that begin with one of `names`; all lines when there are none.
 */
static void show_lines(const char *path, const char *const names[], size_t count)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        die(path, strerror(errno));
    while (getline(&line, &size, file) > 0) {
        bool shown = count == 0;

        for (size_t i = 0; i < count; i++)
            shown |= strncmp(line, names[i], strlen(names[i])) == 0;
        line[strcspn(line, "\n")] = '\0';
        if (shown)
            say("state", line);
    }
    free(line);
    fclose(file);
}

static void do_state(char *line)
{
    static const char *const status[] = {
        "Umask:",  "Uid:",    "Gid:",        "Groups:",  "Threads:", "SigPnd:",
        "ShdPnd:", "SigBlk:", "SigIgn:",     "SigCgt:",  "CapInh:",  "CapPrm:",
        "CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:",
    };
    char folder[1024] = "";
    struct itimerval timer;

    (void)line;
    show_descriptors();
    show_lines("/proc/self/status", status, COUNT(status));
    show_lines("/proc/self/limits", NULL, 0);
    say("state folder", getcwd(folder, sizeof(folder)));
    say("state locale", setlocale(LC_ALL, NULL));
    getitimer(ITIMER_REAL, &timer);
    say("state alarm", timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0 ? "set" : "none");
    printf("state session %d group %d\n", getsid(0) == getpid(), getpgrp() == getpid());
    for (char **variable = environ; *variable != NULL; variable++)
        say("state env", *variable);
    errno = 0;
    const bool childless = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
    say("state children", childless ? "none" : "some");
}

static void obey(char *line)
{
    static const struct {
        const char *name;
        void (*function)(char *line);
    } commands[] = {
        {"start", do_start}, {"mute", do_mute},   {"item", do_item},     {"answer", do_answer},
        {"fault", do_fault}, {"call", do_call},   {"show", do_show},     {"end", do_end},
        {"log", do_log},     {"state", do_state}, {"signal", do_signal}, {"clock", do_clock},
    };
    const char *name = next_word(&line);

    for (size_t i = 0; i < COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].function(line);
            return;
        }
    }
    die("unknown command", name);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;

    /* Not the defaults, so that a module which sets a default is noticed. */
    umask(027);
    setlocale(LC_ALL, "C.UTF-8");
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
        fflush(stdout);
    }
    free(line);
    return 0;
}
