/* SPDX-License-Identifier: Apache-2.0 */
/* What weft adds to a launch: XRT's own start and wait against weft's backend xrt, alternating, in
 * XRT's mode noop, where a launch does nothing. A run of weft's has STEPS launches (the session
 * profiles, so that each step is one), and its time is divided by them; what a run costs besides is
 * shown by a run of one launch. Needs Debian's libxrt1 and XILINX_XRT with its noop shim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compiler/package/bitstream.h"
#include "compiler/package/format.h"
#include "hls/softcard/xclbin.h"
#include "kernels/fpga/descriptor.h"
#include "runtime/backends/xrt/api.h"
#include "weft/runtime.h"

enum { STEPS = 1000, ROUNDS = 200, WARMUP = 20, ELEMS = 128, ARGUMENTS = 6 };
static const double GOAL_US = 1.0;

static double now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void fail(const char *what, const weft_diag *diag)
{
    char text[2048];
    fprintf(stderr, "xrt_dispatch: %s\n", what);
    for (size_t i = 0; diag != NULL && i < weft_diag_count(diag); i++) {
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        fputs(text, stderr);
    }
    exit(1);
}

/* ---- a package of many steps, and a bitstream for it ---- */

static weft_status no_bytes(void *user, size_t blob, void *out)
{
    (void)user, (void)blob, (void)out;
    return WEFT_OK;
}

static const void *no_plain(void *user, size_t schedule, size_t value)
{
    (void)user, (void)schedule, (void)value;
    return NULL;
}

static weft_schedule_value make_value(const char *name, weft_place place, int32_t offset,
                                      int32_t last_step)
{
    return (weft_schedule_value){.name = name,
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {1, {ELEMS}},
                                 .place = place,
                                 .alias_of = -1,
                                 .offset_bytes = (uint64_t)offset,
                                 .size_bytes = ELEMS * 4,
                                 .first_step = -1,
                                 .last_step = last_step,
                                 .blob = -1};
}

static void fill_step(weft_arena *arena, weft_step *step, int32_t index)
{
    const weft_arg words[] = {{.kind = WEFT_ARG_INT, .index = -1, .i = 2},
                              {.kind = WEFT_ARG_VALUE, .index = index},
                              {.kind = WEFT_ARG_INT, .index = -1},
                              {.kind = WEFT_ARG_VALUE, .index = index + 1}};
    const int32_t in = index, out = index + 1, dep = index - 1;
    *step = (weft_step){.name = weft_arena_printf(arena, "relu%d", (int)index), .op = "Relu"};
    step->inputs = weft_arena_dup(arena, &in, sizeof in);
    step->outputs = weft_arena_dup(arena, &out, sizeof out);
    step->input_count = step->output_count = step->descriptor_count = 1;
    step->deps = weft_arena_dup(arena, &dep, sizeof dep);
    step->dep_count = index > 0;
    step->descriptors = WEFT_NEW(arena, weft_descriptor);
    step->descriptors->words = weft_arena_dup(arena, words, sizeof words);
    step->descriptors->word_count = sizeof words / sizeof words[0];
}

static void write_package(weft_arena *arena, const char *path, int32_t steps)
{
    static const char *kernels[] = {"test_engine"};
    int32_t input = 0, output = steps;
    weft_program programs[] = {{"e", "int e;", "", kernels, 1, WEFT_LANGUAGE_OPENCL},
                               {"e", "int e;", "", kernels, 1, WEFT_LANGUAGE_HLS_C}};
    weft_schedule schedule = {.inputs = &input,
                              .outputs = &output,
                              .input_count = 1,
                              .output_count = 1,
                              .value_count = (size_t)steps + 1,
                              .step_count = (size_t)steps,
                              .arena_bytes = 2 * ELEMS * 4};
    schedule.values = WEFT_NEW_ARRAY(arena, weft_schedule_value, schedule.value_count);
    schedule.steps = WEFT_NEW_ARRAY(arena, weft_step, schedule.step_count);
    for (int32_t i = 0; i <= steps; i++)
        schedule.values[i] = make_value(weft_arena_printf(arena, "v%d", (int)i),
                                        i == 0       ? WEFT_PLACE_INPUT
                                        : i == steps ? WEFT_PLACE_OUTPUT
                                                     : WEFT_PLACE_ARENA,
                                        i % 2 * ELEMS * 4, steps - 1);
    for (int32_t i = 0; i < steps; i++)
        fill_step(arena, &schedule.steps[i], i);
    const weft_manifest manifest = {
        .model = "launches",
        .producer = "bench",
        .target = "cpu-generic",
        .programs = programs,
        .program_count = 2,
        .engine = {.name = "test", .version = WEFT_D_VERSION_NOW, .hls_program = 1},
        .schedules = &schedule,
        .schedule_count = 1};
    const weft_package_content content = {
        .manifest = &manifest, .graph_text = "", .blob_bytes = no_bytes, .plain_bytes = no_plain};
    weft_diag *diag = NULL;
    weft_diag_create(&diag);
    if (weft_package_write(path, &content, diag) != WEFT_OK)
        fail("the package cannot be written", diag);
    weft_diag_destroy(diag);
}

static void write_bitstream(weft_arena *arena, const char *path, uint8_t uuid[16])
{
    static const char *const names[] = {"program", "weights", "source",
                                        "second",  "target",  "count"};
    weft_xclbin_argument arguments[ARGUMENTS];
    weft_xclbin_memory memory = {"DDR[0]", true, UINT64_C(1) << 34, 0};
    int32_t banks[ARGUMENTS] = {0, 0, 0, 0, 0, -1};
    weft_xclbin_unit unit = {"test_engine_1", 0x1800000, banks};
    char hash[WEFT_BITSTREAM_HASH_TEXT];
    uint32_t offset = 0x10;
    for (size_t i = 0; i < ARGUMENTS; i++) {
        bool is_pointer = i < ARGUMENTS - 1;
        arguments[i] = (weft_xclbin_argument){names[i], is_pointer, is_pointer ? 8 : 4, offset};
        offset += arguments[i].size_bytes + 4;
    }
    weft_bitstream_engine_hash(&(weft_engine){.version = WEFT_D_VERSION_NOW}, hash);
    weft_xclbin xclbin = {.mode = WEFT_XCLBIN_HARDWARE,
                          .platform = "noop",
                          .kernel = "test_engine",
                          .arguments = arguments,
                          .argument_count = ARGUMENTS,
                          .units = &unit,
                          .unit_count = 1,
                          .memories = &memory,
                          .memory_count = 1,
                          .clock_mhz = 300,
                          .notes = weft_arena_printf(
                              arena, "{\"schema\":\"weft.bitstream/1\",\"engine\":\"%s\"}", hash),
                          .bitstream = "none",
                          .bitstream_bytes = 4};
    weft_diag *diag = NULL;
    weft_diag_create(&diag);
    if (weft_xclbin_write(&xclbin, path, diag) != WEFT_OK)
        fail("the bitstream cannot be written", diag);
    weft_diag_destroy(diag);
    memcpy(uuid, xclbin.uuid, sizeof xclbin.uuid);
}

/* ---- the two ways ---- */

typedef struct direct {
    xrt_api api;
    void *device, *kernel, *run;
} direct;

static void open_direct(direct *d, const char *bitstream, const uint8_t uuid[16])
{
    char why[XRT_WHY_BYTES];
    if (!weft__xrt_api_open(&d->api, why))
        fail(why, NULL);
    d->device = d->api.device_open(0);
    if (d->device == NULL || d->api.device_load_xclbin_file(d->device, bitstream) != 0)
        fail("XRT does not load the bitstream", NULL);
    d->kernel = d->api.kernel_open(d->device, uuid, "test_engine");
    d->run = d->kernel == NULL ? NULL : d->api.run_open(d->kernel);
    if (d->run == NULL)
        fail("XRT does not open the kernel", NULL);
}

static void close_direct(direct *d)
{
    d->api.run_close(d->run);
    d->api.kernel_close(d->kernel);
    d->api.device_close(d->device);
    weft__xrt_api_close(&d->api);
}

static double launch_direct(const direct *d)
{
    double begin = now_us();
    for (int i = 0; i < STEPS; i++) {
        d->api.run_start(d->run);
        d->api.run_wait_for(d->run, 1000);
    }
    return (now_us() - begin) / STEPS;
}

typedef struct through_weft {
    weft_session *session;
    weft_request *request;
    weft_diag *diag;
} through_weft;

static void open_weft(through_weft *w, const char *package_path, const char *bitstream)
{
    weft_package *package = NULL;
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = "xrt";
    params.bitstream = bitstream;
    params.profile = true;
    weft_diag_create(&w->diag);
    if (weft_package_open(package_path, w->diag, &package) != WEFT_OK ||
        weft_session_create(package, &params, w->diag, &w->session) != WEFT_OK ||
        weft_request_create(w->session, w->diag, &w->request) != WEFT_OK)
        fail("no session", w->diag);
    weft_package_close(package);
}

static void close_weft(through_weft *w)
{
    weft_request_destroy(w->request);
    weft_session_destroy(w->session);
    weft_diag_destroy(w->diag);
}

static double run_weft(through_weft *w)
{
    double begin = now_us();
    if (weft_request_run(w->request, 0, w->diag) != WEFT_OK)
        fail("a run failed", w->diag);
    return now_us() - begin;
}

/* ---- numbers ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double report(const char *what, double *samples)
{
    qsort(samples, ROUNDS, sizeof *samples, by_size);
    printf("%-46s median %8.3f us   p10 %8.3f   p90 %8.3f\n", what, samples[ROUNDS / 2],
           samples[ROUNDS / 10], samples[ROUNDS * 9 / 10]);
    return samples[ROUNDS / 2];
}

int main(void)
{
    static double own[ROUNDS], ours[ROUNDS], single[ROUNDS];
    char folder[] = "/tmp/weft-bench-XXXXXX", many[64], one[64], bitstream[64];
    uint8_t uuid[16];
    char why[XRT_WHY_BYTES];
    bool is_absent = false;
    setenv("XCL_EMULATION_MODE", "noop", 1);
    if (!weft__xrt_is_ready(why, &is_absent))
        fail(why, NULL);
    if (mkdtemp(folder) == NULL)
        fail("no temporary folder", NULL);
    snprintf(many, sizeof many, "%s/many.weft", folder);
    snprintf(one, sizeof one, "%s/one.weft", folder);
    snprintf(bitstream, sizeof bitstream, "%s/launches.xclbin", folder);
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || WEFT_ARENA_TRY(arena))
        fail("out of memory", NULL);
    write_package(arena, many, STEPS);
    write_package(arena, one, 1);
    write_bitstream(arena, bitstream, uuid);
    weft_arena_destroy(arena);
    direct plain = {0};
    through_weft wide = {0}, narrow = {0};
    open_direct(&plain, bitstream, uuid);
    open_weft(&wide, many, bitstream);
    for (int i = -WARMUP; i < ROUNDS; i++) {
        int at = i < 0 ? 0 : i;
        own[at] = launch_direct(&plain);
        ours[at] = run_weft(&wide) / STEPS;
    }
    close_weft(&wide); /* an emulated card has one session at a time */
    open_weft(&narrow, one, bitstream);
    for (int i = -WARMUP; i < ROUNDS; i++)
        single[i < 0 ? 0 : i] = run_weft(&narrow);
    double base = report("XRT: start and wait", own);
    double with = report("weft: a launch of a run of 1000", ours);
    report("weft: a whole run of one launch, thread and all", single);
    printf("added per launch: %.3f us (goal: at most %.1f us)\n", with - base, GOAL_US);
    close_weft(&narrow);
    close_direct(&plain);
    unlink(many);
    unlink(one);
    unlink(bitstream);
    rmdir(folder);
    return 0;
}
