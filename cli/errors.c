/* SPDX-License-Identifier: Apache-2.0 */
/* The list of the program's own errors, and the error table that joins both sources of rows.
 * Must not know about: terminals, JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/errors.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "weft/compiler.h"

static const weft_cli_error_row rows[] = {
#define WEFT_CLI_ERROR(number, name, status, title, help)                                          \
    {number, "CLI_" #name, status, title, help},
#include "cli/errors.def"
#undef WEFT_CLI_ERROR
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* Names in it come from files and arguments. */
static char *format_text(bool keeps_lines, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    size_t bytes = length < 0 ? 1 : (size_t)length + 1;
    char *text = weft_cli_alloc(bytes);
    vsnprintf(text, bytes, format, again);
    va_end(again);
    char *escaped = weft_cli_escape(text, keeps_lines);
    free(text);
    return escaped;
}

static void append(weft_cli_errors *errors, weft_diag_entry entry)
{
    if (errors->count == errors->capacity) {
        errors->capacity = errors->capacity == 0 ? 4 : errors->capacity * 2;
        errors->entries =
            weft_cli_realloc_array(errors->entries, errors->capacity, sizeof *errors->entries);
    }
    errors->entries[errors->count++] = entry;
}

weft_status weft_cli_error(weft_cli_errors *errors, weft_cli_error_id id, const char *format, ...)
{
    weft_status status = WEFT_INTERNAL;
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].number == (uint32_t)id)
            status = rows[i].status;
    if (errors == NULL)
        return status;
    va_list args;
    va_start(args, format);
    char *summary = format_text(false, format, args);
    va_end(args);
    append(errors, (weft_diag_entry){.severity = WEFT_SEVERITY_ERROR,
                                     .id = (uint32_t)id,
                                     .status = status,
                                     .summary = summary});
    return status;
}

void weft_cli_note(weft_cli_errors *errors, weft_severity severity, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *summary = format_text(false, format, args);
    va_end(args);
    append(errors, (weft_diag_entry){.severity = severity, .status = WEFT_OK, .summary = summary});
}

void weft_cli_error_field(weft_cli_errors *errors, weft_diag_field field, const char *format, ...)
{
    if (errors == NULL || errors->count == 0)
        return;
    va_list args;
    va_start(args, format);
    char *text = format_text(field == WEFT_DIAG_WHY || field == WEFT_DIAG_TRY, format, args);
    va_end(args);
    const char **slot = &errors->entries[errors->count - 1].fields[field];
    free((void *)(uintptr_t)*slot);
    *slot = text;
}

void weft_cli_errors_finish(weft_cli_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        free((void *)(uintptr_t)errors->entries[i].summary);
        for (int field = 0; field < WEFT_DIAG_FIELD_COUNT; field++)
            free((void *)(uintptr_t)errors->entries[i].fields[field]);
    }
    free(errors->entries);
    *errors = (weft_cli_errors){0};
}

size_t weft_cli_error_row_count(void)
{
    return ROW_COUNT + weft_error_info_count();
}

static weft_cli_error_row library_row(size_t index)
{
    weft_error_info info;
    weft_error_info_get(index, &info);
    return (weft_cli_error_row){info.number, info.name, info.status, info.title, info.help};
}

/* Both tables ascend; a merge position is found by counting, which is cheap enough for a listing.
 */
weft_cli_error_row weft_cli_error_row_get(size_t index)
{
    size_t own = 0, library = 0, library_count = weft_error_info_count();
    for (;; index--) {
        int take_own = library == library_count ||
                       (own < ROW_COUNT && rows[own].number < library_row(library).number);
        if (index == 0)
            return take_own ? rows[own] : library_row(library);
        own += take_own ? 1 : 0;
        library += take_own ? 0 : 1;
    }
}
