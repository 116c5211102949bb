/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of npy files: what NumPy writes is read, what it would not write is refused, and lengths
 * are never believed. Must not know about: models, the verbs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/npy.h"

/* A version 1 or 2 file: header text as given, padded by nothing, then the data. Returns its size.
 */
static size_t build(uint8_t *out, int version, const char *header, const void *data,
                    size_t data_bytes)
{
    size_t length = strlen(header), at = 8;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (uint8_t)version;
    out[7] = 0;
    for (int i = 0; i < (version == 1 ? 2 : 4); i++)
        out[at++] = (uint8_t)(length >> (8 * i));
    memcpy(out + at, header, length);
    if (data_bytes > 0)
        memcpy(out + at + length, data, data_bytes);
    return at + length + data_bytes;
}

/* Parses an exact-size copy, so that a sanitizer sees any read beyond the end. */
static weft_status parse(const uint8_t *bytes, size_t size, weft_cli_errors *errors, weft_npy *npy)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    memcpy(exact, bytes, size);
    weft_status status = weft_npy_parse("x.npy", exact, size, errors, npy);
    free(exact);
    return status;
}

static void expect_error(int version, const char *header, size_t data_bytes, uint32_t id)
{
    uint8_t bytes[1024], data[256] = {0};
    weft_cli_errors errors = {0};
    weft_npy npy;
    size_t size = build(bytes, version, header, data, data_bytes);
    if (parse(bytes, size, &errors, &npy) == WEFT_OK)
        fail_msg("accepted: %s", header);
    assert_null(npy.data);
    assert_int_equal(errors.count, 1);
    assert_int_equal(errors.entries[0].id, id);
    weft_cli_errors_finish(&errors);
}

static void reads_what_numpy_writes(void **state)
{
    (void)state;
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    uint8_t bytes[512];
    weft_npy npy;
    for (int version = 1; version <= 3; version++) {
        size_t size = build(bytes, version,
                            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }     \n",
                            values, sizeof values);
        assert_int_equal(parse(bytes, size, NULL, &npy), WEFT_OK);
        assert_string_equal(npy.dtype, "f32");
        assert_int_equal(npy.rank, 2);
        assert_int_equal(npy.dims[0], 2);
        assert_int_equal(npy.dims[1], 3);
        assert_memory_equal(npy.data, values, sizeof values);
        weft_npy_finish(&npy);
    }
    size_t size = build(bytes, 1, "{\"shape\": (), \"fortran_order\": False, \"descr\": \"<f8\"}",
                        "12345678", 8);
    assert_int_equal(parse(bytes, size, NULL, &npy), WEFT_OK);
    assert_int_equal(npy.rank, 0);
    assert_string_equal(npy.dtype, "f64");
    weft_npy_finish(&npy);
    size = build(bytes, 1, "{'descr': '|b1', 'fortran_order': True, 'shape': (0, 7)}", NULL, 0);
    assert_int_equal(parse(bytes, size, NULL, &npy), WEFT_OK);
    assert_int_equal(npy.data_bytes, 0);
    weft_npy_finish(&npy);
    size = build(bytes, 1, "{'descr': '<i8', 'fortran_order': False, 'shape': (1L,), }\n",
                 "abcdefgh", 8);
    assert_int_equal(parse(bytes, size, NULL, &npy), WEFT_OK); /* as Python 2 wrote it */
    weft_npy_finish(&npy);
}

static void turns_orders(void **state)
{
    (void)state;
    /* numpy.asfortranarray([[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]]) in memory order
     */
    static const uint8_t fortran[12] = {0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11};
    uint8_t bytes[512];
    weft_npy npy;
    size_t size = build(bytes, 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }",
                        fortran, 12);
    assert_int_equal(parse(bytes, size, NULL, &npy), WEFT_OK);
    for (uint8_t i = 0; i < 12; i++)
        assert_int_equal(((const uint8_t *)npy.data)[i], i);
    weft_npy_finish(&npy);
    static const uint8_t big[8] = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}; /* 1, -2 as big-endian f32 */
    size = build(bytes, 1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", big, 8);
    assert_int_equal(parse(bytes, size, NULL, &npy), WEFT_OK);
    assert_true(((const float *)npy.data)[0] == 1.0f && ((const float *)npy.data)[1] == -2.0f);
    weft_npy_finish(&npy);
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        "{",
        "{}",
        "[]",
        "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': 'a very long description', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (2,)}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        expect_error(1, headers[i], 8, WEFT_CLI_E_NPY_FORMAT);
    expect_error(4, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8,
                 WEFT_CLI_E_NPY_FORMAT);
    static const char *const dtypes[] = {"<c8", "<U3", "|O", "f4", "|f4", "<f3", "", "<M8[s]"};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        char header[128];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,)}",
                 dtypes[i]);
        expect_error(1, header, 8, WEFT_CLI_E_NPY_DTYPE);
    }
    expect_error(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 7,
                 WEFT_CLI_E_NPY_SIZE);
    expect_error(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9,
                 WEFT_CLI_E_NPY_SIZE);
    expect_error(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,)}", 8,
                 WEFT_CLI_E_NPY_SIZE);
    expect_error(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
                 0, WEFT_CLI_E_NPY_SIZE);
    expect_error(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807,)}", 8,
                 WEFT_CLI_E_NPY_SIZE);
}

static void believes_no_length(void **state)
{
    (void)state;
    static const float values[2] = {1, 2};
    uint8_t bytes[512];
    weft_npy npy;
    size_t size = build(bytes, 2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
                        values, sizeof values);
    for (size_t cut = 0; cut < size; cut++) /* every truncation */
        assert_int_equal(parse(bytes, cut, NULL, &npy), WEFT_INVALID);
    for (int byte = 8; byte < 12; byte++) { /* header lengths up to 4 GB */
        uint8_t kept = bytes[byte];
        bytes[byte] = 0xff;
        assert_int_equal(parse(bytes, size, NULL, &npy), WEFT_INVALID);
        bytes[byte] = kept;
    }
    uint8_t *huge = calloc(1, 70000 + 12); /* a header that really is there, but absurd */
    memcpy(huge, bytes, 8);
    huge[8] = 0x70, huge[9] = 0x11, huge[10] = 1;
    memset(huge + 12, ' ', 70000);
    assert_int_equal(parse(huge, 70000 + 12, NULL, &npy), WEFT_INVALID);
    free(huge);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    static const char *const dtypes[] = {"f32", "f64", "f16", "i8",  "u8",  "i16",
                                         "u16", "i32", "u32", "i64", "u64", "bool"};
    static const int64_t dims[3] = {2, 1, 3};
    uint64_t data[6] = {1, 2, 3, 4, 5, 6};
    char path[] = "/tmp/weft-npy-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        for (int rank = 0; rank <= 3; rank++) {
            weft_npy npy;
            assert_int_equal(weft_npy_write(path, dtypes[i], rank, dims, data, NULL), WEFT_OK);
            assert_int_equal(weft_npy_read(path, NULL, &npy), WEFT_OK);
            assert_string_equal(npy.dtype, dtypes[i]);
            assert_int_equal(npy.rank, rank);
            assert_memory_equal(npy.dims, dims, (size_t)rank * sizeof dims[0]);
            assert_memory_equal(npy.data, data, npy.data_bytes);
            weft_npy_finish(&npy);
        }
    unlink(path);
}

static void failed_writes_leave_nothing(void **state)
{
    (void)state;
    weft_cli_errors errors = {0};
    static const int64_t dims[1] = {1};
    assert_int_equal(weft_npy_write("/nonexistent/folder/y.npy", "u8", 1, dims, "x", &errors),
                     WEFT_IO);
    assert_int_equal(weft_npy_write("/tmp", "u8", 1, dims, "x", &errors), WEFT_IO);
    assert_int_equal(errors.count, 2);
    assert_int_equal(errors.entries[0].id, WEFT_CLI_E_FILE_WRITE);
    weft_cli_errors_finish(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_numpy_writes), cmocka_unit_test(turns_orders),
        cmocka_unit_test(refuses_the_rest),        cmocka_unit_test(believes_no_length),
        cmocka_unit_test(writes_what_it_reads),    cmocka_unit_test(failed_writes_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
