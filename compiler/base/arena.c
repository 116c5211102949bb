/* SPDX-License-Identifier: Apache-2.0 */
/* The arena: small objects share chunks, large ones (and all of them under WEFT_ARENA=malloc) get a
 * block of their own. Must not know about: what is stored in it. */
#include "compiler/base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_ALIGN = 16,
    LARGE_ALIGN = 64,       /* a cache line, and the widest vector */
    LARGE_FROM_BYTES = 256, /* objects from here on are aligned to LARGE_ALIGN */
    CHUNK_BYTES = 256 * 1024,
    OWN_BLOCK_BYTES =
        CHUNK_BYTES / 4,        /* from here on, sharing a chunk would waste more than it saves */
    HEADER_BYTES = LARGE_ALIGN, /* room for a block's header that keeps what follows aligned */
    FIRST_CAPACITY = 8          /* of a growable array */
};

typedef struct block {
    struct block *next;
    void *raw; /* what free() takes */
} block;

typedef struct deferred {
    struct deferred *next;
    void (*release)(void *object);
    void *object;
} deferred;

struct weft_arena {
    block *blocks;
    unsigned char *chunk_at; /* free part of the newest chunk */
    size_t chunk_left_bytes;
    size_t used_bytes;
    deferred *deferred;
    bool one_malloc_each;
    bool has_recovery;
    jmp_buf recovery;
};

/* Test switch, see weft_arena_fail_after. The one mutable variable of the library, and only tests
 * write it. */
static size_t allocations_until_failure;

void weft_arena_fail_after(size_t allocations)
{
    allocations_until_failure = allocations;
}

bool weft_arena_injected_failure(void)
{
    return allocations_until_failure > 0 && --allocations_until_failure == 0;
}

weft_arena *weft_arena_create(void)
{
    if (weft_arena_injected_failure())
        return NULL;
    weft_arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        return NULL;
    const char *mode = getenv("WEFT_ARENA");
    arena->one_malloc_each = mode != NULL && strcmp(mode, "malloc") == 0;
    return arena;
}

void weft_arena_destroy(weft_arena *arena)
{
    if (arena == NULL)
        return;
    for (deferred *entry = arena->deferred; entry != NULL; entry = entry->next)
        entry->release(entry->object);
    for (block *at = arena->blocks; at != NULL;) {
        block *next = at->next;
        free(at->raw);
        at = next;
    }
    free(arena);
}

jmp_buf *weft_arena_recovery(weft_arena *arena)
{
    arena->has_recovery = true;
    return &arena->recovery;
}

void weft_arena_out_of_memory(weft_arena *arena)
{
    WEFT_ASSERT(arena->has_recovery);
    longjmp(arena->recovery, 1);
}

static unsigned char *align_up(unsigned char *pointer, size_t alignment)
{
    size_t beyond = (size_t)((uintptr_t)pointer % alignment);
    return beyond == 0 ? pointer : pointer + (alignment - beyond);
}

/* A new block with `bytes` zeroed bytes after its header, aligned to LARGE_ALIGN; NULL when out of
 * memory. With exact_end the object ends where the allocation ends, so that a memory checker sees
 * the first byte beyond it. */
static unsigned char *add_block(weft_arena *arena, size_t bytes, bool exact_end)
{
    if (bytes > SIZE_MAX - HEADER_BYTES - LARGE_ALIGN)
        return NULL;
    void *raw = NULL;
    if (exact_end) {
        if (posix_memalign(&raw, LARGE_ALIGN, HEADER_BYTES + bytes) != 0)
            return NULL;
        memset(raw, 0, HEADER_BYTES + bytes);
    } else {
        raw = calloc(1, HEADER_BYTES + LARGE_ALIGN + bytes); /* calloc does not touch fresh pages */
        if (raw == NULL)
            return NULL;
    }
    unsigned char *start = align_up(raw, LARGE_ALIGN);
    block *header = (block *)(void *)start;
    header->raw = raw;
    header->next = arena->blocks;
    arena->blocks = header;
    return start + HEADER_BYTES;
}

static void *try_alloc(weft_arena *arena, size_t bytes)
{
    if (weft_arena_injected_failure())
        return NULL;
    unsigned char *object;
    if (arena->one_malloc_each || bytes >= OWN_BLOCK_BYTES) {
        object = add_block(arena, bytes, arena->one_malloc_each);
    } else {
        size_t alignment = bytes >= LARGE_FROM_BYTES ? LARGE_ALIGN : SMALL_ALIGN;
        size_t room = bytes == 0 ? 1 : bytes; /* unique also when empty */
        if (arena->chunk_left_bytes < room + alignment) {
            unsigned char *chunk = add_block(arena, CHUNK_BYTES, false);
            if (chunk == NULL)
                return NULL;
            arena->chunk_at = chunk;
            arena->chunk_left_bytes = CHUNK_BYTES;
        }
        object = align_up(arena->chunk_at, alignment);
        arena->chunk_left_bytes -= (size_t)(object + room - arena->chunk_at);
        arena->chunk_at = object + room;
    }
    if (object != NULL)
        arena->used_bytes += bytes;
    return object;
}

void *weft_arena_alloc(weft_arena *arena, size_t bytes)
{
    void *object = try_alloc(arena, bytes);
    if (object == NULL)
        weft_arena_out_of_memory(arena);
    return object;
}

void *weft_arena_alloc_array(weft_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (!weft_mul_size(count, size, &bytes))
        weft_arena_out_of_memory(arena);
    return weft_arena_alloc(arena, bytes);
}

void *weft_arena_dup(weft_arena *arena, const void *data, size_t bytes)
{
    void *copy = weft_arena_alloc(arena, bytes);
    if (bytes > 0)
        memcpy(copy, data, bytes);
    return copy;
}

char *weft_arena_strdup(weft_arena *arena, const char *text)
{
    return weft_arena_strndup(arena, text, strlen(text));
}

char *weft_arena_strndup(weft_arena *arena, const char *text, size_t length)
{
    size_t bytes = 0;
    if (!weft_add_size(length, 1, &bytes))
        weft_arena_out_of_memory(arena);
    char *copy = weft_arena_alloc(arena, bytes);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *weft_arena_printf(weft_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        weft_arena_out_of_memory(arena);
    char *text = weft_arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void weft_arena_defer(weft_arena *arena, void (*release)(void *object), void *object)
{
    deferred *entry = try_alloc(arena, sizeof *entry);
    if (entry == NULL) {
        release(object);
        weft_arena_out_of_memory(arena);
    }
    entry->release = release;
    entry->object = object;
    entry->next = arena->deferred;
    arena->deferred = entry;
}

size_t weft_arena_used_bytes(const weft_arena *arena)
{
    return arena->used_bytes;
}

void *weft_arena_grow(weft_arena *arena, const void *data, size_t count, size_t *capacity,
                      size_t size)
{
    size_t wanted = FIRST_CAPACITY;
    if (*capacity > 0 && !weft_mul_size(*capacity, 2, &wanted))
        weft_arena_out_of_memory(arena);
    void *grown = weft_arena_alloc_array(arena, wanted, size);
    if (count > 0)
        memcpy(grown, data, count * size);
    *capacity = wanted;
    return grown;
}

bool weft_mul_size(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool weft_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

bool weft_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

bool weft_add_i64(int64_t a, int64_t b, int64_t *out)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}
