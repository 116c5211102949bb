/* SPDX-License-Identifier: Apache-2.0 */
/* Tables on the terminal, by libsmartcols. On a terminal, columns marked TRUNC shrink to its width;
 * elsewhere nothing is cut. Must not know about: what is in them. */
#ifndef WEFT_CLI_TABLE_H
#define WEFT_CLI_TABLE_H

#include <stdio.h>

#include "cli/errors.h"

typedef struct weft_cli_table weft_cli_table;

enum { WEFT_CLI_LEFT = 0, WEFT_CLI_RIGHT = 1, WEFT_CLI_TRUNC = 2 };

weft_cli_table *weft_cli_table_create(void);
void weft_cli_table_add_column(weft_cli_table *table, const char *title, int flags);
/* Starts a row; cells follow from the left. */
void weft_cli_table_add_row(weft_cli_table *table);
void weft_cli_table_add_cell(weft_cli_table *table, const char *format, ...) WEFT_CLI_PRINTF(2, 3);
/* Leaves the column with this title out when the table is printed on a terminal of fewer columns
 * than so many; elsewhere everything is printed. */
void weft_cli_table_hide_below(weft_cli_table *table, const char *title, int terminal_columns);
/* Prints (unless out is NULL) and destroys. */
void weft_cli_table_print(weft_cli_table *table, FILE *out);

#endif
