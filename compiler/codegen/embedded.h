/* SPDX-License-Identifier: Apache-2.0 */
/* Text files that are compiled into the library (kernel sources, boards), made by
 * tests/setup/embed.sh. */
#ifndef WEFT_CODEGEN_EMBEDDED_H
#define WEFT_CODEGEN_EMBEDDED_H

typedef struct weft_embedded_file {
    const char *name; /* "conv.cl"; NULL ends a table */
    const char *text; /* NUL-terminated */
} weft_embedded_file;

extern const weft_embedded_file weft_cpu_sources[];
extern const weft_embedded_file weft_fpga_sources[];
extern const weft_embedded_file weft_board_files[]; /* hls/boards */

#endif
