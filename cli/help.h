/* SPDX-License-Identifier: Apache-2.0 */
/* Help topics and wrapped text. Must not know about: what any verb does. */
#ifndef WEFT_CLI_HELP_H
#define WEFT_CLI_HELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Paragraphs broken at spaces, indented. */
void weft_cli_help_wrap(FILE *out, const char *text, int indent);
/* False when there is no such topic. */
bool weft_cli_help_topic(FILE *out, const char *name);
/* Name of topic i, or NULL. */
const char *weft_cli_help_topic_name(size_t index);

#endif
