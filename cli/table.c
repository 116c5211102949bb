/* SPDX-License-Identifier: Apache-2.0 */
/* Tables by libsmartcols. Must not know about: what is in them. */
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/memory.h"
#include "cli/name.h"
#include "cli/table.h"

enum { MAX_COLUMNS = 24 };

struct weft_cli_table {
    struct libscols_table *table;
    struct libscols_line *line;
    size_t column;
    struct {
        const char *title;
        int needed_columns;
    } columns[MAX_COLUMNS];
    size_t column_count;
};

static void *or_exit(void *object)
{
    if (object == NULL) {
        fputs("error[E0598]: out of memory\n", stderr);
        exit(weft_status_exit_code(WEFT_NO_MEMORY));
    }
    return object;
}

weft_cli_table *weft_cli_table_create(void)
{
    weft_cli_table *table = weft_cli_alloc(sizeof *table);
    table->table = or_exit(scols_new_table());
    scols_table_enable_minout(table->table, 1);
    scols_table_enable_noencoding(table->table, 1); /* cells are escaped when they are added */
    return table;
}

void weft_cli_table_add_column(weft_cli_table *table, const char *title, int flags)
{
    int scols_flags = ((flags & WEFT_CLI_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0) |
                      ((flags & WEFT_CLI_TRUNC) != 0 ? SCOLS_FL_TRUNC : 0);
    or_exit(scols_table_new_column(table->table, title, 0, scols_flags));
    if (table->column_count < MAX_COLUMNS)
        table->columns[table->column_count++].title = title;
}

void weft_cli_table_hide_below(weft_cli_table *table, const char *title, int terminal_columns)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].title, title) == 0)
            table->columns[i].needed_columns = terminal_columns;
}

static void hide_columns(weft_cli_table *table, FILE *out)
{
    struct winsize size = {0};
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return; /* not a terminal, or one that does not know */
    for (size_t i = 0; i < table->column_count; i++) {
        struct libscols_column *column = scols_table_get_column(table->table, i);
        if (size.ws_col < table->columns[i].needed_columns)
            scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
    }
}

void weft_cli_table_add_row(weft_cli_table *table)
{
    table->line = or_exit(scols_table_new_line(table->table, NULL));
    table->column = 0;
}

void weft_cli_table_add_cell(weft_cli_table *table, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    size_t bytes = length < 0 ? 1 : (size_t)length + 1;
    char *text = weft_cli_alloc(bytes);
    vsnprintf(text, bytes, format, again);
    va_end(again);
    va_end(args);
    char *escaped = weft_cli_escape(text, false);
    free(text);
    if (scols_line_refer_data(table->line, table->column++, escaped) != 0) /* takes the text */
        free(escaped);
}

void weft_cli_table_print(weft_cli_table *table, FILE *out)
{
    if (out != NULL && scols_table_get_nlines(table->table) > 0) {
        fflush(out);
        hide_columns(table, out);
        scols_table_set_stream(table->table, out);
        scols_table_set_termforce(table->table, isatty(fileno(out)) == 1 ? SCOLS_TERMFORCE_AUTO
                                                                         : SCOLS_TERMFORCE_NEVER);
        scols_print_table(table->table);
    }
    scols_unref_table(table->table);
    free(table);
}
