/* SPDX-License-Identifier: Apache-2.0 */
/* The error table, and what happens when one of our own invariants does not hold.
 * Must not know about: who reports what. */
#include "compiler/base/error.h"

#include <stdio.h>
#include <stdlib.h>

static const weft_error_row error_rows[] = {
#define WEFT_ERROR(number, name, status, title, help) {number, #name, status, title, help},
#include "compiler/base/errors.def"
#undef WEFT_ERROR
};

size_t weft_error_row_count(void)
{
    return sizeof error_rows / sizeof error_rows[0];
}

const weft_error_row *weft_error_row_get(size_t index)
{
    return index < weft_error_row_count() ? &error_rows[index] : NULL;
}

const weft_error_row *weft_error_row_find(uint32_t number)
{
    for (size_t i = 0; i < weft_error_row_count(); i++)
        if (error_rows[i].number == number)
            return &error_rows[i];
    return NULL;
}

/* The one place that writes to stderr and ends the process: the state of the program is unknown
 * here, and a core file is worth more than a status. */
void weft_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "weft: internal error at %s:%d: %s\n", file, line, condition);
    abort();
}
