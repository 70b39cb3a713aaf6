/* SPDX-License-Identifier: Apache-2.0 */
#include "platform.h"

#include <stdlib.h>
#include <string.h>

/* In this order: Forgejo sets the variables of Gitea as well, and both those of GitHub. */
static const struct zc_platform platforms[] = {
    {"Forgejo Actions", "FORGEJO_ACTIONS", "true", &zc_format_github},
    {"Gitea Actions", "GITEA_ACTIONS", "true", &zc_format_github},
    {"GitHub Actions", "GITHUB_ACTIONS", "true", &zc_format_github},
    {"GitLab CI", "GITLAB_CI", "true", &zc_format_gitlab},
    {"Azure Pipelines", "TF_BUILD", "True", &zc_format_azure},
    {"CircleCI", "CIRCLECI", "true", &zc_format_circleci},
    {"Buildkite", "BUILDKITE", "true", &zc_format_buildkite},
    {"Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", NULL, &zc_format_bitbucket},
    {"Jenkins", "JENKINS_URL", NULL, &zc_format_jenkins},
};

static const struct {
    const struct zc_format *format; /* of the platform that has this switch */
    const char *variable;
    const char *value;
    const char *warning;
} dangers[] = {
    {&zc_format_github, "RUNNER_DEBUG", "1",
     "RUNNER_DEBUG is on: the runner logs variables as they are set; only masks hide a secret"},
    {&zc_format_github, "ACTIONS_STEP_DEBUG", "true",
     "ACTIONS_STEP_DEBUG is on: the runner logs variables as they are set; only masks hide a "
     "secret"},
    {&zc_format_github, "ACTIONS_ALLOW_UNSECURE_COMMANDS", "true",
     "ACTIONS_ALLOW_UNSECURE_COMMANDS is on: whatever a step prints can set variables; unset it"},
    {&zc_format_gitlab, "CI_DEBUG_TRACE", "true",
     "CI_DEBUG_TRACE is on: the log shows every variable, and masks do not cover a new token; "
     "turn it off"},
    {&zc_format_azure, "SYSTEM_DEBUG", "true",
     "System.Debug is on: the agent logs what steps do; only masks hide a secret"},
};

static bool has_value(const char *variable, const char *value)
{
    const char *present = getenv(variable);

    if (present == NULL || present[0] == '\0')
        return false;
    return value == NULL || strcmp(present, value) == 0;
}

const struct zc_platform *zc_platform_find(void)
{
    for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
        if (has_value(platforms[i].variable, platforms[i].value))
            return &platforms[i];
    return NULL;
}

const char *zc_platform_danger(const struct zc_platform *platform, size_t *at)
{
    while (platform != NULL && *at < sizeof(dangers) / sizeof(dangers[0])) {
        const size_t i = (*at)++;
        const char *present = getenv(dangers[i].variable);
        /* Azure writes "True" where a person wrote "true". */
        if (platform->format == dangers[i].format && present != NULL &&
            zn_text_equal_ignoring_case(zn_span_of(present), zn_span_of(dangers[i].value)))
            return dangers[i].warning;
    }
    return NULL;
}
