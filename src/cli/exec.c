/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit_code.h"
#include "grant.h"
#include "say.h"
#include "input/source.h"
#include "verbs.h"

#define VARIABLE_MAX (ZN_SECRET_MAX + 256)

/* --- the environment of the command --------------------------------------------------------- */

static bool has_name(const char *entry, const char *name)
{
    struct zn_span rest = zn_span_of(entry);
    return zn_span_equal(zn_span_cut(&rest, '='), zn_span_of(name));
}

static bool is_replaced(const char *entry, const struct zc_variables *variables)
{
    for (size_t i = 0; i < variables->count; i++)
        if (has_name(entry, variables->list[i].name))
            return true;
    return false;
}

/* Ours as it was at the start, without our inputs, and with the variables in `texts`. */
static char **make_environment(char **ours, const struct zc_variables *variables,
                               struct zn_buf *texts)
{
    size_t count = 0;
    size_t kept = 0;

    while (ours[count] != NULL)
        count++;
    char **environment = calloc(count + variables->count + 1, sizeof(*environment));
    if (environment == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!zc_source_is_input(ours[i]) && !is_replaced(ours[i], variables))
            environment[kept++] = ours[i];
    for (size_t i = 0; i < variables->count; i++)
        environment[kept++] = texts[i].ptr;
    return environment;
}

static bool make_texts(const struct zc_variables *variables, struct zn_buf *texts)
{
    bool ok = true;

    for (size_t i = 0; i < variables->count; i++) {
        zn_buf_init(&texts[i], VARIABLE_MAX);
        ok = zn_buf_append_text(&texts[i], variables->list[i].name) &&
             zn_buf_append_text(&texts[i], "=") &&
             zn_buf_append(&texts[i], variables->list[i].value) && ok;
    }
    return ok;
}

/* --- finding and running the command -------------------------------------------------------- */

static int say_exec_error(const char *command, int error_number)
{
    const bool missing = error_number == ENOENT || error_number == ENOTDIR;
    struct zn_error error = {0};

    zn_error_set(&error, ZN_CONFIG, "cannot run ",
                 error_number == ENOEXEC ? "a script needs a #! line"
                 : missing               ? "check the command and PATH"
                                         : "check its mode, and that of its folders");
    zn_error_quote(&error, zn_span_of(command));
    zn_error_add(&error, ": ");
    zn_error_add(&error, strerror(error_number));
    zc_say_error(&error);
    return missing ? ZC_EXIT_NOT_FOUND : ZC_EXIT_CANNOT_RUN;
}

/* 0 when `path` is a file that may be run; otherwise the errno that execve(2) would give. */
static int check_program(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return errno;
    if (!S_ISREG(info.st_mode) || access(path, X_OK) != 0)
        return EACCES;
    return 0;
}

/* Puts the path of the command into `ret` as a shell would find it. 0, or an errno. */
static int find_program(const char *command, struct zn_buf *ret)
{
    const char *path_variable = getenv("PATH");
    struct zn_span folders = zn_span_of(path_variable != NULL ? path_variable : "/usr/bin:/bin");
    int found = ENOENT;

    zn_buf_init(ret, 8192);
    if (strchr(command, '/') != NULL)
        return zn_buf_append_text(ret, command) ? check_program(command) : ENAMETOOLONG;
    while (folders.ptr != NULL) {
        const struct zn_span folder = zn_span_cut(&folders, ':');
        zn_buf_clear(ret);
        if (!zn_buf_append(ret, folder.len > 0 ? folder : ZN_SPAN(".")) ||
            !zn_buf_append_text(ret, "/") || !zn_buf_append_text(ret, command))
            return ENAMETOOLONG;
        const int problem = check_program(ret->ptr);
        if (problem == 0)
            return 0;
        if (problem == EACCES)
            found = EACCES;
    }
    return found;
}

/* Returns only when it fails: the exit code. */
static int become(const char *path, const struct zc_options *options,
                  const struct zc_process *process, const struct zc_variables *variables)
{
    struct zn_buf texts[ZC_VARIABLES_MAX] = {0};
    struct zn_error error = {0};
    int code = 0;
    const bool ok = make_texts(variables, texts);
    char **environment = ok ? make_environment(process->environment, variables, texts) : NULL;

    if (environment != NULL) {
        zc_process_restore(process);
        execve(path, options->command, environment);
        code = say_exec_error(options->command[0], errno);
    } else {
        zn_error_no_memory(&error);
        code = zc_say_error(&error);
    }
    for (size_t i = 0; i < variables->count; i++)
        zn_buf_clear(&texts[i]);
    free(environment);
    return code;
}

/* --- the command of ours -------------------------------------------------------------------- */

static enum zn_status log_in(const struct zc_options *options, struct zc_session *session,
                             struct zc_grant *grant, struct zn_error *error)
{
    enum zc_hand_on hand_on = ZC_HAND_ON_DEFAULT;
    enum zn_status status = zc_session_open(options, session, error);

    if (status == ZN_OK)
        status = zc_grant_choose(options, session, ZC_HAND_ON_KEY, &hand_on, error);
    if (status == ZN_OK)
        status = zc_session_login(options, false, session, error);
    if (status == ZN_OK)
        status = zc_grant_obtain(options, session, hand_on, grant, error);
    return status;
}

int zc_exec_run(const struct zc_options *options, const struct zc_process *process)
{
    struct zn_error error = {0};
    struct zc_session session = {0};
    struct zc_grant grant = {0};
    struct zn_buf path = {0};
    int code = 0;

    const int problem = find_program(options->command[0], &path);
    if (problem != 0) {
        code = say_exec_error(options->command[0], problem);
    } else if (log_in(options, &session, &grant, &error) != ZN_OK) {
        code = zc_say_error(&error);
    } else {
        zc_session_disconnect(&session);
        code = become(path.ptr, options, process, &grant.variables);
    }
    zc_grant_clear(&grant);
    zc_session_close(&session);
    zn_buf_clear(&path);
    return code;
}
