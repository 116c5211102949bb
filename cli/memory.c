/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the program; see memory.h. Must not know about anything else. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "weft/status.h"

static void *or_exit(void *data)
{
    if (data == NULL) {
        fputs("error[E0598]: out of memory\n", stderr);
        exit(weft_status_exit_code(WEFT_NO_MEMORY));
    }
    return data;
}

void *weft_cli_alloc(size_t bytes)
{
    return or_exit(calloc(1, bytes == 0 ? 1 : bytes));
}

void *weft_cli_alloc_array(size_t count, size_t size)
{
    return or_exit(calloc(count == 0 ? 1 : count, size));
}

void *weft_cli_realloc_array(void *data, size_t count, size_t size)
{
    size_t bytes = 0;
    return or_exit(weft_cli_mul_size(count, size, &bytes) ? realloc(data, bytes == 0 ? 1 : bytes)
                                                          : NULL);
}

char *weft_cli_strndup(const char *text, size_t length)
{
    char *copy = weft_cli_alloc(length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *weft_cli_strdup(const char *text)
{
    return weft_cli_strndup(text, strlen(text));
}

char *weft_cli_printf(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    size_t bytes = length < 0 ? 1 : (size_t)length + 1;
    char *text = weft_cli_alloc(bytes);
    vsnprintf(text, bytes, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void *weft_cli_try_alloc(size_t bytes)
{
    size_t rounded = (bytes + 63) / 64 * 64;
    return rounded < bytes ? NULL : aligned_alloc(64, rounded == 0 ? 64 : rounded);
}

bool weft_cli_mul_size(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}
