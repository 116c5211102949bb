/* SPDX-License-Identifier: Apache-2.0 */
/* One import in a test, and what it reported. Must not know what is tested. */
#ifndef WEFT_TESTS_IMPORT_CHECK_H
#define WEFT_TESTS_IMPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "compiler/import/import.h"
#include "tests/import/message.h"

typedef struct check {
    weft_arena *arena; /* for the message, and for the graph */
    weft_diag *diag;
    weft_graph *graph;
    weft_status status;
} check;

void check_begin(check *c);
void check_end(check *c);
/* Imports with the first shape_count of shapes; frees the reports of an earlier import. */
void check_params(check *c, const weft_import_params *params);
void check_bytes(check *c, const void *data, size_t size_bytes);
void check_message(check *c, const message *m);
void check_message_shapes(check *c, const message *m, const weft_shape_binding *shapes,
                          size_t shape_count);
/* The nth entry with that id; fails the test when there is none. */
const weft_diag_entry *check_entry(const check *c, weft_error_id id, size_t nth);
size_t check_count(const check *c, weft_error_id id);
/* Exactly one entry, with this id; the import returned the status of its row. */
const weft_diag_entry *check_only(const check *c, weft_error_id id);
void check_contains(const char *text, const char *part);
/* Imported without any report. */
void check_clean(const check *c);

#endif
