/*
 * memory - an allocator that counts, fails on demand and looks at what is given back.
 *
 * Link with --wrap for malloc, calloc, realloc and free (zn_unit_test does it for tests that take
 * memory.c): then the core and the test itself allocate here, and so do libraries that were given
 * malloc and free by name. New blocks are filled, so that memory which nobody wiped shows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_TESTS_MEMORY_H
#define ZN_TESTS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Forgets all counts; nothing fails and nothing is watched for. */
void memory_reset(void);

/* Makes the `number`-th allocation from now on fail, once; 0: none. */
void memory_fail_at(size_t number);

/* True when the allocation chosen by memory_fail_at has failed. */
bool memory_has_failed(void);

/* Blocks allocated since memory_reset and not freed. */
size_t memory_live_blocks(void);

/* Blocks freed since memory_reset, those that held a byte other than zero at that moment. */
size_t memory_freed_blocks(void);
size_t memory_unwiped_blocks(void);

/* Counts from now on the freed blocks that still hold this text: see memory_leaked_texts. */
void memory_watch(const char *text);
size_t memory_leaked_texts(void);

/* Has cJSON allocate here too. */
void memory_hook_cjson(void);

/*
 * Calls `run` again and again, failing its 1st, 2nd, 3rd... allocation, until it makes none that
 * fails. `run` cleans up and asserts what it returned; each time, no block may stay behind. Returns
 * the number of runs in which an allocation failed.
 */
size_t memory_fail_each(void (*run)(void *ctx), void *ctx);

#endif
