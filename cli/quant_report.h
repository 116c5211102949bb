/* SPDX-License-Identifier: Apache-2.0 */
/* What weft quantize answers: scales and signal-to-noise ratios, worst first. Must not know about:
 * how they came about. */
#ifndef WEFT_CLI_QUANT_REPORT_H
#define WEFT_CLI_QUANT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "weft/quantize.h"

/* all: every tensor; otherwise the worst ten and the model's outputs. */
void weft_cli_quant_report_print(FILE *out, const weft_quant *quant, const char *path, bool all);
json_t *weft_cli_quant_report_json(const weft_quant *quant, const char *path);

#endif
