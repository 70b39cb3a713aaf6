/*
 * Every reply in replies/, recorded from real servers or written by hand, comes to the outcome that
 * INDEX.tsv says, and INDEX.tsv names every reply.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"
#include "core/device_flow.h"

#define NOW_S   1767225600 /* the Date of the replies */
#define ASKED_S 600        /* the lifetime that the api-token replies answer to */

/* One row of INDEX.tsv; spans of its text. */
struct row {
    struct zn_span file, endpoint, status;
};

static const char FOLDER[] = ZN_REPLIES_DIR;

/* Reads a file of the folder whole. The caller frees it. */
static char *read_file(struct zn_span name, size_t *ret_len)
{
    char path[1024];
    struct stat info;

    snprintf(path, sizeof(path), "%s/%.*s", FOLDER, (int)name.len, name.ptr);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &info) != 0)
        fail_msg("%s: cannot be opened", path);
    char *text = malloc((size_t)info.st_size + 1);
    assert_non_null(text);
    *ret_len = fread(text, 1, (size_t)info.st_size, file);
    assert_int_equal(*ret_len, info.st_size);
    text[*ret_len] = '\0';
    fclose(file);
    return text;
}

/* "HTTP/1.1 200 OK", headers, an empty line, the body; lines end with LF. */
static void read_reply(struct zn_span name, struct zn_reply *reply)
{
    size_t len = 0;
    long long status = 0;
    char *text = read_file(name, &len);
    struct zn_span rest = {text, len};
    struct zn_span first = zn_span_cut(&rest, '\n');

    zn_reply_init(reply);
    CHECK_SPAN(zn_span_cut(&first, ' '), "HTTP/1.1");
    assert_true(zn_text_to_number(zn_span_cut(&first, ' '), &status));
    reply->status = (int)status;
    for (;;) {
        const struct zn_span line = zn_span_cut(&rest, '\n');
        if (line.len == 0)
            break;
        zn_reply_take_header(reply, line);
    }
    assert_true(zn_buf_append(&reply->body, rest));
    free(text);
}

/* --- parsing by the name of the endpoint ---------------------------------------------------- */

#define NO_ANSWER ((enum zn_device_answer) - 1)

static enum zn_status parse(struct zn_span endpoint, const struct zn_reply *reply,
                            struct zn_error *error)
{
    const struct zn_browser_origins origins = {ZN_SPAN("https://zen.example.test/zenml"), {0}};
    struct zn_token token = {0};
    struct zn_identity identity = {0};
    struct zn_server_info info = {0};
    char id[37] = "";
    struct zn_device_grant grant = {0};
    enum zn_device_answer answer = NO_ANSWER;
    enum zn_status status = ZN_INTERNAL;

    if (zn_span_equal(endpoint, ZN_SPAN("device-delete"))) /* which has nothing to write */
        return zn_device_delete_parse(reply, error);
    if (zn_span_equal(endpoint, ZN_SPAN("login")))
        status = zn_login_parse(reply, &token, error);
    else if (zn_span_equal(endpoint, ZN_SPAN("current-user")))
        status = zn_current_user_parse(reply, &identity, error);
    else if (zn_span_equal(endpoint, ZN_SPAN("info")))
        status = zn_info_parse(reply, &info, error);
    else if (zn_span_equal(endpoint, ZN_SPAN("api-token")))
        status = zn_api_token_parse(reply, ASKED_S, NOW_S, &token, error);
    else if (zn_span_equal(endpoint, ZN_SPAN("project")))
        status = zn_project_parse(reply, id, error);
    else if (zn_span_equal(endpoint, ZN_SPAN("device-authorization")))
        status = zn_device_authorization_parse(reply, &origins, &grant, error);
    else if (zn_span_equal(endpoint, ZN_SPAN("device-poll")))
        status = zn_device_poll_parse(reply, &answer, &token, error);
    else
        fail_msg("INDEX.tsv names an unknown endpoint");
    const bool written = !zn_secret_is_empty(&token.secret) || identity.id[0] != '\0' ||
                         info.id[0] != '\0' || id[0] != '\0' || grant.url[0] != '\0' ||
                         answer != NO_ANSWER;
    assert_int_equal(written, status == ZN_OK);
    zn_secret_clear(&token.secret);
    zn_device_grant_clear(&grant);
    return status;
}

static bool is_safe(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at < 0x20 || *at > 0x7e)
            return false;
    return strstr(text, "::") == NULL && strstr(text, "##") == NULL;
}

static void check_reply(void **state)
{
    const struct row *row = *state;
    struct zn_error error = {0};
    struct zn_reply reply;

    read_reply(row->file, &reply);
    const enum zn_status status = parse(row->endpoint, &reply, &error);
    if (!zn_span_equal(row->status, zn_span_of(zn_status_name(status))))
        fail_msg("the outcome is %s (%s), not %.*s", zn_status_name(status), error.detail,
                 (int)row->status.len, row->status.ptr);
    if (status != ZN_OK) {
        assert_int_equal(error.status, status);
        assert_int_equal(error.http_status, reply.status);
        assert_true(error.detail[0] != '\0');
        assert_true(is_safe(error.detail) && is_safe(error.next));
    }
    zn_reply_clear(&reply);
}

/* --- the index ------------------------------------------------------------------------------ */

#define ROWS_MAX 512

static struct row rows[ROWS_MAX];
static size_t row_count;

static bool is_reply(const char *name)
{
    const size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".http") == 0;
}

static void the_index_names_every_reply_once(void **state)
{
    DIR *folder = opendir(FOLDER);
    size_t files = 0;

    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t named = 0;
        if (!is_reply(entry->d_name))
            continue;
        files++;
        for (size_t i = 0; i < row_count; i++)
            named += zn_span_equal(rows[i].file, zn_span_of(entry->d_name));
        CHECK_ROW(entry->d_name, named == 1);
    }
    closedir(folder);
    assert_int_equal(files, row_count);
    assert_true(files > 100);
}

/* Reads the rows below the head line; the text stays for as long as the program runs. */
static void read_index(char *text, size_t len)
{
    struct zn_span rest = {text, len};

    zn_span_cut(&rest, '\n');
    while (rest.len > 0 && row_count < ROWS_MAX) {
        struct zn_span line = zn_span_cut(&rest, '\n');
        struct row *row = &rows[row_count++];
        row->file = zn_span_cut(&line, '\t');
        row->endpoint = zn_span_cut(&line, '\t');
        row->status = zn_span_cut(&line, '\t');
    }
}

int main(void)
{
    static struct CMUnitTest tests[ROWS_MAX + 1];
    static char names[ROWS_MAX][64];
    size_t len = 0;
    char *index = read_file(ZN_SPAN("INDEX.tsv"), &len);

    read_index(index, len);
    for (size_t i = 0; i < row_count; i++) {
        snprintf(names[i], sizeof(names[i]), "%.*s", (int)rows[i].file.len, rows[i].file.ptr);
        tests[i] = (struct CMUnitTest){names[i], check_reply, NULL, NULL, &rows[i]};
    }
    tests[row_count] = (struct CMUnitTest)cmocka_unit_test(the_index_names_every_reply_once);
    const int failed = _cmocka_run_group_tests("replies", tests, row_count + 1, NULL, NULL);
    free(index);
    return failed;
}
