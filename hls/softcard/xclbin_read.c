/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes -> weft_xclbin. Every offset and count is held against the size of the file, and nothing is
 * allocated that the file merely claims. Must not know about: packages, devices. */
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/base/file.h"
#include "hls/softcard/axlf.h"
#include "hls/softcard/metadata.h"
#include "hls/softcard/xclbin_internal.h"

#define NOTES_SCHEMA "weft.bitstream/1"

typedef struct section {
    const uint8_t *data; /* NULL: the file has none */
    size_t size_bytes;
} section;

typedef struct reader {
    weft_arena *arena;
    const char *where;
    const uint8_t *data;
    size_t size_bytes;
    weft_diag *diag;
    weft_xclbin *out;
    section layout, links;
    size_t layout_count, links_count;
} reader;

static weft_status fail(reader *r, weft_error_id id, const char *expected, const char *found)
{
    static const char *const what[] = {"is not an xclbin", "is cut off", "has a damaged section",
                                       "lacks a section", "has metadata that cannot be read"};
    weft_status status =
        weft_diag_error(r->diag, id, "%s %s", r->where, what[id - WEFT_E_XCLBIN_FORMAT]);
    if (expected != NULL)
        weft_diag_field_set(r->diag, WEFT_DIAG_EXPECTED, "%s", expected);
    if (found != NULL)
        weft_diag_field_set(r->diag, WEFT_DIAG_FOUND, "%s", found);
    return status;
}

static weft_status damaged(reader *r, const char *name, const char *found)
{
    return fail(r, WEFT_E_XCLBIN_SECTION, NULL, weft_arena_printf(r->arena, "%s: %s", name, found));
}

/* A text that fills `capacity` bytes or ends with a zero before. */
static const char *text_at(reader *r, const uint8_t *bytes, size_t capacity)
{
    const uint8_t *end = memchr(bytes, 0, capacity);
    return weft_arena_strndup(r->arena, (const char *)bytes,
                              end == NULL ? capacity : (size_t)(end - bytes));
}

/* ---- head and table ---- */

static weft_status read_head(reader *r)
{
    if (r->size_bytes < AXLF_MAGIC_BYTES || memcmp(r->data, AXLF_MAGIC, AXLF_MAGIC_BYTES) != 0)
        return fail(r, WEFT_E_XCLBIN_FORMAT, "the first bytes \"xclbin2\"", NULL);
    if (r->size_bytes < AXLF_HEAD_BYTES)
        return fail(r, WEFT_E_XCLBIN_TRUNCATED, "a head of 456 bytes",
                    weft_arena_printf(r->arena, "%zu bytes", r->size_bytes));
    uint64_t length = axlf_get(r->data + AXLF_LENGTH, 8), count = axlf_get(r->data + AXLF_COUNT, 4);
    if (length > r->size_bytes)
        return fail(r, WEFT_E_XCLBIN_TRUNCATED,
                    weft_arena_printf(r->arena, "%" PRIu64 " bytes, as its head says", length),
                    weft_arena_printf(r->arena, "%zu bytes", r->size_bytes));
    if (count > AXLF_MAX_SECTIONS ||
        count * AXLF_ROW_BYTES > (uint64_t)(r->size_bytes - AXLF_HEAD_BYTES))
        return fail(r, WEFT_E_XCLBIN_TRUNCATED,
                    weft_arena_printf(r->arena, "a table of %" PRIu64 " sections", count),
                    weft_arena_printf(r->arena, "%zu bytes", r->size_bytes));
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *row = r->data + AXLF_HEAD_BYTES + i * AXLF_ROW_BYTES;
        uint64_t offset = axlf_get(row + AXLF_ROW_OFFSET, 8),
                 size = axlf_get(row + AXLF_ROW_SIZE, 8);
        if (offset > r->size_bytes || size > r->size_bytes - offset)
            return fail(r, WEFT_E_XCLBIN_TRUNCATED,
                        weft_arena_printf(r->arena,
                                          "section %" PRIu64 " of kind %" PRIu64 " with %" PRIu64
                                          " bytes at %" PRIu64,
                                          i, axlf_get(row, 4), size, offset),
                        weft_arena_printf(r->arena, "a file of %zu bytes", r->size_bytes));
    }
    uint64_t mode = axlf_get(r->data + AXLF_MODE, 2);
    if (mode > AXLF_MODE_HW_EMU_PR)
        return fail(r, WEFT_E_XCLBIN_FORMAT, "a mode from 0 to 6",
                    weft_arena_printf(r->arena, "mode %" PRIu64, mode));
    r->out->mode = mode <= AXLF_MODE_HW_LAST     ? WEFT_XCLBIN_HARDWARE
                   : mode == AXLF_MODE_HW_EMU_PR ? WEFT_XCLBIN_HW_EMU
                                                 : (weft_xclbin_mode)mode;
    memcpy(r->out->uuid, r->data + AXLF_UUID, WEFT_XCLBIN_UUID_BYTES);
    r->out->platform = text_at(r, r->data + AXLF_PLATFORM, AXLF_PLATFORM_BYTES);
    return WEFT_OK;
}

/* The first section of the kind. */
static section find(const reader *r, axlf_kind kind)
{
    uint64_t count = axlf_get(r->data + AXLF_COUNT, 4);
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *row = r->data + AXLF_HEAD_BYTES + i * AXLF_ROW_BYTES;
        if (axlf_get(row, 4) == (uint64_t)kind)
            return (section){r->data + axlf_get(row + AXLF_ROW_OFFSET, 8),
                             (size_t)axlf_get(row + AXLF_ROW_SIZE, 8)};
    }
    return (section){0};
}

static weft_status find_required(reader *r, axlf_kind kind, const char *name, section *out)
{
    *out = find(r, kind);
    return out->data != NULL ? WEFT_OK : fail(r, WEFT_E_XCLBIN_ABSENT, name, NULL);
}

/* A section of rows behind a count of count_bytes. */
static weft_status find_rows(reader *r, axlf_kind kind, const char *name, size_t head_bytes,
                             size_t row_bytes, section *out, size_t *out_count)
{
    weft_status status = find_required(r, kind, name, out);
    *out_count = 0;
    if (status != WEFT_OK)
        return status;
    int64_t count = 0;
    bool is_short = out->size_bytes < (head_bytes < 4 ? head_bytes : 4);
    if (!is_short)
        count = head_bytes < 4 ? (int16_t)axlf_get(out->data, 2) : axlf_get_i32(out->data);
    if (count > 0)
        is_short = out->size_bytes < head_bytes ||
                   (uint64_t)count > (out->size_bytes - head_bytes) / row_bytes;
    if (is_short || count < 0)
        return damaged(r, name,
                       weft_arena_printf(r->arena, "%" PRId64 " rows do not fit its %zu bytes",
                                         count, out->size_bytes));
    *out_count = (size_t)count;
    return WEFT_OK;
}

/* ---- sections ---- */

static weft_status read_metadata(reader *r)
{
    section text;
    metadata read;
    weft_status status =
        find_required(r, AXLF_EMBEDDED_METADATA, "section EMBEDDED_METADATA", &text);
    if (status != WEFT_OK)
        return status;
    const char *wrong =
        weft__metadata_read(r->arena, (const char *)text.data, text.size_bytes, &read);
    if (wrong != NULL)
        return fail(r, WEFT_E_XCLBIN_METADATA, NULL, wrong);
    r->out->kernel = read.kernels[0].name;
    r->out->arguments = read.kernels[0].arguments;
    r->out->argument_count = read.kernels[0].argument_count;
    return WEFT_OK;
}

static weft_status read_memories(reader *r)
{
    section rows;
    weft_status status = find_rows(r, AXLF_MEM_TOPOLOGY, "section MEM_TOPOLOGY", AXLF_MEM_HEAD,
                                   AXLF_MEM_ROW, &rows, &r->out->memory_count);
    if (status != WEFT_OK)
        return status;
    r->out->memories = WEFT_NEW_ARRAY(r->arena, weft_xclbin_memory, r->out->memory_count);
    for (size_t i = 0; i < r->out->memory_count; i++) {
        const uint8_t *row = rows.data + AXLF_MEM_HEAD + i * AXLF_MEM_ROW;
        weft_xclbin_memory *memory = &r->out->memories[i];
        bool is_stream = row[0] == AXLF_MEM_STREAMING || row[0] == AXLF_MEM_STREAMING_CONNECTION;
        uint64_t kilobytes = is_stream ? 0 : axlf_get(row + 8, 8);
        if (kilobytes > UINT64_MAX / 1024)
            return damaged(r, "section MEM_TOPOLOGY", "a memory is larger than any address");
        memory->tag = text_at(r, row + AXLF_MEM_TAG, AXLF_MEM_TAG_BYTES);
        memory->is_used = row[1] != 0;
        memory->size_bytes = kilobytes * 1024;
        memory->base = is_stream ? 0 : axlf_get(row + 16, 8);
    }
    return WEFT_OK;
}

/* The row's unit when it is one of the first kernel; its name stands behind the colon. */
static const char *unit_name(reader *r, size_t index)
{
    const uint8_t *row = r->layout.data + AXLF_IP_HEAD + index * AXLF_IP_ROW;
    size_t length = strlen(r->out->kernel);
    if (axlf_get(row, 4) != AXLF_IP_KERNEL)
        return NULL;
    const char *name = text_at(r, row + AXLF_IP_NAME, AXLF_IP_NAME_BYTES);
    return strncmp(name, r->out->kernel, length) == 0 && name[length] == ':' ? name + length + 1
                                                                             : NULL;
}

/* Fills the unit's banks from the rows of CONNECTIVITY that name row `index` of IP_LAYOUT. An
 * argument that may lie in several banks counts for the first. */
static weft_status read_banks(reader *r, size_t index, weft_xclbin_unit *unit)
{
    unit->banks = WEFT_NEW_ARRAY(r->arena, int32_t, r->out->argument_count);
    for (size_t i = 0; i < r->out->argument_count; i++)
        unit->banks[i] = -1;
    for (size_t i = 0; i < r->links_count; i++) {
        const uint8_t *row = r->links.data + AXLF_LINK_HEAD + i * AXLF_LINK_ROW;
        int32_t argument = axlf_get_i32(row), memory = axlf_get_i32(row + 8);
        if (axlf_get_i32(row + 4) != (int32_t)index)
            continue;
        if (argument < 0 || (size_t)argument >= r->out->argument_count || memory < 0 ||
            (size_t)memory >= r->out->memory_count)
            return damaged(r, "section CONNECTIVITY",
                           weft_arena_printf(r->arena,
                                             "row %zu joins argument %" PRId32 " of %zu to memory "
                                             "%" PRId32 " of %zu",
                                             i, argument, r->out->argument_count, memory,
                                             r->out->memory_count));
        if (unit->banks[argument] < 0)
            unit->banks[argument] = memory;
    }
    return WEFT_OK;
}

static weft_status read_units(reader *r)
{
    weft_status status = find_rows(r, AXLF_IP_LAYOUT, "section IP_LAYOUT", AXLF_IP_HEAD,
                                   AXLF_IP_ROW, &r->layout, &r->layout_count);
    if (status == WEFT_OK)
        status = find_rows(r, AXLF_CONNECTIVITY, "section CONNECTIVITY", AXLF_LINK_HEAD,
                           AXLF_LINK_ROW, &r->links, &r->links_count);
    if (status != WEFT_OK)
        return status;
    for (size_t i = 0; i < r->links_count; i++) {
        int32_t index = axlf_get_i32(r->links.data + AXLF_LINK_HEAD + i * AXLF_LINK_ROW + 4);
        if (index < 0 || (size_t)index >= r->layout_count)
            return damaged(r, "section CONNECTIVITY",
                           weft_arena_printf(r->arena, "row %zu names unit %" PRId32 " of %zu", i,
                                             index, r->layout_count));
    }
    r->out->units = WEFT_NEW_ARRAY(r->arena, weft_xclbin_unit, r->layout_count);
    for (size_t i = 0; i < r->layout_count && status == WEFT_OK; i++) {
        const char *name = unit_name(r, i);
        if (name == NULL)
            continue;
        weft_xclbin_unit *unit = &r->out->units[r->out->unit_count++];
        unit->name = name;
        unit->base = axlf_get(r->layout.data + AXLF_IP_HEAD + i * AXLF_IP_ROW + 8, 8);
        status = read_banks(r, i, unit);
    }
    return status;
}

static weft_status read_clock(reader *r)
{
    section rows;
    size_t count;
    if (find(r, AXLF_CLOCK_FREQ_TOPOLOGY).data == NULL)
        return WEFT_OK;
    weft_status status = find_rows(r, AXLF_CLOCK_FREQ_TOPOLOGY, "section CLOCK_FREQ_TOPOLOGY",
                                   AXLF_CLOCK_HEAD, AXLF_CLOCK_ROW, &rows, &count);
    for (size_t i = 0; status == WEFT_OK && i < count && r->out->clock_mhz <= 0; i++) {
        const uint8_t *row = rows.data + AXLF_CLOCK_HEAD + i * AXLF_CLOCK_ROW;
        if (row[2] == AXLF_CLOCK_DATA)
            r->out->clock_mhz = (double)axlf_get(row, 2);
    }
    return status;
}

static void read_notes(reader *r)
{
    section text = find(r, AXLF_USER_METADATA);
    if (text.data == NULL)
        return;
    json_t *json = json_loadb((const char *)text.data, text.size_bytes, 0, NULL);
    const char *schema = json_string_value(json_object_get(json, "schema"));
    bool is_ours = schema != NULL && strcmp(schema, NOTES_SCHEMA) == 0;
    json_decref(json);
    if (is_ours)
        r->out->notes = weft_arena_strndup(r->arena, (const char *)text.data, text.size_bytes);
}

/* ---- the shell's uuid ---- */

/* 32 hexadecimal digits, with or without dashes between them. */
static bool read_uuid(const uint8_t *text, size_t length, uint8_t out[WEFT_XCLBIN_UUID_BYTES])
{
    size_t digits = 0;
    uint8_t read[WEFT_XCLBIN_UUID_BYTES] = {0};
    for (size_t i = 0; i < length && text[i] != '\0'; i++) {
        if (text[i] == '-')
            continue;
        if (!isxdigit(text[i]) || digits == 2 * sizeof read)
            return false;
        unsigned digit =
            isdigit(text[i]) ? text[i] - (unsigned)'0' : (unsigned)tolower(text[i]) - 'a' + 10;
        read[digits / 2] = (uint8_t)((unsigned)read[digits / 2] << 4 | digit);
        digits++;
    }
    if (digits != 2 * sizeof read)
        return false;
    memcpy(out, read, sizeof read);
    return true;
}

/* Looks for the first property interface_uuid among the words of a device tree's structure. Returns
 * what is wrong, or NULL. */
static const char *find_interface(const section *tree, size_t at, size_t strings, uint8_t *out)
{
    static const char name[] = "interface_uuid";
    const uint8_t *data = tree->data;
    size_t size = tree->size_bytes;
    while (size - at >= 4) {
        uint32_t word = fdt_get(data + at);
        at += 4;
        if (word == FDT_END)
            return NULL;
        if (word == FDT_BEGIN_NODE) {
            const uint8_t *end = memchr(data + at, 0, size - at);
            if (end == NULL)
                return "a node's name does not end";
            at = (size_t)(end - data) / 4 * 4 + 4;
        } else if (word == FDT_PROPERTY) {
            if (size - at < 8)
                break;
            size_t length = fdt_get(data + at), place = fdt_get(data + at + 4);
            at += 8;
            if (length > size - at || place >= size - strings)
                return "a property lies outside of it";
            if (size - strings - place >= sizeof name &&
                memcmp(data + strings + place, name, sizeof name) == 0)
                return read_uuid(data + at, length, out) ? NULL : "interface_uuid is no uuid";
            at += (length + 3) / 4 * 4;
        } else if (word != FDT_END_NODE && word != FDT_NOP) {
            return "its structure is unknown";
        }
        if (at > size)
            break;
    }
    return "it ends too early";
}

static weft_status read_shell(reader *r)
{
    section tree = find(r, AXLF_PARTITION_METADATA);
    if (tree.data == NULL)
        return WEFT_OK;
    const char *wrong = "it is no device tree";
    if (tree.size_bytes >= FDT_HEAD_BYTES && fdt_get(tree.data) == FDT_MAGIC) {
        size_t structure = fdt_get(tree.data + 8), strings = fdt_get(tree.data + 12);
        wrong = structure > tree.size_bytes || strings > tree.size_bytes
                    ? "its parts lie outside of it"
                    : find_interface(&tree, structure, strings, r->out->shell_uuid);
    }
    return wrong == NULL ? WEFT_OK : damaged(r, "section PARTITION_METADATA", wrong);
}

/* ---- whole files ---- */

weft_status weft__xclbin_parse(weft_arena *arena, const char *where, const uint8_t *data,
                               size_t size_bytes, const weft_xclbin **out_xclbin, weft_diag *diag)
{
    reader r = {.arena = arena,
                .where = where,
                .data = data,
                .size_bytes = size_bytes,
                .diag = diag,
                .out = WEFT_NEW(arena, weft_xclbin)};
    static weft_status (*const parts[])(reader *) = {read_head,  read_metadata, read_memories,
                                                     read_units, read_clock,    read_shell};
    *out_xclbin = NULL;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        weft_status status = parts[i](&r);
        if (status != WEFT_OK)
            return status;
    }
    read_notes(&r);
    section bitstream = find(&r, AXLF_BITSTREAM);
    r.out->bitstream = bitstream.data;
    r.out->bitstream_bytes = bitstream.size_bytes;
    *out_xclbin = r.out;
    return WEFT_OK;
}

static void close_map(void *object)
{
    weft_file_map_close(object);
}

weft_status weft_xclbin_read(weft_arena *arena, const char *path, const weft_xclbin **out_xclbin,
                             weft_diag *diag)
{
    weft_file_map *map = WEFT_NEW(arena, weft_file_map);
    *out_xclbin = NULL;
    weft_arena_defer(arena, close_map, map);
    weft_status status = weft_file_map_open(path, map, diag);
    return status == WEFT_OK
               ? weft__xclbin_parse(arena, path, map->data, map->size_bytes, out_xclbin, diag)
               : status;
}
