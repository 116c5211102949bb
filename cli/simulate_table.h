/* SPDX-License-Identifier: Apache-2.0 */
/* The prediction of every step next to a simulation of it, as text and JSON. Must not know about:
 * how either is made. */
#ifndef WEFT_CLI_SIMULATE_TABLE_H
#define WEFT_CLI_SIMULATE_TABLE_H

#include <jansson.h>
#include <stdio.h>

#include "weft/card.h"

/* Simulates every step of the estimate: seconds for a large network. */
void weft_cli_simulate_print(FILE *out, const weft_estimate *estimate);
json_t *weft_cli_simulate_json(const weft_estimate *estimate);

#endif
