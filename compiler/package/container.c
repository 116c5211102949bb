/* SPDX-License-Identifier: Apache-2.0 */
/* The container: header, section table and hashes of a package, checked byte for byte against
 * format.h. Must not know about: what the sections hold. */
#define _DEFAULT_SOURCE /* madvise; includes POSIX.1-2008 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

#include "compiler/package/internal.h"

enum {
    VERSION_AT = 8,
    COUNT_AT = 12,
    FILE_BYTES_AT = 16,
    TABLE_HASH_AT = 24,
    ID_AT = 32,
    RESERVED_AT = 40,
    HEADER_HASH_AT = 56,
    ENTRY_OFFSET_AT = 24,
    ENTRY_SIZE_AT = 32,
    ENTRY_PADDED_AT = 40,
    ENTRY_HASH_AT = 48,
    ENTRY_RESERVED_AT = 56,
    HASH_CHUNK_BYTES =
        2 * 1024 * 1024 /* pages that are given back lie in memory this long at most */
};

typedef struct opening {
    const char *name;
    bool is_mapped;
    weft_container *out;
    weft_diag *diag;
} opening;

const char *weft__section_name(weft_section_kind kind)
{
    static const char *const names[] = {"manifest", "kernels", "weights", "plain", "graph"};
    _Static_assert(sizeof names / sizeof names[0] == WEFT_SECTION_COUNT, "one name per section");
    return names[kind];
}

void weft__put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

void weft__put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

uint64_t weft__round_up_page(uint64_t bytes)
{
    return (bytes + WEFT_PACKAGE_PAGE_BYTES - 1) / WEFT_PACKAGE_PAGE_BYTES *
           WEFT_PACKAGE_PAGE_BYTES;
}

static bool all_zero(const uint8_t *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static weft_status damaged(const opening *op, const char *what, uint64_t expected, uint64_t found)
{
    weft_status status =
        weft_diag_error(op->diag, WEFT_E_PACKAGE_DAMAGED, "package damaged: %s", what);
    weft_diag_field_set(op->diag, WEFT_DIAG_AT, "%s", op->name);
    weft_diag_field_set(op->diag, WEFT_DIAG_EXPECTED, "hash %016" PRIx64, expected);
    weft_diag_field_set(op->diag, WEFT_DIAG_FOUND, "hash %016" PRIx64, found);
    weft_diag_field_set(op->diag, WEFT_DIAG_TRY, "copy the file again, or compile the model again");
    return status;
}

static weft_status bad_layout(const opening *op, const char *section, const char *expected,
                              uint64_t found)
{
    weft_status status =
        weft_diag_error(op->diag, WEFT_E_PACKAGE_LAYOUT,
                        "the section table of %s is not valid: section %s", op->name, section);
    weft_diag_field_set(op->diag, WEFT_DIAG_EXPECTED, "%s", expected);
    weft_diag_field_set(op->diag, WEFT_DIAG_FOUND, "%" PRIu64, found);
    return status;
}

static weft_status not_a_package(const opening *op)
{
    weft_status status =
        weft_diag_error(op->diag, WEFT_E_PACKAGE_MAGIC, "not a weft package: %s", op->name);
    weft_diag_field_set(op->diag, WEFT_DIAG_EXPECTED, "a file that starts with %s",
                        WEFT_PACKAGE_MAGIC);
    weft_diag_field_set(op->diag, WEFT_DIAG_TRY,
                        "packages are made by: weft compile model.onnx -o model.weft");
    return status;
}

static weft_status wrong_length(const opening *op, weft_error_id id, const char *what,
                                uint64_t expected)
{
    weft_status status = weft_diag_error(op->diag, id, "%s: %s", what, op->name);
    weft_diag_field_set(op->diag, WEFT_DIAG_EXPECTED, "%" PRIu64 " bytes", expected);
    weft_diag_field_set(op->diag, WEFT_DIAG_FOUND, "%zu bytes", op->out->size_bytes);
    weft_diag_field_set(op->diag, WEFT_DIAG_TRY, "copy the file again, or compile the model again");
    return status;
}

/* The magic is covered by the header's hash, so a changed byte in it can be told from another kind
 * of file. */
static bool would_be_header(const uint8_t *data)
{
    uint8_t header[WEFT_PACKAGE_HEADER_BYTES];
    memcpy(header, data, sizeof header);
    memcpy(header, WEFT_PACKAGE_MAGIC, sizeof WEFT_PACKAGE_MAGIC);
    return XXH3_64bits(header, HEADER_HASH_AT) == get_u64(header + HEADER_HASH_AT);
}

static weft_status check_header(const opening *op)
{
    const uint8_t *data = op->out->data;
    size_t size = op->out->size_bytes;
    if (size == 0) {
        weft_status status = weft_diag_error(op->diag, WEFT_E_PACKAGE_EMPTY,
                                             "the package is an empty file: %s", op->name);
        weft_diag_field_set(op->diag, WEFT_DIAG_TRY,
                            "copy the file again, or compile the model again");
        return status;
    }
    size_t magic_bytes = size < sizeof WEFT_PACKAGE_MAGIC ? size : sizeof WEFT_PACKAGE_MAGIC;
    bool has_magic = memcmp(data, WEFT_PACKAGE_MAGIC, magic_bytes) == 0;
    if (size < WEFT_PACKAGE_HEADER_BYTES)
        return has_magic ? wrong_length(op, WEFT_E_PACKAGE_TRUNCATED,
                                        "the package is cut off inside its header",
                                        WEFT_PACKAGE_HEADER_BYTES)
                         : not_a_package(op);
    if (!has_magic && !would_be_header(data))
        return not_a_package(op);
    uint64_t found = XXH3_64bits(data, HEADER_HASH_AT);
    uint64_t expected = get_u64(data + HEADER_HASH_AT);
    if (found != expected || !has_magic)
        return damaged(op, "header", expected, found);
    uint32_t version = get_u32(data + VERSION_AT);
    if (version != WEFT_PACKAGE_VERSION) {
        weft_status status =
            weft_diag_error(op->diag, WEFT_E_PACKAGE_VERSION,
                            "package version %" PRIu32 " is not supported: %s", version, op->name);
        weft_diag_field_set(op->diag, WEFT_DIAG_EXPECTED, "version %d", WEFT_PACKAGE_VERSION);
        weft_diag_field_set(op->diag, WEFT_DIAG_FOUND, "version %" PRIu32, version);
        weft_diag_field_set(op->diag, WEFT_DIAG_TRY,
                            "compile the model with this weft (%s), or update weft",
                            weft_version());
        return status;
    }
    uint64_t file_bytes = get_u64(data + FILE_BYTES_AT);
    if (file_bytes > size)
        return wrong_length(op, WEFT_E_PACKAGE_TRUNCATED, "the package is cut off", file_bytes);
    if (file_bytes < size)
        return wrong_length(op, WEFT_E_PACKAGE_TRAILING, "the package has bytes behind its end",
                            file_bytes);
    uint64_t count = get_u32(data + COUNT_AT);
    if (count < 1 || count > WEFT_PACKAGE_MAX_SECTIONS)
        return bad_layout(op, "count", "1 to 16 sections", count);
    if (!all_zero(data + RESERVED_AT, HEADER_HASH_AT - RESERVED_AT))
        return bad_layout(op, "header", "zeros in the reserved bytes", 1);
    op->out->section_count = (size_t)count;
    op->out->id = get_u64(data + ID_AT);
    return WEFT_OK;
}

static bool name_is_clean(const uint8_t *entry)
{
    size_t length = 0;
    while (length < WEFT_PACKAGE_NAME_BYTES && entry[length] > ' ' && entry[length] < 0x7f)
        length++;
    return length > 0 && length < WEFT_PACKAGE_NAME_BYTES &&
           all_zero(entry + length, WEFT_PACKAGE_NAME_BYTES - length);
}

/* Entries must follow each other without gaps from the end of the table to the end of the file. */
static weft_status read_entry(const opening *op, size_t index, uint64_t begin)
{
    weft_container *out = op->out;
    const uint8_t *entry = out->data + WEFT_PACKAGE_HEADER_BYTES + index * WEFT_PACKAGE_ENTRY_BYTES;
    if (!name_is_clean(entry))
        return bad_layout(
            op, "name", "1 to 23 printable characters, then zeros, in the entry of number", index);
    memcpy(out->names[index], entry, WEFT_PACKAGE_NAME_BYTES);
    const char *name = out->names[index];
    for (size_t i = 0; i < index; i++)
        if (strcmp(out->names[i], name) == 0)
            return bad_layout(op, name, "each name once, but it comes again at entry", index);
    uint64_t offset = get_u64(entry + ENTRY_OFFSET_AT);
    uint64_t size = get_u64(entry + ENTRY_SIZE_AT);
    uint64_t padded = get_u64(entry + ENTRY_PADDED_AT);
    if (offset != begin)
        return bad_layout(op, name, "an offset where the part before it ends", offset);
    if (padded > out->size_bytes - offset)
        return bad_layout(op, name, "an end inside of the file, but the padded size is", padded);
    if (size > padded || padded != weft__round_up_page(size))
        return bad_layout(op, name, "the size rounded up to 4096 as padded size, but the size is",
                          size);
    if (!all_zero(entry + ENTRY_RESERVED_AT, WEFT_PACKAGE_ENTRY_BYTES - ENTRY_RESERVED_AT))
        return bad_layout(op, name, "zeros in the reserved bytes", 1);
    out->sections[index] =
        (weft_section_info){name, offset, size, get_u64(entry + ENTRY_HASH_AT), out->data + offset};
    return WEFT_OK;
}

static weft_status check_table(const opening *op)
{
    weft_container *out = op->out;
    uint64_t table_end = WEFT_PACKAGE_HEADER_BYTES + out->section_count * WEFT_PACKAGE_ENTRY_BYTES;
    uint64_t begin = weft__round_up_page(table_end);
    if (begin > out->size_bytes)
        return bad_layout(op, "table", "a file that holds the table, but its size is",
                          out->size_bytes);
    uint64_t expected = get_u64(out->data + TABLE_HASH_AT);
    uint64_t found = XXH3_64bits(out->data + WEFT_PACKAGE_HEADER_BYTES,
                                 (size_t)begin - WEFT_PACKAGE_HEADER_BYTES);
    if (found != expected)
        return damaged(op, "section table", expected, found);
    if (!all_zero(out->data + table_end, begin - table_end))
        return bad_layout(op, "table", "zeros behind the last entry", 1);
    uint8_t hashes[WEFT_PACKAGE_MAX_SECTIONS * 8];
    for (size_t i = 0; i < out->section_count; i++) {
        weft_status status = read_entry(op, i, begin);
        if (status != WEFT_OK)
            return status;
        weft__put_u64(hashes + 8 * i, out->sections[i].hash);
        begin += weft__round_up_page(out->sections[i].size_bytes);
    }
    if (begin != out->size_bytes)
        return bad_layout(op, out->names[out->section_count - 1],
                          "the end of the file at the last section's end", begin);
    if (XXH3_64bits(hashes, out->section_count * 8) != out->id)
        return bad_layout(op, "id", "the hash of the sections' hashes as package id", out->id);
    return WEFT_OK;
}

/* Pages of a mapped section that no kernel reads are given back while it is hashed: hashing alone
 * must not make a run look as if it needed them. */
static bool hash_section(const opening *op, const weft_section_info *section, uint64_t *out_hash)
{
    bool keep = strcmp(section->name, weft__section_name(WEFT_SECTION_WEIGHTS)) == 0;
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL)
        return false;
    XXH3_64bits_reset(state);
    const uint8_t *bytes = section->data;
    uint64_t left = weft__round_up_page(section->size_bytes);
    while (left > 0) {
        size_t step = left < HASH_CHUNK_BYTES ? (size_t)left : HASH_CHUNK_BYTES;
        XXH3_64bits_update(state, bytes, step);
        if (op->is_mapped && !keep)
            madvise((void *)(uintptr_t)bytes, step, MADV_DONTNEED);
        bytes += step;
        left -= step;
    }
    *out_hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return true;
}

static weft_status check_section(const opening *op, const weft_section_info *section)
{
    uint64_t found = 0;
    if (!hash_section(op, section, &found))
        return weft_diag_error(op->diag, WEFT_E_NO_MEMORY, "out of memory while checking %s",
                               op->name);
    if (found != section->hash) {
        char what[WEFT_PACKAGE_NAME_BYTES + 16];
        snprintf(what, sizeof what, "section %s", section->name);
        return damaged(op, what, section->hash, found);
    }
    const uint8_t *bytes = section->data;
    if (!all_zero(bytes + section->size_bytes,
                  weft__round_up_page(section->size_bytes) - section->size_bytes))
        return bad_layout(op, section->name, "zeros behind the section's", section->size_bytes);
    return WEFT_OK;
}

weft_status weft__container_open(const char *name, const uint8_t *data, size_t size_bytes,
                                 bool is_mapped, weft_container *out_container, weft_diag *diag)
{
    memset(out_container, 0, sizeof *out_container);
    out_container->data = data;
    out_container->size_bytes = size_bytes;
    opening op = {name, is_mapped, out_container, diag};
    weft_status status = check_header(&op);
    if (status == WEFT_OK)
        status = check_table(&op);
    if (status == WEFT_OK && is_mapped)
        madvise((void *)(uintptr_t)data, size_bytes,
                MADV_WILLNEED); /* one read ahead instead of a wait per page */
    for (size_t i = 0; i < out_container->section_count && status == WEFT_OK; i++)
        status = check_section(&op, &out_container->sections[i]);
    for (int kind = 0; kind < WEFT_SECTION_COUNT && status == WEFT_OK; kind++) {
        size_t i = 0;
        while (i < out_container->section_count &&
               strcmp(out_container->names[i], weft__section_name((weft_section_kind)kind)) != 0)
            i++;
        out_container->known[kind] = i;
        if (i == out_container->section_count)
            status =
                weft_diag_error(diag, WEFT_E_PACKAGE_SECTION, "the package %s has no section %s",
                                name, weft__section_name((weft_section_kind)kind));
    }
    return status;
}

const weft_section_info *weft__container_section(const weft_container *container,
                                                 weft_section_kind kind)
{
    return &container->sections[container->known[kind]];
}
