/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates for cards: of several boards, as text and JSON. Must not know about: how one is made.
 */
#ifndef WEFT_CLI_ESTIMATE_H
#define WEFT_CLI_ESTIMATE_H

#include <jansson.h>
#include <stdio.h>

#include "weft/card.h"

/* Plans for all boards, with as many threads as there are processors. Where a board is too small
 * its estimate stays NULL, which is what all are before. */
weft_status weft_cli_estimate_boards(weft_estimator *estimator, const char *const *boards,
                                     size_t count, weft_estimate_goal goal,
                                     weft_estimate **out_estimates);

/* What steps on the engine wait for: names, and the share of the cycles of each. */
extern const char *const weft_cli_estimate_bound_names[WEFT_CARD_BOUNDS];
void weft_cli_estimate_bounds(const weft_estimate *estimate, double out_shares[WEFT_CARD_BOUNDS]);

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
