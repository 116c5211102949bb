/* SPDX-License-Identifier: Apache-2.0 */
/* What a package holds: summary, sections, memory, kernels, weights. Must not know about: devices,
 * models. */
#ifndef WEFT_CLI_PACKAGE_SUMMARY_H
#define WEFT_CLI_PACKAGE_SUMMARY_H

#include <jansson.h>
#include <stdio.h>

#include "weft/package.h"

/* Of several schedules a table, or the one that is chosen (negative: none is). */
void weft_cli_package_print(FILE *out, const weft_package *package, long chosen);
json_t *weft_cli_package_json(const weft_package *package);

void weft_cli_package_print_sections(FILE *out, const weft_package *package);
json_t *weft_cli_package_sections_json(const weft_package *package);

void weft_cli_package_print_kernels(FILE *out, const weft_package *package);
json_t *weft_cli_package_kernels_json(const weft_package *package);

/* The arena: every value with its place and life, and a picture of it over the steps. */
void weft_cli_package_print_memory(FILE *out, const weft_package *package, size_t schedule);
json_t *weft_cli_package_values_json(const weft_package *package, size_t schedule,
                                     const char *place);

void weft_cli_package_print_weights(FILE *out, const weft_package *package, size_t schedule);

#endif
