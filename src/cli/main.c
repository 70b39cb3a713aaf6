/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "core/http_curl.h"
#include "output/target.h"
#include "say.h"
#include "step.h"
#include "verbs.h"
#include "version.h"

static int run_verb(const struct zc_options *options, const struct zc_process *process)
{
    if (options->quiet)
        zc_say_quietly();
    switch (options->verb) {
    case ZC_ENV:
        return zc_env_run(options);
    case ZC_EXEC:
        return zc_exec_run(options, process);
    case ZC_WHOAMI:
        return zc_whoami_run(options);
    case ZC_LOGIN:
        return zc_login_run(options);
    case ZC_CLEAR:
        return zc_clear_run(options);
    case ZC_DOCTOR:
        return zc_doctor_run(options);
    case ZC_NO_VERB:
        break;
    }
    return 1;
}

/* The runner, or the shell that evaluates standard output, has to know as well. */
static int refuse_command_line(const struct zc_options *options, const struct zn_error *error)
{
    struct zc_step step = {0};
    const int code = zc_step_finish(&step, options, error->status, error);

    if (options->verb == ZC_ENV || options->verb == ZC_CLEAR)
        zc_target_fail(options->format, options->output, code);
    zc_step_close(&step);
    return code;
}

static void print_version(void)
{
    const char *authorities = zn_http_curl_embedded_cas();

    printf("zenml-login %s (%s%s%s)\n", ZN_VERSION, zn_http_curl_version(),
           authorities == NULL ? "" : ", ", authorities == NULL ? "" : authorities);
}

int main(int argc, char **argv)
{
    struct zc_process process = {0};
    struct zc_options options = {0};
    struct zn_error error = {0};
    int code = 0;

    if (zc_process_harden(&process, &error) != ZN_OK)
        code = zc_say_error(&error);
    else if (zc_options_parse(argc, argv, &options, &error) != ZN_OK)
        code = refuse_command_line(&options, &error);
    else if (options.help)
        zc_options_help(options.verb);
    else if (options.version)
        print_version();
    else
        code = run_verb(&options, &process);
    // Not fflush() alone: musl's says nothing of what an earlier printf() could not write.
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
        zn_error_set(&error, ZN_CANNOT_WRITE, "cannot write to standard output", NULL);
        code = zc_say_error(&error);
    }
    free(process.environment);
    return code;
}
