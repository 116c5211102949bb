/* SPDX-License-Identifier: Apache-2.0 */
/* What weft quantize answers: the table of tensors with scales and signal-to-noise ratios, worst
 * first, and the same as JSON. Must not know about: running models. */
#ifndef WEFT_CLI_QUANTIZE_REPORT_H
#define WEFT_CLI_QUANTIZE_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "cli/samples.h"
#include "weft/compiler.h"
#include "weft/quantize.h"

typedef struct weft_cli_quantize_result {
    const char *model, *path;
    const weft_quant_params *params;
    const weft_quant *quant;
    const weft_cli_samples *samples;
    size_t measured, measured_first;     /* samples behind the ratios, and the first of them */
    const weft_compile_report *compiled; /* of the quantised model: what stays in float */
    double seconds;
} weft_cli_quantize_result;

void weft_cli_quantize_print(FILE *out, const weft_cli_quantize_result *result, bool all_rows);
json_t *weft_cli_quantize_json(const weft_cli_quantize_result *result);

#endif
