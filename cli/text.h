/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, sizes and hashes as people read them. Must not know about: where they come from. */
#ifndef WEFT_CLI_TEXT_H
#define WEFT_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEFT_CLI_SHAPE_TEXT = 192,
    WEFT_CLI_BYTES_TEXT = 24,
    WEFT_CLI_HASH_TEXT = 17,
    WEFT_CLI_COUNT_TEXT = 32
};

/* Each writes into a buffer of the size above and returns it. */
char *weft_cli_format_shape(int rank, const int64_t *dims,
                            char *buffer); /* "1x3x160x160", "scalar" */
/* "[0,3,17]": where element `index` of a dense tensor stands. */
char *weft_cli_format_position(int rank, const int64_t *dims, size_t index, char *buffer);
char *weft_cli_format_bytes(uint64_t bytes, char *buffer); /* "142.5 MB" (10^6) */
char *weft_cli_format_hash(uint64_t hash, char *buffer);   /* 16 hexadecimal digits */
char *weft_cli_format_count(int64_t count, char *buffer);  /* "35 700 000" */

/* True when the text ends so, regardless of case. */
bool weft_cli_ends_with(const char *text, const char *ending);
/* The path with its ending replaced ("dir/a.onnx" -> "dir/a.weft"); release with free. */
char *weft_cli_with_ending(const char *path, const char *ending);
/* Bytes of one element of a dtype name ("f32"); 0 when the name is unknown. */
size_t weft_cli_dtype_bytes(const char *dtype);

#endif
