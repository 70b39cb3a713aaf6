/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>
#include <time.h>

static int64_t now_ms(void *ctx)
{
    struct timespec now = {0};

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_s(void *ctx)
{
    struct timespec now = {0};

    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

static void sleep_ms(void *ctx, int64_t duration_ms)
{
    struct timespec rest = {.tv_sec = (time_t)(duration_ms / 1000),
                            .tv_nsec = (long)(duration_ms % 1000) * 1000000};

    (void)ctx;
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
}

/* Jitter without randomness is still a delay: a failing getrandom(2) is not an error here. */
static uint32_t jitter(void *ctx, uint32_t bound)
{
    uint32_t number = 0;

    (void)ctx;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
        number = 0;
    return bound == 0 ? 0 : number % bound;
}

struct zn_clock zn_clock_system(void)
{
    return (struct zn_clock){NULL, now_ms, wall_s, sleep_ms, jitter};
}

bool zn_random_uuid(char ret[37])
{
    static const char digits[] = "0123456789abcdef";
    static const char form[] = "xxxxxxxx-xxxx-4xxx-Vxxx-xxxxxxxxxxxx";
    unsigned char bytes[sizeof(form)];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return false;
    for (size_t i = 0; i < sizeof(form); i++)
        ret[i] = form[i] == 'x'   ? digits[bytes[i] & 15]
                 : form[i] == 'V' ? digits[8 | (bytes[i] & 3)]
                                  : form[i];
    return true;
}

bool zn_wait_readable(int fd, int64_t deadline_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int ready = 0;

    do {
        const int64_t left_ms = deadline_ms - now_ms(NULL);
        if (left_ms <= 0)
            return false;
        ready = poll(&poll_fd, 1, (int)left_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}
