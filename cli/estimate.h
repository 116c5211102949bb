/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates for cards as text and JSON. Must not know about: how they are made. */
#ifndef WEFT_CLI_ESTIMATE_H
#define WEFT_CLI_ESTIMATE_H

#include <jansson.h>
#include <stdio.h>

#include "weft/card.h"

/* One model on one board, with all tables. */
void weft_cli_estimate_print(FILE *out, const weft_estimator *estimator,
                             const weft_estimate *estimate);
json_t *weft_cli_estimate_json(const weft_estimator *estimator, const weft_estimate *estimate,
                               bool has_tables);

/* One model on several boards: a row per board. NULL among the estimates: it does not fit. */
void weft_cli_estimate_print_boards(FILE *out, const weft_estimator *estimator,
                                    weft_estimate *const *estimates, const char *const *boards,
                                    size_t count);
/* "float: taken as if quantised to 8 bits", or "" */
const char *weft_cli_estimate_assumption(const weft_estimator *estimator);

#endif
