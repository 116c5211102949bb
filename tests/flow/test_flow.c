/* SPDX-License-Identifier: Apache-2.0 */
/* Whole builds through the library, with the stand-in for v++ in the place of the tool: releases,
 * kept steps, every failure that has a name, stopping and going on. No vendor's tool is run. */
#define _XOPEN_SOURCE 700 /* mkdtemp; includes POSIX.1-2008 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "compiler/codegen/engine_print.h"
#include "hls/flow/internal.h"
#include "hls/softcard/xclbin.h"
#include "tests/package/sample.h"

#define STANDIN WEFT_TEST_DATA "/flow/standin"
enum { PATH_BYTES = 512 };

/* One folder for the whole program: package, outputs, work folders. */
static char root[64], package_path[PATH_BYTES], calls_path[PATH_BYTES];
static weft_arena *names;
static weft_diag *diag;

/* Lives as long as the program. */
static const char *in_root(const char *name)
{
    return weft_arena_printf(names, "%s/%s", root, name);
}

static void write_package(const char *path, const char *board, const char *part)
{
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    assert_int_equal(WEFT_ARENA_TRY(arena), 0);
    const weft_engine_params *tiny = weft_engine_find("tiny");
    weft_package_content *content = sample_content(arena);
    weft_manifest *manifest = weft_arena_dup(arena, content->manifest, sizeof *manifest);
    manifest->programs[manifest->engine.opencl_program].source =
        weft_engine_print(arena, tiny, WEFT_DIALECT_OPENCL);
    manifest->programs[manifest->engine.hls_program].source =
        weft_engine_print(arena, tiny, WEFT_DIALECT_HLS_C);
    manifest->card.board = board;
    manifest->card.part = part;
    manifest->card.platform = NULL;
    manifest->card.clock_mhz = 300;
    content->manifest = manifest;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_OK);
    weft_arena_destroy(arena);
}

static int set_up_all(void **state)
{
    (void)state;
    const char *build = getenv("WEFT_BUILD");
    char program[PATH_BYTES];
    snprintf(root, sizeof root, "/tmp/weft-flow-XXXXXX");
    names = weft_arena_create();
    if (names == NULL || mkdtemp(root) == NULL)
        return 1;
    snprintf(package_path, sizeof package_path, "%s/sample.weft", root);
    snprintf(calls_path, sizeof calls_path, "%s/calls", root);
    snprintf(program, sizeof program, "%s/tests/flow/standin_xclbin",
             build == NULL ? "build" : build);
    char *whole = realpath(program, NULL);
    if (whole == NULL) {
        fprintf(stderr, "%s is not built\n", program);
        return 1;
    }
    setenv("WEFT_STANDIN_XCLBIN", whole, 1);
    setenv("WEFT_STANDIN_CALLS", calls_path, 1);
    free(whole);
    write_package(package_path, "u280", "xcu280-fsvh2892-2L-e");
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    weft_arena_destroy(names);
    return weft__build_remove_folder(root) ? 0 : 1;
}

static int set_up(void **state)
{
    (void)state;
    setenv("WEFT_STANDIN_RELEASE", "2023.2", 1);
    unsetenv("WEFT_STANDIN_FAULT");
    unsetenv("WEFT_STANDIN_PLATFORMS");
    unlink(calls_path);
    return weft_diag_create(&diag) == WEFT_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    weft_diag_destroy(diag);
    diag = NULL;
    return 0;
}

/* ---- helpers ---- */

static weft_flow_params params_for(const char *output)
{
    weft_flow_params params = WEFT_FLOW_PARAMS_DEFAULT;
    params.package = package_path;
    params.tool = STANDIN "/v++";
    params.output = output;
    return params;
}

/* Creates and runs; *out_flow is NULL when it could not be created. */
static weft_status build(const weft_flow_params *params, weft_flow **out_flow)
{
    weft_status status = weft_flow_create(params, diag, out_flow);
    return status == WEFT_OK ? weft_flow_run(*out_flow, diag) : status;
}

static const weft_diag_entry *entry_with(uint32_t id)
{
    for (size_t i = 0; i < weft_diag_count(diag); i++)
        if (weft_diag_get(diag, i)->id == id)
            return weft_diag_get(diag, i);
    return NULL;
}

static void print_diag(void)
{
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        char text[2048];
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        print_message("%s", text);
    }
}

static void build_well(const weft_flow_params *params, weft_flow **out_flow)
{
    if (build(params, out_flow) != WEFT_OK) {
        print_diag();
        fail();
    }
}

static size_t call_count(void)
{
    size_t count = 0;
    FILE *file = fopen(calls_path, "r");
    for (int c; file != NULL && (c = fgetc(file)) != EOF;)
        count += c == '\n';
    if (file != NULL)
        fclose(file);
    return count;
}

static weft_flow_state state_of(const weft_flow *flow, const char *name)
{
    weft_flow_step step;
    for (size_t i = 0; weft_flow_get_step(flow, i, &step); i++)
        if (strcmp(step.name, name) == 0)
            return step.state;
    fail_msg("no step %s", name);
    return WEFT_FLOW_FAILED;
}

static double value_of(const weft_flow *flow, const char *scope, const char *resource,
                       weft_flow_source source)
{
    weft_flow_figure figure;
    for (size_t i = 0; weft_flow_get_figure(flow, i, &figure); i++)
        if (strcmp(figure.scope, scope) == 0 && strcmp(figure.resource, resource) == 0)
            return figure.values[source];
    return NAN;
}

/* ---- good builds ---- */

static void test_every_release(void **state)
{
    (void)state;
    static const struct {
        const char *release, *language, *platform;
    } cases[] = {{"2019.2", "opencl", "xilinx_u280_xdma_201920_3"},
                 {"2021.2", "opencl", "xilinx_u280_xdma_201920_3"},
                 {"2022.1", "opencl", "xilinx_u280_gen3x16_xdma_1_202211_1"},
                 {"2022.2", "hls-c", "xilinx_u280_gen3x16_xdma_1_202211_1"},
                 {"2023.1", "hls-c", "xilinx_u280_gen3x16_xdma_1_202211_1"},
                 {"2023.2", "hls-c", "xilinx_u280_gen3x16_xdma_1_202211_1"},
                 {"2024.2", "hls-c", "xilinx_u280_gen3x16_xdma_1_202211_1"},
                 {"2025.1", "hls-c", "xilinx_u280_gen3x16_xdma_1_202211_1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_flow *flow = NULL;
        weft_flow_info info;
        weft_flow_params params = params_for(in_root("release.xclbin"));
        params.has_profile = i % 2 == 0;
        setenv("WEFT_STANDIN_RELEASE", cases[i].release, 1);
        build_well(&params, &flow);
        weft_flow_get_info(flow, &info);
        assert_string_equal(info.tool_version, cases[i].release);
        assert_string_equal(info.language, cases[i].language);
        assert_string_equal(info.platform, cases[i].platform);
        assert_true(info.achieved_mhz == 300);
        weft_flow_destroy(flow);
    }
}

static void test_opencl_where_both_are_taken(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("opencl.xclbin"));
    params.language = "opencl";
    setenv("WEFT_STANDIN_RELEASE", "2022.2", 1);
    build_well(&params, &flow);
    weft_flow_destroy(flow);
    setenv("WEFT_STANDIN_RELEASE", "2023.2", 1);
    assert_int_equal(build(&params, &flow), WEFT_UNSUPPORTED);
    assert_null(flow);
    assert_non_null(entry_with(WEFT_E_BUILD_LANGUAGE));
}

/* What the bitstream says, and the numbers of every source. */
static void test_output(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("good.xclbin"));
    build_well(&params, &flow);
    assert_int_equal(weft_diag_count(diag), 0);
    assert_true(value_of(flow, "weft_engine_1", "lut", WEFT_FLOW_HLS) == 152345);
    assert_true(value_of(flow, "weft_engine_2", "lut", WEFT_FLOW_ROUTE) == 143345);
    assert_true(value_of(flow, "weft_engine_2", "bram36", WEFT_FLOW_SYNTHESIS) == 321.5);
    assert_true(value_of(flow, "all units", "dsp", WEFT_FLOW_ROUTE) == 2208);
    assert_true(value_of(flow, "SLR0 with shell", "lut", WEFT_FLOW_ROUTE) == 152345);
    char *report = weft_flow_report(flow);
    json_t *json = json_loads(report, 0, NULL),
           *saved = json_load_file(in_root("good.json"), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "weft.build/1");
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "built");
    assert_true(json_is_null(json_object_get(json, "failure")));
    assert_true(json_equal(json, saved));
    json_t *timing = json_object_get(json, "timing");
    assert_true(json_number_value(json_object_get(timing, "worst_slack_ns")) == 0.010);
    assert_int_equal(json_array_size(json_object_get(timing, "clocks")), 2);
    json_decref(json);
    json_decref(saved);
    free(report);
    weft_flow_destroy(flow);

    weft_arena *arena = weft_arena_create();
    const weft_xclbin *made = NULL;
    assert_int_equal(WEFT_ARENA_TRY(arena), 0);
    assert_int_equal(weft_xclbin_read(arena, in_root("good.xclbin"), &made, diag), WEFT_OK);
    assert_string_equal(made->platform, "xilinx_u280_gen3x16_xdma_1_202211_1");
    assert_int_equal(made->unit_count, 2);
    assert_non_null(made->notes);
    json_t *notes = json_loads(made->notes, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(notes, "schema")), "weft.bitstream/1");
    assert_string_equal(json_string_value(json_object_get(notes, "board")), "u280");
    assert_string_equal(json_string_value(json_object_get(notes, "tool")), "v++ 2023.2");
    assert_int_equal(strlen(json_string_value(json_object_get(notes, "engine"))), 16);
    json_decref(notes);
    weft_arena_destroy(arena);
}

static void test_emulation(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("emulated.xclbin"));
    params.target = WEFT_FLOW_HW_EMU;
    build_well(&params, &flow);
    assert_int_equal(state_of(flow, "emconfig"), WEFT_FLOW_DONE);
    assert_true(weft__build_is_file(in_root("emulated.build/emconfig.json")));
    assert_true(isnan(value_of(flow, "weft_engine_1", "lut", WEFT_FLOW_ROUTE)));
    weft_flow_destroy(flow);
}

/* Devices with a processor want a packaging step. */
static void test_embedded(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("embedded.xclbin"));
    params.package = in_root("embedded.weft");
    params.platform = "xilinx_zcu104_base_202210_1";
    params.is_dry = true;
    write_package(params.package, "zcu104", "xczu7ev-ffvc1156-2-e");
    assert_int_equal(weft_flow_create(&params, diag, &flow), WEFT_OK);
    assert_int_equal(state_of(flow, "package"), WEFT_FLOW_WAITING);
    weft_flow_destroy(flow);
}

/* ---- kept steps ---- */

static void test_kept(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("kept.xclbin"));
    build_well(&params, &flow);
    assert_int_equal(call_count(), 2);
    weft_flow_destroy(flow);
    params.jobs = 3; /* does not change the result */
    build_well(&params, &flow);
    assert_int_equal(call_count(), 2);
    assert_int_equal(state_of(flow, "link"), WEFT_FLOW_KEPT);
    assert_int_equal(state_of(flow, "notes"), WEFT_FLOW_KEPT);
    weft_flow_destroy(flow);
    unlink(in_root("kept.build/link/weft.xclbin")); /* an output that is gone is made again */
    build_well(&params, &flow);
    assert_int_equal(call_count(), 3);
    assert_int_equal(state_of(flow, "compile"), WEFT_FLOW_KEPT);
    assert_int_equal(state_of(flow, "link"), WEFT_FLOW_DONE);
    weft_flow_destroy(flow);
    params.has_profile = true; /* another link.cfg */
    build_well(&params, &flow);
    assert_int_equal(state_of(flow, "compile"), WEFT_FLOW_KEPT);
    assert_int_equal(state_of(flow, "link"), WEFT_FLOW_DONE);
    weft_flow_destroy(flow);
    params.clock_mhz = 250;
    build_well(&params, &flow);
    assert_int_equal(state_of(flow, "compile"), WEFT_FLOW_DONE);
    weft_flow_destroy(flow);
    setenv("WEFT_STANDIN_RELEASE", "2024.1", 1); /* another release is another tool */
    build_well(&params, &flow);
    assert_int_equal(state_of(flow, "compile"), WEFT_FLOW_DONE);
    weft_flow_destroy(flow);
}

/* ---- failures ---- */

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        weft_status status;
        uint32_t id;
        weft_diag_field field;
        const char *text; /* in that field */
    } cases[] = {
        {"timing_fixed", WEFT_TOOL, WEFT_E_BUILD_TIMING, WEFT_DIAG_WHY, "slack: -0.024 ns"},
        {"timing_fixed", WEFT_TOOL, WEFT_E_BUILD_TIMING, WEFT_DIAG_TRY, "--clock 290"},
        {"resources", WEFT_NO_FIT, WEFT_E_BUILD_RESOURCES, WEFT_DIAG_WHY,
         "DSP: 9100 needed, 8496 in Pblock 'pblock_dynamic_region', RAMB36/FIFO: 2012 needed"},
        {"resources", WEFT_NO_FIT, WEFT_E_BUILD_RESOURCES, WEFT_DIAG_TRY, "weft compile"},
        {"placement", WEFT_TOOL, WEFT_E_BUILD_PLACEMENT, WEFT_DIAG_FOUND, "Placer failed"},
        {"routing", WEFT_TOOL, WEFT_E_BUILD_ROUTING, WEFT_DIAG_TRY, "--clock 270"},
        {"crash", WEFT_TOOL, WEFT_E_BUILD_CRASH, WEFT_DIAG_TRY, "goes on at this step"},
        {"killed", WEFT_TOOL, WEFT_E_BUILD_MEMORY, WEFT_DIAG_TRY, "--jobs 1"},
        {"kill9", WEFT_TOOL, WEFT_E_BUILD_MEMORY, WEFT_DIAG_TRY, "--jobs 1"},
        {"license", WEFT_TOOL, WEFT_E_BUILD_LICENSE, WEFT_DIAG_TRY, "XILINXD_LICENSE_FILE"},
        {"disk", WEFT_TOOL, WEFT_E_BUILD_DISK, WEFT_DIAG_FOUND, "No space left"},
        {"hls", WEFT_TOOL, WEFT_E_BUILD_SYNTHESIS, WEFT_DIAG_AT, "compile.log"},
        {"no_output", WEFT_TOOL, WEFT_E_BUILD_NO_OUTPUT, WEFT_DIAG_AT, "compile.log"},
        {"other", WEFT_TOOL, WEFT_E_BUILD_TOOL_FAILED, WEFT_DIAG_FOUND, "nobody has seen"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_flow *flow = NULL;
        char name[64];
        snprintf(name, sizeof name, "fault%zu.xclbin", i);
        weft_flow_params params = params_for(in_root(name));
        setenv("WEFT_STANDIN_FAULT", cases[i].fault, 1);
        weft_status status = build(&params, &flow);
        const weft_diag_entry *entry = entry_with(cases[i].id);
        if (status != cases[i].status || entry == NULL || entry->fields[cases[i].field] == NULL ||
            strstr(entry->fields[cases[i].field], cases[i].text) == NULL) {
            print_diag();
            fail_msg("%s: status %d", cases[i].fault, (int)status);
        }
        assert_false(weft__build_is_file(in_root(name))); /* nothing is left where it would pass */
        json_t *json = json_load_file(
            in_root(weft_arena_printf(flow->arena, "fault%zu.build/build.json", i)), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(json, "verdict")), "failed");
        assert_true(json_is_object(json_object_get(json, "failure")));
        json_decref(json);
        weft_flow_destroy(flow);
        weft_diag_destroy(diag);
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    }
}

/* After a failure of the linker the compiler's work is kept. */
static void test_goes_on(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("goes_on.xclbin"));
    setenv("WEFT_STANDIN_FAULT", "crash", 1);
    assert_int_equal(build(&params, &flow), WEFT_TOOL);
    weft_flow_destroy(flow);
    unsetenv("WEFT_STANDIN_FAULT");
    build_well(&params, &flow);
    assert_int_equal(state_of(flow, "compile"), WEFT_FLOW_KEPT);
    assert_int_equal(state_of(flow, "link"), WEFT_FLOW_DONE);
    assert_int_equal(call_count(), 3);
    weft_flow_destroy(flow);
}

static void test_lowered_clock(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_info info;
    weft_flow_params params = params_for(in_root("lowered.xclbin"));
    setenv("WEFT_STANDIN_FAULT", "timing_scaled", 1);
    build_well(&params, &flow);
    weft_flow_get_info(flow, &info);
    assert_true(info.achieved_mhz == 231);
    assert_string_equal(info.achieved_source, "route");
    assert_true(info.slack_ns < -0.9);
    const weft_diag_entry *entry = entry_with(WEFT_E_BUILD_CLOCK);
    assert_non_null(entry);
    assert_int_equal(entry->severity, WEFT_SEVERITY_WARNING);
    assert_non_null(strstr(entry->fields[WEFT_DIAG_TRY], "--clock 230"));
    weft_flow_destroy(flow);
}

static void test_unreadable_reports(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("garbage.xclbin"));
    setenv("WEFT_STANDIN_FAULT", "garbage", 1);
    build_well(&params, &flow);
    assert_int_equal(weft_diag_count(diag), 4);
    assert_non_null(entry_with(WEFT_E_BUILD_REPORT));
    assert_int_equal(weft_diag_error_count(diag), 0);
    weft_flow_info info;
    weft_flow_get_info(flow, &info); /* the container still says its clock */
    assert_true(info.achieved_mhz == 300);
    assert_string_equal(info.achieved_source, "xclbin");
    weft_flow_destroy(flow);
}

/* ---- before anything runs ---- */

static void expect_refusal(const weft_flow_params *params, weft_status status, uint32_t id)
{
    weft_flow *flow = NULL;
    weft_status found = build(params, &flow);
    if (found != status || entry_with(id) == NULL) {
        print_diag();
        fail_msg("status %d, E%04u is wanted", (int)found, id);
    }
    weft_flow_destroy(flow);
}

static void test_refusals(void **state)
{
    (void)state;
    weft_flow_params params = params_for(in_root("refused.xclbin"));
    setenv("WEFT_STANDIN_RELEASE", "2025.2", 1);
    expect_refusal(&params, WEFT_UNSUPPORTED, WEFT_E_BUILD_TOOL_BOARD);
    assert_non_null(strstr(entry_with(WEFT_E_BUILD_TOOL_BOARD)->fields[WEFT_DIAG_EXPECTED],
                           "xilinx_u280_gen3x16_xdma_1_202211_1 (2022.1 to 2025.1)"));
    setenv("WEFT_STANDIN_RELEASE", "2018.3", 1);
    expect_refusal(&params, WEFT_UNSUPPORTED, WEFT_E_BUILD_TOOL_OLD);
    setenv("WEFT_STANDIN_FAULT", "no_version", 1);
    expect_refusal(&params, WEFT_DEVICE, WEFT_E_BUILD_TOOL_VERSION);
    unsetenv("WEFT_STANDIN_FAULT");
    setenv("WEFT_STANDIN_RELEASE", "2023.2", 1);
    params.tool = in_root("no/such/tool");
    expect_refusal(&params, WEFT_DEVICE, WEFT_E_BUILD_TOOL_ABSENT);
    params.tool = STANDIN; /* the folder has no bin/v++ */
    expect_refusal(&params, WEFT_DEVICE, WEFT_E_BUILD_TOOL_ABSENT);
    params.tool = STANDIN "/v++";
    params.package = in_root("v80.weft");
    write_package(params.package, "v80", "xcv80-lsva4737-2MHP-e-S");
    expect_refusal(&params, WEFT_UNSUPPORTED, WEFT_E_BUILD_NO_PLATFORM);
    params.package = in_root("none.weft");
    expect_refusal(&params, WEFT_IO, WEFT_E_FILE_OPEN);
    params.package = package_path;
    params.tool = in_root("alone"); /* without its companions */
    params.target = WEFT_FLOW_HW_EMU;
    assert_int_equal(symlink(STANDIN "/v++", params.tool), 0);
    expect_refusal(&params, WEFT_DEVICE, WEFT_E_BUILD_COMPANION);
    assert_int_equal(call_count(), 0); /* the tool was only asked for its version */
}

/* A platform that the board lists and the machine does not have: those it has are named. */
static void test_platform_not_installed(void **state)
{
    (void)state;
    weft_flow_params params = params_for(in_root("absent.xclbin"));
    setenv("WEFT_STANDIN_PLATFORMS", "xilinx_u250_gen3x16_xdma_4_1_202210_1", 1);
    expect_refusal(&params, WEFT_TOOL, WEFT_E_BUILD_PLATFORM);
    const weft_diag_entry *entry = entry_with(WEFT_E_BUILD_PLATFORM);
    assert_non_null(strstr(entry->fields[WEFT_DIAG_WHY], "xilinx_u250_gen3x16_xdma_4_1_202210_1"));
    assert_non_null(strstr(entry->fields[WEFT_DIAG_TRY], "--platform"));
}

static void test_newer_release(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("newer.xclbin"));
    params.platform = "xilinx_u280_gen3x16_xdma_1_202211_1";
    setenv("WEFT_STANDIN_RELEASE", "2031.1", 1);
    build_well(&params, &flow);
    assert_non_null(entry_with(WEFT_E_BUILD_TOOL_NEW));
    weft_flow_destroy(flow);
}

/* Without a tool the plan is made for a release that has the board. */
static void test_dry(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_info info;
    weft_flow_params params = params_for(NULL);
    params.tool = in_root("no/such/tool");
    params.is_dry = true;
    assert_int_equal(weft_flow_create(&params, diag, &flow), WEFT_OK);
    weft_flow_get_info(flow, &info);
    assert_string_equal(info.tool_version, "2025.1");
    assert_true(info.is_version_assumed);
    assert_int_equal(weft_flow_run(flow, diag), WEFT_USAGE);
    weft_flow_destroy(flow);
    params.tool_version = "2021.2";
    assert_int_equal(weft_flow_create(&params, NULL, &flow), WEFT_OK);
    weft_flow_get_info(flow, &info);
    assert_string_equal(info.language, "opencl");
    weft_flow_destroy(flow);
    params.tool_version = "next year";
    assert_int_equal(weft_flow_create(&params, NULL, &flow), WEFT_DEVICE);
    assert_null(flow);
}

/* Every allocation of planning fails once. */
static void test_no_memory(void **state)
{
    (void)state;
    weft_flow_params params = params_for(NULL);
    params.is_dry = true;
    params.tool_version = "2023.2";
    size_t failures = 0;
    weft_status status = WEFT_NO_MEMORY;
    while (status == WEFT_NO_MEMORY && failures < 100000) {
        weft_flow *flow = NULL;
        weft_arena_fail_after(++failures);
        status = weft_flow_create(&params, NULL, &flow);
        weft_arena_fail_after(0);
        assert_true((flow != NULL) == (status == WEFT_OK));
        weft_flow_destroy(flow);
    }
    assert_int_equal(status, WEFT_OK);
    assert_true(failures > 10);
}

/* ---- stopping ---- */

static bool stop_in_link(void *user)
{
    (void)user;
    return weft__build_is_file(in_root("stopped.build/link/helper.pid"));
}

static void test_stop_and_go_on(void **state)
{
    (void)state;
    weft_flow *flow = NULL;
    weft_flow_params params = params_for(in_root("stopped.xclbin"));
    params.should_stop = stop_in_link;
    setenv("WEFT_STANDIN_FAULT", "slow", 1);
    assert_int_equal(build(&params, &flow), WEFT_CANCELLED);
    assert_non_null(entry_with(WEFT_E_BUILD_STOPPED));
    assert_false(weft__build_is_file(in_root("stopped.xclbin")));
    weft_flow_destroy(flow);
    unsetenv("WEFT_STANDIN_FAULT");
    params.should_stop = NULL;
    build_well(&params, &flow);
    assert_int_equal(state_of(flow, "compile"), WEFT_FLOW_KEPT);
    assert_true(weft__build_is_file(in_root("stopped.xclbin")));
    weft_flow_destroy(flow);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_every_release), TEST(test_opencl_where_both_are_taken),
        TEST(test_output),        TEST(test_emulation),
        TEST(test_embedded),      TEST(test_kept),
        TEST(test_failures),      TEST(test_goes_on),
        TEST(test_lowered_clock), TEST(test_unreadable_reports),
        TEST(test_refusals),      TEST(test_platform_not_installed),
        TEST(test_newer_release), TEST(test_dry),
        TEST(test_no_memory),     TEST(test_stop_and_go_on),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
