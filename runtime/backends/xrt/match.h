/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a bitstream is what a package and a card want. Must not know about: XRT's API. */
#ifndef WEFT_RUNTIME_BACKENDS_XRT_MATCH_H
#define WEFT_RUNTIME_BACKENDS_XRT_MATCH_H

#include "compiler/package/schedule.h"
#include "hls/softcard/xclbin.h"
#include "runtime/backends/xrt/cards.h"

/* Arguments of an engine's kernel, in order. */
enum {
    XRT_ARG_PROGRAM,
    XRT_ARG_WEIGHTS,
    XRT_ARG_SOURCE,
    XRT_ARG_SECOND,
    XRT_ARG_TARGET,
    XRT_ARG_COUNT,
    XRT_ARGS
};

enum { XRT_UUID_TEXT = 2 * XRT_UUID_BYTES + 1 };
void weft__xrt_uuid_text(const uint8_t uuid[XRT_UUID_BYTES], char out[XRT_UUID_TEXT]);

typedef struct xrt_sides {
    const char *file; /* of the bitstream */
    const weft_xclbin *xclbin;
    const weft_manifest *manifest;
    xrt_mode mode;
    const xrt_card_info *card;
} xrt_sides;

/* Mode, shell, interface, kernel, engine, units, memory banks; every difference is an error of its
 * own: XRT_MODE, XRT_SHELL, XRT_INTERFACE, XRT_KERNEL, XRT_ENGINE, XRT_UNITS, XRT_TOPOLOGY,
 * XRT_BANK. */
weft_status weft__xrt_match(const xrt_sides *sides, weft_diag *diag);

#endif
