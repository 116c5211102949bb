/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the text form, to and from exact text, whatever locale the process has. Must not know
 * about graphs. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir/text.h"

enum { F32_DIGITS = 9, F64_DIGITS = 17 }; /* enough for every value to read back to the same bits */

/* The C locale for this thread while numbers are converted: others write decimal commas. */
static locale_t enter_c_locale(void)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c_locale ? uselocale(c_locale) : (locale_t)0;
}

static void leave_c_locale(locale_t before)
{
    if (!before)
        return;
    locale_t c_locale = uselocale(before);
    freelocale(c_locale);
}

/* 70 rather than 7e+01, which the shortest "%g" gives. */
static bool format_whole(double value, char *buffer)
{
    if (!(fabs(value) < 1e7) || value != floor(value))
        return false;
    snprintf(buffer, WEFT_NUMBER_TEXT, "%.0f", value);
    return true;
}

static bool format_f32(float value, char *buffer)
{
    if (isnan(value))
        return false;
    if (format_whole((double)value, buffer))
        return true;
    for (int digits = 1; digits <= F32_DIGITS; digits++) {
        snprintf(buffer, WEFT_NUMBER_TEXT, "%.*g", digits, (double)value);
        if (strtof(buffer, NULL) == value)
            break;
    }
    return true;
}

static bool format_f64(double value, char *buffer)
{
    if (isnan(value))
        return false;
    if (format_whole(value, buffer))
        return true;
    for (int digits = 1; digits <= F64_DIGITS; digits++) {
        snprintf(buffer, WEFT_NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    return true;
}

static bool format_float(weft_dtype dtype, const void *data, size_t index, char *buffer)
{
    locale_t before = enter_c_locale();
    bool done = dtype == WEFT_DTYPE_F32 ? format_f32(((const float *)data)[index], buffer)
                                        : format_f64(((const double *)data)[index], buffer);
    leave_c_locale(before);
    return done;
}

bool weft_number_format(weft_dtype dtype, const void *data, size_t index, char *buffer)
{
    int64_t value = 0;
    switch (dtype) {
    case WEFT_DTYPE_F32:
    case WEFT_DTYPE_F64: return format_float(dtype, data, index, buffer);
    case WEFT_DTYPE_BOOL:
        if (((const uint8_t *)data)[index] > 1)
            return false;
        snprintf(buffer, WEFT_NUMBER_TEXT, "%s", ((const uint8_t *)data)[index] ? "true" : "false");
        return true;
    case WEFT_DTYPE_U64:
        snprintf(buffer, WEFT_NUMBER_TEXT, "%" PRIu64, ((const uint64_t *)data)[index]);
        return true;
    case WEFT_DTYPE_U8: value = ((const uint8_t *)data)[index]; break;
    case WEFT_DTYPE_I8:                        /* a number here, not a character */
        value = ((const int8_t *)data)[index]; // NOLINT(bugprone-signed-char-misuse)
        break;
    case WEFT_DTYPE_U16: value = ((const uint16_t *)data)[index]; break;
    case WEFT_DTYPE_I16: value = ((const int16_t *)data)[index]; break;
    case WEFT_DTYPE_I32: value = ((const int32_t *)data)[index]; break;
    case WEFT_DTYPE_U32: value = ((const uint32_t *)data)[index]; break;
    case WEFT_DTYPE_I64: value = ((const int64_t *)data)[index]; break;
    case WEFT_DTYPE_NONE:
    case WEFT_DTYPE_F16:
    case WEFT_DTYPE_BF16:
    case WEFT_DTYPE_COUNT: return false;
    }
    snprintf(buffer, WEFT_NUMBER_TEXT, "%" PRId64, value);
    return true;
}

static bool parse_float(weft_dtype dtype, const char *text, void *data, size_t index)
{
    char *end;
    locale_t before = enter_c_locale();
    if (dtype == WEFT_DTYPE_F32)
        ((float *)data)[index] = strtof(text, &end);
    else
        ((double *)data)[index] = strtod(text, &end);
    leave_c_locale(before);
    return end != text && *end == '\0';
}

/* Whole text as an integer from min to max. */
static bool parse_int(const char *text, int64_t min, int64_t max, int64_t *out_value)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out_value = value;
    return errno == 0 && end != text && *end == '\0' && value >= min && value <= max;
}

static bool parse_u64(const char *text, uint64_t *out_value)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out_value = value;
    return errno == 0 && end != text && *end == '\0' && *text != '-';
}

static bool parse_bool(const char *text, uint8_t *out_value)
{
    *out_value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *out_value || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

bool weft_number_parse(weft_dtype dtype, const char *text, void *data, size_t index)
{
    int64_t value;
#define STORE(type, min, max)                                                                      \
    (parse_int(text, min, max, &value) && (((type *)data)[index] = (type)value, true))
    switch (dtype) {
    case WEFT_DTYPE_F32:
    case WEFT_DTYPE_F64: return parse_float(dtype, text, data, index);
    case WEFT_DTYPE_BOOL: return parse_bool(text, &((uint8_t *)data)[index]);
    case WEFT_DTYPE_U64: return parse_u64(text, &((uint64_t *)data)[index]);
    case WEFT_DTYPE_U8: return STORE(uint8_t, 0, UINT8_MAX);
    case WEFT_DTYPE_I8: return STORE(int8_t, INT8_MIN, INT8_MAX);
    case WEFT_DTYPE_U16: return STORE(uint16_t, 0, UINT16_MAX);
    case WEFT_DTYPE_I16: return STORE(int16_t, INT16_MIN, INT16_MAX);
    case WEFT_DTYPE_I32: return STORE(int32_t, INT32_MIN, INT32_MAX);
    case WEFT_DTYPE_U32: return STORE(uint32_t, 0, UINT32_MAX);
    case WEFT_DTYPE_I64: return STORE(int64_t, INT64_MIN, INT64_MAX);
    case WEFT_DTYPE_NONE:
    case WEFT_DTYPE_F16:
    case WEFT_DTYPE_BF16:
    case WEFT_DTYPE_COUNT: return false;
    }
#undef STORE
    return false;
}
