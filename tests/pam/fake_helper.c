/*
 * fake_helper - stands in the place of zenml-pam-helper and does one of the things that it never
 * may: ZN_FAKE says which. Those that answer have read the whole request first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pam_zenml/record.h"

enum fake {
    HONEST, /* vouches for alice: shows that the others fail for their own reason */
    CRASHES,
    SILENT,  /* ends without a word */
    GARBAGE, /* a record of the right size, full of bytes */
    SHORT,   /* a good reply without its last byte */
    LONG,    /* a good reply and one byte more */
    OTHER_MAGIC,
    OTHER_STATUS,  /* a status that there is not */
    NO_NAME,       /* success for nobody */
    UNENDED_NAME,  /* a name without its NUL */
    TOKEN_UNASKED, /* success with a token that nobody asked for */
    STOPS          /* stops itself, so that only SIGKILL ends it */
};

static struct zp_request request;
static struct {
    struct zp_reply reply;
    char more;
} answer;

static void fill(struct zp_reply *reply)
{
    *reply = (struct zp_reply){
        .magic = ZP_MAGIC,
        .has_landlock = 1,
        .status = ZN_OK,
        .is_service_account = 1,
        .account_id = "3f0e8b1a-7c44-4e1b-8a52-6d9b0f2c1e77",
        .account_name = "alice",
    };
    memcpy(reply->server_url, request.server, sizeof(reply->server_url));
}

/* Makes the reply what this fake sends; returns its size. */
static size_t spoil(struct zp_reply *reply)
{
    switch ((int)ZN_FAKE) {
    case GARBAGE:
        memset(reply, 0xa5, sizeof(*reply));
        break;
    case SHORT:
        return sizeof(*reply) - 1;
    case LONG:
        return sizeof(*reply) + 1;
    case OTHER_MAGIC:
        reply->magic ^= 1;
        break;
    case OTHER_STATUS:
        reply->status = ZN_STATUS_COUNT;
        break;
    case NO_NAME:
        memset(reply->account_name, 0, sizeof(reply->account_name));
        break;
    case UNENDED_NAME:
        memset(reply->account_name, 'a', sizeof(reply->account_name));
        break;
    case TOKEN_UNASKED:
        reply->token_len = 3;
        memcpy(reply->token, "abc", 3);
        break;
    default:
        break;
    }
    return sizeof(*reply);
}

int main(void)
{
    if (ZN_FAKE == CRASHES)
        raise(SIGSEGV);
    if (ZN_FAKE == STOPS)
        raise(SIGSTOP);
    if (ZN_FAKE == SILENT || recv(STDIN_FILENO, &request, sizeof(request), 0) < 0)
        return EXIT_FAILURE;
    fill(&answer.reply);
    return send(STDIN_FILENO, &answer, spoil(&answer.reply), 0) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
