/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of the weft-model program: ids, texts, exit codes and their printed shape.
 * Knows nothing about models.
 */
#ifndef WEFT_MODELS_REPORT_H
#define WEFT_MODELS_REPORT_H

#include <stdio.h>

typedef enum weft_report_id {
#define X(number, name, exit_code, text) WEFT_REPORT_##name,
#include "models/errors.def"
#undef X
    WEFT_REPORT_COUNT
} weft_report_id;

/*
 * Prints "error[E0901]: text: subject" and, where given, a "why:" and a "try:" line; returns the
 * exit code. Strings may be NULL.
 */
int weft_report_error(FILE *to, weft_report_id id, const char *subject, const char *why,
                      const char *advice);

/* The candidate with the fewest edits from `word`, or NULL when none is near enough to be a slip.
 */
const char *weft_report_nearest(const char *word, const char *const *candidates, size_t count);

#endif
