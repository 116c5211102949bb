/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the software card share:
 *
 *   banks.c        the card's name and memories, from a board or from a package
 *   build.c        package -> xclbin
 *   installed.c    where XRT and the card's own programs are
 *   environment.c  folder and variables */
#ifndef WEFT_HLS_SOFTCARD_SOFTCARD_INTERNAL_H
#define WEFT_HLS_SOFTCARD_SOFTCARD_INTERNAL_H

#include "compiler/card/board.h"
#include "compiler/package/schedule.h"
#include "hls/softcard/xclbin.h"
#include "weft/softcard.h"

enum { SOFTCARD_PATH_BYTES = 4096 };

/* ---- banks.c ---- */

typedef struct softcard_card {
    const char *platform;
    weft_xclbin_memory *memories; /* one after the other from address 0; none is used yet */
    size_t memory_count;
} softcard_card;

/* The card of a board. */
void weft__softcard_of_board(weft_arena *arena, const weft_board *board, softcard_card *out);
/* The card that a package was planned for; without a plan one that has a single bank. */
void weft__softcard_of_package(weft_arena *arena, const weft_card *card, softcard_card *out);

/* ---- installed.c ---- */

typedef struct softcard_xrt {
    char folder[SOFTCARD_PATH_BYTES]; /* of XRT's libraries */
    char opencl[SOFTCARD_PATH_BYTES]; /* XRT's OpenCL; empty: not there */
    bool needs_shim;                  /* its own shim must not be used as it is */
    char text[SOFTCARD_PATH_BYTES + 32];
} softcard_xrt;

/* Errors: SOFTCARD_NO_XRT. */
weft_status weft__softcard_find_xrt(softcard_xrt *out, weft_diag *diag);
/* A file that is installed with this program: beside it, or in ../libexec/weft. Errors:
 * SOFTCARD_HELPER. */
weft_status weft__softcard_find_helper(const char *name, char out[SOFTCARD_PATH_BYTES],
                                       weft_diag *diag);

#endif
