/*
 * zenml - the endpoints of a ZenML server: for each a builder of the request and a parser of the
 * reply. They touch only their arguments.
 *
 * Builders return ZN_OK or ZN_INTERNAL and take a request that has been initialised. Parsers
 * return ZN_OK and write their result only then; otherwise `error` holds the status, the HTTP
 * status, the cause and the next step, with what the server said made safe to print.
 *
 * Layer 3. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_ZENML_H
#define ZN_CORE_ZENML_H

#include "credential.h"
#include "http.h"

#define ZN_NAME_MAX ((size_t)255) /* bytes, of a name that a server gives */

/* An access token that the server handed out. */
struct zn_token {
    struct zn_secret secret;
    int64_t expires_s; /* its `exp`, seconds since 1970 UTC; 0: it does not say, or never */
};

/* Who a credential belongs to. */
struct zn_identity {
    char id[37]; /* UUID */
    char name[ZN_NAME_MAX + 1];
    bool is_service_account;
    bool is_admin;
};

enum zn_auth_scheme {
    ZN_AUTH_UNKNOWN = 0,
    ZN_AUTH_NO_AUTH,    /* current-user answers "admin" to anybody */
    ZN_AUTH_HTTP_BASIC, /* takes no bearer token */
    ZN_AUTH_OAUTH2,     /* OAUTH2_PASSWORD_BEARER */
    ZN_AUTH_EXTERNAL    /* ZenML Pro */
};

/* What a server says about itself without being shown a credential. */
struct zn_server_info {
    char id[37]; /* UUID */
    char version[32];
    enum zn_auth_scheme auth_scheme;
    bool is_active;          /* false: nobody has set the server up yet */
    char pro_api_url[256];   /* ZenML Pro: its API as the workspace names it; "" otherwise */
    char dashboard_url[256]; /* "": none */
    int64_t date_s;          /* the server's clock, seconds since 1970 UTC; 0: it does not say */
};

/* POST /api/v1/login: the API key for an access token (OAuth2 form, zenml-protocol 1). */
ZN_MUST_CHECK enum zn_status zn_login_build(const struct zn_credential *api_key,
                                            struct zn_request *request, struct zn_error *error);
ZN_MUST_CHECK enum zn_status zn_login_parse(const struct zn_reply *reply, struct zn_token *ret,
                                            struct zn_error *error);

/*
 * The same for a key or access token of ZenML Pro, which the workspace shows to Pro's API
 * (grant zenml-external, zenml-protocol 11.5). zn_login_parse reads the reply.
 */
ZN_MUST_CHECK enum zn_status zn_external_login_build(const struct zn_secret *bearer,
                                                     struct zn_request *request,
                                                     struct zn_error *error);

/*
 * True when the server does not know keys of this kind in the form of zn_login_build: workspaces of
 * ZenML Pro before 0.91.
 */
bool zn_login_key_unknown(const struct zn_reply *reply);

/* POST /auth/login of Pro's API, for an access token of Pro (zenml-protocol 4.2). Parse: as above.
 */
ZN_MUST_CHECK enum zn_status zn_pro_login_build(const struct zn_credential *pro_key,
                                                struct zn_request *request, struct zn_error *error);

/* GET /api/v1/current-user: whose the bearer token is (zenml-protocol 2). */
ZN_MUST_CHECK enum zn_status zn_current_user_build(const struct zn_secret *bearer,
                                                   struct zn_request *request,
                                                   struct zn_error *error);
ZN_MUST_CHECK enum zn_status zn_current_user_parse(const struct zn_reply *reply,
                                                   struct zn_identity *ret, struct zn_error *error);

/* GET /api/v1/info, without credential (zenml-protocol 3). */
ZN_MUST_CHECK enum zn_status zn_info_build(struct zn_request *request, struct zn_error *error);
ZN_MUST_CHECK enum zn_status zn_info_parse(const struct zn_reply *reply, struct zn_server_info *ret,
                                           struct zn_error *error);

/*
 * GET /api/v1/api_token: a token that lives `expires_in_s` seconds. The builder sends the lifetime
 * in each way that some release understands (zenml-protocol 11.7). The parser takes the token only
 * when its `exp` lies after `now_s`, and not after what was asked, rounded up to minutes and with
 * ten seconds of slack; `now_s` is the Date of the reply or else the caller's wall clock, in
 * seconds since 1970 UTC.
 */
ZN_MUST_CHECK enum zn_status zn_api_token_build(const struct zn_secret *bearer,
                                                int64_t expires_in_s, struct zn_request *request,
                                                struct zn_error *error);
ZN_MUST_CHECK enum zn_status zn_api_token_parse(const struct zn_reply *reply, int64_t expires_in_s,
                                                int64_t now_s, struct zn_token *ret,
                                                struct zn_error *error);

/* GET /api/v1/projects/{name or UUID}: the UUID of a project, into `ret_id` (37 bytes). */
ZN_MUST_CHECK enum zn_status zn_project_build(const struct zn_secret *bearer,
                                              struct zn_span name_or_id, struct zn_request *request,
                                              struct zn_error *error);
ZN_MUST_CHECK enum zn_status zn_project_parse(const struct zn_reply *reply, char ret_id[37],
                                              struct zn_error *error);

#endif
