/*
 * user - what the host knows of a user, whether a login is in scope, and who may be that user.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZH_USER_H
#define ZH_USER_H

#include <stdint.h>
#include <sys/types.h>

#include "core/policy.h"
#include "options.h"

/* The user as passwd(5) has it. */
struct zh_user {
    const char *name; /* borrowed from the host */
    bool exists;      /* false, too, when that cannot be found out */
    uid_t uid;
    gid_t gid;
};

/* Whether somebody is in a group. */
enum zh_member { ZH_MEMBER_NO = 0, ZH_MEMBER_YES, ZH_MEMBER_UNKNOWN };

/* Looks the user up. `name` is borrowed. */
struct zh_user zh_user_find(const char *name);

/*
 * Whether the user is in one of the groups of the list, by name. A group that does not exist has
 * no members. Unknown: a lookup failed, and no other group of the list has the user.
 */
enum zh_member zh_user_is_in(const struct zh_user *user, const char *groups);

/*
 * True when the login is ours to decide: the service, user and group are among those of the PAM
 * line, where it names any, and the uid is not below min_uid (0 with allow_root). Whoever is
 * unknown, or cannot be looked up, is in scope, and will be refused there. `service` NULL: any.
 */
bool zh_user_is_in_scope(const struct zh_user *user, const char *service,
                         const struct zh_config *config);

/*
 * May the identity be the user, by configuration, map and groups? `*ret_unusable`: the map cannot
 * be used, which the reporter was told, and the verdict is ZN_VERDICT_NO_MAPPING.
 */
ZN_MUST_CHECK enum zn_verdict zh_user_check(const struct zh_config *config,
                                            const struct zh_user *user,
                                            const struct zn_identity *identity,
                                            const struct zh_reporter *reporter, bool *ret_unusable);

#endif
