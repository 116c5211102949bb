/* SPDX-License-Identifier: Apache-2.0 */
/* A bitstream against a package and a card: what fits passes, and each single difference is an
 * error of its own that names both sides and the file. Needs no XRT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "compiler/package/bitstream.h"
#include "kernels/fpga/descriptor.h"
#include "runtime/backends/xrt/match.h"

static const char file[] = "/some/where/network.xclbin";

/* Everything that the three sides are made of; a test changes one thing. */
typedef struct sides {
    weft_xclbin xclbin;
    weft_xclbin_argument arguments[XRT_ARGS];
    weft_xclbin_memory memories[3];
    weft_xclbin_unit units[2];
    int32_t banks[2][XRT_ARGS];
    char notes[128];
    weft_manifest manifest;
    weft_program program;
    const char *kernels[1];
    weft_card_unit planned[2];
    xrt_card_info card;
    xrt_mode mode;
    weft_diag *diag;
} sides;

static void plan_unit(sides *s, size_t index, const char *name, const char *weights,
                      const char *values)
{
    s->planned[index] =
        (weft_card_unit){.name = name, .banks = {values, weights, values, values, values}};
}

static int begin_test(void **state)
{
    static sides all;
    static const char *const names[] = {"program", "weights", "source",
                                        "second",  "target",  "count"};
    sides *s = &all;
    *s = (sides){.kernels = {"weft_engine"}, .mode = XRT_MODE_CARD};
    for (size_t i = 0; i < XRT_ARGS; i++)
        s->arguments[i] =
            (weft_xclbin_argument){names[i], i < XRT_ARG_COUNT, i < XRT_ARG_COUNT ? 8 : 4, 0x10};
    s->memories[0] = (weft_xclbin_memory){"HBM[0]", true, 1 << 28, 0};
    s->memories[1] = (weft_xclbin_memory){"HBM[1]", true, 1 << 28, 1 << 28};
    s->memories[2] = (weft_xclbin_memory){"DDR[0]", false, 1 << 28, 1 << 29};
    for (int u = 0; u < 2; u++) {
        const int32_t banks[XRT_ARGS] = {u, 0, u, u, u, -1};
        memcpy(s->banks[u], banks, sizeof banks);
        s->units[u] = (weft_xclbin_unit){u == 0 ? "engine_1" : "engine_2", 0, s->banks[u]};
    }
    plan_unit(s, 0, "engine_1", "HBM[0]", "HBM[0]");
    plan_unit(s, 1, "engine_2", "HBM[0]", "HBM[1]");
    s->program = (weft_program){.kernels = s->kernels, .kernel_count = 1};
    s->manifest = (weft_manifest){
        .model = "network",
        .programs = &s->program,
        .program_count = 1,
        .engine = {.name = "m", .version = WEFT_D_VERSION_NOW},
        .card = {.board = "u280", .units = s->planned, .unit_count = 2, .clock_mhz = 300}};
    char hash[WEFT_BITSTREAM_HASH_TEXT];
    weft_bitstream_engine_hash(&s->manifest.engine, hash);
    snprintf(s->notes, sizeof s->notes, "{\"engine\":\"%s\",\"board\":\"u280\"}", hash);
    s->xclbin = (weft_xclbin){.mode = WEFT_XCLBIN_HARDWARE,
                              .platform = "xilinx_u280_gen3x16_xdma_1_202211_1",
                              .kernel = "weft_engine",
                              .arguments = s->arguments,
                              .argument_count = XRT_ARGS,
                              .units = s->units,
                              .unit_count = 2,
                              .memories = s->memories,
                              .memory_count = 3,
                              .notes = s->notes};
    memset(s->xclbin.shell_uuid, 0xab, XRT_UUID_BYTES);
    s->card.interface_count = 2;
    memset(s->card.interfaces[0], 0x11, XRT_UUID_BYTES);
    memset(s->card.interfaces[1], 0xab, XRT_UUID_BYTES);
    strcpy(s->card.shell, "xilinx:u280:gen3x16_xdma:1.202211.1");
    *state = s;
    return weft_diag_create(&s->diag) == WEFT_OK ? 0 : -1;
}

static int end_test(void **state)
{
    weft_diag_destroy(((sides *)*state)->diag);
    return 0;
}

static weft_status match(sides *s)
{
    return weft__xrt_match(&(xrt_sides){file, &s->xclbin, &s->manifest, s->mode, &s->card},
                           s->diag);
}

/* One error with this id, both sides and the file. */
static void refuse(sides *s, uint32_t id, const char *expected, const char *found)
{
    assert_int_not_equal(match(s), WEFT_OK);
    assert_int_equal(weft_diag_count(s->diag), 1);
    const weft_diag_entry *entry = weft_diag_get(s->diag, 0);
    assert_int_equal(entry->id, id);
    assert_string_equal(entry->fields[WEFT_DIAG_AT], file);
    assert_non_null(entry->fields[WEFT_DIAG_TRY]);
    if (strstr(entry->fields[WEFT_DIAG_EXPECTED], expected) == NULL)
        fail_msg("expected %s in: %s", expected, entry->fields[WEFT_DIAG_EXPECTED]);
    if (strstr(entry->fields[WEFT_DIAG_FOUND], found) == NULL)
        fail_msg("expected %s in: %s", found, entry->fields[WEFT_DIAG_FOUND]);
}

static void what_fits_passes(void **state)
{
    sides *s = *state;
    assert_int_equal(match(s), WEFT_OK);
    s->manifest.card = (weft_card){.board = NULL}; /* not planned for a card */
    assert_int_equal(match(s), WEFT_OK);
    s->card = (xrt_card_info){.shell = ""}; /* a card that says nothing of itself */
    assert_int_equal(match(s), WEFT_OK);
    s->mode = XRT_MODE_NOOP;
    assert_int_equal(match(s), WEFT_OK);
    s->mode = XRT_MODE_SW_EMU;
    s->xclbin.mode = WEFT_XCLBIN_SW_EMU;
    assert_int_equal(match(s), WEFT_OK);
    assert_int_equal(weft_diag_count(s->diag), 0);
}

static void another_mode(void **state)
{
    sides *s = *state;
    s->xclbin.mode = WEFT_XCLBIN_SW_EMU;
    refuse(s, 710, "hw", "sw_emu");
}

static void a_card_s_bitstream_under_emulation(void **state)
{
    sides *s = *state;
    s->mode = XRT_MODE_SW_EMU;
    refuse(s, 710, "sw_emu", "hw");
}

static void another_shell(void **state)
{
    sides *s = *state;
    strcpy(s->card.shell, "xilinx_u250_gen3x16_xdma_shell_4_1");
    refuse(s, 711, "u280", "u250");
}

static void a_longer_name_is_another_shell(void **state)
{
    sides *s = *state;
    strcpy(s->card.shell, "xilinx_u280_gen3x16_xdma_1_202211_10");
    refuse(s, 711, "202211_1,", "202211_10,");
}

static void another_interface(void **state)
{
    sides *s = *state;
    s->xclbin.shell_uuid[0] = 0xcd;
    refuse(s, 712, "cdab", "1111111111");
}

static void another_kernel(void **state)
{
    sides *s = *state;
    s->xclbin.kernel = "vadd";
    refuse(s, 713, "weft_engine", "vadd");
}

static void another_count_of_arguments(void **state)
{
    sides *s = *state;
    s->xclbin.argument_count = 4;
    refuse(s, 713, "6 arguments", "4 arguments");
}

static void another_width(void **state)
{
    sides *s = *state;
    s->arguments[XRT_ARG_COUNT].size_bytes = 8;
    refuse(s, 713, "scalar count of 4 bytes", "scalar count of 8 bytes");
}

static void a_scalar_for_a_pointer(void **state)
{
    sides *s = *state;
    s->arguments[XRT_ARG_WEIGHTS].is_pointer = false;
    refuse(s, 713, "pointer weights", "scalar weights");
}

static void another_name_of_an_argument(void **state)
{
    sides *s = *state;
    s->arguments[XRT_ARG_TARGET].name = "result";
    refuse(s, 713, "pointer target", "pointer result");
}

static void another_engine(void **state)
{
    sides *s = *state;
    strcpy(s->notes, "{\"engine\":\"0123456789abcdef\",\"board\":\"u50\"}");
    refuse(s, 714, "(m), by package network", "0123456789abcdef, board u50");
}

static void no_word_about_the_engine(void **state)
{
    sides *s = *state;
    s->xclbin.notes = NULL;
    refuse(s, 714, "network", "does not say");
}

static void none_of_the_units(void **state)
{
    sides *s = *state;
    s->units[0].name = "other_1";
    s->units[1].name = "other_2";
    refuse(s, 715, "engine_1", "other_1");
}

static void a_bank_that_is_not_there(void **state)
{
    sides *s = *state;
    s->memories[1].is_used = false;
    refuse(s, 716, "HBM[1], by the plan for u280", "HBM[0]");
}

static void another_bank(void **state)
{
    sides *s = *state;
    s->banks[1][XRT_ARG_WEIGHTS] = 1;
    refuse(s, 717, "engine_2.weights on HBM[0]", "engine_2.weights on HBM[1]");
}

static void values_in_two_banks(void **state)
{
    sides *s = *state;
    s->manifest.card = (weft_card){.board = NULL};
    s->banks[1][XRT_ARG_SECOND] = 0;
    refuse(s, 717, "engine_2.second on HBM[1]", "engine_2.second on HBM[0]");
}

static void a_pointer_without_memory(void **state)
{
    sides *s = *state;
    s->manifest.card = (weft_card){.board = NULL};
    s->banks[0][XRT_ARG_PROGRAM] = -1;
    refuse(s, 717, "engine_1.program on a memory bank", "no memory");
}

static void all_differences_are_told_at_once(void **state)
{
    sides *s = *state;
    s->xclbin.mode = WEFT_XCLBIN_HW_EMU;
    s->xclbin.kernel = "vadd";
    strcpy(s->card.shell, "other");
    assert_int_equal(match(s), WEFT_UNSUPPORTED);
    assert_int_equal(weft_diag_count(s->diag), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_fits_passes),
        TEST(another_mode),
        TEST(a_card_s_bitstream_under_emulation),
        TEST(another_shell),
        TEST(a_longer_name_is_another_shell),
        TEST(another_interface),
        TEST(another_kernel),
        TEST(another_count_of_arguments),
        TEST(another_width),
        TEST(a_scalar_for_a_pointer),
        TEST(another_name_of_an_argument),
        TEST(another_engine),
        TEST(no_word_about_the_engine),
        TEST(none_of_the_units),
        TEST(a_bank_that_is_not_there),
        TEST(another_bank),
        TEST(values_in_two_banks),
        TEST(a_pointer_without_memory),
        TEST(all_differences_are_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
