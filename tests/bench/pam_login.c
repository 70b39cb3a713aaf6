/*
 * pam_login - a PAM application that logs in once: `pam_login FOLDER SERVICE USER PASSWORD_FILE`.
 *
 * FOLDER holds the service files. The first line of PASSWORD_FILE answers every prompt. Prints what
 * pam_authenticate returned, the microseconds from before pam_start, which loads the modules, to
 * after pam_end, and the peak memory in KiB of this process and of the largest it had started.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <security/pam_appl.h>

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *password)
{
    struct pam_response *answers = calloc((size_t)count, sizeof(*answers));

    if (answers == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
            messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
            answers[i].resp = strdup(password);
    *responses = answers;
    return PAM_SUCCESS;
}

static long long microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* Peak memory of this process since it was loaded. ru_maxrss would be that of its parent, too. */
static long own_peak_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;

    while (file != NULL && kib < 0 && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kib;
}

static long started_peak_kib(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_CHILDREN, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    char password[8192] = "";
    const struct pam_conv conversation = {converse, password};
    pam_handle_t *pam = NULL;
    FILE *file = argc == 5 ? fopen(argv[4], "r") : NULL;

    if (file == NULL || fgets(password, sizeof(password), file) == NULL) {
        fprintf(stderr, "usage: pam_login FOLDER SERVICE USER PASSWORD_FILE\n");
        return 2;
    }
    fclose(file);
    password[strcspn(password, "\n")] = '\0';

    const long long start = microseconds();
    int code = pam_start_confdir(argv[2], argv[3], &conversation, argv[1], &pam);
    if (code == PAM_SUCCESS)
        code = pam_authenticate(pam, 0);
    if (pam != NULL)
        pam_end(pam, code);
    printf("%d %lld %ld %ld\n", code, microseconds() - start, own_peak_kib(), started_peak_kib());
    return code == PAM_SUCCESS ? 0 : 1;
}
