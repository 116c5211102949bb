/* SPDX-License-Identifier: Apache-2.0 */
/* The list of compared tensors and the verdict over it. Must not know about: sessions, how values
 * were got. */
#ifndef WEFT_CLI_VERDICT_H
#define WEFT_CLI_VERDICT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/input.h"
#include "cli/values.h"
#include "weft/package.h"

typedef struct weft_cli_verdict {
    double tolerance;
    char *actual, *reference; /* what was compared with what; owned */
    size_t skipped;           /* values that one side does not have */
    size_t count;
    struct weft_cli_verdict_item {
        long step; /* -1: output of the model */
        const char *op;
        weft_tensor_info tensor;
        weft_cli_comparison comparison;
    } * items;
} weft_cli_verdict;

/* op and the tensor's strings are borrowed. */
void weft_cli_verdict_add(weft_cli_verdict *verdict, long step, const char *op,
                          const weft_tensor_info *tensor, weft_cli_comparison comparison);
bool weft_cli_verdict_passes(const weft_cli_verdict *verdict);
/* The smallest tolerance with which it would pass; infinite when none would. */
double weft_cli_verdict_needed(const weft_cli_verdict *verdict);
/* To two digits and never below, so that the printed number passes when it is given back. */
double weft_cli_verdict_round_up(double value);
/* Index of the first step over the tolerance in schedule order, or -1. */
long weft_cli_verdict_first_over(const weft_cli_verdict *verdict);

void weft_cli_verdict_print(FILE *out, const weft_cli_verdict *verdict, bool all_steps);
json_t *weft_cli_verdict_json(const weft_cli_verdict *verdict, const char *package,
                              const weft_cli_inputs *inputs);
void weft_cli_verdict_finish(weft_cli_verdict *verdict);

#endif
