/* SPDX-License-Identifier: Apache-2.0 */
/* What printer and reader of the text form share: numbers, constants' hashes, and the reader's
 * cursor. Internal to compiler/ir; the grammar is in docs/ir.md. Must not know about passes or
 * files. */
#ifndef WEFT_IR_TEXT_H
#define WEFT_IR_TEXT_H

#include "compiler/ir/graph.h"

/* Constants of up to this many elements are printed as numbers: shapes, axes, scalars, small
 * biases. */
enum { WEFT_TEXT_LIST_ELEMS = 16 };
/* Data that the reader makes up for hashes and single values, together. */
#define WEFT_TEXT_FILL_BYTES ((size_t)64 << 20)

/* ---- numbers, independent of the process's locale ---- */

enum { WEFT_NUMBER_TEXT = 40 };
/* Element index of a constant as the shortest text that reads back to the same bits; false when
 * none does (NaN, 16-bit floats). */
bool weft_number_format(weft_dtype dtype, const void *data, size_t index, char *buffer);
/* Reads a whole text into element index; false when it is no number of that type or out of its
 * range. */
bool weft_number_parse(weft_dtype dtype, const char *text, void *data, size_t index);

/* Hash of a constant's bytes as printed behind '#'; never 0. */
uint64_t weft_text_hash(const void *data, size_t size_bytes);
/* Deterministic data for a constant that the text gives by hash only: floating-point numbers in
 * [-1, 1), others 0 or 1. */
void weft_text_fill(weft_dtype dtype, void *data, size_t elems, uint64_t hash);

/* ---- the reader's cursor ---- */

typedef struct weft_cursor {
    const char *text;
    size_t length, at;
    weft_arena *arena;
    weft_diag *diag;
    size_t fill_bytes; /* made up so far */
} weft_cursor;

/* Appends an error with line and column of offset at, and what stands there; returns its status. */
weft_status weft_cursor_fail(const weft_cursor *cursor, weft_error_id id, size_t at,
                             const char *expected, const char *summary, ...) WEFT_PRINTF(5, 6);
/* Over blanks and comments. All functions below begin with it. */
void weft_cursor_skip(weft_cursor *cursor);
bool weft_cursor_at_end(weft_cursor *cursor);
bool weft_cursor_peek(weft_cursor *cursor, char mark);
bool weft_cursor_accept(weft_cursor *cursor, char mark);
weft_status weft_cursor_expect(weft_cursor *cursor, char mark);
/* A given word, not followed by a letter, digit, '_' or '.'. */
bool weft_cursor_accept_word(weft_cursor *cursor, const char *word);
weft_status weft_cursor_expect_word(weft_cursor *cursor, const char *word);
/* Any word of letters, digits, '_' and '.'; a copy in the arena. */
weft_status weft_cursor_word(weft_cursor *cursor, const char *what, const char **out_word);
/* "..." with escapes, and %name or %"...". */
weft_status weft_cursor_string(weft_cursor *cursor, const char **out_string);
weft_status weft_cursor_name(weft_cursor *cursor, const char **out_name);
weft_status weft_cursor_int(weft_cursor *cursor, int64_t *out_value);
/* A number's characters into a buffer of WEFT_NUMBER_TEXT bytes. */
weft_status weft_cursor_number(weft_cursor *cursor, char *out_text);
/* f32[1x3x4] */
weft_status weft_cursor_type(weft_cursor *cursor, weft_dtype *out_dtype, weft_shape *out_shape);

/* ---- data of constants ---- */

/* [1, 2], a single value for all elements, 0x and hexadecimal bytes, or (when hash is not NULL) #
 * and a hash. */
weft_status weft_cursor_data(weft_cursor *cursor, weft_dtype dtype, const weft_shape *shape,
                             const void **out_data, uint64_t *out_hash);
/* Writes data in one of these forms: numbers when few and printable, else bytes (in_full) or the
 * hash. */
void weft_text_add_data(weft_text *text, weft_dtype dtype, const weft_shape *shape,
                        const void *data, uint64_t known_hash, bool in_full);

#endif
