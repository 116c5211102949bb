/* SPDX-License-Identifier: Apache-2.0 */
/* The software card: XRT itself loads a package's engine, moves its data and starts its kernel, on
 * a machine without a card. The engine is the package's HLS C, compiled by the machine's C compiler
 * and run by a process that XRT takes for its emulated device. Self-contained in C and C++.
 *
 *   weft_softcard_build    package -> FILE.xclbin
 *   weft_softcard_create   folder and environment variables under which XRT finds the card
 *
 * Results and the order of calls are the card's; times are not. Nothing here prints, exits, or
 * changes this process's own environment. docs/softcard.md shows it from the user's side. */
#ifndef WEFT_SOFTCARD_H
#define WEFT_SOFTCARD_H

#include "weft/package.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- bitstreams ---- */

typedef struct weft_softcard_bitstream {
    char platform[64]; /* the card's name */
    size_t unit_count, memory_count;
    double clock_mhz; /* as planned; nothing runs at it */
    uint64_t file_bytes;
} weft_softcard_bitstream;

/* Compiles the package's HLS C ($CC, WEFT_HLS_CFLAGS) and writes it as an xclbin for XRT's sw_emu
 * mode, with the units, banks and clock that the package is planned for; a package without a card
 * gets one unit and one bank. out_bitstream may be NULL. Errors: PACKAGE_*, ENGINE_ABSENT, HLS_*,
 * SOFTCARD_BANK, SOFTCARD_OVERWRITE, XCLBIN_CONTENTS, FILE_*. */
weft_status weft_softcard_build(const char *package, const char *output,
                                weft_softcard_bitstream *out_bitstream, weft_diag *diag);

/* ---- environment ---- */

typedef struct weft_softcard_params {
    size_t size;       /* sizeof(weft_softcard_params) */
    const char *board; /* name or file of a board, or a package (ends in .weft), whose board is
                          taken; NULL: the card that packages without a board are built for */
    int devices;       /* cards of this kind: 1 to 16 */
} weft_softcard_params;
#define WEFT_SOFTCARD_PARAMS_DEFAULT                                                               \
    {                                                                                              \
        sizeof(weft_softcard_params), NULL, 1                                                      \
    }

typedef struct weft_softcard weft_softcard;

/* Makes the folder. Errors: SOFTCARD_*, BOARD_*, PACKAGE_*. */
weft_status weft_softcard_create(const weft_softcard_params *params, weft_diag *diag,
                                 weft_softcard **out_softcard);
/* Removes the folder with everything in it. NULL accepted. */
void weft_softcard_destroy(weft_softcard *softcard);
/* The same, without removing anything. */
void weft_softcard_leave(weft_softcard *softcard);

/* Absolute path; lives as long as the object. XRT's sockets lie in it, too. */
const char *weft_softcard_folder(const weft_softcard *softcard);
/* The card's name, as XRT tells it. */
const char *weft_softcard_platform(const weft_softcard *softcard);
/* What XRT is: "2.13 (/usr/lib/...)". */
const char *weft_softcard_xrt(const weft_softcard *softcard);
/* Variable `index` of the environment that the command needs; false behind the last. */
bool weft_softcard_variable(const weft_softcard *softcard, size_t index, const char **out_name,
                            const char **out_value);

#ifdef __cplusplus
}
#endif
#endif
