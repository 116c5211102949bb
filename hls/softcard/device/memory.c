/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. */
#define _GNU_SOURCE /* memfd_create, anonymous maps */
#include "hls/softcard/device/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* More than any board of hls/boards has; pages appear when they are touched. */
static const uint64_t SPACE_BYTES = UINT64_C(128) << 30;
enum { PAGE_BYTES = 4096 };

typedef struct shared_buffer {
    uint64_t address, bytes;
    int file;
} shared_buffer;

static uint8_t *map_anonymous(void *at, uint64_t bytes, int how)
{
    void *made = mmap(at, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how, -1, 0);
    return made == MAP_FAILED ? NULL : made;
}

bool memory_open(card_memory *memory, bool is_apart)
{
    *memory = (card_memory){.is_apart = is_apart, .whole = -1};
    memory->base = map_anonymous(NULL, SPACE_BYTES, 0);
    return memory->base != NULL;
}

uint8_t *memory_at(const card_memory *memory, uint64_t address, uint64_t bytes)
{
    return address <= SPACE_BYTES && bytes <= SPACE_BYTES - address ? memory->base + address : NULL;
}

/* A file without a name in any folder; the host opens it through /proc. */
static int make_file(uint64_t bytes)
{
    int file = memfd_create("softcard", MFD_CLOEXEC);
    if (file >= 0 && ftruncate(file, (off_t)bytes) != 0) {
        close(file);
        return -1;
    }
    return file;
}

static bool join(const card_memory *memory, int file, uint64_t address, uint64_t bytes)
{
    return memory->is_apart || mmap(memory->base + address, bytes, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file, 0) != MAP_FAILED;
}

static bool share_one_file(card_memory *memory, int *out_file)
{
    if (memory->whole < 0) {
        memory->whole = make_file(SPACE_BYTES);
        if (memory->whole < 0 || !join(memory, memory->whole, 0, SPACE_BYTES))
            return false;
    }
    *out_file = memory->whole;
    return true;
}

static bool share_buffer(card_memory *memory, uint64_t address, uint64_t bytes, int *out_file)
{
    if (memory->shared_count == memory->shared_capacity) {
        size_t capacity = memory->shared_capacity * 2 + 16;
        shared_buffer *more = realloc(memory->shared, capacity * sizeof *more);
        if (more == NULL)
            return false;
        memory->shared = more;
        memory->shared_capacity = capacity;
    }
    bytes = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    *out_file = make_file(bytes);
    if (*out_file < 0)
        return false;
    memory->shared[memory->shared_count++] = (shared_buffer){address, bytes, *out_file};
    return join(memory, *out_file, address, bytes);
}

bool memory_share(card_memory *memory, uint64_t address, uint64_t bytes, char *out_name,
                  size_t capacity)
{
    int file = -1;
    if (memory_at(memory, address, bytes + PAGE_BYTES) == NULL || address % PAGE_BYTES != 0)
        return false;
    if (!(memory->is_one_file ? share_one_file(memory, &file)
                              : share_buffer(memory, address, bytes, &file)))
        return false;
    snprintf(out_name, capacity, "/proc/%d/fd/%d", (int)getpid(), file);
    return true;
}

void memory_unshare(card_memory *memory, uint64_t address)
{
    for (size_t i = 0; i < memory->shared_count; i++) {
        shared_buffer *buffer = &memory->shared[i];
        if (buffer->address != address)
            continue;
        if (!memory->is_apart)
            map_anonymous(memory->base + address, buffer->bytes, MAP_FIXED);
        close(buffer->file);
        *buffer = memory->shared[--memory->shared_count];
        return;
    }
}
