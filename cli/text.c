/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, sizes and hashes as people read them. Must not know about: where they come from. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/memory.h"
#include "cli/text.h"

char *weft_cli_format_shape(int rank, const int64_t *dims, char *buffer)
{
    size_t length = 0;
    snprintf(buffer, WEFT_CLI_SHAPE_TEXT, "scalar");
    for (int i = 0; i < rank && length < WEFT_CLI_SHAPE_TEXT; i++)
        length += (size_t)snprintf(buffer + length, WEFT_CLI_SHAPE_TEXT - length, "%s%" PRId64,
                                   i == 0 ? "" : "x", dims[i]);
    return buffer;
}

char *weft_cli_format_position(int rank, const int64_t *dims, size_t index, char *buffer)
{
    size_t position[8] = {0}, length = 1;
    for (int i = rank - 1; i >= 0; i--) {
        size_t dim = dims[i] > 0 ? (size_t)dims[i] : 1;
        position[i] = index % dim;
        index /= dim;
    }
    snprintf(buffer, WEFT_CLI_SHAPE_TEXT, "[");
    for (int i = 0; i < rank && length < WEFT_CLI_SHAPE_TEXT; i++)
        length += (size_t)snprintf(buffer + length, WEFT_CLI_SHAPE_TEXT - length, "%s%zu",
                                   i == 0 ? "" : ",", position[i]);
    if (length < WEFT_CLI_SHAPE_TEXT)
        snprintf(buffer + length, WEFT_CLI_SHAPE_TEXT - length, "]");
    return buffer;
}

char *weft_cli_format_bytes(uint64_t bytes, char *buffer)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 999.95 && unit < 4; unit++)
        value /= 1000;
    snprintf(buffer, WEFT_CLI_BYTES_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return buffer;
}

char *weft_cli_format_hash(uint64_t hash, char *buffer)
{
    snprintf(buffer, WEFT_CLI_HASH_TEXT, "%016" PRIx64, hash);
    return buffer;
}

char *weft_cli_format_count(int64_t count, char *buffer)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count);
    int first = digits[0] == '-' ? 1 : 0;
    size_t out = 0;
    for (int i = 0; i < length; i++) {
        if (i > first && (length - i) % 3 == 0)
            buffer[out++] = ' ';
        buffer[out++] = digits[i];
    }
    buffer[out] = '\0';
    return buffer;
}

bool weft_cli_ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), ending_length = strlen(ending);
    return length >= ending_length && strcasecmp(text + length - ending_length, ending) == 0;
}

char *weft_cli_with_ending(const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash == NULL ? path : slash, '.');
    size_t stem =
        dot == NULL || dot == path || dot == slash + 1 ? strlen(path) : (size_t)(dot - path);
    return weft_cli_printf("%.*s%s", (int)stem, path, ending);
}

size_t weft_cli_dtype_bytes(const char *dtype)
{
    static const struct {
        const char *name;
        size_t bytes;
    } sizes[] = {{"f32", 4}, {"f64", 8}, {"f16", 2}, {"bf16", 2}, {"i8", 1},
                 {"u8", 1},  {"i16", 2}, {"u16", 2}, {"i32", 4},  {"u32", 4},
                 {"i64", 8}, {"u64", 8}, {"bool", 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (strcmp(sizes[i].name, dtype) == 0)
            return sizes[i].bytes;
    return 0;
}
