/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own errors, in the libraries' shape (weft/diag.h), with ids of block 0500 from
 * errors.def. Must not know about: terminals, colours, JSON (report.h prints). */
#ifndef WEFT_CLI_ERRORS_H
#define WEFT_CLI_ERRORS_H

#include "weft/diag.h"

typedef enum weft_cli_error_id {
#define WEFT_CLI_ERROR(number, name, status, title, help) WEFT_CLI_E_##name = number,
#include "cli/errors.def"
#undef WEFT_CLI_ERROR
} weft_cli_error_id;

#if defined(__GNUC__)
#define WEFT_CLI_PRINTF(format_index, first_arg)                                                   \
    __attribute__((format(printf, format_index, first_arg)))
#else
#define WEFT_CLI_PRINTF(format_index, first_arg)
#endif

/* A growing list; start with {0}. Texts belong to the list. */
typedef struct weft_cli_errors {
    weft_diag_entry *entries;
    size_t count, capacity;
} weft_cli_errors;

/* Appends an error and returns the status of its row. errors may be NULL (the status alone counts
 * then). */
weft_status weft_cli_error(weft_cli_errors *errors, weft_cli_error_id id, const char *format, ...)
    WEFT_CLI_PRINTF(3, 4);
/* Appends a note or a warning without an id. */
void weft_cli_note(weft_cli_errors *errors, weft_severity severity, const char *format, ...)
    WEFT_CLI_PRINTF(3, 4);
/* Sets a field of the entry appended last. */
void weft_cli_error_field(weft_cli_errors *errors, weft_diag_field field, const char *format, ...)
    WEFT_CLI_PRINTF(3, 4);
void weft_cli_errors_finish(weft_cli_errors *errors);

typedef struct weft_cli_error_row {
    uint32_t number;
    const char *name;
    weft_status status;
    const char *title, *help;
} weft_cli_error_row;

/* Rows of this table and of the libraries' together, in ascending order. */
size_t weft_cli_error_row_count(void);
weft_cli_error_row weft_cli_error_row_get(size_t index);

#endif
