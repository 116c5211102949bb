/* SPDX-License-Identifier: Apache-2.0 */
/* The xclbin container (AXLF, "xclbin2"): reading any, writing those of the software card. Layout
 * of the sections: XRT's public header xclbin.h, version 2.13; the newest reads the same. Must not
 * know about: packages, devices, XRT itself. */
#ifndef WEFT_HLS_SOFTCARD_XCLBIN_H
#define WEFT_HLS_SOFTCARD_XCLBIN_H

#include "compiler/base/arena.h"
#include "weft/diag.h"

enum { WEFT_XCLBIN_UUID_BYTES = 16 };

typedef enum weft_xclbin_mode {
    WEFT_XCLBIN_HARDWARE = 1,
    WEFT_XCLBIN_HW_EMU = 4,
    WEFT_XCLBIN_SW_EMU = 5
} weft_xclbin_mode;

typedef struct weft_xclbin_memory {
    const char *tag; /* "HBM[0]", "DDR[1]", "PLRAM[0]" */
    bool is_used;
    uint64_t size_bytes, base;
} weft_xclbin_memory;

typedef struct weft_xclbin_argument {
    const char *name;
    bool is_pointer;
    uint32_t size_bytes, offset; /* of the register */
} weft_xclbin_argument;

typedef struct weft_xclbin_unit {
    const char *name; /* "weft_engine_1" */
    uint64_t base;
    int32_t *banks; /* per argument: index into memories; -1: a scalar */
} weft_xclbin_unit;

typedef struct weft_xclbin {
    weft_xclbin_mode mode;
    uint8_t uuid[WEFT_XCLBIN_UUID_BYTES];
    const char *platform;                       /* VBNV: "xilinx_u280_gen3x16_xdma_1_202211_1" */
    uint8_t shell_uuid[WEFT_XCLBIN_UUID_BYTES]; /* of the interface; zeros when the file has none */
    const char *kernel;                         /* of the first kernel */
    weft_xclbin_argument *arguments;
    size_t argument_count;
    weft_xclbin_unit *units;
    size_t unit_count;
    weft_xclbin_memory *memories;
    size_t memory_count;
    double clock_mhz; /* of the data clock, achieved */
    /* What weft says about the bitstream, JSON of schema weft.bitstream/1 in section USER_METADATA;
     * NULL: not weft's. Keys: engine (hash of the engine's parameters and layout version), package
     * (hash of the package it was built from), board, tool. */
    const char *notes;
    const void *bitstream; /* section BITSTREAM; for the software card a shared object */
    size_t bitstream_bytes;
} weft_xclbin;

/* Reads and checks a file; every offset and count is held against the file's size. Strings and
 * arrays live in the arena. Errors: XCLBIN_*. */
weft_status weft_xclbin_read(weft_arena *arena, const char *path, const weft_xclbin **out_xclbin,
                             weft_diag *diag);
/* Writes one (uuid is computed from the contents and set). Errors: XCLBIN_*, FILE_*. */
weft_status weft_xclbin_write(weft_xclbin *xclbin, const char *path, weft_diag *diag);

#endif
