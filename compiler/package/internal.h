/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the container around the sections, the manifest as JSON, and
 * the rules of a manifest.
 *
 *   container.c       header, table, hashes: bytes -> sections
 *   names.c           words for enums
 *   manifest_write.c  weft_manifest -> JSON text
 *   manifest_share.c  what schedules have in common is left out
 *   json_reader.c     strict access to a JSON tree, with the place of the first error
 *   manifest_read*.c  JSON text -> weft_manifest
 *   manifest_check*.c numbers of a manifest against what they count; before writing, after reading
 *   write.c           the writer
 *   schedules.c       what each schedule takes of the package
 *   find.c            shapes of inputs -> schedule
 *   package.c         open, close, the questions of weft/package.h */
#ifndef WEFT_PACKAGE_INTERNAL_H
#define WEFT_PACKAGE_INTERNAL_H

#include "compiler/base/text.h"
#include "compiler/package/format.h"
#include "weft/package.h"

/* Sections that every package has, in the order in which they are written. */
typedef enum weft_section_kind {
    WEFT_SECTION_MANIFEST,
    WEFT_SECTION_KERNELS,
    WEFT_SECTION_WEIGHTS,
    WEFT_SECTION_PLAIN,
    WEFT_SECTION_GRAPH,
    WEFT_SECTION_COUNT
} weft_section_kind;
const char *weft__section_name(weft_section_kind kind);

typedef struct weft_container {
    const uint8_t *data;
    size_t size_bytes;
    uint64_t id;
    weft_section_info sections[WEFT_PACKAGE_MAX_SECTIONS];
    char names[WEFT_PACKAGE_MAX_SECTIONS][WEFT_PACKAGE_NAME_BYTES];
    size_t section_count;
    size_t known[WEFT_SECTION_COUNT]; /* index in sections */
} weft_container;

/* Checks everything that does not need the manifest. name is for messages. is_mapped: pages may be
 * given back to the system. */
weft_status weft__container_open(const char *name, const uint8_t *data, size_t size_bytes,
                                 bool is_mapped, weft_container *out_container, weft_diag *diag);
const weft_section_info *weft__container_section(const weft_container *container,
                                                 weft_section_kind kind);

void weft__put_u32(uint8_t *out, uint32_t value);
void weft__put_u64(uint8_t *out, uint64_t value);
uint64_t weft__round_up_page(uint64_t bytes);

/* JSON text of a manifest, sorted and without dates. source_offsets: where each program's text lies
 * in section kernels. */
weft_status weft__manifest_write(const weft_manifest *manifest, const uint64_t *source_offsets,
                                 weft_text *out_text, weft_diag *diag);

/* Reads JSON; sources stay in `kernels` (borrowed). Structure only: weft__manifest_check looks at
 * the numbers. The JSON tree belongs to scratch; both arenas need a recovery point. */
weft_status weft__manifest_read(weft_arena *arena, weft_arena *scratch, const char *json,
                                size_t json_bytes, const char *kernels, size_t kernels_bytes,
                                const weft_manifest **out_manifest, weft_diag *diag);

/* Sizes that numbers of a manifest are checked against. */
typedef struct weft_manifest_limits {
    uint64_t weights_bytes, plain_bytes;
} weft_manifest_limits;

/* After true no index, offset or size in the manifest leads outside. After false out_reason says
 * what is wrong. */
bool weft__manifest_check(const weft_manifest *manifest, const weft_manifest_limits *limits,
                          weft_text *out_reason);

/* What weft_package_get_schedule answers, of each schedule. */
const weft_schedule_info *weft__schedule_infos(weft_arena *arena, const weft_manifest *manifest);

/* Words of the manifest for enums; NULL or a negative number when there is none. */
const char *weft__place_name(weft_place place);
const char *weft__packing_name(weft_packing packing);
const char *weft__bound_name(weft_bound bound);
const char *weft__language_name(weft_language language);
int weft__place_find(const char *name);
int weft__packing_find(const char *name);
int weft__bound_find(const char *name);
int weft__language_find(const char *name);

#endif
