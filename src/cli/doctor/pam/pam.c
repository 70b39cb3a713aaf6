/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "verbs.h"
#include "host.h"
#include "judge.h"
#include "doctor/server.h"
#include "sshd.h"
#include "trial.h"

#define PATH_BYTES ((size_t)1024)
#define TRIALS_MAX 4 /* a ZenML server takes five logins per minute */

/* One run of the doctor. */
struct visit {
    const struct zc_options *options;
    struct zc_findings findings;
    bool saw_sshd;
    int64_t device_timeout_s; /* the longest for a login in a browser; 0: nobody has one */
    struct zh_config tried[TRIALS_MAX]; /* no configuration is tried twice */
    size_t tried_count;
    struct zn_error trial; /* the first one that failed */
};

/* --- one service ---------------------------------------------------------------------------- */

static bool was_tried(const struct visit *visit, const struct zh_config *config)
{
    for (size_t i = 0; i < visit->tried_count; i++)
        if (memcmp(&visit->tried[i], config, sizeof(*config)) == 0)
            return true;
    return false;
}

static void try_config(struct visit *visit, const struct zh_config *config, struct zc_place place)
{
    struct zn_error error = {.detail = ""};

    if (was_tried(visit, config))
        return;
    if (visit->tried_count == TRIALS_MAX) {
        zc_find(&visit->findings, place, ZC_LEVEL_WARN,
                "not tried, since the server would refuse so many logins", "",
                "name the file on the command line");
        return;
    }
    visit->tried[visit->tried_count++] = *config;
    const size_t failures = visit->findings.failures;
    if (zc_trial_run(visit->options, config, place, &visit->findings, &error) != ZN_OK &&
        visit->trial.detail[0] == '\0')
        visit->trial = error;
    visit->findings.failures = failures; /* they have their own exit codes */
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static void check_line(struct visit *visit, const struct zc_pam_handler *handler,
                       const char *service)
{
    struct zh_config config;

    zc_host_check_module(handler, &visit->findings);
    if (!zc_host_check_config(handler, service, &visit->findings, &config))
        return;
    if ((config.credential & ZH_DEVICE) != 0 && config.device_timeout > visit->device_timeout_s)
        visit->device_timeout_s = config.device_timeout;
    if (visit->options->try_login && handler->type == ZC_PAM_AUTH)
        try_config(visit, &config, handler->place);
}

static bool has_ours(const struct zc_pam_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        if (zc_pam_is_ours(&stack->handlers[i]))
            return true;
    return false;
}

static void check_stack(struct visit *visit, const struct zc_pam_stack *stack, const char *path)
{
    const char *service = name_of(path);

    if (!has_ours(stack)) {
        zc_find(&visit->findings, (struct zc_place){path, 0}, ZC_LEVEL_FAIL,
                "no line names pam_zenml.so", "", "add the lines of pam_zenml(8)");
        return;
    }
    zc_judge(stack, visit->options->verbose, &visit->findings);
    for (size_t i = 0; i < stack->count; i++)
        if (zc_pam_is_ours(&stack->handlers[i]))
            check_line(visit, &stack->handlers[i], service);
    zc_host_check_helper(&visit->findings);
    if (strcmp(service, "sshd") == 0 && !visit->saw_sshd) {
        visit->saw_sshd = true;
        zc_sshd_check(visit->device_timeout_s, &visit->findings);
    }
}

static void check_file(struct visit *visit, const char *path)
{
    struct zc_pam_stack stack = {.count = 0};

    if (zc_pam_stack_load(&stack, path, &visit->findings))
        check_stack(visit, &stack, path);
    zc_pam_stack_clear(&stack);
}

/* --- all services --------------------------------------------------------------------------- */

/* What an editor or a package manager has left is no service. */
static int is_service(const struct dirent *entry)
{
    const char *name = entry->d_name;
    const size_t len = strlen(name);

    return name[0] != '.' && name[len - 1] != '~' && strstr(name, ".dpkg-") == NULL &&
           strstr(name, ".rpm") == NULL;
}

static void path_of(const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s%s", strchr(name, '/') == NULL ? ZC_PAM_FOLDER "/" : "", name);
}

/* Does a service with a line of ours include the file? Then it is judged there, not alone. */
static bool is_included(const char *path, struct dirent **entries, int count)
{
    bool included = false;

    for (int i = 0; i < count && !included; i++) {
        struct zc_pam_stack stack = {.count = 0};
        char service[PATH_BYTES];
        path_of(entries[i]->d_name, service);
        if (zc_pam_stack_load(&stack, service, NULL) && has_ours(&stack))
            for (size_t k = 1; k < stack.file_count; k++)
                included = included || strcmp(stack.files[k], path) == 0;
        zc_pam_stack_clear(&stack);
    }
    return included;
}

static bool names_ours(const char *path)
{
    struct zc_pam_stack stack = {.count = 0};

    (void)!zc_pam_stack_load(&stack, path, NULL); /* a broken one is looked at */
    const bool found = has_ours(&stack);
    zc_pam_stack_clear(&stack);
    return found;
}

static void check_folder(struct visit *visit)
{
    struct dirent **entries = NULL;
    const int count = scandir(ZC_PAM_FOLDER, &entries, is_service, alphasort);
    bool any = false;

    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        path_of(entries[i]->d_name, path);
        if (names_ours(path) && !is_included(path, entries, count)) {
            any = true;
            check_file(visit, path);
        }
    }
    if (!any)
        zc_find(&visit->findings, (struct zc_place){ZC_PAM_FOLDER, 0}, ZC_LEVEL_FAIL,
                "no service uses pam_zenml.so", "", "add the lines of pam_zenml(8)");
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

/* --- the command ---------------------------------------------------------------------------- */

/* Failures of the trial have their own exit codes; those of the files come first. */
static int finish(const struct visit *visit)
{
    struct zn_error error = {.status = ZN_CONFIG};

    if (visit->findings.failures == 0)
        return visit->trial.detail[0] == '\0' ? 0 : zc_say_error(&visit->trial);
    zn_error_set(&error, ZN_CONFIG, "doctor: not all is well",
                 "repair what the lines with \"fail\" say");
    return zc_say_error(&error);
}

int zc_doctor_run(const struct zc_options *options)
{
    struct visit *visit = NULL;
    struct zn_error error = {.detail = ""};

    if (options->words[0] == NULL)
        return zc_doctor_server_run(options);
    visit = calloc(1, sizeof(*visit));
    if (visit == NULL) {
        zn_error_no_memory(&error);
        return zc_say_error(&error);
    }
    visit->options = options;
    zc_findings_init(&visit->findings);
    visit->findings.is_quiet = options->quiet;
    for (size_t i = 1; options->words[i] != NULL; i++) {
        char path[PATH_BYTES];
        path_of(options->words[i], path);
        check_file(visit, path);
    }
    if (options->words[1] == NULL)
        check_folder(visit);
    const int code = finish(visit);
    zc_findings_clear(&visit->findings);
    free(visit);
    return code;
}
