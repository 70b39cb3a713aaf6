/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "core/clock.h"
#include "pam_zenml/record.h"

#define UUID "787ffa87-c7e8-440c-ba04-a0989561ffd8"

/* Of a module or helper that knows no zp_grant: after an upgrade, one of them may still be that. */
#define MAGIC_WITHOUT_GRANTS 0x5a4e4c31

/* --- samples ---------------------------------------------------------------------------------- */

static const struct zp_request good_request = {
    .magic = ZP_MAGIC,
    .accept = ZP_ACCEPT_API_KEY,
    .credential_len = 10,
    .timeout_ms = 10000,
    .server = "https://zenml.example.com",
    .credential = "ZENKEY_abc",
};

static const struct zp_request full_request = {
    .magic = ZP_MAGIC,
    .accept = ZP_ACCEPT_API_KEY | ZP_ACCEPT_API_TOKEN,
    .any_account = 1,
    .timeout_ms = 120000,
    .token_lifetime_s = 7 * 24 * 3600,
    .server = "https://zenml.example.com",
    .ca_file = "/etc/ssl/ca.pem",
    .pin = "sha256//AAAA",
    .proxy = "http://127.0.0.1:3128",
    .server_id = UUID,
};

static const struct zp_reply good_reply = {
    .magic = ZP_MAGIC,
    .status = ZN_OK,
    .is_service_account = 1,
    .account_id = UUID,
    .account_name = "ci-bot",
    .server_url = "https://zenml.example.com",
};

static const struct zp_reply refusing_reply = {
    .magic = ZP_MAGIC,
    .status = ZN_REJECTED,
    .http_status = 401,
    .detail = "the server rejected the credential",
};

/* One change to a record: a number, or else some bytes, at a place. */
struct change {
    const char *what;
    size_t at;
    size_t size; /* in bytes; of a number 4 or 8 */
    const char *bytes;
    int64_t number;
};

#define IN_REQUEST(member) #member, offsetof(struct zp_request, member)
#define IN_GRANT(member)   #member, offsetof(struct zp_grant, member)
#define IN_REPLY(member)   #member, offsetof(struct zp_reply, member)
#define U32(value)         4, NULL, (value)
#define I64(value)         8, NULL, (value)
#define BYTES(literal)     sizeof(literal) - 1, literal, 0

static void apply(void *record, const struct change *change)
{
    char *place = (char *)record + change->at;
    const uint32_t low = (uint32_t)change->number;

    if (change->bytes != NULL)
        memcpy(place, change->bytes, change->size);
    else if (change->size == sizeof(low))
        memcpy(place, &low, sizeof(low));
    else
        memcpy(place, &change->number, sizeof(change->number));
}

/* --- requests --------------------------------------------------------------------------------- */

static void good_requests_are_valid(void **state)
{
    struct zp_request request = good_request;

    (void)state;
    assert_true(zp_request_is_valid(&good_request));
    assert_true(zp_request_is_valid(&full_request));
    request.credential_len =
        0; /* an empty answer is the helper's to judge, so that all look alike */
    assert_true(zp_request_is_valid(&request));
    request.credential_len = ZN_SECRET_MAX;
    memset(request.credential, 0xff, sizeof(request.credential)); /* as typed, whatever that is */
    assert_true(zp_request_is_valid(&request));
    request.timeout_ms = 1;
    assert_true(zp_request_is_valid(&request));
    memset(request.server, 'a', ZN_URL_MAX);
    assert_true(zp_request_is_valid(&request));
}

static void each_bad_field_of_a_request_is_seen(void **state)
{
    static const struct change changes[] = {
        {IN_REQUEST(magic), U32(0)},
        {IN_REQUEST(magic), U32(ZP_MAGIC + 1)},
        {IN_REQUEST(magic), U32(MAGIC_WITHOUT_GRANTS)},
        {IN_REQUEST(accept), U32(0)},
        {IN_REQUEST(accept), U32(8)},
        {IN_REQUEST(accept), U32(12)},
        {IN_REQUEST(accept), U32(UINT32_MAX)},
        {IN_REQUEST(any_account), U32(2)},
        {IN_REQUEST(any_account), U32(UINT32_MAX)},
        {IN_REQUEST(credential_len), U32(ZN_SECRET_MAX + 1)},
        {IN_REQUEST(credential_len), U32(UINT32_MAX)},
        {IN_REQUEST(qr), U32(3)},
        {IN_REQUEST(qr), U32(UINT32_MAX)},
        {IN_REQUEST(timeout_ms), I64(0)},
        {IN_REQUEST(timeout_ms), I64(-1)},
        {IN_REQUEST(timeout_ms), I64(120001)},
        {IN_REQUEST(timeout_ms), I64(INT64_MAX)},
        {IN_REQUEST(timeout_ms), I64(INT64_MIN)},
        {IN_REQUEST(token_lifetime_s), I64(-1)},
        {IN_REQUEST(token_lifetime_s), I64(7 * 24 * 3600 + 1)},
        {IN_REQUEST(token_lifetime_s), I64(INT64_MIN)},
        {IN_REQUEST(server), BYTES("\0")},
        {IN_REQUEST(server), BYTES("https://a\nb")},
        {IN_REQUEST(server), BYTES("https://\xff")},
        {IN_REQUEST(ca_file), BYTES("/etc/\x1b[2J")},
        {IN_REQUEST(pin), BYTES("sha256//\r")},
        {IN_REQUEST(proxy), BYTES("http://a\x7f")},
        {IN_REQUEST(pro_api_url), BYTES("https://\x1b")},
        {IN_REQUEST(server_id), BYTES("787ffa87\0")},
        {IN_REQUEST(server_id), BYTES("787ffa87-c7e8-440c-ba04-a0989561ffdg")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct zp_request request = full_request;
        apply(&request, &changes[i]);
        CHECK_ROW(changes[i].what, !zp_request_is_valid(&request));
    }
}

static void a_request_with_text_without_end_is_seen(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        size_t size;
    } texts[] = {
        {IN_REQUEST(server), sizeof(good_request.server)},
        {IN_REQUEST(ca_file), sizeof(good_request.ca_file)},
        {IN_REQUEST(pin), sizeof(good_request.pin)},
        {IN_REQUEST(proxy), sizeof(good_request.proxy)},
        {IN_REQUEST(pro_api_url), sizeof(good_request.pro_api_url)},
        {IN_REQUEST(server_id), sizeof(good_request.server_id)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct zp_request request = full_request;
        memset((char *)&request + texts[i].at, 'a', texts[i].size);
        CHECK_ROW(texts[i].what, !zp_request_is_valid(&request));
    }
}

/* Only where a person has to open a browser may it take longer than at a prompt. */
static void a_request_for_a_browser_has_more_time(void **state)
{
    static const struct {
        const char *what;
        uint32_t accept;
        uint32_t credential_len;
        int64_t timeout_ms;
        bool is_for_browser;
        bool is_valid;
    } rows[] = {
        {"device alone", 4, 0, 900000, true, true},
        {"device among others", 7, 0, 900000, true, true},
        {"and longer", 4, 0, 900001, true, false},
        {"no time", 4, 0, 0, true, false},
        {"something was typed", 7, 1, 120001, false, false},
        {"typed, in time", 7, 1, 120000, false, true},
        {"no device", 3, 0, 120001, false, false},
        {"no device, in time", 3, 0, 120000, false, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zp_request request = full_request;
        request.accept = rows[i].accept;
        request.credential_len = rows[i].credential_len;
        request.timeout_ms = rows[i].timeout_ms;
        CHECK_ROW(rows[i].what, zp_request_is_for_browser(&request) == rows[i].is_for_browser);
        CHECK_ROW(rows[i].what, zp_request_is_valid(&request) == rows[i].is_valid);
    }
}

/* --- grants ----------------------------------------------------------------------------------- */

static const struct zp_grant good_grant = {
    .magic = ZP_MAGIC,
    .is_granted = 1,
    .url = "https://zenml.example.com/devices/verify?device_id=" UUID "&user_code=0123456789abcdef",
};

static void good_grants_are_valid(void **state)
{
    static const struct zp_grant none = {.magic = ZP_MAGIC};
    static struct zp_grant grant;

    (void)state;
    grant = good_grant;
    assert_true(zp_grant_is_valid(&grant));
    assert_true(zp_grant_is_valid(&none));
    snprintf(grant.qr, sizeof(grant.qr), "## █▀▄\n\n");
    assert_true(zp_grant_is_valid(&grant));
    memset(grant.qr, '#', ZP_QR_MAX);
    assert_true(zp_grant_is_valid(&grant));
    memset(grant.url, 'a', ZP_BROWSER_URL_MAX);
    assert_true(zp_grant_is_valid(&grant));
}

/* The URL is shown on a terminal. */
static void each_bad_field_of_a_grant_is_seen(void **state)
{
    static const struct change changes[] = {
        {IN_GRANT(magic), U32(0)},
        {IN_GRANT(magic), U32(ZP_MAGIC + 1)},
        {IN_GRANT(is_granted), U32(0)}, /* with a URL */
        {IN_GRANT(is_granted), U32(2)},
        {IN_GRANT(is_granted), U32(UINT32_MAX)},
        {IN_GRANT(url), BYTES("\0")},
        {IN_GRANT(url), BYTES("https://a\nb")},
        {IN_GRANT(url), BYTES("https://\x1b[2J")},
        {IN_GRANT(url), BYTES("https://a b")},
        {IN_GRANT(url), BYTES("https://\x7f")},
        {IN_GRANT(url), BYTES("https://\xc3\xa9")},
        {IN_GRANT(qr), BYTES("\033")},
        {IN_GRANT(qr), BYTES("##a")},
        {IN_GRANT(qr), BYTES("##\r\n")},
        {IN_GRANT(qr), BYTES("\xe2\x96")},
        {IN_GRANT(qr), BYTES("\xe2\x96\x81")},
    };
    static struct zp_grant grant;

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        grant = good_grant;
        apply(&grant, &changes[i]);
        CHECK_ROW(changes[i].what, !zp_grant_is_valid(&grant));
    }
    grant = good_grant;
    memset(grant.url, 'a', sizeof(grant.url)); /* without end */
    assert_false(zp_grant_is_valid(&grant));
    grant = good_grant;
    memset(grant.qr, '#', sizeof(grant.qr)); /* without end */
    assert_false(zp_grant_is_valid(&grant));
    grant = (struct zp_grant){.magic = ZP_MAGIC, .is_granted = 2}; /* without a URL */
    assert_false(zp_grant_is_valid(&grant));
    grant = (struct zp_grant){.magic = ZP_MAGIC, .qr = "##"}; /* of nothing */
    assert_false(zp_grant_is_valid(&grant));
}

/* --- replies ---------------------------------------------------------------------------------- */

static const struct zp_reply reply_with_token = {
    .magic = ZP_MAGIC,
    .status = ZN_OK,
    .token_len = 8,
    .account_id = UUID,
    .account_name = "ci-bot",
    .server_url = "https://zenml.example.com",
    .token = "a.b.c-_~",
};

static void good_replies_are_valid(void **state)
{
    struct zp_reply reply = reply_with_token;

    (void)state;
    assert_true(zp_reply_is_valid(&good_reply, false));
    assert_true(zp_reply_is_valid(&reply, true));
    for (uint32_t status = 0; status < ZN_STATUS_COUNT; status++) {
        reply = refusing_reply;
        reply.status = status;
        if (status != ZN_OK)
            CHECK_ROW(zn_status_name(status), zp_reply_is_valid(&reply, true));
    }
    reply = good_reply;
    memset(reply.account_name, 'a', ZN_NAME_MAX);
    assert_true(zp_reply_is_valid(&reply, false));
    reply = reply_with_token;
    reply.token_len = ZN_SECRET_MAX;
    memset(reply.token, 'a', sizeof(reply.token));
    assert_true(zp_reply_is_valid(&reply, true));
}

static void each_bad_field_of_a_reply_is_seen(void **state)
{
    static const struct change changes[] = {
        {IN_REPLY(magic), U32(0)},
        {IN_REPLY(magic), U32(ZP_MAGIC + 1)},
        {IN_REPLY(magic), U32(MAGIC_WITHOUT_GRANTS)},
        {IN_REPLY(status), U32(ZN_STATUS_COUNT)},
        {IN_REPLY(status), U32(UINT32_MAX)},
        {IN_REPLY(is_service_account), U32(2)},
        {IN_REPLY(is_admin), U32(2)},
        {IN_REPLY(is_admin), U32(UINT32_MAX)},
        {IN_REPLY(has_landlock), U32(2)},
        {IN_REPLY(token_len), U32(ZN_SECRET_MAX + 1)},
        {IN_REPLY(token_len), U32(UINT32_MAX)},
        {IN_REPLY(detail), BYTES("a\nb")},
        {IN_REPLY(detail), BYTES("\xc0\xaf")},
        {IN_REPLY(account_id), BYTES("\0")},
        {IN_REPLY(account_id), BYTES("787ffa87\0")},
        {IN_REPLY(account_id), BYTES("787ffa87-c7e8-440c-ba04-a0989561ffdg")},
        {IN_REPLY(account_name), BYTES("\0")},
        {IN_REPLY(account_name), BYTES("root\nalice")},
        {IN_REPLY(account_name), BYTES("\xc2\x85")},
        {IN_REPLY(server_url), BYTES("\0")},
        {IN_REPLY(server_url), BYTES("https://\x01")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct zp_reply reply = good_reply;
        apply(&reply, &changes[i]);
        CHECK_ROW(changes[i].what, !zp_reply_is_valid(&reply, false));
    }
}

/* What does not matter in a refusal is still no way to bring in unchecked bytes. */
static void each_text_of_a_refusal_is_looked_at_too(void **state)
{
    static const struct change changes[] = {
        {IN_REPLY(detail), BYTES("\x1b[2J")},
        {IN_REPLY(account_id), BYTES("\n")},
        {IN_REPLY(account_name), BYTES("\n")},
        {IN_REPLY(server_url), BYTES("\n")},
        {IN_REPLY(is_admin), U32(2)},
        {IN_REPLY(is_service_account), U32(2)},
        {IN_REPLY(token_len), U32(ZN_SECRET_MAX + 1)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct zp_reply reply = refusing_reply;
        apply(&reply, &changes[i]);
        CHECK_ROW(changes[i].what, !zp_reply_is_valid(&reply, false));
    }
}

static void a_reply_with_text_without_end_is_seen(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        size_t size;
    } texts[] = {
        {IN_REPLY(detail), sizeof(good_reply.detail)},
        {IN_REPLY(account_id), sizeof(good_reply.account_id)},
        {IN_REPLY(account_name), sizeof(good_reply.account_name)},
        {IN_REPLY(server_url), sizeof(good_reply.server_url)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct zp_reply reply = good_reply;
        memset((char *)&reply + texts[i].at, 'a', texts[i].size);
        CHECK_ROW(texts[i].what, !zp_reply_is_valid(&reply, false));
        reply.status = ZN_REJECTED;
        CHECK_ROW(texts[i].what, !zp_reply_is_valid(&reply, false));
    }
}

static void a_token_is_there_when_its_time_has_come_and_only_then(void **state)
{
    struct zp_reply reply = reply_with_token;

    (void)state;
    assert_false(zp_reply_is_valid(&reply, false));
    assert_false(zp_reply_is_valid(&good_reply, true));
}

/* It goes into the environment of the session. */
/* What stands behind the array would do for a token: only its length tells. */
static void a_token_lies_inside_its_array(void **state)
{
    struct {
        struct zp_reply reply;
        char behind[64];
    } both;

    (void)state;
    both.reply = reply_with_token;
    const size_t begin = offsetof(struct zp_reply, token); /* padding comes behind it, too */
    memset((char *)&both + begin, 'x', sizeof(both) - begin);
    both.reply.token_len = ZN_SECRET_MAX;
    assert_true(zp_reply_is_valid(&both.reply, true));
    both.reply.token_len = ZN_SECRET_MAX + 1;
    assert_false(zp_reply_is_valid(&both.reply, true));
}

static void a_token_is_graphic(void **state)
{
    static const char bad[] = {'\0', '\n', ' ', '\x1b', '\x7f', '\x80', '\xff'};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct zp_reply reply = reply_with_token;
        reply.token[reply.token_len - 1] = bad[i];
        assert_false(zp_reply_is_valid(&reply, true));
    }
}

/* --- over a real socket ----------------------------------------------------------------------- */

/* Our end and the peer's end, as the module makes them. */
struct pair {
    int ours;
    int peers;
};

static struct pair make_pair(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void close_pair(struct pair pair)
{
    close(pair.ours);
    close(pair.peers);
}

static int64_t in_ms(int64_t ms)
{
    const struct zn_clock clock = zn_clock_system();
    return clock.now_ms(clock.ctx) + ms;
}

static bool receives(int fd, void *record, size_t size)
{
    return zp_record_receive(fd, record, size, in_ms(10000));
}

static void a_record_arrives_byte_for_byte(void **state)
{
    const struct pair pair = make_pair();
    static struct zp_request sent;
    static struct zp_request got;

    (void)state;
    for (size_t i = 0; i < sizeof(sent); i++)
        ((unsigned char *)&sent)[i] = (unsigned char)(i * 31 + i / 256);
    assert_true(zp_record_send(pair.ours, &sent, sizeof(sent)));
    assert_true(receives(pair.peers, &got, sizeof(got)));
    assert_memory_equal(&sent, &got, sizeof(sent));
    close_pair(pair);
}

static void a_record_of_another_size_is_refused(void **state)
{
    static const size_t wrong[] = {1, 4, sizeof(struct zp_reply) - 1, sizeof(struct zp_reply) + 1,
                                   2 * sizeof(struct zp_reply)};
    static char bytes[2 * sizeof(struct zp_reply)];

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const struct pair pair = make_pair();
        struct {
            struct zp_reply reply;
            char after[8];
        } place;
        memset(&place, 'X', sizeof(place));
        assert_int_equal(send(pair.peers, bytes, wrong[i], 0), wrong[i]);
        assert_false(receives(pair.ours, &place.reply, sizeof(place.reply)));
        assert_memory_equal(place.after, "XXXXXXXX", sizeof(place.after));
        close_pair(pair);
    }
}

static void an_empty_message_is_refused(void **state)
{
    const struct pair pair = make_pair();
    struct zp_reply reply;

    (void)state;
    assert_int_equal(send(pair.peers, "", 0, 0), 0);
    assert_false(receives(pair.ours, &reply, sizeof(reply)));
    close_pair(pair);
}

static void two_halves_make_no_record(void **state)
{
    const struct pair pair = make_pair();
    struct zp_reply reply = good_reply;

    (void)state;
    assert_int_equal(send(pair.peers, &reply, sizeof(reply) / 2, 0), sizeof(reply) / 2);
    assert_int_equal(send(pair.peers, &reply, sizeof(reply) - sizeof(reply) / 2, 0),
                     sizeof(reply) - sizeof(reply) / 2);
    assert_false(receives(pair.ours, &reply, sizeof(reply)));
    close_pair(pair);
}

static void a_peer_that_is_gone_is_no_wait(void **state)
{
    const struct pair pair = make_pair();
    struct zp_reply reply = good_reply;

    (void)state;
    close(pair.peers);
    assert_false(zp_record_receive(pair.ours, &reply, sizeof(reply), in_ms(10000)));
    close(pair.ours);
}

/* A signal would end the host, sshd for instance. */
static void sending_to_a_peer_that_is_gone_raises_no_signal(void **state)
{
    const struct pair pair = make_pair();

    (void)state;
    close(pair.peers);
    assert_ptr_not_equal(signal(SIGPIPE, SIG_DFL), SIG_ERR);
    assert_false(zp_record_send(pair.ours, &good_request, sizeof(good_request)));
    close(pair.ours);
}

static void what_is_no_socket_is_refused(void **state)
{
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct zp_reply reply;

    (void)state;
    assert_true(fd >= 0);
    assert_false(zp_record_send(fd, &good_request, sizeof(good_request)));
    assert_false(receives(fd, &reply, sizeof(reply)));
    close(fd);
}

static void the_wait_ends_at_the_deadline(void **state)
{
    const struct pair pair = make_pair();
    struct zp_reply reply;
    const int64_t deadline_ms = in_ms(30);

    (void)state;
    assert_false(zp_record_receive(pair.ours, &reply, sizeof(reply), deadline_ms));
    assert_true(in_ms(0) >= deadline_ms);
    close_pair(pair);
}

/* Also when an answer lies there: it came too late. */
static void a_deadline_that_is_over_is_over(void **state)
{
    const struct pair pair = make_pair();
    struct zp_reply reply;

    (void)state;
    assert_true(zp_record_send(pair.peers, &good_reply, sizeof(good_reply)));
    assert_false(zp_record_receive(pair.ours, &reply, sizeof(reply), in_ms(-1)));
    close_pair(pair);
}

/* --- while signals arrive --------------------------------------------------------------------- */

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
    (void)number;
    alarms++;
}

static void every_5_ms(bool on)
{
    const struct sigaction action = {.sa_handler = count_alarm}; /* no SA_RESTART */
    const struct itimerval timer = {{0, on ? 5000 : 0}, {0, on ? 5000 : 0}};

    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void signals_do_not_end_the_wait(void **state)
{
    const struct pair pair = make_pair();
    struct zp_reply reply;

    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const struct zn_clock clock = zn_clock_system();
        clock.sleep_ms(clock.ctx, 60);
        _exit(zp_record_send(pair.peers, &good_reply, sizeof(good_reply)) ? 0 : 1);
    }
    alarms = 0;
    every_5_ms(true);
    const bool received = receives(pair.ours, &reply, sizeof(reply));
    every_5_ms(false);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(received);
    assert_true(alarms > 0);
    close_pair(pair);
}

static void signals_do_not_prolong_the_wait(void **state)
{
    const struct pair pair = make_pair();
    struct zp_reply reply;
    const int64_t deadline_ms = in_ms(60);

    (void)state;
    alarms = 0;
    every_5_ms(true);
    const bool received = zp_record_receive(pair.ours, &reply, sizeof(reply), deadline_ms);
    every_5_ms(false);
    assert_false(received);
    assert_true(alarms > 0);
    assert_true(in_ms(0) >= deadline_ms);
    close_pair(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests_are_valid),
        cmocka_unit_test(each_bad_field_of_a_request_is_seen),
        cmocka_unit_test(a_request_with_text_without_end_is_seen),
        cmocka_unit_test(a_request_for_a_browser_has_more_time),
        cmocka_unit_test(good_grants_are_valid),
        cmocka_unit_test(each_bad_field_of_a_grant_is_seen),
        cmocka_unit_test(good_replies_are_valid),
        cmocka_unit_test(each_bad_field_of_a_reply_is_seen),
        cmocka_unit_test(each_text_of_a_refusal_is_looked_at_too),
        cmocka_unit_test(a_reply_with_text_without_end_is_seen),
        cmocka_unit_test(a_token_is_there_when_its_time_has_come_and_only_then),
        cmocka_unit_test(a_token_lies_inside_its_array),
        cmocka_unit_test(a_token_is_graphic),
        cmocka_unit_test(a_record_arrives_byte_for_byte),
        cmocka_unit_test(a_record_of_another_size_is_refused),
        cmocka_unit_test(an_empty_message_is_refused),
        cmocka_unit_test(two_halves_make_no_record),
        cmocka_unit_test(a_peer_that_is_gone_is_no_wait),
        cmocka_unit_test(sending_to_a_peer_that_is_gone_raises_no_signal),
        cmocka_unit_test(what_is_no_socket_is_refused),
        cmocka_unit_test(the_wait_ends_at_the_deadline),
        cmocka_unit_test(a_deadline_that_is_over_is_over),
        cmocka_unit_test(signals_do_not_end_the_wait),
        cmocka_unit_test(signals_do_not_prolong_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
