/* SPDX-License-Identifier: Apache-2.0 */
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "lists.h"
#include "map.h"

#define LOOKUP_BYTES ((size_t)64 * 1024) /* of a passwd or group entry */
#define GROUPS_MAX   65536               /* NGROUPS_MAX of Linux */

struct zh_user zh_user_find(const char *name)
{
    struct zh_user user = {.name = name};
    struct passwd entry;
    struct passwd *found = NULL;
    char *buffer = malloc(LOOKUP_BYTES);

    if (buffer != NULL && getpwnam_r(name, &entry, buffer, LOOKUP_BYTES, &found) == 0 &&
        found != NULL) {
        user.exists = true;
        user.uid = found->pw_uid;
        user.gid = found->pw_gid;
    }
    free(buffer);
    return user;
}

/* --- groups --------------------------------------------------------------------------------- */

/* The ids of the user's groups; the caller frees them. NULL when they cannot be had. */
static gid_t *find_groups(const struct zh_user *user, int *ret_count)
{
    int count = 64;
    gid_t *groups = NULL;

    for (int known = -1; known < 0 && count <= GROUPS_MAX; count *= 4) {
        free(groups);
        groups = calloc((size_t)count, sizeof(*groups));
        if (groups == NULL)
            return NULL;
        *ret_count = count;
        known = getgrouplist(user->name, user->gid, groups, ret_count);
        if (known >= 0)
            return groups;
    }
    free(groups);
    return NULL;
}

/* The id of a group. ZH_MEMBER_NO: there is no such group. */
static enum zh_member find_group(struct zn_span name, gid_t *ret_gid)
{
    char text[256] = "";
    struct group entry;
    struct group *found = NULL;
    char *buffer = malloc(LOOKUP_BYTES);
    int problem = ENOMEM;

    if (name.len >= sizeof(text)) {
        free(buffer);
        return ZH_MEMBER_NO;
    }
    for (size_t i = 0; i < name.len; i++)
        text[i] = name.ptr[i];
    if (buffer != NULL)
        problem = getgrnam_r(text, &entry, buffer, LOOKUP_BYTES, &found);
    if (found != NULL)
        *ret_gid = found->gr_gid;
    free(buffer);
    return found != NULL                       ? ZH_MEMBER_YES
           : problem == 0 || problem == ENOENT ? ZH_MEMBER_NO
                                               : ZH_MEMBER_UNKNOWN;
}

static bool has(const gid_t *groups, int count, gid_t group)
{
    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

enum zh_member zh_user_is_in(const struct zh_user *user, const char *groups)
{
    struct zn_span rest = zn_span_of(groups);
    struct zn_span name = {0};
    int count = 0;
    gid_t *own = user->exists ? find_groups(user, &count) : NULL;
    enum zh_member answer = own == NULL ? ZH_MEMBER_UNKNOWN : ZH_MEMBER_NO;

    while (own != NULL && answer != ZH_MEMBER_YES && zh_list_next(&rest, &name)) {
        gid_t group = 0;
        const enum zh_member exists = find_group(name, &group);
        if (exists == ZH_MEMBER_YES && has(own, count, group))
            answer = ZH_MEMBER_YES;
        else if (exists == ZH_MEMBER_UNKNOWN)
            answer = ZH_MEMBER_UNKNOWN;
    }
    free(own);
    return answer;
}

/* --- scope ---------------------------------------------------------------------------------- */

static bool is_named(const char *list, const char *name)
{
    return list[0] == '\0' || zh_list_has(list, zn_span_of(name));
}

bool zh_user_is_in_scope(const struct zh_user *user, const char *service,
                         const struct zh_config *config)
{
    const bool root_may = user->uid == 0 && config->allow_root;

    if ((service != NULL && !is_named(config->services, service)) ||
        !is_named(config->users, user->name))
        return false;
    if (user->exists && !root_may && (int64_t)user->uid < config->min_uid)
        return false;
    return config->groups[0] == '\0' || zh_user_is_in(user, config->groups) != ZH_MEMBER_NO;
}

/* --- who may be the user -------------------------------------------------------------------- */

static enum zh_map_answer look_up_map(const struct zh_config *config, const struct zh_user *user,
                                      const struct zn_identity *identity,
                                      const struct zh_reporter *reporter)
{
    if (config->map_file[0] == '\0')
        return ZH_MAP_NO;
    return zh_map_find(config->map_file, zn_span_of(identity->id), zn_span_of(identity->name),
                       zn_span_of(user->name), reporter);
}

enum zn_verdict zh_user_check(const struct zh_config *config, const struct zh_user *user,
                              const struct zn_identity *identity,
                              const struct zh_reporter *reporter, bool *ret_unusable)
{
    const enum zh_map_answer map = look_up_map(config, user, identity, reporter);
    const struct zn_user_policy policy = {
        .match_name = config->match == ZH_MATCH_NAME,
        .allow_root = config->allow_root,
        .require_admin = config->require_admin,
    };
    const struct zn_local_user local = {
        .name = zn_span_of(user->name),
        .exists = user->exists,
        .is_root = user->uid == 0,
        .in_group = config->allow_groups[0] == '\0' ||
                    zh_user_is_in(user, config->allow_groups) == ZH_MEMBER_YES,
        .is_mapped = map == ZH_MAP_YES,
    };

    *ret_unusable = map == ZH_MAP_UNUSABLE;
    return *ret_unusable ? ZN_VERDICT_NO_MAPPING : zn_policy_check_user(&policy, identity, &local);
}
