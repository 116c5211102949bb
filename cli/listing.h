/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of texts that can be printed as text, JSON or Markdown. Must not know about: what
 * is in it. */
#ifndef WEFT_CLI_LISTING_H
#define WEFT_CLI_LISTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { WEFT_CLI_LISTING_WIDTH = 10 };

typedef struct weft_cli_listing {
    const char *titles[WEFT_CLI_LISTING_WIDTH];
    size_t column_count;
    char *(*rows)[WEFT_CLI_LISTING_WIDTH];
    size_t row_count;
} weft_cli_listing;

/* Titles are borrowed, cells copied. The macros take the texts one by one. */
void weft_cli_listing_columns(weft_cli_listing *listing, size_t count, const char *const *titles);
void weft_cli_listing_row(weft_cli_listing *listing, size_t count, const char *const *cells);
#define WEFT_CLI_TEXTS(...)                                                                        \
    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), (const char *const[])       \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define WEFT_CLI_LISTING_COLUMNS(listing, ...)                                                     \
    weft_cli_listing_columns(listing, WEFT_CLI_TEXTS(__VA_ARGS__))
#define WEFT_CLI_LISTING_ROW(listing, ...)                                                         \
    weft_cli_listing_row(listing, WEFT_CLI_TEXTS(__VA_ARGS__))
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
