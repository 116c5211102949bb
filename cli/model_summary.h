/* SPDX-License-Identifier: Apache-2.0 */
/* What an imported model is, as text and JSON. Must not know about: packages, plans. */
#ifndef WEFT_CLI_MODEL_SUMMARY_H
#define WEFT_CLI_MODEL_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "weft/compiler.h"

void weft_cli_model_print(FILE *out, const weft_model *model);
json_t *weft_cli_model_json(const weft_model *model);
/* The nodes, a row each. */
void weft_cli_model_print_nodes(FILE *out, const weft_model *model);
json_t *weft_cli_model_nodes_json(const weft_model *model);

#endif
