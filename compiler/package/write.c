/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: sections are streamed in order while they are hashed; header and table are put in
 * front at the end. Two writings of the same content give the same bytes. Must not know about: how
 * blobs are packed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "compiler/package/internal.h"

enum { FRONT_BYTES = WEFT_PACKAGE_PAGE_BYTES };
_Static_assert(WEFT_PACKAGE_HEADER_BYTES + WEFT_SECTION_COUNT * WEFT_PACKAGE_ENTRY_BYTES <=
                   FRONT_BYTES,
               "header and table fit the first page");

typedef struct package_writer {
    weft_file_writer *file;
    XXH3_state_t *hash;
    uint64_t section_offset; /* of the section that is being written */
    uint64_t hashes[WEFT_SECTION_COUNT];
    uint8_t front[FRONT_BYTES];
} package_writer;

static weft_status add(package_writer *w, const void *data, size_t size_bytes)
{
    XXH3_64bits_update(w->hash, data, size_bytes);
    return weft_file_writer_add(w->file, data, size_bytes);
}

/* Zeros up to `position` bytes after the section's begin. */
static weft_status add_zeros_to(package_writer *w, uint64_t position)
{
    static const uint8_t zeros[WEFT_PACKAGE_PAGE_BYTES];
    weft_status status = WEFT_OK;
    uint64_t at = weft_file_writer_position(w->file) - w->section_offset;
    while (at < position && status == WEFT_OK) {
        size_t step = position - at < sizeof zeros ? (size_t)(position - at) : sizeof zeros;
        status = add(w, zeros, step);
        at += step;
    }
    return status;
}

static void begin_section(package_writer *w)
{
    w->section_offset = weft_file_writer_position(w->file);
    XXH3_64bits_reset(w->hash);
}

static weft_status end_section(package_writer *w, weft_section_kind kind)
{
    uint64_t size = weft_file_writer_position(w->file) - w->section_offset;
    weft_status status = add_zeros_to(w, weft__round_up_page(size));
    w->hashes[kind] = XXH3_64bits_digest(w->hash);
    uint8_t *entry = w->front + WEFT_PACKAGE_HEADER_BYTES + (size_t)kind * WEFT_PACKAGE_ENTRY_BYTES;
    const char *name = weft__section_name(kind);
    for (size_t i = 0; name[i] != '\0'; i++)
        entry[i] = (uint8_t)name[i];
    weft__put_u64(entry + 24, w->section_offset);
    weft__put_u64(entry + 32, size);
    weft__put_u64(entry + 40, weft__round_up_page(size));
    weft__put_u64(entry + 48, w->hashes[kind]);
    return status;
}

static weft_status write_kernels(package_writer *w, const weft_manifest *manifest)
{
    weft_status status = WEFT_OK;
    begin_section(w);
    for (size_t i = 0; i < manifest->program_count && status == WEFT_OK; i++)
        status = add(w, manifest->programs[i].source, strlen(manifest->programs[i].source) + 1);
    return status == WEFT_OK ? end_section(w, WEFT_SECTION_KERNELS) : status;
}

static weft_status write_weights(package_writer *w, const weft_package_content *content)
{
    const weft_manifest *manifest = content->manifest;
    weft_status status = WEFT_OK;
    begin_section(w);
    for (size_t i = 0; i < manifest->blob_count && status == WEFT_OK; i++) {
        const weft_blob *blob = &manifest->blobs[i];
        void *buffer = malloc((size_t)blob->size_bytes);
        if (buffer == NULL)
            return WEFT_NO_MEMORY;
        status = content->blob_bytes(content->user, i, buffer);
        if (status == WEFT_OK)
            status = add_zeros_to(w, blob->offset_bytes);
        if (status == WEFT_OK)
            status = add(w, buffer, (size_t)blob->size_bytes);
        free(buffer);
    }
    return status == WEFT_OK ? end_section(w, WEFT_SECTION_WEIGHTS) : status;
}

static weft_status write_plain(package_writer *w, const weft_package_content *content)
{
    const weft_manifest *manifest = content->manifest;
    weft_status status = WEFT_OK;
    begin_section(w);
    for (size_t s = 0; s < manifest->schedule_count; s++) {
        const weft_schedule *schedule = &manifest->schedules[s];
        for (size_t i = 0; i < schedule->value_count && status == WEFT_OK; i++) {
            const weft_schedule_value *value = &schedule->values[i];
            uint64_t at = weft_file_writer_position(w->file) - w->section_offset;
            if (!value->has_plain || value->offset_bytes + value->size_bytes <= at)
                continue; /* an earlier schedule brought it */
            status = add_zeros_to(w, value->offset_bytes);
            if (status == WEFT_OK)
                status =
                    add(w, content->plain_bytes(content->user, s, i), (size_t)value->size_bytes);
        }
    }
    return status == WEFT_OK ? end_section(w, WEFT_SECTION_PLAIN) : status;
}

static weft_status write_text(package_writer *w, weft_section_kind kind, const char *text,
                              size_t bytes)
{
    begin_section(w);
    weft_status status = add(w, text, bytes);
    return status == WEFT_OK ? end_section(w, kind) : status;
}

static weft_status write_front(package_writer *w)
{
    uint8_t hashes[WEFT_SECTION_COUNT * 8];
    for (size_t i = 0; i < WEFT_SECTION_COUNT; i++)
        weft__put_u64(hashes + 8 * i, w->hashes[i]);
    memcpy(w->front, WEFT_PACKAGE_MAGIC, sizeof WEFT_PACKAGE_MAGIC);
    weft__put_u32(w->front + 8, WEFT_PACKAGE_VERSION);
    weft__put_u32(w->front + 12, WEFT_SECTION_COUNT);
    weft__put_u64(w->front + 16, weft_file_writer_position(w->file));
    weft__put_u64(w->front + 24, XXH3_64bits(w->front + WEFT_PACKAGE_HEADER_BYTES,
                                             FRONT_BYTES - WEFT_PACKAGE_HEADER_BYTES));
    weft__put_u64(w->front + 32, XXH3_64bits(hashes, sizeof hashes));
    weft__put_u64(w->front + 56, XXH3_64bits(w->front, 56));
    return weft_file_writer_patch(w->file, 0, w->front, sizeof w->front);
}

static weft_status write_sections(package_writer *w, const weft_package_content *content,
                                  const weft_text *manifest)
{
    weft_status status = weft_file_writer_add(w->file, w->front, sizeof w->front);
    if (status == WEFT_OK)
        status = write_text(w, WEFT_SECTION_MANIFEST, manifest->data, manifest->length);
    if (status == WEFT_OK)
        status = write_kernels(w, content->manifest);
    if (status == WEFT_OK)
        status = write_weights(w, content);
    if (status == WEFT_OK)
        status = write_plain(w, content);
    const char *graph = content->graph_text == NULL ? "" : content->graph_text;
    if (status == WEFT_OK)
        status = write_text(w, WEFT_SECTION_GRAPH, graph, strlen(graph));
    return status == WEFT_OK ? write_front(w) : status;
}

/* Blobs and plain constants are streamed, so their offsets must ascend without overlap. The sizes
 * of both sections follow. */
static bool check_order(weft_arena *arena, const weft_manifest *manifest,
                        weft_manifest_limits *out_limits, weft_text *reason)
{
    weft_map places; /* of plain constants: those of a later schedule may share them */
    weft_map_init(&places, arena);
    *out_limits = (weft_manifest_limits){0, 0};
    for (size_t i = 0; i < manifest->blob_count; i++) {
        const weft_blob *blob = &manifest->blobs[i];
        if (blob->offset_bytes < out_limits->weights_bytes || blob->size_bytes > UINT64_MAX / 2) {
            weft_text_printf(reason, "blobs[%zu].offset: blobs must ascend without overlap", i);
            return false;
        }
        out_limits->weights_bytes = blob->offset_bytes + blob->size_bytes;
    }
    for (size_t s = 0; s < manifest->schedule_count; s++) {
        const weft_schedule *schedule = &manifest->schedules[s];
        for (size_t i = 0; i < schedule->value_count; i++) {
            const weft_schedule_value *value = &schedule->values[i];
            if (!value->has_plain)
                continue;
            const char *place = weft_arena_printf(arena, "%" PRIu64 " %" PRIu64,
                                                  value->offset_bytes, value->size_bytes);
            if (weft_map_get(&places, place) != NULL)
                continue;
            if (value->offset_bytes < out_limits->plain_bytes) {
                weft_text_printf(
                    reason,
                    "schedules[%zu].values[%zu].plain: constants must ascend without overlap", s,
                    i);
                return false;
            }
            weft_map_put(&places, place, &places);
            out_limits->plain_bytes = value->offset_bytes + value->size_bytes;
        }
    }
    return true;
}

static weft_status prepare(weft_arena *arena, const weft_package_content *content,
                           weft_text *out_manifest, weft_diag *diag)
{
    const weft_manifest *manifest = content->manifest;
    weft_manifest_limits limits;
    weft_text reason;
    weft_text_init(&reason, arena);
    if (!check_order(arena, manifest, &limits, &reason) ||
        !weft__manifest_check(manifest, &limits, &reason)) {
        weft_status status = weft_diag_error(diag, WEFT_E_PACKAGE_CONTENT,
                                             "the package to write contradicts itself");
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", reason.data);
        return status;
    }
    uint64_t *offsets = WEFT_NEW_ARRAY(arena, uint64_t, manifest->program_count);
    uint64_t at = 0;
    for (size_t i = 0; i < manifest->program_count; i++) {
        offsets[i] = at;
        at += strlen(manifest->programs[i].source) + 1;
    }
    weft_text_init(out_manifest, arena);
    return weft__manifest_write(manifest, offsets, out_manifest, diag);
}

static weft_status write_file(const char *path, const weft_package_content *content,
                              const weft_text *manifest, package_writer *w, weft_diag *diag)
{
    weft_status status = weft_file_writer_open(path, &w->file, diag);
    if (status != WEFT_OK)
        return status;
    status = write_sections(w, content, manifest);
    if (status == WEFT_OK || status == WEFT_IO)
        return weft_file_writer_commit(w->file, diag); /* reports a failed write */
    weft_file_writer_abort(w->file);
    if (status == WEFT_NO_MEMORY)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while writing %s", path);
    return weft_diag_error(diag, WEFT_E_PACKAGE_CONTENT,
                           "a weight could not be packed while writing %s", path);
}

weft_status weft_package_write(const char *path, const weft_package_content *content,
                               weft_diag *diag)
{
    weft_arena *arena = weft_arena_create();
    XXH3_state_t *hash = XXH3_createState();
    package_writer *w = calloc(1, sizeof *w);
    if (arena == NULL || hash == NULL || w == NULL || WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        XXH3_freeState(hash);
        free(w);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while writing %s", path);
    }
    w->hash = hash;
    weft_text manifest = {0};
    weft_status status = prepare(arena, content, &manifest, diag);
    if (status == WEFT_OK)
        status = write_file(path, content, &manifest, w, diag);
    weft_arena_destroy(arena);
    XXH3_freeState(hash);
    free(w);
    return status;
}
