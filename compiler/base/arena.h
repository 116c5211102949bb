/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by lifetime: an arena hands out zeroed blocks and frees them all at once.
 *
 * Running out of memory: an arena has one recovery point, set with WEFT_ARENA_TRY at the public
 * function that owns the arena; an allocation that cannot be met jumps there, so code between needs
 * no checks. Resources that are not memory (mappings, unpacked messages) are attached with
 * weft_arena_defer and released with the arena, also after such a jump. Sizes that come from a file
 * are checked against the file before they get here. The environment variable WEFT_ARENA=malloc
 * gives every object its own malloc block, for sanitizers. Thread rule: externally locked. */
#ifndef WEFT_BASE_ARENA_H
#define WEFT_BASE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler/base/error.h"

typedef struct weft_arena weft_arena;

/* NULL when out of memory. */
weft_arena *weft_arena_create(void);
void weft_arena_destroy(weft_arena *arena);

/* The recovery point. Use:  if (WEFT_ARENA_TRY(arena)) { clean up; return WEFT_NO_MEMORY; }  Zero
 * on the direct way. */
#define WEFT_ARENA_TRY(arena) setjmp(*weft_arena_recovery(arena))
jmp_buf *weft_arena_recovery(weft_arena *arena);

/* Leaves through the recovery point, for memory that an arena's user could not get elsewhere. */
void weft_arena_out_of_memory(weft_arena *arena)
#if defined(__GNUC__)
    __attribute__((noreturn))
#endif
    ;

/* Zeroed memory, aligned to 64 bytes from 256 bytes upwards, else to 16. bytes may be 0 (a valid
 * unique pointer). */
void *weft_arena_alloc(weft_arena *arena, size_t bytes);
/* count * size with overflow check (overflow counts as out of memory). */
void *weft_arena_alloc_array(weft_arena *arena, size_t count, size_t size);
void *weft_arena_dup(weft_arena *arena, const void *data, size_t bytes);
char *weft_arena_strdup(weft_arena *arena, const char *text);
char *weft_arena_strndup(weft_arena *arena, const char *text, size_t length);
char *weft_arena_printf(weft_arena *arena, const char *format, ...) WEFT_PRINTF(2, 3);
/* Calls release(object) when the arena is destroyed, last attached first. */
void weft_arena_defer(weft_arena *arena, void (*release)(void *object), void *object);
/* Bytes handed out so far. */
size_t weft_arena_used_bytes(const weft_arena *arena);

/* For tests: the n-th next allocation of any arena (1 = next) fails; 0 switches it off. Not
 * thread-safe. */
void weft_arena_fail_after(size_t allocations);
/* Counts one allocation and says whether it is the one to fail; for allocators of this folder that
 * are no arena. */
bool weft_arena_injected_failure(void);

#define WEFT_NEW(arena, type) ((type *)weft_arena_alloc((arena), sizeof(type)))
#define WEFT_NEW_ARRAY(arena, type, count)                                                         \
    ((type *)weft_arena_alloc_array((arena), (count), sizeof(type)))

/* A growable array: struct { T *data; size_t count, capacity; }. Growth copies into a new arena
 * block. */
#define WEFT_VEC(type)                                                                             \
    struct {                                                                                       \
        type *data;                                                                                \
        size_t count, capacity;                                                                    \
    }
#define WEFT_VEC_PUSH(arena, vec, ...)                                                             \
    do {                                                                                           \
        if ((vec)->count == (vec)->capacity)                                                       \
            (vec)->data = weft_arena_grow((arena), (vec)->data, (vec)->count, &(vec)->capacity,    \
                                          sizeof *(vec)->data);                                    \
        (vec)->data[(vec)->count++] = (__VA_ARGS__);                                               \
    } while (0)
void *weft_arena_grow(weft_arena *arena, const void *data, size_t count, size_t *capacity,
                      size_t size);

/* Checked arithmetic: false on overflow (out untouched). */
bool weft_mul_size(size_t a, size_t b, size_t *out);
bool weft_add_size(size_t a, size_t b, size_t *out);
bool weft_mul_i64(int64_t a, int64_t b, int64_t *out);
bool weft_add_i64(int64_t a, int64_t b, int64_t *out);

#endif
