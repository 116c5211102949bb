/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers that the engine's text names: those of the plan, and what follows from them. */
#ifndef WEFT_CODEGEN_ENGINE_NUMBERS_H
#define WEFT_CODEGEN_ENGINE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/fpga/engine.h"

typedef struct weft__engine_number {
    const char *name, *doc;
    int32_t value;
} weft__engine_number;
enum { WEFT_ENGINE_NUMBERS_MAX = 32 };

/* Those that the text defines, in its order; returns how many. */
size_t weft__engine_numbers(const weft_engine_params *p,
                            weft__engine_number out[WEFT_ENGINE_NUMBERS_MAX]);
/* "NAME", "12" or "NAME/NAME" of a marker; the text names nothing else. */
int32_t weft__engine_number_of(const weft_engine_params *p, const char *word);

#endif
