/* SPDX-License-Identifier: Apache-2.0 */
/* Making diagnostics, for library code. Ids and their default status live in errors.def, one row
 * each; docs/errors.md is made from the same rows. The public reading side is weft/diag.h. */
#ifndef WEFT_BASE_ERROR_H
#define WEFT_BASE_ERROR_H

#include "weft/diag.h"

typedef enum weft_error_id {
#define WEFT_ERROR(number, name, status, title, help) WEFT_E_##name = number,
#include "compiler/base/errors.def"
#undef WEFT_ERROR
} weft_error_id;

#if defined(__GNUC__)
#define WEFT_PRINTF(format_index, first_arg)                                                       \
    __attribute__((format(printf, format_index, first_arg)))
#else
#define WEFT_PRINTF(format_index, first_arg)
#endif

/* Appends an error with the row's id and returns the row's status, so `return weft_diag_error(...)`
 * reads well. diag may be NULL. */
weft_status weft_diag_error(weft_diag *diag, weft_error_id id, const char *summary, ...)
    WEFT_PRINTF(3, 4);
/* Appends a warning or note; id 0 prints without an id. */
void weft_diag_warning(weft_diag *diag, weft_error_id id, const char *summary, ...)
    WEFT_PRINTF(3, 4);
void weft_diag_note(weft_diag *diag, const char *summary, ...) WEFT_PRINTF(2, 3);
/* Sets a field of the entry appended last. */
void weft_diag_field_set(weft_diag *diag, weft_diag_field field, const char *format, ...)
    WEFT_PRINTF(3, 4);

typedef struct weft_error_row {
    uint32_t number;
    const char *name;
    weft_status status;
    const char *title; /* what happened, in general terms */
    const char *help;  /* why it happens and what to do; a paragraph of docs/errors.md */
} weft_error_row;

/* The table itself, for docs and `weft help E0142`. */
size_t weft_error_row_count(void);
const weft_error_row *weft_error_row_get(size_t index);
const weft_error_row *weft_error_row_find(uint32_t number);

/* Our own invariants only; never for user input, files or devices. Active in every build. */
#define WEFT_ASSERT(condition)                                                                     \
    ((condition) ? (void)0 : weft_assert_failed(#condition, __FILE__, __LINE__))
void weft_assert_failed(const char *condition, const char *file, int line)
#if defined(__GNUC__)
    __attribute__((noreturn))
#endif
    ;

#endif
