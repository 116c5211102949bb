/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the program. Small allocations either succeed or end the program with the documented
 * exit code; sizes that come from a file are allocated with weft_cli_try_alloc, which can fail.
 * Must not know about anything else. */
#ifndef WEFT_CLI_MEMORY_H
#define WEFT_CLI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed; never NULL. Released with free. */
void *weft_cli_alloc(size_t bytes);
void *weft_cli_alloc_array(size_t count, size_t size);
void *weft_cli_realloc_array(void *data, size_t count, size_t size);
char *weft_cli_strdup(const char *text);
char *weft_cli_strndup(const char *text, size_t length);
char *weft_cli_printf(const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;

/* 64-byte aligned, not zeroed; NULL when out of memory. Released with free. */
void *weft_cli_try_alloc(size_t bytes);

/* False on overflow; out untouched then. */
bool weft_cli_mul_size(size_t a, size_t b, size_t *out);

#endif
