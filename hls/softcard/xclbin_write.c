/* SPDX-License-Identifier: Apache-2.0 */
/* weft_xclbin -> a file that XRT takes. The same contents give the same bytes. Must not know about:
 * packages, devices. */
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "compiler/base/file.h"
#include "compiler/base/text.h"
#include "hls/softcard/axlf.h"
#include "hls/softcard/metadata.h"

/* XRT's header of this version is what the layout was read from. */
enum { MAJOR = 2, MINOR = 13, PATCH = 466 };
enum { MAX_SECTIONS = 8, MAX_UNITS = 127 /* numbers of interrupts have 7 bits */ };

typedef struct section {
    axlf_kind kind;
    const void *data;
    size_t size_bytes;
} section;

typedef struct writer {
    weft_arena *arena;
    const weft_xclbin *x;
    section sections[MAX_SECTIONS];
    size_t count;
} writer;

static void add_section(writer *w, axlf_kind kind, const void *data, size_t size_bytes)
{
    WEFT_ASSERT(w->count < MAX_SECTIONS);
    w->sections[w->count++] = (section){kind, data, size_bytes};
}

/* Zeroed room for a section of rows, its count set. */
static uint8_t *add_rows(writer *w, axlf_kind kind, size_t count, size_t head_bytes,
                         size_t row_bytes)
{
    size_t size_bytes = head_bytes + count * row_bytes;
    uint8_t *bytes = weft_arena_alloc(w->arena, size_bytes);
    axlf_put(bytes, head_bytes < 4 ? 2 : 4, count);
    add_section(w, kind, bytes, size_bytes);
    return bytes + head_bytes;
}

/* ---- sections ---- */

static unsigned memory_type(const char *tag)
{
    if (strncmp(tag, "HBM", 3) == 0)
        return AXLF_MEM_HBM;
    return strncmp(tag, "DDR", 3) == 0 ? AXLF_MEM_DDR4 : AXLF_MEM_DRAM;
}

static void add_memories(writer *w)
{
    uint8_t *row = add_rows(w, AXLF_MEM_TOPOLOGY, w->x->memory_count, AXLF_MEM_HEAD, AXLF_MEM_ROW);
    for (size_t i = 0; i < w->x->memory_count; i++, row += AXLF_MEM_ROW) {
        const weft_xclbin_memory *memory = &w->x->memories[i];
        axlf_put(row, 1, memory_type(memory->tag));
        axlf_put(row + 1, 1, memory->is_used);
        axlf_put(row + 8, 8, memory->size_bytes / 1024);
        axlf_put(row + 16, 8, memory->base);
        memcpy(row + AXLF_MEM_TAG, memory->tag, strlen(memory->tag) + 1);
    }
}

static const char *full_name(writer *w, const weft_xclbin_unit *unit)
{
    return weft_arena_printf(w->arena, "%s:%s", w->x->kernel, unit->name);
}

static void add_units(writer *w)
{
    uint8_t *row = add_rows(w, AXLF_IP_LAYOUT, w->x->unit_count, AXLF_IP_HEAD, AXLF_IP_ROW);
    for (size_t i = 0; i < w->x->unit_count; i++, row += AXLF_IP_ROW) {
        const char *name = full_name(w, &w->x->units[i]);
        axlf_put(row, 4, AXLF_IP_KERNEL);
        axlf_put(row + 4, 4, 1 | i << 1);
        axlf_put(row + 8, 8, w->x->units[i].base);
        memcpy(row + AXLF_IP_NAME, name, strlen(name) + 1);
    }
}

static void add_links(writer *w)
{
    size_t count = 0;
    for (size_t i = 0; i < w->x->unit_count; i++)
        for (size_t a = 0; a < w->x->argument_count; a++)
            count += w->x->units[i].banks[a] >= 0;
    uint8_t *row = add_rows(w, AXLF_CONNECTIVITY, count, AXLF_LINK_HEAD, AXLF_LINK_ROW);
    for (size_t i = 0; i < w->x->unit_count; i++) {
        for (size_t a = 0; a < w->x->argument_count; a++) {
            if (w->x->units[i].banks[a] < 0)
                continue;
            axlf_put(row, 4, a);
            axlf_put(row + 4, 4, i);
            axlf_put(row + 8, 4, (uint64_t)w->x->units[i].banks[a]);
            row += AXLF_LINK_ROW;
        }
    }
}

static void add_clocks(writer *w)
{
    static const struct {
        unsigned type;
        const char *name;
    } clocks[] = {{AXLF_CLOCK_DATA, "DATA_CLK"}, {AXLF_CLOCK_KERNEL, "KERNEL_CLK"}};
    uint8_t *row = add_rows(w, AXLF_CLOCK_FREQ_TOPOLOGY, 2, AXLF_CLOCK_HEAD, AXLF_CLOCK_ROW);
    for (size_t i = 0; i < 2; i++, row += AXLF_CLOCK_ROW) {
        axlf_put(row, 2, (uint64_t)(w->x->clock_mhz + 0.5));
        axlf_put(row + 2, 1, clocks[i].type);
        memcpy(row + AXLF_CLOCK_NAME, clocks[i].name, strlen(clocks[i].name));
    }
}

static void put_words(weft_text *text, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            weft_text_add_bytes(text, &(char){(char)(words[i] >> shift)}, 1);
}

/* The device tree / { interfaces { @0 { interface_uuid = "..."; }; }; }; */
static void add_shell(writer *w)
{
    static const uint8_t none[WEFT_XCLBIN_UUID_BYTES];
    static const char name[] = "interface_uuid";
    enum { ROOT = 8, INTERFACES = 16, FIRST = 8, DIGITS = 33, PROPERTY = 12 + 36, ENDS = 16 };
    enum { STRUCTURE = FDT_HEAD_BYTES + 16 /* behind the empty list of reserved memory */ };
    enum { SIZE = ROOT + INTERFACES + FIRST + PROPERTY + ENDS, STRINGS = STRUCTURE + SIZE };
    if (memcmp(w->x->shell_uuid, none, sizeof none) == 0)
        return;
    weft_text text;
    weft_text_init(&text, w->arena);
    put_words(&text,
              (uint32_t[]){FDT_MAGIC, STRINGS + sizeof name, STRUCTURE, STRINGS, FDT_HEAD_BYTES, 17,
                           16, 0, sizeof name, SIZE, 0, 0, 0, 0},
              14);
    put_words(&text, (uint32_t[]){FDT_BEGIN_NODE, 0, FDT_BEGIN_NODE}, 3);
    weft_text_add_bytes(&text, "interfaces\0", 12);
    put_words(&text, (uint32_t[]){FDT_BEGIN_NODE}, 1);
    weft_text_add_bytes(&text, "@0\0", 4);
    put_words(&text, (uint32_t[]){FDT_PROPERTY, DIGITS, 0}, 3);
    for (size_t i = 0; i < WEFT_XCLBIN_UUID_BYTES; i++)
        weft_text_printf(&text, "%02x", w->x->shell_uuid[i]);
    weft_text_add_bytes(&text, "\0\0\0", 4);
    put_words(&text, (uint32_t[]){FDT_END_NODE, FDT_END_NODE, FDT_END_NODE, FDT_END}, 4);
    weft_text_add_bytes(&text, name, sizeof name);
    WEFT_ASSERT(text.length == STRINGS + sizeof name);
    add_section(w, AXLF_PARTITION_METADATA, text.data, text.length);
}

static void add_sections(writer *w)
{
    size_t length;
    const char *xml = weft__metadata_write(w->arena, w->x, &length);
    add_section(w, AXLF_BITSTREAM, w->x->bitstream, w->x->bitstream_bytes);
    add_section(w, AXLF_EMBEDDED_METADATA, xml, length);
    add_memories(w);
    add_units(w);
    add_links(w);
    add_clocks(w);
    add_shell(w);
    if (w->x->notes != NULL)
        add_section(w, AXLF_USER_METADATA, w->x->notes, strlen(w->x->notes));
}

/* ---- what can be written ---- */

/* NULL, or what does not fit the format. */
static const char *why_not(weft_arena *arena, const weft_xclbin *x)
{
    if (strlen(x->platform) >= AXLF_PLATFORM_BYTES)
        return weft_arena_printf(arena, "platform %s has more than %d characters", x->platform,
                                 AXLF_PLATFORM_BYTES - 1);
    if (x->unit_count == 0 || x->unit_count > MAX_UNITS)
        return weft_arena_printf(arena, "%zu compute units; 1 to %d have room", x->unit_count,
                                 MAX_UNITS);
    if (!(x->clock_mhz >= 1 && x->clock_mhz < UINT16_MAX))
        return weft_arena_printf(arena, "a clock of %g MHz", x->clock_mhz);
    for (size_t i = 0; i < x->memory_count; i++)
        if (strlen(x->memories[i].tag) >= AXLF_MEM_TAG_BYTES)
            return weft_arena_printf(arena, "memory %s has more than %d characters",
                                     x->memories[i].tag, AXLF_MEM_TAG_BYTES - 1);
        else if (x->memories[i].size_bytes % 1024 != 0)
            return weft_arena_printf(arena, "memory %s is not whole KiB", x->memories[i].tag);
    for (size_t i = 0; i < x->unit_count; i++) {
        if (strlen(x->kernel) + 1 + strlen(x->units[i].name) >= AXLF_IP_NAME_BYTES)
            return weft_arena_printf(arena, "%s:%s has more than %d characters", x->kernel,
                                     x->units[i].name, AXLF_IP_NAME_BYTES - 1);
        if (i > 0 && x->units[i].base <= x->units[i - 1].base)
            return weft_arena_printf(arena, "unit %s does not lie behind the one before it",
                                     x->units[i].name);
        for (size_t a = 0; a < x->argument_count; a++)
            if (x->units[i].banks[a] >= 0 && (size_t)x->units[i].banks[a] >= x->memory_count)
                return weft_arena_printf(arena, "unit %s uses memory %" PRId32 " of %zu",
                                         x->units[i].name, x->units[i].banks[a], x->memory_count);
    }
    return NULL;
}

/* ---- the file ---- */

/* XXH3 over everything but the time: equal contents have equal ids. */
static void set_uuid(const writer *w, weft_xclbin *x)
{
    XXH128_hash_t hash =
        XXH3_128bits_withSeed(x->platform, strlen(x->platform), (XXH64_hash_t)x->mode);
    for (size_t i = 0; i < w->count; i++) {
        XXH128_hash_t part = XXH3_128bits_withSeed(w->sections[i].data, w->sections[i].size_bytes,
                                                   hash.low64 + (XXH64_hash_t)w->sections[i].kind);
        hash.low64 ^= part.low64 * 3;
        hash.high64 = hash.high64 * 3 ^ part.high64;
    }
    axlf_put(x->uuid, 8, hash.low64);
    axlf_put(x->uuid + 8, 8, hash.high64);
}

static uint64_t aligned(uint64_t offset)
{
    return (offset + AXLF_ALIGN - 1) / AXLF_ALIGN * AXLF_ALIGN;
}

/* Head and table. */
static uint8_t *make_head(const writer *w, size_t *out_size_bytes)
{
    size_t size_bytes = AXLF_HEAD_BYTES + w->count * AXLF_ROW_BYTES;
    uint8_t *head = weft_arena_alloc(w->arena, size_bytes);
    uint64_t at = size_bytes;
    for (size_t i = 0; i < w->count; i++) {
        uint8_t *row = head + AXLF_HEAD_BYTES + i * AXLF_ROW_BYTES;
        at = aligned(at);
        axlf_put(row, 4, w->sections[i].kind);
        axlf_put(row + AXLF_ROW_OFFSET, 8, at);
        axlf_put(row + AXLF_ROW_SIZE, 8, w->sections[i].size_bytes);
        at += w->sections[i].size_bytes;
    }
    memcpy(head, AXLF_MAGIC, AXLF_MAGIC_BYTES);
    memset(head + AXLF_SIGNATURE, 0xff, AXLF_ID - AXLF_SIGNATURE);
    memcpy(head + AXLF_ID, w->x->uuid, 8);
    axlf_put(head + AXLF_LENGTH, 8, at);
    axlf_put(head + AXLF_PATCH, 2, PATCH);
    axlf_put(head + AXLF_MAJOR, 1, MAJOR);
    axlf_put(head + AXLF_MINOR, 1, MINOR);
    axlf_put(head + AXLF_MODE, 2, w->x->mode);
    memcpy(head + AXLF_PLATFORM, w->x->platform, strlen(w->x->platform));
    memcpy(head + AXLF_UUID, w->x->uuid, WEFT_XCLBIN_UUID_BYTES);
    axlf_put(head + AXLF_COUNT, 4, w->count);
    *out_size_bytes = size_bytes;
    return head;
}

static weft_status write_file(const writer *w, const char *path, weft_diag *diag)
{
    size_t head_bytes;
    const uint8_t *head = make_head(w, &head_bytes);
    weft_file_writer *file;
    weft_status status = weft_file_writer_open(path, &file, diag);
    if (status != WEFT_OK)
        return status;
    weft_file_writer_add(file, head, head_bytes);
    for (size_t i = 0; i < w->count; i++) {
        weft_file_writer_pad(file, AXLF_ALIGN);
        weft_file_writer_add(file, w->sections[i].data, w->sections[i].size_bytes);
    }
    return weft_file_writer_commit(file, diag);
}

weft_status weft_xclbin_write(weft_xclbin *xclbin, const char *path, weft_diag *diag)
{
    writer w = {.arena = weft_arena_create(), .x = xclbin};
    weft_status status;
    if (w.arena == NULL || WEFT_ARENA_TRY(w.arena)) {
        weft_arena_destroy(w.arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while writing %s", path);
    }
    const char *wrong = why_not(w.arena, xclbin);
    if (wrong == NULL) {
        add_sections(&w);
        set_uuid(&w, xclbin);
        status = write_file(&w, path, diag);
    } else {
        status = weft_diag_error(diag, WEFT_E_XCLBIN_CONTENTS, "%s cannot be written as an xclbin",
                                 path);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", wrong);
    }
    weft_arena_destroy(w.arena);
    return status;
}
