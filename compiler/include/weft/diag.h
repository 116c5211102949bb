/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: a growing list of errors, warnings and notes with stable ids.
 *
 * A caller creates a weft_diag, passes it to library calls, and reads the entries afterwards. Every
 * library call accepts NULL for it. Thread rule: externally locked; use one object per thread or
 * lock around it. */
#ifndef WEFT_DIAG_H
#define WEFT_DIAG_H

#include <stddef.h>
#include <stdint.h>

#include "weft/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_diag weft_diag;

typedef enum weft_severity {
    WEFT_SEVERITY_ERROR,
    WEFT_SEVERITY_WARNING,
    WEFT_SEVERITY_NOTE
} weft_severity;

/* Named lines below the summary of a diagnostic, printed in this order. */
typedef enum weft_diag_field {
    WEFT_DIAG_AT,     /* file, byte offset, line, flag */
    WEFT_DIAG_NODES,  /* node names */
    WEFT_DIAG_TENSOR, /* tensor name */
    WEFT_DIAG_EXPECTED,
    WEFT_DIAG_FOUND,
    WEFT_DIAG_WHY,
    WEFT_DIAG_TRY, /* what to do next */
    WEFT_DIAG_FIELD_COUNT
} weft_diag_field;

typedef struct weft_diag_entry {
    weft_severity severity;
    uint32_t id;         /* 142 prints as E0142; each id has a page section in docs/errors.md */
    weft_status status;  /* the status this error leads to; WEFT_OK for warnings and notes */
    const char *summary; /* one line */
    const char *fields[WEFT_DIAG_FIELD_COUNT]; /* NULL where absent */
} weft_diag_entry;

/* Creates an empty list. WEFT_NO_MEMORY on failure; *out is NULL then. */
weft_status weft_diag_create(weft_diag **out_diag);
/* Releases the list and all strings it gave out. NULL is accepted. */
void weft_diag_destroy(weft_diag *diag);

/* Number of entries, number of errors among them, and entry i (borrowed until the next call that
 * adds, or destroy). */
size_t weft_diag_count(const weft_diag *diag);
size_t weft_diag_error_count(const weft_diag *diag);
const weft_diag_entry *weft_diag_get(const weft_diag *diag, size_t index);

/* Text of an entry: "error[E0142]: summary\n  at: ...\n". Writes at most capacity bytes with a
 * final NUL; returns the length the whole text has (call with capacity 0 to ask). */
size_t weft_diag_format(const weft_diag_entry *entry, char *buffer, size_t capacity);

/* Field's label as printed ("expected"). Static string. */
const char *weft_diag_field_name(weft_diag_field field);

#ifdef __cplusplus
}
#endif
#endif
