/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "check.h"

#define BLOCKS_MAX 8192
#define FILLING    0xa5
#define RUNS_MAX   2000 /* no operation under test allocates as often */

static struct {
    struct {
        unsigned char *ptr;
        size_t size;
    } blocks[BLOCKS_MAX];
    size_t live;
    size_t fail_in;
    bool failed;
    size_t freed;
    size_t unwiped;
    const char *watched;
    size_t leaked;
} memory;

/* The linker turns malloc into __wrap_malloc, and __real_malloc into malloc; and so on. */
void *__real_malloc(size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);

void memory_reset(void)
{
    memory.live = 0;
    memory.fail_in = 0;
    memory.failed = false;
    memory.freed = 0;
    memory.unwiped = 0;
    memory.watched = NULL;
    memory.leaked = 0;
}

void memory_fail_at(size_t number)
{
    memory.fail_in = number;
    memory.failed = false;
}

bool memory_has_failed(void)
{
    return memory.failed;
}

size_t memory_live_blocks(void)
{
    return memory.live;
}

size_t memory_freed_blocks(void)
{
    return memory.freed;
}

size_t memory_unwiped_blocks(void)
{
    return memory.unwiped;
}

void memory_watch(const char *text)
{
    memory.watched = text;
    memory.leaked = 0;
}

size_t memory_leaked_texts(void)
{
    return memory.leaked;
}

void memory_hook_cjson(void)
{
    cJSON_Hooks hooks = {malloc, free};
    cJSON_InitHooks(&hooks);
}

size_t memory_fail_each(void (*run)(void *ctx), void *ctx)
{
    for (size_t number = 1; number < RUNS_MAX; number++) {
        memory_reset();
        memory_fail_at(number);
        run(ctx);
        memory.fail_in = 0;
        if (memory.live != 0)
            fail_msg("allocation %zu failed: %zu blocks stay behind", number, memory.live);
        if (!memory.failed)
            return number - 1;
    }
    fail_msg("more than %d allocations", RUNS_MAX);
    return 0;
}

/* --- the allocator -------------------------------------------------------------------------- */

void *__wrap_malloc(size_t size)
{
    if (memory.fail_in > 0 && --memory.fail_in == 0) {
        memory.failed = true;
        return NULL;
    }
    unsigned char *ptr = __real_malloc(size);
    if (ptr != NULL && memory.live < BLOCKS_MAX) {
        memset(ptr, FILLING, size);
        memory.blocks[memory.live].ptr = ptr;
        memory.blocks[memory.live++].size = size;
    }
    return ptr;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *ptr = size != 0 && count > SIZE_MAX / size ? NULL : __wrap_malloc(count * size);
    if (ptr != NULL)
        memset(ptr, 0, count * size);
    return ptr;
}

static bool is_zero(const unsigned char *ptr, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (ptr[i] != 0)
            return false;
    return true;
}

static void inspect(const unsigned char *ptr, size_t size)
{
    memory.freed++;
    memory.unwiped += !is_zero(ptr, size);
    if (memory.watched != NULL && memmem(ptr, size, memory.watched, strlen(memory.watched)) != NULL)
        memory.leaked++;
}

/* The place of a block in the list, searched from the newest; `live` when it is not ours. */
static size_t find(const void *ptr)
{
    for (size_t i = memory.live; i > 0; i--)
        if (memory.blocks[i - 1].ptr == ptr)
            return i - 1;
    return memory.live;
}

void *__wrap_realloc(void *ptr, size_t size)
{
    const size_t at = find(ptr);
    void *bigger = __wrap_malloc(size);

    if (bigger == NULL || ptr == NULL)
        return bigger;
    const size_t old_size = memory.blocks[at].size;
    memcpy(bigger, ptr, old_size < size ? old_size : size);
    __wrap_free(ptr);
    return bigger;
}

void __wrap_free(void *ptr)
{
    const size_t at = find(ptr);

    if (ptr != NULL && at < memory.live) {
        inspect(memory.blocks[at].ptr, memory.blocks[at].size);
        memory.blocks[at] = memory.blocks[--memory.live];
    }
    __real_free(ptr);
}
