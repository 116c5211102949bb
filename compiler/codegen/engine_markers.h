/* SPDX-License-Identifier: Apache-2.0 */
/* Markers of the engine's text: "@pipeline 1" and the like, which a compiler of C does not see.
 * They wait for the line they speak of; in OpenCL C attributes stand in front of it, in HLS C
 * pragmas behind it. */
#ifndef WEFT_CODEGEN_ENGINE_MARKERS_H
#define WEFT_CODEGEN_ENGINE_MARKERS_H

#include "compiler/base/text.h"
#include "compiler/codegen/engine_print.h"

enum { PENDING_MAX = 8, LINE_MAX_CHARS = 256, WORDS_MAX = 8 };

typedef struct weft__engine_marker {
    char words[WORDS_MAX][32];
    size_t count;
} weft__engine_marker;

typedef struct weft__engine_printer {
    weft_text out;
    const weft_engine_params *params;
    weft_dialect dialect;
    weft__engine_marker pending[PENDING_MAX];
    size_t pending_count;
    bool is_skipping; /* between @if of what the engine does not have and @else or @end */
} weft__engine_printer;

/* "pipeline 1": waits for its line. */
void weft__engine_take_marker(weft__engine_printer *pr, const char *text);
bool weft__engine_is_marker(const weft__engine_marker *m, const char *name);
/* The line that what waits speaks of, with it: one that opens a loop, a declaration of an array. */
void weft__engine_print_loop(weft__engine_printer *pr, const char *line, size_t spaces);
void weft__engine_print_array(weft__engine_printer *pr, const char *line, size_t spaces);
/* Behind the line that opens the kernel, or a function. */
void weft__engine_print_interface(weft__engine_printer *pr);
void weft__engine_print_function_marker(weft__engine_printer *pr, const weft__engine_marker *m);

#endif
