/* SPDX-License-Identifier: Apache-2.0 */
/* What fuses into what, from the plan's JSON (schema weft.plan/1). Must not know about: models,
 * packages. */
#ifndef WEFT_CLI_PLAN_SUMMARY_H
#define WEFT_CLI_PLAN_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

void weft_cli_plan_summary_print(FILE *out, const json_t *plan);
/* null when plan is NULL. */
json_t *weft_cli_plan_summary_json(const json_t *plan);
/* True when the operator ("Transpose") only moves data: in a finished schedule it is a copy that no
 * kernel absorbed. */
bool weft_cli_op_only_moves(const char *op);

#endif
