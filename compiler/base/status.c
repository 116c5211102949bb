/* SPDX-License-Identifier: Apache-2.0 */
/* Names, texts and exit codes of the status rows, and the version of the libraries.
 * Must not know about: diagnostics, files, anything above it. */
#include "weft/status.h"

#include <stddef.h>

#define WEFT_VERSION_TEXT "0.1.0"

typedef struct status_row {
    const char *name;
    const char *text;
    int exit_code;
} status_row;

/* Indexed by the status number; the designators keep it right when rows are appended. */
static const status_row status_rows[] = {
#define STATUS_ROW(name, number, text, exit_code) [number] = {#name, text, exit_code},
    WEFT_STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

/* Row of a status. A number that is no status (from a caller's cast) reads as INTERNAL. */
static const status_row *row_of(weft_status status)
{
    size_t index = (size_t)status;
    if (index >= sizeof status_rows / sizeof status_rows[0] || status_rows[index].name == NULL)
        index = (size_t)WEFT_INTERNAL;
    return &status_rows[index];
}

const char *weft_status_name(weft_status status)
{
    return row_of(status)->name;
}

const char *weft_status_text(weft_status status)
{
    return row_of(status)->text;
}

int weft_status_exit_code(weft_status status)
{
    return row_of(status)->exit_code;
}

const char *weft_version(void)
{
    return WEFT_VERSION_TEXT;
}
