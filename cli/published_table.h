/* SPDX-License-Identifier: Apache-2.0 */
/* weft estimate --published: the cycle model against published speeds. Must not know about: how
 * they are predicted. */
#ifndef WEFT_CLI_PUBLISHED_TABLE_H
#define WEFT_CLI_PUBLISHED_TABLE_H

#include <stdbool.h>
#include <stdio.h>

/* The table and the errors, or all that is known as JSON. */
void weft__published_print(FILE *out, bool is_json);
/* What is assumed of each design and each memory, as Markdown; part of docs/estimate.md. */
void weft__published_print_assumptions(FILE *out);
/* What the errors are with other assumptions, as Markdown; part of docs/estimate.md. */
void weft__published_print_changes(FILE *out);

#endif
