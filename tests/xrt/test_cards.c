/* SPDX-License-Identifier: Apache-2.0 */
/* Which cards there are, from the driver's files and from the emulation's configuration, and the
 * guards before the first call of XRT: whatever is missing is said, and nothing crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/backends/xrt/cards.h"
#include "weft/runtime.h"

static char folder[] = "/tmp/weft-test-XXXXXX";
static xrt_card_info cards[XRT_MAX_CARDS];

static void write_text(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int begin_test(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    unsetenv("XCL_EMULATION_MODE");
    unsetenv("WEFT_XRT_LIBRARY");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int end_test(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    unsetenv("XCL_EMULATION_MODE");
    unsetenv("WEFT_XRT_LIBRARY");
    return system(command);
}

static void cards_of_the_driver(void **state)
{
    (void)state;
    make_folder("0000:65:00.1");
    write_text("0000:65:00.1/user_pf", "");
    make_folder("0000:00:1f.0"); /* no card */
    make_folder("0000:b3:00.1");
    write_text("0000:b3:00.1/user_pf", "1\n");
    write_text("0000:b3:00.1/ready", "0x1\n");
    write_text("0000:b3:00.1/interface_uuids",
               "862c7020a250293e32036f19956669e5\nf465b0a3-ae8c-64f6-19bc-150384ace69b\nnothing\n");
    make_folder("0000:b3:00.1/rom.u.1048576");
    write_text("0000:b3:00.1/rom.u.1048576/VBNV", "xilinx_u280_gen3x16_xdma_base_1\n");
    write_text("0000:b3:00.1/kds_custat_raw", "0,0,weft_engine:weft_engine_1,0x1800000,0x4,17\n"
                                              "0,1,weft_engine:weft_engine_2,0x1810000,0x1,16\n");
    make_folder("0000:5e:00.1");
    write_text("0000:5e:00.1/user_pf", "1\n");
    write_text("0000:5e:00.1/ready", "0x0\n");
    size_t count = weft__xrt_cards_find(XRT_MODE_CARD, folder, cards);
    assert_int_equal(count, 2); /* an empty file is no user function */
    assert_string_equal(cards[0].bdf, "0000:5e:00.1");
    assert_false(cards[0].is_ready);
    assert_non_null(strstr(cards[0].why_not, "not ready"));
    assert_string_equal(cards[1].bdf, "0000:b3:00.1");
    assert_true(cards[1].is_ready);
    assert_string_equal(cards[1].shell, "xilinx_u280_gen3x16_xdma_base_1");
    assert_int_equal(cards[1].interface_count, 2);
    assert_int_equal(cards[1].interfaces[0][0], 0x86);
    assert_int_equal(cards[1].interfaces[1][15], 0x9b);
    assert_ptr_equal(weft__xrt_cards_ready(cards, count, 0), &cards[1]);
    assert_null(weft__xrt_cards_ready(cards, count, 1));
    uint32_t status = 0;
    assert_true(
        weft__xrt_unit_status(folder, "0000:b3:00.1", "weft_engine:weft_engine_2", &status));
    assert_int_equal(status, 1);
    assert_true(
        weft__xrt_unit_status(folder, "0000:b3:00.1", "weft_engine:weft_engine_1", &status));
    assert_int_equal(status, 4);
    assert_false(weft__xrt_unit_status(folder, "0000:b3:00.1", "weft_engine:weft_engine", &status));
    assert_false(weft__xrt_unit_status(folder, "", "weft_engine:weft_engine_1", &status));
}

static void no_driver(void **state)
{
    (void)state;
    assert_int_equal(weft__xrt_cards_find(XRT_MODE_CARD, "/nonexistent", cards), 0);
    assert_int_equal(weft__xrt_cards_find(XRT_MODE_UNKNOWN, folder, cards), 0);
}

static void emulated_cards(void **state)
{
    (void)state;
    setenv("EMCONFIG_PATH", folder, 1);
    write_text("emconfig.json",
               "{\"Platform\":{\"Boards\":[{\"Devices\":[{\"Name\":\"a\",\"NumDevices\":\"2\"},"
               "{\"Name\":\"b\",\"NumDevices\":1,"
               "\"InterfaceUUID\":\"862c7020a250293e32036f19956669e5\"}]}]}}");
    assert_int_equal(weft__xrt_cards_find(XRT_MODE_SW_EMU, folder, cards), 3);
    assert_string_equal(cards[1].shell, "a");
    assert_int_equal(cards[1].index, 1);
    assert_string_equal(cards[2].shell, "b");
    assert_int_equal(cards[2].interface_count, 1);
    write_text("emconfig.json", "not JSON");
    assert_int_equal(weft__xrt_cards_find(XRT_MODE_SW_EMU, folder, cards), 1);
    assert_string_equal(cards[0].shell, "");
    write_text("emconfig.json", "{\"Platform\":{\"Boards\":[{\"Devices\":[{\"NumDevices\":"
                                "\"99999999\"}]}]}}");
    assert_int_equal(weft__xrt_cards_find(XRT_MODE_SW_EMU, folder, cards), XRT_MAX_CARDS);
    unsetenv("EMCONFIG_PATH");
}

static void modes(void **state)
{
    (void)state;
    assert_int_equal(weft__xrt_mode(), XRT_MODE_CARD);
    setenv("XCL_EMULATION_MODE", "noop", 1);
    assert_int_equal(weft__xrt_mode(), XRT_MODE_NOOP);
    setenv("XCL_EMULATION_MODE", "sw_emu", 1);
    assert_int_equal(weft__xrt_mode(), XRT_MODE_SW_EMU);
    setenv("XCL_EMULATION_MODE", "hw_emu", 1);
    assert_int_equal(weft__xrt_mode(), XRT_MODE_HW_EMU);
    setenv("XCL_EMULATION_MODE", "", 1);
    assert_int_equal(weft__xrt_mode(), XRT_MODE_UNKNOWN);
}

/* The reason in the list of devices. */
static void expect_unusable(const char *says)
{
    weft_device_list *list = NULL;
    size_t listed = 0;
    assert_int_equal(weft_device_list_create(NULL, &list), WEFT_OK);
    for (size_t i = 0; i < weft_device_list_count(list); i++) {
        const weft_device_info *info = weft_device_list_get(list, i);
        if (strcmp(info->backend, "xrt") != 0)
            continue;
        listed++;
        assert_false(info->usable);
        if (strstr(info->why_not, says) == NULL)
            fail_msg("expected %s in: %s", says, info->why_not);
    }
    assert_int_equal(listed, 1);
    weft_device_list_destroy(list);
}

static void xrt_is_not_installed(void **state)
{
    (void)state;
    char why[XRT_WHY_BYTES];
    bool is_absent = false;
    setenv("WEFT_XRT_LIBRARY", "libno-such-xrt.so.2", 1);
    assert_false(weft__xrt_is_ready(why, &is_absent));
    assert_true(is_absent);
    assert_non_null(strstr(why, "apt-get install libxrt1"));
    expect_unusable("not installed");
}

/* Another library under XRT's name: its functions are not there. */
static void a_library_that_is_not_xrt(void **state)
{
    (void)state;
    char why[XRT_WHY_BYTES];
    xrt_api api;
    setenv("WEFT_XRT_LIBRARY", "libm.so.6", 1);
    assert_false(weft__xrt_api_open(&api, why));
    assert_non_null(strstr(why, "no function xrt"));
    assert_null(api.library);
}

static bool is_installed(void)
{
    char why[XRT_WHY_BYTES];
    bool is_absent = false;
    weft__xrt_is_ready(why, &is_absent);
    return !is_absent;
}

static void the_environment_is_checked(void **state)
{
    (void)state;
    if (!is_installed()) {
        print_message("skipped: XRT is not installed (Debian: libxrt1)\n");
        skip();
    }
    char why[XRT_WHY_BYTES];
    bool is_absent = false;
    setenv("XCL_EMULATION_MODE", "fast", 1);
    assert_false(weft__xrt_is_ready(why, &is_absent));
    assert_non_null(strstr(why, "XCL_EMULATION_MODE is fast"));
    expect_unusable("XCL_EMULATION_MODE is fast");
    unsetenv("XCL_EMULATION_MODE");
    unsetenv("XILINX_XRT");
    if (!weft__xrt_is_ready(why, &is_absent)) { /* XRT before 2.25 */
        assert_non_null(strstr(why, "XILINX_XRT is not set"));
        expect_unusable("XILINX_XRT is not set");
        setenv("XILINX_XRT", folder, 1);
        assert_false(weft__xrt_is_ready(why, &is_absent));
        assert_non_null(strstr(why, "libxrt_core.so.2"));
        make_folder("lib");
        write_text("lib/libxrt_swemu.so.2", "");
        setenv("XILINX_XRT", folder, 1);
    }
    setenv("XCL_EMULATION_MODE", "sw_emu", 1);
    unsetenv("USER");
    assert_false(weft__xrt_is_ready(why, &is_absent));
    assert_non_null(strstr(why, "USER is not set"));
    setenv("USER", "somebody", 1);
    unsetenv("XILINX_VITIS");
    assert_false(weft__xrt_is_ready(why, &is_absent));
    assert_non_null(strstr(why, "XILINX_VITIS is not set"));
    setenv("XILINX_VITIS", folder, 1);
    assert_false(weft__xrt_is_ready(why, &is_absent));
    assert_non_null(strstr(why, "weft softcard"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cards_of_the_driver),
        TEST(no_driver),
        TEST(emulated_cards),
        TEST(modes),
        TEST(xrt_is_not_installed),
        TEST(a_library_that_is_not_xrt),
        TEST(the_environment_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
