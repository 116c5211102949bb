/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of texts as text, JSON or Markdown. Must not know about: what is in it. */
#include <stdlib.h>
#include <string.h>

#include "cli/help.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/memory.h"
#include "cli/table.h"

void weft_cli_listing_columns(weft_cli_listing *listing, size_t count, const char *const *titles)
{
    listing->column_count = count < WEFT_CLI_LISTING_WIDTH ? count : WEFT_CLI_LISTING_WIDTH;
    for (size_t i = 0; i < listing->column_count; i++)
        listing->titles[i] = titles[i];
}

void weft_cli_listing_row(weft_cli_listing *listing, size_t count, const char *const *cells)
{
    listing->rows =
        weft_cli_realloc_array(listing->rows, listing->row_count + 1, sizeof *listing->rows);
    for (size_t i = 0; i < listing->column_count; i++)
        listing->rows[listing->row_count][i] = weft_cli_strdup(i < count ? cells[i] : "");
    listing->row_count++;
}

void weft_cli_listing_finish(weft_cli_listing *listing)
{
    for (size_t row = 0; row < listing->row_count; row++)
        for (size_t i = 0; i < listing->column_count; i++)
            free(listing->rows[row][i]);
    free(listing->rows);
    *listing = (weft_cli_listing){0};
}

void weft_cli_listing_print(FILE *out, const weft_cli_listing *listing, const char *hidden)
{
    weft_cli_table *table = weft_cli_table_create();
    for (size_t i = 0; i < listing->column_count; i++)
        if (hidden == NULL || strcmp(listing->titles[i], hidden) != 0)
            weft_cli_table_add_column(table, listing->titles[i],
                                      i + 1 == listing->column_count ? WEFT_CLI_TRUNC : 0);
    for (size_t row = 0; row < listing->row_count; row++) {
        weft_cli_table_add_row(table);
        for (size_t i = 0; i < listing->column_count; i++)
            if (hidden == NULL || strcmp(listing->titles[i], hidden) != 0)
                weft_cli_table_add_cell(table, "%s", listing->rows[row][i]);
    }
    weft_cli_table_print(table, out);
}

json_t *weft_cli_listing_json(const weft_cli_listing *listing, const char *name)
{
    char *schema = weft_cli_printf("weft.list.%s/1", name);
    json_t *json = weft_cli_json_create(schema), *rows = json_array();
    for (size_t row = 0; row < listing->row_count; row++) {
        json_t *one = json_object();
        for (size_t i = 0; i < listing->column_count; i++) {
            char *key = weft_cli_strdup(listing->titles[i]);
            for (char *at = key; *at != '\0'; at++)
                if (strchr(" /-", *at) != NULL)
                    *at = '_';
            json_object_set_new(one, key, weft_cli_json_text(listing->rows[row][i]));
            free(key);
        }
        json_array_append_new(rows, one);
    }
    json_object_set_new(json, name, rows);
    free(schema);
    return json;
}

/* A cell of a Markdown table: bars would end it, and stars or underscores in attribute names would
 * format it. */
static void put_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("|*_<", *text) != NULL)
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void put_table(FILE *out, const weft_cli_listing *listing)
{
    for (size_t i = 0; i < listing->column_count; i++)
        fprintf(out, "| %s ", listing->titles[i]);
    fputs("|\n", out);
    for (size_t i = 0; i < listing->column_count; i++)
        fputs("|---", out);
    fputs("|\n", out);
    for (size_t row = 0; row < listing->row_count; row++) {
        fprintf(out, "| `%s` ", listing->rows[row][0]);
        for (size_t i = 1; i < listing->column_count; i++) {
            fputs("| ", out);
            put_cell(out, listing->rows[row][i]);
            fputc(' ', out);
        }
        fputs("|\n", out);
    }
}

static void put_sections(FILE *out, const weft_cli_listing *listing)
{
    size_t last = listing->column_count - 1;
    for (size_t row = 0; row < listing->row_count; row++) {
        char *const *cells = listing->rows[row];
        fprintf(out, "%s## %s %s\n\n", row == 0 ? "" : "\n", cells[0], cells[1]);
        for (size_t i = 2; i < last; i++)
            fprintf(out, i == 2 ? "%s%s" : "; %s %s", i == 2 ? "" : listing->titles[i], cells[i]);
        fputs(".\n\n", out);
        weft_cli_help_wrap(out, cells[last], 0);
    }
}

void weft_cli_listing_markdown(FILE *out, const weft_cli_listing *listing, const char *name,
                               const char *title, const char *intro, bool has_sections)
{
    fprintf(out, "<!-- Made by `weft list %s --markdown`; do not edit. -->\n# %s\n\n", name, title);
    weft_cli_help_wrap(out, intro, 0);
    fputc('\n', out);
    if (has_sections)
        put_sections(out, listing);
    else
        put_table(out, listing);
}
