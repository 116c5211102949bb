/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of xclbins shares with its tests. */
#ifndef WEFT_HLS_SOFTCARD_XCLBIN_INTERNAL_H
#define WEFT_HLS_SOFTCARD_XCLBIN_INTERNAL_H

#include "hls/softcard/xclbin.h"

/* Reads the bytes of a file named `where`; the result points into them. */
weft_status weft__xclbin_parse(weft_arena *arena, const char *where, const uint8_t *data,
                               size_t size_bytes, const weft_xclbin **out_xclbin, weft_diag *diag);

#endif
