/* SPDX-License-Identifier: Apache-2.0 */
/* Data of constants in the text form: lists, single values, bytes and hashes, both ways. Must not
 * know about nodes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "compiler/ir/infer.h"
#include "compiler/ir/text.h"

uint64_t weft_text_hash(const void *data, size_t size_bytes)
{
    uint64_t hash = XXH3_64bits(data, size_bytes);
    return hash ? hash : 1;
}

/* SplitMix64: 64 well-mixed bits per step from any seed. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void weft_text_fill(weft_dtype dtype, void *data, size_t elems, uint64_t hash)
{
    uint64_t state = hash;
    for (size_t i = 0; i < elems; i++) {
        uint64_t bits = next_random(&state);
        unsigned bit = bits & 1;
        switch (dtype) {
        case WEFT_DTYPE_F32:
            ((float *)data)[i] = (float)(int32_t)((bits >> 39) - (1U << 24)) * 0x1p-24F;
            break;
        case WEFT_DTYPE_F64:
            ((double *)data)[i] = (double)(int64_t)((bits >> 11) - (UINT64_C(1) << 52)) * 0x1p-52;
            break;
        case WEFT_DTYPE_F16: /* sign, the exponent of [0.5, 1), mantissa */
            ((uint16_t *)data)[i] = (uint16_t)(bit << 15 | 0x3800U | (bits >> 8 & 0x3ffU));
            break;
        case WEFT_DTYPE_BF16:
            ((uint16_t *)data)[i] = (uint16_t)(bit << 15 | 0x3f00U | (bits >> 8 & 0x7fU));
            break;
        case WEFT_DTYPE_U8:
        case WEFT_DTYPE_I8:
        case WEFT_DTYPE_BOOL: ((uint8_t *)data)[i] = (uint8_t)bit; break;
        case WEFT_DTYPE_U16:
        case WEFT_DTYPE_I16: ((uint16_t *)data)[i] = (uint16_t)bit; break;
        case WEFT_DTYPE_I32:
        case WEFT_DTYPE_U32: ((uint32_t *)data)[i] = bit; break;
        case WEFT_DTYPE_I64:
        case WEFT_DTYPE_U64: ((uint64_t *)data)[i] = bit; break;
        case WEFT_DTYPE_NONE:
        case WEFT_DTYPE_COUNT: return;
        }
    }
}

/* ---- writing ---- */

static bool add_numbers(weft_text *text, weft_dtype dtype, const void *data, size_t elems,
                        bool scalar)
{
    char numbers[WEFT_TEXT_LIST_ELEMS][WEFT_NUMBER_TEXT];
    for (size_t i = 0; i < elems; i++)
        if (!weft_number_format(dtype, data, i, numbers[i]))
            return false;
    if (scalar) {
        weft_text_add(text, numbers[0]);
        return true;
    }
    weft_text_add(text, "[");
    for (size_t i = 0; i < elems; i++)
        weft_text_printf(text, "%s%s", i ? ", " : "", numbers[i]);
    weft_text_add(text, "]");
    return true;
}

void weft_text_add_data(weft_text *text, weft_dtype dtype, const weft_shape *shape,
                        const void *data, uint64_t known_hash, bool in_full)
{
    int64_t elems = 0;
    size_t bytes = 0;
    weft_shape_elems(shape, &elems);
    weft_shape_bytes(shape, dtype, &bytes);
    if (elems <= WEFT_TEXT_LIST_ELEMS &&
        add_numbers(text, dtype, data, (size_t)elems, shape->rank == 0))
        return;
    /* Few elements that are no numbers are written in full always: they are short, and tests read
     * them. */
    if (!in_full && elems > WEFT_TEXT_LIST_ELEMS) {
        weft_text_printf(text, "#%016" PRIx64,
                         known_hash ? known_hash : weft_text_hash(data, bytes));
        return;
    }
    static const char digits[] = "0123456789abcdef";
    char block[128];
    size_t used = 0;
    weft_text_add(text, "0x");
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = ((const uint8_t *)data)[i];
        block[used++] = digits[byte >> 4];
        block[used++] = digits[byte & 15];
        if (used == sizeof block || i + 1 == bytes) {
            weft_text_add_bytes(text, block, used);
            used = 0;
        }
    }
}

/* ---- reading ---- */

static int hex_value(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

static size_t hex_digits(const weft_cursor *cursor)
{
    size_t count = 0;
    while (cursor->at + count < cursor->length && hex_value(cursor->text[cursor->at + count]) >= 0)
        count++;
    return count;
}

static weft_status fail_number(const weft_cursor *cursor, size_t at, weft_dtype dtype,
                               const char *number)
{
    return weft_cursor_fail(cursor, WEFT_E_TEXT_DATA, at, weft_dtype_name(dtype),
                            "%s is no number of type %s", number, weft_dtype_name(dtype));
}

/* Memory for data that the text does not contain; bounded over the whole text. */
static weft_status claim_fill(weft_cursor *cursor, size_t at, size_t bytes)
{
    if (bytes > WEFT_TEXT_FILL_BYTES - cursor->fill_bytes)
        return weft_cursor_fail(cursor, WEFT_E_TEXT_TOO_LARGE, at,
                                "at most 64 MiB of data that is not in the text",
                                "%zu more bytes are too many", bytes);
    cursor->fill_bytes += bytes;
    return WEFT_OK;
}

static weft_status read_list(weft_cursor *cursor, weft_dtype dtype, size_t elems, size_t start,
                             void *data)
{
    char number[WEFT_NUMBER_TEXT];
    for (size_t i = 0; i < elems; i++) {
        if (i > 0)
            WEFT_INFER_TRY(weft_cursor_expect(cursor, ','));
        weft_cursor_skip(cursor);
        size_t at = cursor->at;
        WEFT_INFER_TRY(weft_cursor_number(cursor, number));
        if (!weft_number_parse(dtype, number, data, i))
            return fail_number(cursor, at, dtype, number);
    }
    if (weft_cursor_accept(cursor, ']'))
        return WEFT_OK;
    return weft_cursor_fail(cursor, WEFT_E_TEXT_DATA, start,
                            "as many elements as the dimensions multiply to",
                            "the list does not have %zu elements", elems);
}

static weft_status read_bytes(weft_cursor *cursor, size_t bytes, size_t start,
                              const void **out_data)
{
    size_t digits = hex_digits(cursor);
    if (digits % 2 != 0 || digits / 2 != bytes)
        return weft_cursor_fail(cursor, WEFT_E_TEXT_DATA, start,
                                "two digits per byte of the constant", "%zu digits for %zu bytes",
                                digits, bytes);
    uint8_t *data = weft_arena_alloc(cursor->arena, bytes);
    for (size_t i = 0; i < bytes; i++, cursor->at += 2)
        data[i] = (uint8_t)(hex_value(cursor->text[cursor->at]) * 16 +
                            hex_value(cursor->text[cursor->at + 1]));
    *out_data = data;
    return WEFT_OK;
}

static weft_status read_hash(weft_cursor *cursor, weft_dtype dtype, size_t elems, size_t bytes,
                             size_t start, const void **out_data, uint64_t *out_hash)
{
    size_t digits = hex_digits(cursor);
    uint64_t hash = 0;
    for (size_t i = 0; i < digits && digits <= 16; i++)
        hash = hash << 4 | (uint64_t)hex_value(cursor->text[cursor->at++]);
    if (hash == 0 || elems <= WEFT_TEXT_LIST_ELEMS)
        return weft_cursor_fail(
            cursor, WEFT_E_TEXT_DATA, start,
            "1 to 16 hexadecimal digits, not all 0, for a constant of more than 16 elements",
            "a hash cannot stand here");
    WEFT_INFER_TRY(claim_fill(cursor, start, bytes));
    void *data = weft_arena_alloc(cursor->arena, bytes);
    weft_text_fill(dtype, data, elems, hash);
    *out_data = data;
    *out_hash = hash;
    return WEFT_OK;
}

/* One number that stands for all elements. */
static weft_status read_same(weft_cursor *cursor, weft_dtype dtype, size_t elems, size_t bytes,
                             size_t start, const void **out_data)
{
    char number[WEFT_NUMBER_TEXT];
    uint64_t first[1] = {0}; /* one element of any type */
    WEFT_INFER_TRY(weft_cursor_number(cursor, number));
    if (!weft_number_parse(dtype, number, first, 0))
        return fail_number(cursor, start, dtype, number);
    WEFT_INFER_TRY(claim_fill(cursor, start, bytes));
    uint8_t *data = weft_arena_alloc(cursor->arena, bytes);
    size_t size = weft_dtype_bytes(dtype);
    for (size_t i = 0; i < elems; i++)
        memcpy(data + i * size, first, size);
    *out_data = data;
    return WEFT_OK;
}

weft_status weft_cursor_data(weft_cursor *cursor, weft_dtype dtype, const weft_shape *shape,
                             const void **out_data, uint64_t *out_hash)
{
    int64_t elems;
    size_t bytes;
    weft_cursor_skip(cursor);
    size_t start = cursor->at;
    *out_data = NULL;
    if (!weft_shape_elems(shape, &elems) || !weft_shape_bytes(shape, dtype, &bytes) ||
        bytes > (uint64_t)WEFT_IR_MAX_VALUE_BYTES)
        return weft_cursor_fail(cursor, WEFT_E_TEXT_TOO_LARGE, start, "at most 2^40 bytes",
                                "the constant is too large");
    if (weft_cursor_accept(cursor, '[')) {
        /* Every element needs at least one character, so a longer list cannot be there. */
        if ((uint64_t)elems > cursor->length - cursor->at)
            return weft_cursor_fail(cursor, WEFT_E_TEXT_DATA, start,
                                    "as many elements as the dimensions multiply to",
                                    "the text ends before %" PRId64 " elements", elems);
        void *data = weft_arena_alloc(cursor->arena, bytes);
        *out_data = data;
        return read_list(cursor, dtype, (size_t)elems, start, data);
    }
    if (cursor->length - cursor->at >= 2 && memcmp(cursor->text + cursor->at, "0x", 2) == 0) {
        cursor->at += 2;
        return read_bytes(cursor, bytes, start, out_data);
    }
    if (out_hash && weft_cursor_accept(cursor, '#'))
        return read_hash(cursor, dtype, (size_t)elems, bytes, start, out_data, out_hash);
    return read_same(cursor, dtype, (size_t)elems, bytes, start, out_data);
}
