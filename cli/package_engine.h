/* SPDX-License-Identifier: Apache-2.0 */
/* What a package holds for the engine: its sizes, its share of the steps, its program. Must not
 * know about: sessions, files. */
#ifndef WEFT_CLI_PACKAGE_ENGINE_H
#define WEFT_CLI_PACKAGE_ENGINE_H

#include <jansson.h>
#include <stdio.h>

#include "weft/package.h"

/* "  engine    s 8x16x8: 109 of 111 steps, 2 on the host"; nothing when the package has none. */
void weft_cli_package_print_share(FILE *out, const weft_package *package, size_t schedule);
/* Name, version, parameters, card; null when the package has none. */
json_t *weft_cli_package_engine_json(const weft_package *package);
/* A row per descriptor: step, kind, words that are not 0 by their numbers. */
void weft_cli_package_print_descriptors(FILE *out, const weft_package *package, size_t schedule);
json_t *weft_cli_package_descriptors_json(const weft_package *package, size_t schedule);

#endif
