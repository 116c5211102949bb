/* SPDX-License-Identifier: Apache-2.0 */
/* JSON answers, by jansson: schema and version first, keys in the order they were set, text always
 * valid UTF-8. Must not know about: what the answers say. */
#ifndef WEFT_CLI_JSON_H
#define WEFT_CLI_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "weft/diag.h"
#include "weft/package.h"

/* {"schema": name, "version": weft_version()} */
json_t *weft_cli_json_create(const char *schema);
/* Text with broken UTF-8 replaced; NULL gives null. */
json_t *weft_cli_json_text(const char *text);
json_t *weft_cli_json_dims(int rank, const int64_t *dims);
/* Numbers that JSON has no word for (NaN, infinity) become null. */
json_t *weft_cli_json_real(double value);
json_t *weft_cli_json_tensor(const weft_tensor_info *tensor);
json_t *weft_cli_json_hash(uint64_t hash);
json_t *weft_cli_json_diag_entry(const weft_diag_entry *entry);
/* Prints and releases. */
void weft_cli_json_print(json_t *json, FILE *out);

#endif
