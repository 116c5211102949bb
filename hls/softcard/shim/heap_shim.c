/* SPDX-License-Identifier: Apache-2.0 */
/* A shared library that stands in front of XRT 2.13's libxrt_swemu.so.2, as
 * $XILINX_XRT/lib/libxrt_swemu.so.2. It needs the real one, so XRT finds every function of it as
 * before.
 *
 * Why: in Debian's build of XRT 2.13 the shim grows its buffer of messages with realloc and goes on
 * with the old address; a message that is larger than all before it is written to freed memory.
 * What: once the real library is there, its import slots of malloc and realloc lead here. A buffer
 * has room for the largest message from the start, and realloc gives the same address back while
 * it fits. The rest of the process keeps its own. Must not know about: anything of weft. */
#define _GNU_SOURCE /* dlinfo, link_map */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The shim sends at most SW_EMU_PACKET_SIZE bytes of data in a message, 8 MiB when that is not set,
 * and a few fields around them. */
enum { DEFAULT_PACKET = 8 << 20, AROUND_BYTES = 1 << 16 };

static size_t room_bytes(void)
{
    const char *text = getenv("SW_EMU_PACKET_SIZE");
    unsigned long long packet = text == NULL ? 0 : strtoull(text, NULL, 0);
    return (packet > DEFAULT_PACKET ? (size_t)packet : DEFAULT_PACKET) + AROUND_BYTES;
}

static void *roomy_malloc(size_t bytes)
{
    size_t room = room_bytes();
    return malloc(bytes < room ? room : bytes);
}

static void *steady_realloc(void *block, size_t bytes)
{
    if (block != NULL && malloc_usable_size(block) >= bytes)
        return block;
    fprintf(stderr,
            "weft softcard: XRT sends a message of %zu bytes, which does not fit its buffer; set "
            "SW_EMU_PACKET_SIZE to at least that\n",
            bytes);
    return realloc(block, bytes);
}

typedef struct imports {
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * slots;
    size_t slot_count;
} imports;

/* glibc has made addresses of the offsets in the dynamic section. */
static imports imports_of(const struct link_map *map)
{
    imports found = {0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        const void *address = (const void *)(uintptr_t)entry->d_un.d_ptr;
        switch (entry->d_tag) {
        case DT_SYMTAB: found.symbols = address; break;
        case DT_STRTAB: found.names = address; break;
        case DT_JMPREL: found.slots = address; break;
        case DT_PLTRELSZ: found.slot_count = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
        default: break;
        }
    }
    return found;
}

static void set_slot(void **slot, void *to)
{
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)slot / page_bytes * page_bytes);
    if (mprotect(page, page_bytes, PROT_READ | PROT_WRITE) != 0)
        return;
    *slot = to;
    mprotect(page, page_bytes, PROT_READ);
}

__attribute__((constructor)) static void redirect(void)
{
    static void *(*const allocate)(size_t) = roomy_malloc;
    static void *(*const grow)(void *, size_t) = steady_realloc;
    void *real = dlopen("libxrt_swemu.so.2", RTLD_NOW | RTLD_NOLOAD);
    struct link_map *map = NULL;
    if (real == NULL || dlinfo(real, RTLD_DI_LINKMAP, &map) != 0)
        return;
    imports found = imports_of(map);
    if (found.symbols == NULL || found.names == NULL || found.slots == NULL)
        return;
    for (size_t i = 0; i < found.slot_count; i++) {
        const ElfW(Rela) *slot = &found.slots[i];
        const char *name = found.names + found.symbols[ELF64_R_SYM(slot->r_info)].st_name;
        void *to = NULL;
        if (strcmp(name, "malloc") == 0)
            memcpy(&to, &allocate, sizeof to);
        else if (strcmp(name, "realloc") == 0)
            memcpy(&to, &grow, sizeof to);
        if (to != NULL)
            set_slot((void **)(map->l_addr + slot->r_offset), to);
    }
}
