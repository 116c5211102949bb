/* SPDX-License-Identifier: Apache-2.0 */
/* What a bitstream says about itself (schema weft.bitstream/1, section USER_METADATA of an xclbin),
 * so that a package can be held against it before anything is sent to a card. Must not know about:
 * containers, tools, devices. */
#ifndef WEFT_PACKAGE_BITSTREAM_H
#define WEFT_PACKAGE_BITSTREAM_H

#include "compiler/base/arena.h"
#include "compiler/package/schedule.h"

enum { WEFT_BITSTREAM_HASH_TEXT = 17 };

/* 16 hexadecimal digits over the engine's name-free identity: the version of the descriptors'
 * layout and every parameter. Packages whose engines have the same hash run on each other's
 * bitstreams. */
void weft_bitstream_engine_hash(const weft_engine *engine, char out[WEFT_BITSTREAM_HASH_TEXT]);

/* The JSON text. tool: "v++ 2023.2", "gcc 12.2.0". */
const char *weft_bitstream_notes(weft_arena *arena, const weft_manifest *manifest,
                                 uint64_t package_id, const char *tool);

#endif
