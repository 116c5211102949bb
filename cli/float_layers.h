/* SPDX-License-Identifier: Apache-2.0 */
/* Which layers of a quantised model compute in f32, and why. Must not know about: packages. */
#ifndef WEFT_CLI_FLOAT_LAYERS_H
#define WEFT_CLI_FLOAT_LAYERS_H

#include <jansson.h>
#include <stdio.h>

#include "weft/compiler.h"

/* Nothing for a model without quantised tensors. */
void weft_cli_float_layers_print(FILE *out, const weft_compile_report *report);
/* A list, all of them; null for a model without quantised tensors, or when report is NULL. */
json_t *weft_cli_float_layers_json(const weft_compile_report *report);

#endif
