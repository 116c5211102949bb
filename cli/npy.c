/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's npy files; see npy.h. Every length of the file is checked against the file before it is
 * used. Must not know about: models, inputs. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/memory.h"
#include "cli/npy.h"
#include "cli/text.h"

enum {
    MAX_HEADER_BYTES = 65536, /* three keys and eight dimensions need less than 400 */
    FIXED_BYTES = 8
};

typedef struct header {
    char descr[16];
    bool has_descr, has_order, has_shape, is_fortran;
    int rank;
    int64_t dims[WEFT_NPY_MAX_RANK];
} header;

/* The text of the header while it is read. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_spaces(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static bool take(cursor *c, const char *word)
{
    size_t length = strlen(word);
    skip_spaces(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A quoted string without escapes, which is what numpy writes. */
static bool take_string(cursor *c, char *out, size_t capacity)
{
    skip_spaces(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    char quote = *c->at++;
    size_t length = 0;
    while (c->at < c->end && *c->at != quote && *c->at != '\\' && length + 1 < capacity)
        out[length++] = *c->at++;
    out[length] = '\0';
    return c->at < c->end && *c->at++ == quote;
}

static bool take_int(cursor *c, int64_t *out)
{
    skip_spaces(c);
    int64_t value = 0;
    const char *first = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        int digit = *c->at - '0';
        if (value > (INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (c->at < c->end && *c->at == 'L' && c->at > first) /* Python 2 wrote 3L */
        c->at++;
    *out = value;
    return c->at > first;
}

static bool take_shape(cursor *c, header *h)
{
    if (!take(c, "("))
        return false;
    while (!take(c, ")")) {
        if (h->rank == WEFT_NPY_MAX_RANK || !take_int(c, &h->dims[h->rank]))
            return false;
        h->rank++;
        if (!take(c, ",")) {
            if (h->rank == 1 || !take(c, ")")) /* (3) is no tuple */
                return false;
            return true;
        }
    }
    return true;
}

static bool parse_header(const char *text, size_t length, header *h)
{
    cursor c = {text, text + length};
    if (!take(&c, "{"))
        return false;
    while (!take(&c, "}")) {
        char key[24];
        bool is_good = take_string(&c, key, sizeof key) && take(&c, ":");
        if (is_good && strcmp(key, "descr") == 0 && !h->has_descr) {
            is_good = h->has_descr = take_string(&c, h->descr, sizeof h->descr);
        } else if (is_good && strcmp(key, "fortran_order") == 0 && !h->has_order) {
            h->is_fortran = take(&c, "True");
            is_good = h->has_order = h->is_fortran || take(&c, "False");
        } else if (is_good && strcmp(key, "shape") == 0 && !h->has_shape) {
            is_good = h->has_shape = take_shape(&c, h);
        } else {
            is_good = false;
        }
        if (!is_good)
            return false;
        if (!take(&c, ",")) {
            if (!take(&c, "}"))
                return false;
            break;
        }
    }
    skip_spaces(&c);
    return c.at == c.end && h->has_descr && h->has_order && h->has_shape;
}

static const struct {
    const char *code, *dtype, *numpy_name;
    size_t bytes;
} dtypes[] = {
    {"f4", "f32", "float32", 4}, {"f8", "f64", "float64", 8}, {"f2", "f16", "float16", 2},
    {"i1", "i8", "int8", 1},     {"u1", "u8", "uint8", 1},    {"i2", "i16", "int16", 2},
    {"u2", "u16", "uint16", 2},  {"i4", "i32", "int32", 4},   {"u4", "u32", "uint32", 4},
    {"i8", "i64", "int64", 8},   {"u8", "u64", "uint64", 8},  {"b1", "bool", "bool", 1},
    {"V2", "bf16", "V2", 2}, /* NumPy has no bfloat16; extensions store it as two raw bytes */
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof dtypes[0] };

static bool is_little_endian(void)
{
    const uint16_t probe = 1;
    unsigned char first = 0;
    memcpy(&first, &probe, 1);
    return first == 1;
}

/* Index into dtypes, or -1. '<' little, '>' big, '=' this machine's, '|' no order. */
static int find_dtype(const char *descr, bool *out_is_swapped)
{
    if (strchr("<>=|", descr[0]) == NULL || descr[0] == '\0')
        return -1;
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(descr + 1, dtypes[i].code) == 0) {
            *out_is_swapped = dtypes[i].bytes > 1 && (descr[0] == '>'   ? is_little_endian()
                                                      : descr[0] == '<' ? !is_little_endian()
                                                                        : false);
            return descr[0] == '|' && dtypes[i].bytes > 1 && dtypes[i].code[0] != 'V' ? -1 : i;
        }
    return -1;
}

static weft_status format_error(weft_cli_errors *errors, const char *name, const char *why)
{
    weft_status status =
        weft_cli_error(errors, WEFT_CLI_E_NPY_FORMAT, "%s is not a usable npy file", name);
    weft_cli_error_field(errors, WEFT_DIAG_WHY, "%s", why);
    weft_cli_error_field(errors, WEFT_DIAG_TRY, "write it with numpy.save(file, array)");
    return status;
}

/* Finds the header's text; false with the reason. */
static const char *locate_header(const uint8_t *bytes, size_t size_bytes, const char **out_text,
                                 size_t *out_length)
{
    static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (size_bytes < FIXED_BYTES + 2 || memcmp(bytes, magic, sizeof magic) != 0)
        return size_bytes >= 2 && memcmp(bytes, "PK", 2) == 0
                   ? "it is a zip archive (npz); only single arrays (npy) are read"
                   : "it is neither an npy array nor a PNG or JPEG picture";
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return "the format version is none of 1.0, 2.0, 3.0";
    size_t length_bytes = bytes[6] == 1 ? 2 : 4, length = 0;
    if (size_bytes < FIXED_BYTES + length_bytes)
        return "the header is cut off";
    for (size_t i = 0; i < length_bytes; i++)
        length |= (size_t)bytes[FIXED_BYTES + i] << (8 * i);
    if (length > size_bytes - FIXED_BYTES - length_bytes)
        return "the header is longer than the file";
    if (length > MAX_HEADER_BYTES)
        return "the header is longer than 65536 bytes";
    *out_text = (const char *)bytes + FIXED_BYTES + length_bytes;
    *out_length = length;
    return NULL;
}

static void copy_element(uint8_t *out, const uint8_t *in, size_t bytes, bool is_swapped)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = in[is_swapped ? bytes - 1 - i : i];
}

/* Row-major, native byte order. In Fortran order the first index runs fastest in the file. */
static void copy_elements(const header *h, const uint8_t *in, size_t count, size_t bytes,
                          bool is_swapped, uint8_t *out)
{
    if (!is_swapped && (!h->is_fortran || h->rank < 2)) {
        memcpy(out, in, count * bytes);
        return;
    }
    size_t strides[WEFT_NPY_MAX_RANK] = {0}, index[WEFT_NPY_MAX_RANK] = {0}, stride = 1;
    for (int i = 0; i < h->rank; i++) {
        int axis = h->is_fortran ? i : h->rank - 1 - i;
        strides[axis] = stride;
        stride *= (size_t)h->dims[axis];
    }
    for (size_t element = 0; element < count; element++) {
        size_t from = 0;
        for (int axis = 0; axis < h->rank; axis++)
            from += index[axis] * strides[axis];
        copy_element(out + element * bytes, in + from * bytes, bytes, is_swapped);
        for (int axis = h->rank - 1; axis >= 0 && ++index[axis] == (size_t)h->dims[axis]; axis--)
            index[axis] = 0;
    }
}

weft_status weft_npy_parse(const char *name, const uint8_t *bytes, size_t size_bytes,
                           weft_cli_errors *errors, weft_npy *out_npy)
{
    *out_npy = (weft_npy){0};
    const char *text = NULL;
    size_t length = 0;
    header h = {0};
    const char *why = locate_header(bytes, size_bytes, &text, &length);
    if (why == NULL && !parse_header(text, length, &h))
        why = "the header is not {'descr': '...', 'fortran_order': ..., 'shape': (...)} with at "
              "most 8 dimensions";
    if (why != NULL)
        return format_error(errors, name, why);
    bool is_swapped = false;
    int dtype = find_dtype(h.descr, &is_swapped);
    if (dtype < 0) {
        weft_status status =
            weft_cli_error(errors, WEFT_CLI_E_NPY_DTYPE,
                           "%s has elements of a type that weft does not have", name);
        weft_cli_error_field(errors, WEFT_DIAG_EXPECTED,
                             "float, integer or bool elements, such as '<f4'");
        weft_cli_error_field(errors, WEFT_DIAG_FOUND, "'%s'", h.descr);
        return status;
    }
    size_t count = 1, data_bytes = 0;
    bool fits = true;
    for (int i = 0; i < h.rank; i++)
        fits = fits && (uint64_t)h.dims[i] <= SIZE_MAX &&
               weft_cli_mul_size(count, (size_t)h.dims[i], &count);
    fits = fits && weft_cli_mul_size(count, dtypes[dtype].bytes, &data_bytes);
    const uint8_t *data = (const uint8_t *)text + length;
    size_t found_bytes = size_bytes - (size_t)(data - bytes);
    if (!fits || data_bytes != found_bytes) {
        char shape[WEFT_CLI_SHAPE_TEXT];
        weft_status status = weft_cli_error(errors, WEFT_CLI_E_NPY_SIZE,
                                            "the header and the data of %s disagree", name);
        weft_cli_error_field(errors, WEFT_DIAG_EXPECTED, "%zu bytes for %s of %s",
                             fits ? data_bytes : SIZE_MAX,
                             weft_cli_format_shape(h.rank, h.dims, shape), dtypes[dtype].dtype);
        weft_cli_error_field(errors, WEFT_DIAG_FOUND, "%zu bytes", found_bytes);
        return status;
    }
    out_npy->data = weft_cli_try_alloc(data_bytes);
    if (out_npy->data == NULL)
        return weft_cli_error(errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for the %zu bytes of %s",
                              data_bytes, name);
    copy_elements(&h, data, count, dtypes[dtype].bytes, is_swapped, out_npy->data);
    out_npy->dtype = dtypes[dtype].dtype;
    out_npy->rank = h.rank;
    memcpy(out_npy->dims, h.dims, sizeof h.dims);
    out_npy->data_bytes = data_bytes;
    return WEFT_OK;
}

weft_status weft_npy_read(const char *path, weft_cli_errors *errors, weft_npy *out_npy)
{
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    *out_npy = (weft_npy){0};
    weft_status status = weft_cli_file_read(path, errors, &bytes, &size_bytes);
    if (status == WEFT_OK)
        status = weft_npy_parse(path, bytes, size_bytes, errors, out_npy);
    free(bytes);
    return status;
}

const char *weft_npy_numpy_name(const char *dtype)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(dtypes[i].dtype, dtype) == 0)
            return dtypes[i].numpy_name;
    return dtype;
}

void weft_npy_finish(weft_npy *npy)
{
    free(npy->data);
    *npy = (weft_npy){0};
}

weft_status weft_npy_write(const char *path, const char *dtype, int rank, const int64_t *dims,
                           const void *data, weft_cli_errors *errors)
{
    int found = DTYPE_COUNT - 1;
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(dtypes[i].dtype, dtype) == 0)
            found = i;
    size_t bytes = dtypes[found].bytes;
    const char *native = is_little_endian() ? "<" : ">";
    const char *order = bytes == 1 || dtypes[found].code[0] == 'V' ? "|" : native;
    char head[512] = "\x93NUMPY\x01"; /* minor version 0 follows */
    size_t at = FIXED_BYTES + 2;
    at += (size_t)snprintf(head + at, sizeof head - at,
                           "{'descr': '%s%s', 'fortran_order': False, 'shape': (", order,
                           dtypes[found].code);
    for (int i = 0; i < rank; i++) {
        at += (size_t)snprintf(head + at, sizeof head - at, "%s%" PRId64 "%s", i == 0 ? "" : " ",
                               dims[i], rank == 1 || i + 1 < rank ? "," : "");
        bytes *= (size_t)dims[i];
    }
    at += (size_t)snprintf(head + at, sizeof head - at, "), }");
    while ((at + 1) % 64 != 0) /* the data starts at a multiple of 64 */
        head[at++] = ' ';
    head[at++] = '\n';
    size_t length = at - FIXED_BYTES - 2;
    head[FIXED_BYTES] = (char)(length & 0xff);
    head[FIXED_BYTES + 1] = (char)(length >> 8);
    return weft_cli_file_write(path, head, at, data, bytes, errors);
}
