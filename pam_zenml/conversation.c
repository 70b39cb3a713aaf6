/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"

#include <stdlib.h>
#include <string.h>

static enum zp_answer take(const char *text, struct zn_secret *ret)
{
    const struct zn_span answer = zn_span_of(text);

    if (answer.len > ZN_SECRET_MAX)
        return ZP_ANSWER_TOO_LONG;
    return zn_secret_set(ret, answer) ? ZP_ANSWER_GIVEN : ZP_ANSWER_FAILED;
}

enum zp_answer zp_take_first_pass(pam_handle_t *pamh, struct zn_secret *ret)
{
    const void *first = NULL;

    if (pam_get_item(pamh, PAM_AUTHTOK, &first) != PAM_SUCCESS || first == NULL)
        return ZP_ANSWER_FAILED;
    return take(first, ret);
}

static void discard(struct pam_response *response)
{
    if (response == NULL)
        return;
    if (response->resp != NULL)
        explicit_bzero(response->resp, strlen(response->resp));
    free(response->resp);
    free(response);
}

enum zp_answer zp_ask(pam_handle_t *pamh, const char *prompt, struct zn_secret *ret)
{
    const struct pam_message message = {PAM_PROMPT_ECHO_OFF, prompt};
    const struct pam_message *messages[] = {&message};
    struct pam_response *response = NULL;
    const void *item = NULL;
    enum zp_answer answer = ZP_ANSWER_FAILED;

    if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || item == NULL)
        return ZP_ANSWER_FAILED;
    const struct pam_conv *conversation = item;
    if (conversation->conv == NULL)
        return ZP_ANSWER_FAILED;
    /* Hosts differ in what they leave behind after an error; only after success it is ours. */
    if (conversation->conv(1, messages, &response, conversation->appdata_ptr) != PAM_SUCCESS)
        return ZP_ANSWER_FAILED;
    if (response != NULL && response->resp != NULL)
        answer = take(response->resp, ret);
    discard(response);
    return answer;
}
