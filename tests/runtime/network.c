/* SPDX-License-Identifier: Apache-2.0 */
/* See network.h. */
#include "tests/runtime/network.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/base/text.h"
#include "kernels/fpga/descriptor.h"

static const char network_source[] =
    "#define KERNEL __kernel __attribute__((reqd_work_group_size(1, 1, 1))) void\n"
    "KERNEL add(__global const float *a, __global const float *b, __global float *y, const int n)\n"
    "{\n"
    "    for (int i = 0; i < n; i++)\n"
    "        y[get_global_id(0) * n + i] = a[get_global_id(0) * n + i] + b[get_global_id(0) * n + i];\n"
    "}\n"
    "KERNEL relu(__global const float *a, __global float *y, const int n, const float floor, __global const float *none)\n"
    "{\n"
    "    for (int i = 0; i < n; i++)\n"
    "        y[get_global_id(0) * n + i] = fmax(a[get_global_id(0) * n + i], none ? none[0] : floor);\n"
    "}\n"
    "KERNEL copy(__global const float *a, __global float *y, const int n)\n"
    "{\n"
    "    for (int i = 0; i < n; i++)\n"
    "        y[get_global_id(0) * n + i] = a[get_global_id(0) * n + i];\n"
    "}\n"
    "KERNEL sums(__global const float *a, __global float *y, const int positions, const int channels)\n"
    "{\n"
    "    for (int c = 0; c < channels; c++) {\n"
    "        float sum = 0;\n"
    "        for (int p = 0; p < positions; p++)\n"
    "            sum += a[(get_global_id(0) * positions + p) * channels + c];\n"
    "        y[get_global_id(0) * channels + c] = sum;\n"
    "    }\n"
    "}\n"
    "KERNEL add_mean(__global const float *a, __global const float *s, __global float *y, const int c, const int blocks, const int n)\n"
    "{\n"
    "    for (int i = 0; i < c; i++) {\n"
    "        float mean = 0;\n"
    "        for (int b = 0; b < blocks; b++)\n"
    "            mean += s[b * c + i];\n"
    "        y[get_global_id(0) * c + i] = a[get_global_id(0) * c + i] + mean / n;\n"
    "    }\n"
    "}\n"
    "KERNEL subtract(__global const float *a, __global const float *b, __global float *y, __local float *room, const int n)\n"
    "{\n"
    "    for (int i = 0; i < n; i++)\n"
    "        room[i] = a[get_global_id(0) * n + i];\n"
    "    for (int i = 0; i < n; i++)\n"
    "        y[get_global_id(0) * n + i] = room[i] - b[get_global_id(0) * n + i];\n"
    "}\n"
    "KERNEL sigmoid(__global const float *a, __global float *y, const int n)\n"
    "{\n"
    "    for (int i = 0; i < n; i++)\n"
    "        y[get_global_id(0) * n + i] = 1.0f / (1.0f + exp(-a[get_global_id(0) * n + i]));\n"
    "}\n";
/* An engine in the common subset of OpenCL C and C99 that knows three kinds of descriptors, over
 * words: kind, offset of x in the arena, of b in the weights (1) or in the arena (3), of y. */
static const char engine_source[] =
    "\n#ifdef __OPENCL_VERSION__\n"
    "#define GLOBAL __global\n"
    "#define ENGINE __kernel __attribute__((reqd_work_group_size(1, 1, 1)))\n"
    "typedef uint u32;\ntypedef ulong u64;\n"
    "#else\n"
    "#include <stdint.h>\n"
    "#define GLOBAL\n#define ENGINE\n"
    "typedef uint32_t u32;\ntypedef uint64_t u64;\n"
    "#endif\n"
    "ENGINE void test_engine(const GLOBAL u32 *program, const GLOBAL u64 *weights,\n"
    "                        const GLOBAL u64 *source, const GLOBAL u64 *second,\n"
    "                        GLOBAL u64 *target, const u32 count)\n"
    "{\n"
    "    for (u32 d = 0; d < count; d++) {\n"
    "        const GLOBAL u32 *words = program + d * 64;\n"
    "        const GLOBAL float *x = (const GLOBAL float *)source + words[1] / 4;\n"
    "        const GLOBAL float *b = words[0] == 1 ? (const GLOBAL float *)weights + words[2] / 4\n"
    "                                              : (const GLOBAL float *)second + words[2] / 4;\n"
    "        GLOBAL float *y = (GLOBAL float *)target + words[3] / 4;\n"
    "        for (int i = 0; i < 128; i++)\n"
    "            y[i] = words[0] == 1   ? x[i] + b[i]\n"
    "                   : words[0] == 2 ? (x[i] > 0 ? x[i] : 0)\n"
    "                                   : x[i] - b[i];\n"
    "    }\n"
    "}\n";
static const char *const engine_kernel[] = {"test_engine"};
enum { ENGINE_ADD_BLOB = 1, ENGINE_RELU = 2, ENGINE_SUBTRACT = 3 };

enum {
    KERNEL_ADD,
    KERNEL_RELU,
    KERNEL_COPY,
    KERNEL_SUMS,
    KERNEL_ADD_MEAN,
    KERNEL_SUBTRACT,
    KERNEL_SIGMOID,
    KERNEL_COUNT
};
static const char *const kernel_names[] = {"add",      "relu",     "copy",   "sums",
                                           "add_mean", "subtract", "sigmoid"};

static const int64_t axes_plain[2] = {1, 2};

float network_w(size_t i)
{
    return 0.25f * (float)i - 8.0f;
}

static weft_status write_blob(void *user, size_t blob, void *out)
{
    (void)user;
    float *elements = out;
    if (blob == 0)
        for (size_t i = 0; i < NETWORK_ELEMS; i++)
            elements[i] = network_w(i);
    else
        memcpy(out, axes_plain, sizeof axes_plain);
    return WEFT_OK;
}

static const void *plain_of(void *user, size_t schedule, size_t value)
{
    (void)user, (void)schedule, (void)value;
    return axes_plain;
}

/* ---- building ---- */

static weft_arg value_arg(int32_t index)
{
    return (weft_arg){.kind = WEFT_ARG_VALUE, .index = index};
}

static weft_arg int_arg(int32_t number)
{
    return (weft_arg){.kind = WEFT_ARG_INT, .index = -1, .i = number};
}

static void add_launch(weft_arena *arena, weft_step *step, int32_t kernel, uint64_t items,
                       const weft_arg *args, size_t arg_count)
{
    weft_launch *launches = WEFT_NEW_ARRAY(arena, weft_launch, step->launch_count + 1);
    if (step->launch_count > 0)
        memcpy(launches, step->launches, step->launch_count * sizeof *launches);
    launches[step->launch_count++] =
        (weft_launch){.kernel = kernel,
                      .args = weft_arena_dup(arena, args, arg_count * sizeof *args),
                      .arg_count = arg_count,
                      .global = {items, 1, 1},
                      .local = {1, 1, 1},
                      .tile = ""};
    step->launches = launches;
}

static void set_descriptor(weft_arena *arena, weft_step *step, int32_t kind, int32_t x, weft_arg b,
                           int32_t y)
{
    const weft_arg words[4] = {int_arg(kind), value_arg(x), b, value_arg(y)};
    step->descriptors = WEFT_NEW(arena, weft_descriptor);
    step->descriptors->words = weft_arena_dup(arena, words, sizeof words);
    step->descriptors->word_count = 4;
    step->descriptor_count = 1;
}

static void set_step(weft_arena *arena, weft_step *step, const char *name, const char *op,
                     int32_t in0, int32_t in1, int32_t out)
{
    int32_t inputs[2] = {in0, in1};
    step->name = name;
    step->op = op;
    step->inputs = weft_arena_dup(arena, inputs, sizeof inputs);
    step->input_count = in1 < 0 ? 1 : 2;
    step->outputs = weft_arena_dup(arena, &out, sizeof out);
    step->output_count = 1;
}

static void set_dep(weft_arena *arena, weft_step *step, int32_t dep)
{
    step->deps = weft_arena_dup(arena, &dep, sizeof dep);
    step->dep_count = 1;
}

static weft_schedule_value f32_value(const char *name, weft_place place, uint64_t offset)
{
    return (weft_schedule_value){.name = name,
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {4, {1, 4, 4, NETWORK_CHANNELS}},
                                 .place = place,
                                 .alias_of = -1,
                                 .offset_bytes = offset,
                                 .size_bytes = NETWORK_ELEMS * 4,
                                 .first_step = -1,
                                 .last_step = 5,
                                 .blob = -1};
}

static void network_values(weft_schedule_value *v)
{
    v[VALUE_X] = f32_value("x", WEFT_PLACE_INPUT, 0);
    v[VALUE_X2] = f32_value("x2", WEFT_PLACE_INPUT, 0);
    v[VALUE_W] = f32_value("w", WEFT_PLACE_CONSTANT, 0);
    v[VALUE_W].blob = 0;
    v[VALUE_AXES] = f32_value("axes", WEFT_PLACE_CONSTANT, 0);
    v[VALUE_AXES].dtype = WEFT_DTYPE_I64;
    v[VALUE_AXES].shape = (weft_shape){1, {2}};
    v[VALUE_AXES].size_bytes = sizeof axes_plain;
    v[VALUE_AXES].has_plain = true;
    v[VALUE_A] = f32_value("a", WEFT_PLACE_ARENA, 0);
    v[VALUE_B] = f32_value("b", WEFT_PLACE_ARENA, 512);
    v[VALUE_FLAT] = f32_value("flat", WEFT_PLACE_ALIAS, 0);
    v[VALUE_FLAT].shape = (weft_shape){2, {1, NETWORK_ELEMS}};
    v[VALUE_FLAT].alias_of = VALUE_B;
    v[VALUE_M] = f32_value("m", WEFT_PLACE_ARENA, 1536);
    v[VALUE_M].shape = (weft_shape){2, {1, NETWORK_CHANNELS}};
    v[VALUE_M].size_bytes = 2 * NETWORK_CHANNELS * 4;
    v[VALUE_M].partial_blocks = 2;
    v[VALUE_M].partial_count = NETWORK_POSITIONS;
    v[VALUE_Y] = f32_value("y", WEFT_PLACE_OUTPUT, 0);
    v[VALUE_Z] = f32_value("z", WEFT_PLACE_OUTPUT, 0);
}

/* a lies at 0..511, so the scratch of step m may reuse it: a is dead by then. */
static void network_steps(weft_arena *arena, weft_step *s)
{
    const weft_arg w = {.kind = WEFT_ARG_BLOB, .index = 0};
    const weft_arg scratch = {
        .kind = WEFT_ARG_SCRATCH, .index = -1, .bytes = NETWORK_ELEMS * 4, .offset_bytes = 0};
    const weft_arg null = {.kind = WEFT_ARG_NULL, .index = -1};
    const weft_arg zero = {.kind = WEFT_ARG_FLOAT, .index = -1, .f = 0.0f};
    const weft_arg room = {.kind = WEFT_ARG_LOCAL, .index = -1, .bytes = NETWORK_CHANNELS * 4};
    const weft_arg row = int_arg(NETWORK_CHANNELS);
    set_step(arena, &s[0], "add_w", "Add", VALUE_X, VALUE_W, VALUE_A);
    add_launch(arena, &s[0], KERNEL_ADD, NETWORK_POSITIONS,
               (weft_arg[]){value_arg(VALUE_X), w, value_arg(VALUE_A), row}, 4);
    set_descriptor(arena, &s[0], ENGINE_ADD_BLOB, VALUE_X, w, VALUE_A);
    set_step(arena, &s[1], "relu", "Relu", VALUE_A, -1, VALUE_B);
    add_launch(arena, &s[1], KERNEL_RELU, NETWORK_POSITIONS,
               (weft_arg[]){value_arg(VALUE_A), value_arg(VALUE_FLAT), row, zero, null}, 5);
    set_descriptor(arena, &s[1], ENGINE_RELU, VALUE_A, int_arg(0), VALUE_FLAT);
    set_dep(arena, &s[1], 0);
    set_step(arena, &s[2], "mean", "ReduceMean", VALUE_B, VALUE_AXES, VALUE_M);
    weft_attrs_set_int(&s[2].attrs, arena, "keepdims", 0);
    add_launch(arena, &s[2], KERNEL_COPY, NETWORK_POSITIONS,
               (weft_arg[]){value_arg(VALUE_B), scratch, row}, 3);
    add_launch(arena, &s[2], KERNEL_SUMS, 2,
               (weft_arg[]){scratch, value_arg(VALUE_M), int_arg(NETWORK_POSITIONS / 2), row}, 4);
    set_dep(arena, &s[2], 1);
    set_step(arena, &s[3], "add_mean", "Add", VALUE_B, VALUE_M, VALUE_Y);
    add_launch(arena, &s[3], KERNEL_ADD_MEAN, NETWORK_POSITIONS,
               (weft_arg[]){value_arg(VALUE_B), value_arg(VALUE_M), value_arg(VALUE_Y), row,
                            int_arg(2), int_arg(NETWORK_POSITIONS)},
               6);
    set_dep(arena, &s[3], 2);
    set_step(arena, &s[4], "difference", "Sub", VALUE_X2, VALUE_X, VALUE_Z);
    add_launch(arena, &s[4], KERNEL_SUBTRACT, NETWORK_POSITIONS,
               (weft_arg[]){value_arg(VALUE_X2), value_arg(VALUE_X), value_arg(VALUE_Z), room, row},
               5);
    set_descriptor(arena, &s[4], ENGINE_SUBTRACT, VALUE_X2, value_arg(VALUE_X), VALUE_Z);
}

static void chain_schedule(weft_arena *arena, weft_schedule *schedule)
{
    schedule->value_count = CHAIN_LENGTH + 1;
    schedule->values = WEFT_NEW_ARRAY(arena, weft_schedule_value, CHAIN_LENGTH + 1);
    schedule->step_count = CHAIN_LENGTH;
    schedule->steps = WEFT_NEW_ARRAY(arena, weft_step, CHAIN_LENGTH);
    schedule->arena_bytes = 2 * (uint64_t)CHAIN_ELEMS * 4;
    for (int32_t i = 0; i <= CHAIN_LENGTH; i++) {
        weft_place place = i == 0              ? WEFT_PLACE_INPUT
                           : i == CHAIN_LENGTH ? WEFT_PLACE_OUTPUT
                                               : WEFT_PLACE_ARENA;
        weft_schedule_value *value = &schedule->values[i];
        *value = f32_value(weft_arena_printf(arena, "v%d", (int)i), place,
                           (uint64_t)(i % 2) * CHAIN_ELEMS * 4);
        value->shape = (weft_shape){1, {CHAIN_ELEMS}};
        value->size_bytes = (uint64_t)CHAIN_ELEMS * 4;
        if (i == 0)
            continue;
        weft_step *step = &schedule->steps[i - 1];
        set_step(arena, step, weft_arena_printf(arena, "sigmoid%d", (int)i), "Sigmoid", i - 1, -1,
                 i);
        add_launch(arena, step, KERNEL_SIGMOID, 64,
                   (weft_arg[]){value_arg(i - 1), value_arg(i), int_arg(CHAIN_ELEMS / 64)}, 3);
        if (i > 1)
            set_dep(arena, step, i - 2);
    }
    schedule->input_count = schedule->output_count = 1;
    schedule->inputs = WEFT_NEW_ARRAY(arena, int32_t, 1);
    schedule->outputs = weft_arena_dup(arena, &(int32_t){CHAIN_LENGTH}, sizeof(int32_t));
}

static void network_schedule(weft_arena *arena, weft_schedule *schedule)
{
    static const int32_t inputs[2] = {VALUE_X, VALUE_X2}, outputs[2] = {VALUE_Y, VALUE_Z};
    schedule->value_count = VALUE_COUNT;
    schedule->values = WEFT_NEW_ARRAY(arena, weft_schedule_value, VALUE_COUNT);
    network_values(schedule->values);
    schedule->inputs = weft_arena_dup(arena, inputs, sizeof inputs);
    schedule->outputs = weft_arena_dup(arena, outputs, sizeof outputs);
    schedule->input_count = schedule->output_count = 2;
    schedule->step_count = 5;
    schedule->steps = WEFT_NEW_ARRAY(arena, weft_step, 5);
    network_steps(arena, schedule->steps);
    schedule->arena_bytes = 2048;
}

/* The network over rows of another length; its last step tells the two schedules apart. */
static void second_schedule(weft_arena *arena, weft_schedule *schedule)
{
    network_schedule(arena, schedule);
    for (size_t i = 0; i < schedule->value_count; i++)
        if (schedule->values[i].shape.rank == 4) {
            schedule->values[i].shape.dims[1] = 2;
            schedule->values[i].shape.dims[2] = 8;
        }
    weft_step *last = &schedule->steps[4];
    *last = (weft_step){0};
    set_step(arena, last, "difference", "Sub", VALUE_X, VALUE_X2, VALUE_Z);
    const weft_arg room = {.kind = WEFT_ARG_LOCAL, .index = -1, .bytes = NETWORK_CHANNELS * 4};
    add_launch(arena, last, KERNEL_SUBTRACT, NETWORK_POSITIONS,
               (weft_arg[]){value_arg(VALUE_X), value_arg(VALUE_X2), value_arg(VALUE_Z), room,
                            int_arg(NETWORK_CHANNELS)},
               5);
    set_descriptor(arena, last, ENGINE_SUBTRACT, VALUE_X, value_arg(VALUE_X2), VALUE_Z);
}

static void write_package(const char *path, const network_options *options,
                          void (*fill)(weft_arena *, weft_schedule *))
{
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || WEFT_ARENA_TRY(arena))
        abort();
    weft_text source;
    weft_text_init(&source, arena);
    weft_text_add(&source, network_source);
    if (options != NULL && options->extra_source != NULL)
        weft_text_add(&source, options->extra_source);
    const char **engine_names = weft_arena_dup(arena, engine_kernel, sizeof engine_kernel);
    const char *engine_text =
        options != NULL && options->engine_source != NULL ? options->engine_source : engine_source;
    weft_program programs[] = {
        {"test_program", source.data, "-cl-std=CL1.2",
         weft_arena_dup(arena, kernel_names, sizeof kernel_names), KERNEL_COUNT,
         WEFT_LANGUAGE_OPENCL},
        {"test_engine", engine_text, "-cl-std=CL1.2", engine_names, 1, WEFT_LANGUAGE_OPENCL},
        {"test_engine", engine_text, "-std=c99", engine_names, 1, WEFT_LANGUAGE_HLS_C}};
    weft_blob blobs[1] = {{WEFT_PACK_PLAIN, 0, 0, 0, NETWORK_ELEMS * 4}};
    weft_schedule *schedule = WEFT_NEW_ARRAY(arena, weft_schedule, 2);
    fill(arena, schedule);
    if (options != NULL && options->has_two_schedules)
        second_schedule(arena, &schedule[1]);
    for (size_t i = 0; options != NULL && options->has_no_engine && i < schedule->step_count; i++)
        schedule->steps[i].descriptor_count = 0;
    weft_manifest manifest = {
        .model = "network",
        .producer = "test",
        .target = options != NULL && options->target != NULL ? options->target : "cpu-generic",
        .programs = programs,
        .program_count = sizeof programs / sizeof programs[0],
        .blobs = blobs,
        .blob_count = 1,
        .schedules = schedule,
        .schedule_count = options != NULL && options->has_two_schedules ? 2 : 1};
    if (options == NULL || !options->has_no_engine)
        manifest.engine = (weft_engine){.name = "test",
                                        .version = options != NULL && options->engine_version != 0
                                                       ? options->engine_version
                                                       : WEFT_D_VERSION_NOW,
                                        .opencl_program = 1,
                                        .hls_program = 2};
    weft_package_content content = {
        .manifest = &manifest, .graph_text = "", .blob_bytes = write_blob, .plain_bytes = plain_of};
    if (weft_package_write(path, &content, NULL) != WEFT_OK)
        abort();
    weft_arena_destroy(arena);
}

void network_write(const char *path, const network_options *options)
{
    write_package(path, options, network_schedule);
}

void chain_write(const char *path)
{
    write_package(path, NULL, chain_schedule);
}

void network_expect(const float *x, const float *x2, float *b, float *m, float *y, float *z)
{
    double sums[NETWORK_CHANNELS] = {0};
    for (size_t i = 0; i < NETWORK_ELEMS; i++) {
        float a = x[i] + network_w(i);
        b[i] = a > 0 ? a : 0;
        sums[i % NETWORK_CHANNELS] += (double)b[i];
        z[i] = x2[i] - x[i];
    }
    for (size_t c = 0; c < NETWORK_CHANNELS; c++)
        m[c] = (float)(sums[c] / NETWORK_POSITIONS);
    for (size_t i = 0; i < NETWORK_ELEMS; i++)
        y[i] = b[i] + m[i % NETWORK_CHANNELS];
}
