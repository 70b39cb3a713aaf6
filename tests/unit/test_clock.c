/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>

#include "check.h"
#include "core/clock.h"

static bool no_randomness;
static ssize_t short_by; /* so many bytes fewer than asked for */
static volatile sig_atomic_t alarms;

ssize_t __real_getrandom(void *buffer, size_t size, unsigned int flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags);

ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags)
{
    if (!no_randomness)
        return __real_getrandom(buffer, size, flags) - short_by;
    memset(buffer, 0xff, size);
    errno = EAGAIN;
    return -1;
}

static void count_alarm(int number)
{
    (void)number;
    alarms++;
}

static void monotonic_time_never_goes_back(void **state)
{
    const struct zn_clock clock = zn_clock_system();
    int64_t before_ms = clock.now_ms(clock.ctx);

    (void)state;
    assert_true(before_ms >= 0);
    for (int i = 0; i < 1000; i++) {
        const int64_t now_ms = clock.now_ms(clock.ctx);
        assert_true(now_ms >= before_ms);
        before_ms = now_ms;
    }
}

static void wall_clock_is_the_time_of_this_machine(void **state)
{
    const struct zn_clock clock = zn_clock_system();
    struct timespec before, after;

    (void)state;
    clock_gettime(CLOCK_REALTIME, &before);
    const int64_t now_s = clock.wall_s(clock.ctx);
    clock_gettime(CLOCK_REALTIME, &after);
    assert_true(now_s >= before.tv_sec && now_s <= after.tv_sec);
}

static void sleeping_takes_no_less_than_asked(void **state)
{
    const struct zn_clock clock = zn_clock_system();
    const int64_t start_ms = clock.now_ms(clock.ctx);

    (void)state;
    clock.sleep_ms(clock.ctx, 0);
    clock.sleep_ms(clock.ctx, 20);
    assert_true(clock.now_ms(clock.ctx) - start_ms >= 20);
}

static void a_signal_does_not_shorten_the_sleep(void **state)
{
    const struct zn_clock clock = zn_clock_system();
    const struct sigaction action = {.sa_handler = count_alarm};
    const struct itimerval every_5_ms = {{0, 5000}, {0, 5000}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    struct sigaction old;

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every_5_ms, NULL), 0);
    const int64_t start_ms = clock.now_ms(clock.ctx);
    clock.sleep_ms(clock.ctx, 60);
    const int64_t slept_ms = clock.now_ms(clock.ctx) - start_ms;
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    assert_true(alarms > 0);
    assert_true(slept_ms >= 60);
}

static void random_numbers_lie_below_the_bound_and_differ(void **state)
{
    const struct zn_clock clock = zn_clock_system();
    bool seen[8] = {false};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const uint32_t number = clock.random(clock.ctx, COUNT(seen));
        assert_true(number < COUNT(seen));
        seen[number] = true;
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_true(seen[i]); /* by chance one is missing in 1 of 10^57 runs */
    assert_int_equal(clock.random(clock.ctx, 1), 0);
    assert_int_equal(clock.random(clock.ctx, 0), 0);
}

static void without_randomness_the_number_is_zero(void **state)
{
    const struct zn_clock clock = zn_clock_system();

    (void)state;
    no_randomness = true;
    assert_int_equal(clock.random(clock.ctx, 1000), 0);
    no_randomness = false;
}

static void a_uuid_is_random_but_for_its_version(void **state)
{
    static const char hex_digits[] = "0123456789abcdef";
    bool seen[36][16] = {{false}};
    char uuid[37], before[37] = "";

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_true(zn_random_uuid(uuid));
        assert_true(zn_text_is_uuid(zn_span_of(uuid)));
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
        assert_string_not_equal(uuid, before);
        memcpy(before, uuid, sizeof(uuid));
        for (size_t at = 0; at < 36; at++)
            if (uuid[at] != '-')
                seen[at][strchr(hex_digits, uuid[at]) - hex_digits] = true;
    }
    for (size_t at = 0; at < 36; at++) {
        size_t digits = 0;
        for (size_t digit = 0; digit < 16; digit++)
            digits += seen[at][digit];
        /* by chance one of the sixteen is missing in 1 of 10^25 runs */
        assert_int_equal(digits, uuid[at] == '-' ? 0 : at == 14 ? 1 : at == 19 ? 4 : 16);
    }
}

static void without_randomness_there_is_no_uuid(void **state)
{
    char uuid[37];

    (void)state;
    no_randomness = true;
    assert_false(zn_random_uuid(uuid));
    no_randomness = false;
    short_by = 1;
    assert_false(zn_random_uuid(uuid));
    short_by = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(wall_clock_is_the_time_of_this_machine),
        cmocka_unit_test(sleeping_takes_no_less_than_asked),
        cmocka_unit_test(a_signal_does_not_shorten_the_sleep),
        cmocka_unit_test(random_numbers_lie_below_the_bound_and_differ),
        cmocka_unit_test(without_randomness_the_number_is_zero),
        cmocka_unit_test(a_uuid_is_random_but_for_its_version),
        cmocka_unit_test(without_randomness_there_is_no_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
