/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/credential.h"
#include "memory.h"
#include "samples.h"

/* --- what is accepted ----------------------------------------------------------------------- */

static void check_key(const char *envelope, size_t expected_len)
{
    char key[256];
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    sample_key(key, sizeof(key), envelope);
    assert_int_equal(strlen(key), expected_len);
    assert_int_equal(zn_credential_parse(zn_span_of(key), &credential, &error), ZN_OK);
    assert_int_equal(credential.kind, ZN_CREDENTIAL_API_KEY);
    CHECK_SPAN(zn_secret_reveal(&credential.secret), key);
    CHECK_SPAN(zn_secret_reveal(&credential.inner), SAMPLE_INNER);
    assert_string_equal(credential.key_id, SAMPLE_KEY_ID);
    assert_int_equal(credential.expires_s, 0);
    zn_credential_clear(&credential);
    assert_int_equal(credential.kind, ZN_CREDENTIAL_NONE);
    assert_true(zn_secret_is_empty(&credential.secret));
    assert_true(zn_secret_is_empty(&credential.inner));
}

static void an_api_key_of_either_spelling_is_taken(void **state)
{
    (void)state;
    check_key(SAMPLE_ENVELOPE, 167);
    check_key(SAMPLE_ENVELOPE_BLANKS, 171);
}

static void an_api_key_may_hold_more_than_id_and_key(void **state)
{
    (void)state;
    check_key("{\"v\":2,\"key\":\"" SAMPLE_INNER "\",\"id\":\"" SAMPLE_KEY_ID "\"}", 175);
}

static void an_api_token_is_taken_with_its_expiry(void **state)
{
    char token[256];
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    (void)state;
    sample_token(token, sizeof(token), "{\"sub\":\"x\",\"exp\":1767225600}");
    assert_int_equal(zn_credential_parse(zn_span_of(token), &credential, &error), ZN_OK);
    assert_int_equal(credential.kind, ZN_CREDENTIAL_API_TOKEN);
    CHECK_SPAN(zn_secret_reveal(&credential.secret), token);
    assert_true(zn_secret_is_empty(&credential.inner));
    assert_string_equal(credential.key_id, "");
    assert_int_equal(credential.expires_s, 1767225600);
    zn_credential_clear(&credential);
    assert_int_equal(credential.expires_s, 0);
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(zn_credential_kind_name(ZN_CREDENTIAL_API_KEY), "api_key");
    assert_string_equal(zn_credential_kind_name(ZN_CREDENTIAL_API_TOKEN), "api_token");
    assert_string_equal(zn_credential_kind_name(ZN_CREDENTIAL_NONE), "none");
}

/* --- what is refused ------------------------------------------------------------------------ */

/* True when `text` holds five bytes of the credential in a row, its well-known prefix aside. */
static bool quotes(const char *text, const char *credential)
{
    const char *const prefix = strchr(credential, '_');
    const char *secret = prefix != NULL ? prefix + 1 : credential;

    for (; strlen(secret) >= 5; secret++) {
        const char window[6] = {secret[0], secret[1], secret[2], secret[3], secret[4], '\0'};
        if (strstr(text, window) != NULL)
            return true;
    }
    return false;
}

static void check_refusal(const char *credential, enum zn_status status, const char *word)
{
    struct zn_credential untouched = {.kind = ZN_CREDENTIAL_API_TOKEN, .expires_s = 4711};
    struct zn_error error = {0};

    CHECK_ROW(credential,
              zn_credential_parse(zn_span_of(credential), &untouched, &error) == status);
    CHECK_ROW(credential, error.status == status);
    CHECK_ROW(credential, untouched.expires_s == 4711);
    CHECK_ROW(credential, zn_secret_is_empty(&untouched.secret));
    if (strstr(error.detail, word) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", credential, word, error.detail);
    CHECK_ROW(credential, !quotes(error.detail, credential) && !quotes(error.next, credential));
}

static void bytes_that_belong_to_no_credential_are_refused(void **state)
{
    static const struct {
        const char *credential;
        enum zn_status status;
        const char *word;
    } rows[] = {
        {"", ZN_MISSING, "empty"},
        {" ", ZN_MALFORMED, "blank"},
        {"\n", ZN_MALFORMED, "line break"},
        {"ZENKEY_QUJD0123\n", ZN_MALFORMED, "line break"},
        {"ZENKEY_QUJD0123\r\n", ZN_MALFORMED, "line break"},
        {"ZENKEY_QUJD\nZENKEY_0123", ZN_MALFORMED, "line break"},
        {" ZENKEY_QUJD0123", ZN_MALFORMED, "blank"},
        {"ZENKEY_QUJD 0123", ZN_MALFORMED, "blank"},
        {"ZENKEY_QUJD0123\t", ZN_MALFORMED, "blank"},
        {"\"ZENKEY_QUJD0123\"", ZN_MALFORMED, "quote"},
        {"'ZENKEY_QUJD0123'", ZN_MALFORMED, "quote"},
        {"`ZENKEY_QUJD0123`", ZN_MALFORMED, "quote"},
        {"\xef\xbb\xbfZENKEY_QUJD0123", ZN_MALFORMED, "byte-order mark"},
        {"\x08ZENKEY_QUJD0123", ZN_MALFORMED, "control"}, /* what sshd sends for nobody */
        {"ZENKEY_QUJD\x1b[0m", ZN_MALFORMED, "control"},
        {"ZENKEY_QUJD\x7f", ZN_MALFORMED, "control"},
        {"ZENKEY_QUJD\xc3\xa4", ZN_MALFORMED, "non-ASCII"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_refusal(rows[i].credential, rows[i].status, rows[i].word);
}

static void a_nul_byte_is_refused(void **state)
{
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(zn_credential_parse(ZN_SPAN("ZENKEY_QUJD\0x"), &credential, &error),
                     ZN_MALFORMED);
}

static void unknown_shapes_are_refused(void **state)
{
    static const char *const rows[] = {
        "hunter2-battery",
        "zenkey_QUJD0123",
        "zenkey-QUJD0123",
        "KEY_QUJD",
        "eyJhbGciOiJIUzI1",
        "eyJ0.eyJ0",
        "Bearer:eyJhbGci",
        "***",
        "eyJ0.bm9qc29u.s",
        "eyJ0.W10.sign",
        "...",
        "a.b.c.d.",
        "-----BEGIN",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_refusal(rows[i], ZN_MALFORMED, "neither an API key nor an API token");
}

/* What people paste in the place of a credential is called by its name. */
static void known_mistakes_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *word;
    } rows[] = {
        {"$ZENML_API_KEY", "name of a variable"},
        {"${{ secrets.KEY }}", "name of a variable"},
        {"$(ZENML_API_KEY)", "name of a variable"},
        {"$", "name of a variable"},
        {"WkVOS0VZX2V5SnBaQ0k2", "in base64"},
        {"WkVOUFJPS0VZX2FiYw==", "in base64"},
        {"ZENKEY_QUJD\r", "carriage return"},
        {"\r", "carriage return"},
        {"ZENKEY_\rQUJD", "line break"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_refusal(rows[i].text, ZN_MALFORMED, rows[i].word);
}

static void pro_keys_are_taken_as_they_are(void **state)
{
    (void)state;
    static const char text[] = "ZENPROKEY_not.base64-at_all";
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    assert_int_equal(zn_credential_parse(zn_span_of(text), &credential, &error), ZN_OK);
    assert_int_equal(credential.kind, ZN_CREDENTIAL_API_KEY);
    assert_true(credential.is_pro);
    CHECK_SPAN(zn_secret_reveal(&credential.secret), text);
    assert_string_equal(credential.key_id, "");
    zn_credential_clear(&credential);
    check_refusal("ZENPROKEY_", ZN_MALFORMED, "nothing follows ZENPROKEY_");
}

static void damaged_api_keys_are_refused(void **state)
{
    static const struct {
        const char *envelope;
        const char *word;
    } rows[] = {
        {"", "does not decode"},
        {"no JSON at all", "does not decode"},
        {"[\"" SAMPLE_KEY_ID "\"]", "does not decode"},
        {"\"" SAMPLE_INNER "\"", "does not decode"},
        {"{\"id\":\"" SAMPLE_KEY_ID "\",\"key\":\"" SAMPLE_INNER, "does not decode"},
        {SAMPLE_ENVELOPE "x", "does not decode"},
        {"{\"id\":\"" SAMPLE_KEY_ID "\",\"key\":\"a\\u0000b\"}", "does not decode"},
        {"{\"id\":\"" SAMPLE_KEY_ID "\",\"key\":\"a\",\"key\":\"b\"}", "does not decode"},
        {"{}", "no key id and secret"},
        {"{\"id\":\"" SAMPLE_KEY_ID "\"}", "no key id and secret"},
        {"{\"key\":\"" SAMPLE_INNER "\"}", "no key id and secret"},
        {"{\"ID\":\"" SAMPLE_KEY_ID "\",\"KEY\":\"" SAMPLE_INNER "\"}", "no key id and secret"},
        {"{\"id\":\"7\",\"key\":\"" SAMPLE_INNER "\"}", "no key id and secret"},
        {"{\"id\":7,\"key\":\"" SAMPLE_INNER "\"}", "no key id and secret"},
        {"{\"id\":\"" SAMPLE_KEY_ID "\",\"key\":null}", "no key id and secret"},
        {"{\"id\":\"" SAMPLE_KEY_ID "\",\"key\":7}", "no key id and secret"},
        {"{\"id\":\"" SAMPLE_KEY_ID "\",\"key\":\"\"}", "empty secret"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char key[512];
        sample_key(key, sizeof(key), rows[i].envelope);
        check_refusal(key, ZN_MALFORMED, rows[i].word);
    }
}

static void api_keys_that_are_no_base64_are_refused(void **state)
{
    char key[256];

    (void)state;
    sample_key(key, sizeof(key), SAMPLE_ENVELOPE);
    key[20] = '*';
    check_refusal(key, ZN_MALFORMED, "does not decode");
    key[20] = '-'; /* of the URL alphabet */
    check_refusal(key, ZN_MALFORMED, "does not decode");
    sample_key(key, sizeof(key), SAMPLE_ENVELOPE);
    key[100] = '\0'; /* cut off by a terminal */
    check_refusal(key, ZN_MALFORMED, "does not decode");
}

static void an_api_key_must_have_its_padding(void **state)
{
    char key[256];

    (void)state;
    sample_key(key, sizeof(key), SAMPLE_ENVELOPE);
    assert_string_equal(key + 165, "==");
    for (size_t len = 166; len >= 163; len--) {
        key[len] = '\0'; /* the end was not copied */
        check_refusal(key, ZN_MALFORMED, "does not decode");
    }
}

static void more_than_4096_bytes_are_refused(void **state)
{
    static char token[5000];
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    (void)state;
    sample_token(token, sizeof(token), "{\"exp\":1}");
    memset(token + strlen(token), 'A', sizeof(token) - 1 - strlen(token));
    assert_int_equal(zn_credential_parse((struct zn_span){token, 4096}, &credential, &error),
                     ZN_OK);
    zn_credential_clear(&credential);
    assert_int_equal(zn_credential_parse((struct zn_span){token, 4097}, &credential, &error),
                     ZN_MALFORMED);
    assert_non_null(strstr(error.detail, "4096"));
}

/* --- JWT and base64 ------------------------------------------------------------------------- */

static void the_expiry_of_a_jwt_is_its_exp(void **state)
{
    static const struct {
        const char *payload;
        bool taken;
        int64_t expires_s;
    } rows[] = {
        {"{\"exp\":1767225600}", true, 1767225600},
        {"{\"exp\":1767225600.0}", true, 1767225600},
        {"{\"exp\":1767226199.5}", true, 1767226199}, /* NumericDate: RFC 7519 section 2 */
        {"{\"iat\":1.5,\"exp\":12,\"sub\":\"x\"}", true, 12},
        {"{\"x\":\">>>~~~ ? ?\",\"exp\":12}", true, 12}, /* '-' and '_' in base64url */
        {"{}", true, 0},
        {"{\"sub\":\"x\"}", true, 0},
        {"{\"EXP\":12}", true, 0},
        {"{\"exp\":-5}", true, -5},
        {"{\"exp\":\"1767225600\"}", false, 0},
        {"{\"exp\":null}", false, 0},
        {"{\"exp\":true}", false, 0},
        {"{\"exp\":[1]}", false, 0},
        {"{\"exp\":1e300}", false, 0},
        {"{\"exp\":1,\"exp\":2}", false, 0},
        {"[]", false, 0},
        {"\"x\"", false, 0},
        {"{\"exp\":1", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char token[256];
        int64_t expires_s = 4711;
        sample_token(token, sizeof(token), rows[i].payload);
        CHECK_ROW(rows[i].payload, zn_jwt_expiry(zn_span_of(token), &expires_s) == rows[i].taken);
        CHECK_ROW(rows[i].payload, expires_s == (rows[i].taken ? rows[i].expires_s : 4711));
    }
}

static void a_jwt_has_three_parts_of_base64url(void **state)
{
    static const struct {
        const char *text;
        bool taken;
    } rows[] = {
        {"e30.e30.c2ln", true},
        {"e-_.e30.-_", true},
        {"", false},
        {"e30", false},
        {"e30.e30", false},
        {"e30.e30.", false},
        {".e30.c2ln", false},
        {"e30..c2ln", false},
        {"e30.e30.c2ln.x", false},
        {"e30.e30.c2ln.", false},
        {"e30=.e30.c2ln", false},
        {"e30.e30.c2l=", false},
        {"e30.e3+.c2ln", false},
        {"e+0.e30.c2ln", false},
        {"e30.e30.c/ln", false},
        {"e30.e30.c2ln\n", false},
        {" e30.e30.c2ln", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t expires_s = 0;
        CHECK_ROW(rows[i].text,
                  zn_jwt_expiry(zn_span_of(rows[i].text), &expires_s) == rows[i].taken);
    }
}

static void base64_decodes_both_alphabets(void **state)
{
    static const struct {
        const char *text;
        bool url_alphabet;
        const char *decoded; /* NULL: refused */
    } rows[] = {
        {"", false, ""},
        {"Zg==", false, "f"},
        {"Zg==", true, "f"},
        {"Zg", true, "f"},
        {"Zm8=", false, "fo"},
        {"Zm8=", true, "fo"},
        {"Zm8", true, "fo"},
        {"Zm9v", false, "foo"},
        {"Zm9vYg==", false, "foob"},
        {"Zm9vYmFy", false, "foobar"},
        {"+/+/", false, "\xfb\xff\xbf"},
        {"-_-_", true, "\xfb\xff\xbf"},
        {"09azAZ==", false, "\xd3\xd6\xb3\x01"},
        {"Zg", false, NULL},
        {"Zm8", false, NULL},
        {"Zg=", true, NULL},
        {"Z", true, NULL},
        {"-_-_", false, NULL},
        {"+/+/", true, NULL},
        {"Z", false, NULL},
        {"Zm9vY", false, NULL},
        {"Zg=", false, NULL},
        {"Zg===", false, NULL},
        {"Z===", false, NULL},
        {"====", false, NULL},
        {"=", false, NULL},
        {"Zg==Zg==", false, NULL},
        {"Zm=v", false, NULL},
        {"Zm9v\n", false, NULL},
        {"Zm 9v", false, NULL},
        {"Zm9\xc3", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_buf out;
        zn_buf_init(&out, 64);
        const bool decoded = zn_base64_decode(zn_span_of(rows[i].text), rows[i].url_alphabet, &out);
        CHECK_ROW(rows[i].text, decoded == (rows[i].decoded != NULL));
        if (decoded)
            CHECK_ROW_TEXT(rows[i].text, out.ptr, rows[i].decoded);
        zn_buf_clear(&out);
    }
}

static void base64_respects_the_cap(void **state)
{
    struct zn_buf out;

    (void)state;
    zn_buf_init(&out, 3);
    assert_true(zn_base64_decode(ZN_SPAN("Zm9v"), false, &out));
    zn_buf_clear(&out);
    assert_false(zn_base64_decode(ZN_SPAN("Zm9vYg=="), false, &out));
    assert_int_equal(out.state, ZN_BUF_OVER_CAP);
    zn_buf_clear(&out);
}

/* --- a credential in other texts ------------------------------------------------------------ */

static void a_part_of_key_or_inner_secret_is_seen_and_redacted(void **state)
{
    char text[256];
    struct zn_credential key = {0};
    struct zn_error error = {0};

    (void)state;
    sample_key(text, sizeof(text), SAMPLE_ENVELOPE);
    assert_int_equal(zn_credential_parse(zn_span_of(text), &key, &error), ZN_OK);
    assert_true(zn_credential_is_shown(&key, zn_span_of(text)));
    assert_true(zn_credential_is_shown(&key, ZN_SPAN("it is " SAMPLE_INNER "!")));
    assert_false(zn_credential_is_shown(&key, ZN_SPAN("ci-bot " SAMPLE_KEY_ID)));
    zn_error_set(&error, ZN_REJECTED, "no: " SAMPLE_INNER ", ", "do that");
    zn_error_add(&error, text);
    zn_credential_redact(&key, &error);
    assert_int_equal(strspn(error.detail + 4, "*"), strlen(SAMPLE_INNER));
    assert_int_equal(strspn(strrchr(error.detail, ' ') + 1, "*"), strlen(text));
    assert_string_equal(error.next, "do that");
    assert_int_equal(error.status, ZN_REJECTED);
    zn_credential_clear(&key);
    assert_false(zn_credential_is_shown(&key, zn_span_of(text)));
}

/* --- memory --------------------------------------------------------------------------------- */

static void parse_without_memory(void *ctx)
{
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    memory_watch(SAMPLE_INNER);
    const enum zn_status status = zn_credential_parse(zn_span_of(ctx), &credential, &error);
    if (memory_has_failed()) {
        assert_true(status == ZN_INTERNAL || status == ZN_MALFORMED);
        assert_int_equal(error.status, status);
        assert_true(zn_secret_is_empty(&credential.secret));
    } else {
        assert_int_equal(status, ZN_OK);
        CHECK_SPAN(zn_secret_reveal(&credential.secret), (const char *)ctx);
        assert_int_equal(memory_leaked_texts(), 0);
    }
    zn_credential_clear(&credential);
}

static void without_memory_no_credential_is_taken(void **state)
{
    char text[256];

    (void)state;
    sample_key(text, sizeof(text), SAMPLE_ENVELOPE);
    assert_true(memory_fail_each(parse_without_memory, text) > 5);
    sample_token(text, sizeof(text), "{\"exp\":1767225600}");
    assert_true(memory_fail_each(parse_without_memory, text) > 3);
}

static void no_copy_of_the_inner_secret_stays_in_memory(void **state)
{
    char key[256];
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    (void)state;
    sample_key(key, sizeof(key), SAMPLE_ENVELOPE);
    memory_reset();
    memory_watch(SAMPLE_INNER);
    assert_int_equal(zn_credential_parse(zn_span_of(key), &credential, &error), ZN_OK);
    zn_credential_clear(&credential);
    assert_true(memory_freed_blocks() > 2);
    assert_int_equal(memory_leaked_texts(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static int hook(void **state)
{
    (void)state;
    memory_hook_cjson();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_api_key_of_either_spelling_is_taken),
        cmocka_unit_test(an_api_key_may_hold_more_than_id_and_key),
        cmocka_unit_test(an_api_token_is_taken_with_its_expiry),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(bytes_that_belong_to_no_credential_are_refused),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(unknown_shapes_are_refused),
        cmocka_unit_test(known_mistakes_are_named),
        cmocka_unit_test(pro_keys_are_taken_as_they_are),
        cmocka_unit_test(damaged_api_keys_are_refused),
        cmocka_unit_test(api_keys_that_are_no_base64_are_refused),
        cmocka_unit_test(an_api_key_must_have_its_padding),
        cmocka_unit_test(more_than_4096_bytes_are_refused),
        cmocka_unit_test(the_expiry_of_a_jwt_is_its_exp),
        cmocka_unit_test(a_jwt_has_three_parts_of_base64url),
        cmocka_unit_test(base64_decodes_both_alphabets),
        cmocka_unit_test(base64_respects_the_cap),
        cmocka_unit_test(a_part_of_key_or_inner_secret_is_seen_and_redacted),
        cmocka_unit_test(without_memory_no_credential_is_taken),
        cmocka_unit_test(no_copy_of_the_inner_secret_stays_in_memory),
    };
    return cmocka_run_group_tests(tests, hook, NULL);
}
