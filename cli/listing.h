/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of texts that can be printed as text, JSON or Markdown. Must not know about: what
 * is in it. */
#ifndef WEFT_CLI_LISTING_H
#define WEFT_CLI_LISTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { WEFT_CLI_LISTING_COLUMNS = 10 };

typedef struct weft_cli_listing {
    const char *titles[WEFT_CLI_LISTING_COLUMNS];
    size_t column_count;
    char *(*rows)[WEFT_CLI_LISTING_COLUMNS];
    size_t row_count;
} weft_cli_listing;

/* Both take column_count texts, then NULL. Titles are borrowed, cells copied. */
void weft_cli_listing_columns(weft_cli_listing *listing, ...);
void weft_cli_listing_row(weft_cli_listing *listing, ...);
void weft_cli_listing_finish(weft_cli_listing *listing);

/* hidden: title of a column to leave out, or NULL. */
void weft_cli_listing_print(FILE *out, const weft_cli_listing *listing, const char *hidden);
/* {"schema": "weft.list.NAME/1", ..., "NAME": [{...}]} with titles as keys, spaces as underscores.
 */
json_t *weft_cli_listing_json(const weft_cli_listing *listing, const char *name);
/* A page: title, introduction, and a table or a section per row: the first two cells are its title,
 * the middle ones its first line, the last its text. */
void weft_cli_listing_markdown(FILE *out, const weft_cli_listing *listing, const char *name,
                               const char *title, const char *intro, bool has_sections);

#endif
