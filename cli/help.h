/* SPDX-License-Identifier: Apache-2.0 */
/* Help topics and wrapped text. Must not know about: what any verb does. */
#ifndef WEFT_CLI_HELP_H
#define WEFT_CLI_HELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/cli.h"

/* Paragraphs broken at spaces, indented. */
void weft_cli_help_wrap(FILE *out, const char *text, int indent);
/* False when there is no such topic. */
bool weft_cli_help_topic(FILE *out, const char *name);
/* The option lines of a verb, and the table of exit codes, indented. */
void weft_cli_help_options(FILE *out, const weft_cli_verb *verb);
void weft_cli_help_exit_codes(FILE *out);
/* docs/cli.md: every verb and topic. */
void weft_cli_manual_print(FILE *out);
/* Name of topic i, or NULL. */
const char *weft_cli_help_topic_name(size_t index);

#endif
