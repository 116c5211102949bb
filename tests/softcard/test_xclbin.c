/* SPDX-License-Identifier: Apache-2.0 */
/* xclbin files: what is written is read back; damaged ones give an error each; metadata as the
 * vendor's tools write it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler/base/file.h"
#include "hls/softcard/axlf.h"
#include "hls/softcard/metadata.h"
#include "hls/softcard/xclbin_internal.h"
#include "tests/softcard/sample_xclbin.h"

#define PLATFORM "xilinx_u280_gen3x16_xdma_1_202211_1"

typedef struct fixture {
    weft_arena *arena;
    weft_diag *diag;
    char path[64];
    uint8_t *bytes; /* of the written sample */
    size_t size_bytes;
    weft_xclbin written;
} fixture;

static void write_sample(fixture *f)
{
    weft_file_map map;
    assert_int_equal(weft_xclbin_write(&f->written, f->path, f->diag), WEFT_OK);
    assert_int_equal(weft_file_map_open(f->path, &map, f->diag), WEFT_OK);
    f->size_bytes = map.size_bytes;
    f->bytes = weft_arena_dup(f->arena, map.data, map.size_bytes);
    weft_file_map_close(&map);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->arena = weft_arena_create();
    assert_int_equal(weft_diag_create(&f->diag), WEFT_OK);
    snprintf(f->path, sizeof f->path, "/tmp/weft-xclbin-XXXXXX");
    int file = mkstemp(f->path);
    assert_true(file >= 0);
    close(file);
    f->written = sample_xclbin(f->arena, 3, PLATFORM);
    f->written.notes = "{\"schema\": \"weft.bitstream/1\", \"engine\": \"x\"}";
    for (size_t i = 0; i < sizeof f->written.shell_uuid; i++)
        f->written.shell_uuid[i] = (uint8_t)(17 * i);
    write_sample(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    unlink(f->path);
    weft_diag_destroy(f->diag);
    weft_arena_destroy(f->arena);
    free(f);
    return 0;
}

static const weft_xclbin *parse(fixture *f)
{
    const weft_xclbin *x;
    weft__xclbin_parse(f->arena, "sample", f->bytes, f->size_bytes, &x, f->diag);
    return x;
}

/* The bytes must give this error alone. */
static void expect(fixture *f, uint32_t id)
{
    size_t before = weft_diag_count(f->diag);
    assert_null(parse(f));
    assert_int_equal(weft_diag_count(f->diag), before + 1);
    assert_int_equal(weft_diag_get(f->diag, before)->id, id);
}

/* The table's row of a section. */
static uint8_t *row_of(fixture *f, axlf_kind kind)
{
    uint64_t count = axlf_get(f->bytes + AXLF_COUNT, 4);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *row = f->bytes + AXLF_HEAD_BYTES + i * AXLF_ROW_BYTES;
        if (axlf_get(row, 4) == (uint64_t)kind)
            return row;
    }
    fail();
    return NULL;
}

static uint8_t *section_of(fixture *f, axlf_kind kind)
{
    return f->bytes + axlf_get(row_of(f, kind) + AXLF_ROW_OFFSET, 8);
}

static void test_round_trip(void **state)
{
    fixture *f = *state;
    const weft_xclbin *x, *wrote = &f->written;
    assert_int_equal(weft_xclbin_read(f->arena, f->path, &x, f->diag), WEFT_OK);
    assert_int_equal(x->mode, WEFT_XCLBIN_SW_EMU);
    assert_string_equal(x->platform, PLATFORM);
    assert_string_equal(x->kernel, "vadd");
    assert_string_equal(x->notes, wrote->notes);
    assert_memory_equal(x->uuid, wrote->uuid, sizeof x->uuid);
    assert_memory_equal(x->shell_uuid, wrote->shell_uuid, sizeof x->shell_uuid);
    assert_true(x->clock_mhz == 300);
    assert_int_equal(x->bitstream_bytes, 4);
    assert_memory_equal(x->bitstream, "bits", 4);
    assert_int_equal(x->argument_count, SAMPLE_ARGUMENTS);
    for (size_t i = 0; i < SAMPLE_ARGUMENTS; i++) {
        assert_string_equal(x->arguments[i].name, wrote->arguments[i].name);
        assert_int_equal(x->arguments[i].is_pointer, wrote->arguments[i].is_pointer);
        assert_int_equal(x->arguments[i].size_bytes, wrote->arguments[i].size_bytes);
        assert_int_equal(x->arguments[i].offset, wrote->arguments[i].offset);
    }
    assert_int_equal(x->memory_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(x->memories[i].tag, wrote->memories[i].tag);
        assert_true(x->memories[i].is_used);
        assert_int_equal(x->memories[i].size_bytes, wrote->memories[i].size_bytes);
        assert_int_equal(x->memories[i].base, wrote->memories[i].base);
    }
    assert_int_equal(x->unit_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(x->units[i].name, wrote->units[i].name);
        assert_int_equal(x->units[i].base, wrote->units[i].base);
        assert_memory_equal(x->units[i].banks, wrote->units[i].banks,
                            SAMPLE_ARGUMENTS * sizeof(int32_t));
    }
}

static void test_names_are_escaped(void **state)
{
    fixture *f = *state;
    f->written.arguments = weft_arena_dup(f->arena, f->written.arguments,
                                          SAMPLE_ARGUMENTS * sizeof *f->written.arguments);
    f->written.arguments[1].name = "<b> & \"c\" />";
    write_sample(f);
    const weft_xclbin *x = parse(f);
    assert_non_null(x);
    assert_string_equal(x->arguments[1].name, "<b> & \"c\" />");
    assert_string_equal(x->arguments[2].name, "c");
}

static void test_uuid_follows_contents(void **state)
{
    fixture *f = *state;
    uint8_t first[WEFT_XCLBIN_UUID_BYTES];
    memcpy(first, f->written.uuid, sizeof first);
    write_sample(f);
    assert_memory_equal(first, f->written.uuid, sizeof first);
    f->written.bitstream = "bitz";
    write_sample(f);
    assert_memory_not_equal(first, f->written.uuid, sizeof first);
    f->written.bitstream = "bits";
    f->written.units[2].banks[0] = 1;
    write_sample(f);
    assert_memory_not_equal(first, f->written.uuid, sizeof first);
}

static void test_foreign_notes_are_none(void **state)
{
    fixture *f = *state;
    f->written.notes = "{\"schema\": \"other/1\"}";
    write_sample(f);
    const weft_xclbin *x = parse(f);
    assert_non_null(x);
    assert_null(x->notes);
}

static void test_every_cut_is_an_error(void **state)
{
    fixture *f = *state;
    size_t whole = f->size_bytes;
    for (size_t size = 0; size < whole; size++) {
        /* An exact block, so that a sanitizer sees a read beyond it. */
        uint8_t *cut = malloc(size + 1);
        const weft_xclbin *x;
        assert_non_null(cut);
        memcpy(cut, f->bytes, size);
        weft_status status = weft__xclbin_parse(f->arena, "cut", cut, size, &x, NULL);
        assert_int_equal(status, WEFT_INVALID);
        assert_null(x);
        free(cut);
    }
}

static void test_head(void **state)
{
    fixture *f = *state;
    uint8_t *copy = weft_arena_dup(f->arena, f->bytes, f->size_bytes);
    f->bytes[6] = '1';
    expect(f, WEFT_E_XCLBIN_FORMAT);
    memcpy(f->bytes, copy, f->size_bytes);
    axlf_put(f->bytes + AXLF_MODE, 2, 99);
    expect(f, WEFT_E_XCLBIN_FORMAT);
    memcpy(f->bytes, copy, f->size_bytes);
    axlf_put(f->bytes + AXLF_COUNT, 4, UINT32_MAX);
    expect(f, WEFT_E_XCLBIN_TRUNCATED);
    memcpy(f->bytes, copy, f->size_bytes);
    axlf_put(row_of(f, AXLF_BITSTREAM) + AXLF_ROW_OFFSET, 8, UINT64_MAX - 2);
    expect(f, WEFT_E_XCLBIN_TRUNCATED);
    memcpy(f->bytes, copy, f->size_bytes);
    axlf_put(row_of(f, AXLF_BITSTREAM) + AXLF_ROW_SIZE, 8, UINT64_MAX - 2);
    expect(f, WEFT_E_XCLBIN_TRUNCATED);
}

static void test_absent_sections(void **state)
{
    fixture *f = *state;
    static const axlf_kind kinds[] = {AXLF_EMBEDDED_METADATA, AXLF_MEM_TOPOLOGY, AXLF_IP_LAYOUT,
                                      AXLF_CONNECTIVITY};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint8_t *row = row_of(f, kinds[i]);
        axlf_put(row, 4, 31);
        expect(f, WEFT_E_XCLBIN_ABSENT);
        axlf_put(row, 4, (uint64_t)kinds[i]);
    }
    axlf_put(row_of(f, AXLF_CLOCK_FREQ_TOPOLOGY), 4, 31);
    assert_non_null(parse(f));
}

static void test_counts_and_references(void **state)
{
    fixture *f = *state;
    static const struct {
        axlf_kind kind;
        size_t place;
        unsigned bytes;
        uint64_t value;
    } damages[] = {
        {AXLF_MEM_TOPOLOGY, 0, 4, INT32_MAX},
        {AXLF_MEM_TOPOLOGY, 0, 4, UINT32_MAX},
        {AXLF_IP_LAYOUT, 0, 4, INT32_MAX},
        {AXLF_CONNECTIVITY, 0, 4, 1000},
        {AXLF_CLOCK_FREQ_TOPOLOGY, 0, 2, 0x7fff},
        {AXLF_CONNECTIVITY, 4, 4, 4},
        {AXLF_CONNECTIVITY, 8, 4, 3},
        {AXLF_CONNECTIVITY, 8, 4, UINT32_MAX},
        {AXLF_CONNECTIVITY, 12, 4, 2},
        {AXLF_MEM_TOPOLOGY, 16, 8, UINT64_MAX},
        {AXLF_PARTITION_METADATA, 0, 4, 0},
        {AXLF_PARTITION_METADATA, 8, 4, UINT32_MAX},
        {AXLF_PARTITION_METADATA, 56, 4, 7},
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        uint8_t *at = section_of(f, damages[i].kind) + damages[i].place;
        uint64_t was = axlf_get(at, damages[i].bytes);
        axlf_put(at, damages[i].bytes, damages[i].value);
        expect(f, WEFT_E_XCLBIN_SECTION);
        axlf_put(at, damages[i].bytes, was);
    }
    assert_non_null(parse(f));
}

static void test_what_does_not_fit(void **state)
{
    fixture *f = *state;
    weft_xclbin good = f->written;
    char long_name[80];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    for (int i = 0; i < 4; i++) {
        weft_xclbin x = good;
        if (i == 0)
            x.platform = long_name;
        else if (i == 1)
            x.kernel = long_name;
        else if (i == 2)
            x.unit_count = 0;
        else
            x.clock_mhz = 1e9;
        assert_int_equal(weft_xclbin_write(&x, f->path, f->diag), WEFT_UNSUPPORTED);
        assert_int_equal(weft_diag_get(f->diag, weft_diag_count(f->diag) - 1)->id,
                         WEFT_E_XCLBIN_CONTENTS);
    }
}

/* In the manner of v++: declarations, comments, attributes in any order, several kernels, hidden
 * arguments of OpenCL C. */
static void test_metadata(void **state)
{
    fixture *f = *state;
    static const char text[] =
        "<?xml version='1.0'?>\n<!-- <kernel name=\"no\"> -->\n<project><core>\n"
        "<kernel language=\"c\" name=\"one\">\n"
        "<arg id=\"1\" size=\"0x4\" offset=\"0x1C\" addressQualifier=\"0\" name=\"n\"/>\n"
        "<arg name='p' addressQualifier=\"1\" id=\"0\" size=\"0x8\" offset=\"0x10\" "
        "type=\"map&lt;int>*\" />\n"
        "<arg name=\"__printf\" addressQualifier=\"1\" id=\"\" size=\"0x8\" offset=\"0x2c\"/>\n"
        "<instance name=\"one_1\">\n<addrRemap port=\"S\" base=\"0x1800000\"/></instance>\n"
        "<instance name=\"one_2\"><addrRemap base=\"0x1810000\" port=\"S\"/></instance>\n"
        "</kernel><kernel name=\"two\"/></core></project>";
    metadata read;
    assert_null(weft__metadata_read(f->arena, text, sizeof text - 1, &read));
    assert_int_equal(read.kernel_count, 2);
    assert_string_equal(read.kernels[0].name, "one");
    assert_int_equal(read.kernels[0].argument_count, 2);
    assert_string_equal(read.kernels[0].arguments[0].name, "p");
    assert_true(read.kernels[0].arguments[0].is_pointer);
    assert_int_equal(read.kernels[0].arguments[1].offset, 0x1c);
    assert_int_equal(read.kernels[0].unit_count, 2);
    assert_string_equal(read.kernels[0].units[1].name, "one_2");
    assert_int_equal(read.kernels[0].units[1].base, 0x1810000);
    assert_int_equal(read.kernels[1].argument_count, 0);
    static const char *const bad[] = {
        "",
        "<project/>",
        "<kernel name=\"k\">",
        "<kernel name=\"k\"",
        "<kernel><arg/></kernel>",
        "<kernel name=\"k\"><kernel name=\"l\"></kernel></kernel>",
        "<kernel name=\"k\"><arg id=\"1\" name=\"a\" addressQualifier=\"1\" size=\"8\" "
        "offset=\"16\"/></kernel>",
        "<kernel name=\"k\"><arg id=\"4000000000\" name=\"a\" addressQualifier=\"1\" size=\"8\" "
        "offset=\"16\"/></kernel>",
        "<kernel name=\"k\"><arg id=\"0\" name=\"a\" addressQualifier=\"1\" size=\"-8\" "
        "offset=\"16\"/></kernel>",
        "<kernel name=\"k\"><instance name=\"u\"><addrRemap base=\"x\"/></instance></kernel>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(weft__metadata_read(f->arena, bad[i], strlen(bad[i]), &read));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_names_are_escaped),
        TEST(test_uuid_follows_contents),
        TEST(test_foreign_notes_are_none),
        TEST(test_every_cut_is_an_error),
        TEST(test_head),
        TEST(test_absent_sections),
        TEST(test_counts_and_references),
        TEST(test_what_does_not_fit),
        TEST(test_metadata),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
