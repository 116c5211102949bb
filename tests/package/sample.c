/* SPDX-License-Identifier: Apache-2.0 */
/* See sample.h. */
#include "tests/package/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PAGE = 4096, ENTRY = 64, HEADER = 64 };

static const char plain_bytes[512] = "plain elements of the constant w";
static const char blob_bytes[3][128] = {"first blob", "second blob", "third blob"};

const char *sample_blob_bytes(size_t blob)
{
    return blob_bytes[blob];
}

const char *sample_plain_bytes(void)
{
    return plain_bytes;
}

static weft_status write_blob(void *user, size_t blob, void *out)
{
    (void)user;
    memcpy(out, blob_bytes[blob], sizeof blob_bytes[blob]);
    return WEFT_OK;
}

static const void *plain_of(void *user, size_t schedule, size_t value)
{
    (void)user, (void)schedule, (void)value;
    return plain_bytes;
}

static int32_t *indices(weft_arena *arena, int32_t a, int32_t b)
{
    int32_t list[2] = {a, b};
    return weft_arena_dup(arena, list, sizeof list);
}

static void fill_values(weft_schedule_value *v)
{
    v[0] = (weft_schedule_value){.name = "input",
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {4, {1, 4, 4, 8}},
                                 .place = WEFT_PLACE_INPUT,
                                 .alias_of = -1,
                                 .size_bytes = 512,
                                 .first_step = -1,
                                 .last_step = 0,
                                 .blob = -1};
    v[1] = (weft_schedule_value){.name = "w",
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {2, {16, 8}},
                                 .place = WEFT_PLACE_CONSTANT,
                                 .alias_of = -1,
                                 .size_bytes = 512,
                                 .first_step = -1,
                                 .last_step = -1,
                                 .has_plain = true,
                                 .blob = 1};
    v[2] = (weft_schedule_value){.name = "middle",
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {4, {1, 4, 4, 8}},
                                 .place = WEFT_PLACE_ARENA,
                                 .alias_of = -1,
                                 .offset_bytes = 128,
                                 .size_bytes = 512,
                                 .first_step = 0,
                                 .last_step = 1,
                                 .blob = -1};
    v[3] = (weft_schedule_value){.name = "middle \"flat\"",
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {2, {1, 128}},
                                 .place = WEFT_PLACE_ALIAS,
                                 .alias_of = 2,
                                 .size_bytes = 512,
                                 .first_step = 0,
                                 .last_step = 1,
                                 .blob = -1};
    v[4] = (weft_schedule_value){.name = "mean",
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {2, {1, 8}},
                                 .place = WEFT_PLACE_ARENA,
                                 .alias_of = -1,
                                 .offset_bytes = 640,
                                 .size_bytes = 64,
                                 .first_step = 0,
                                 .last_step = 1,
                                 .blob = -1,
                                 .partial_blocks = 2,
                                 .partial_count = 16};
    v[5] = (weft_schedule_value){.name = "\xc3\xa4usgang",
                                 .dtype = WEFT_DTYPE_F32,
                                 .shape = {2, {1, 128}},
                                 .place = WEFT_PLACE_OUTPUT,
                                 .alias_of = -1,
                                 .size_bytes = 512,
                                 .first_step = 1,
                                 .last_step = 2,
                                 .blob = -1};
}

static void fill_attrs(weft_arena *arena, weft_attrs *attrs)
{
    static const int64_t strides[2] = {2, INT64_MIN};
    static const float scales[2] = {0.1f, -3.5e-38f};
    static uint8_t elements[3] = {0, 127, 255};
    static const weft_tensor tensor = {WEFT_DTYPE_U8, {1, {3}}, elements};
    weft_attrs_set_int(attrs, arena, "group", -7);
    weft_attrs_set_float(attrs, arena, "alpha", 0.2f);
    weft_attrs_set_float(attrs, arena, "limit", (float)(1e300 * 1e300)); /* infinite */
    weft_attrs_set_string(attrs, arena, "act", "re\"lu");
    weft_attrs_set_ints(attrs, arena, "strides", strides, 2);
    weft_attrs_set_floats(attrs, arena, "scales", scales, 2);
    weft_attrs_set_tensor(attrs, arena, "value", &tensor);
}

static weft_launch make_launch(weft_arena *arena, int32_t program, int32_t kernel)
{
    const weft_arg args[] = {
        {.kind = WEFT_ARG_VALUE, .index = 3},
        {.kind = WEFT_ARG_BLOB, .index = 2},
        {.kind = WEFT_ARG_NULL, .index = -1},
        {.kind = WEFT_ARG_INT, .index = -1, .i = -5},
        {.kind = WEFT_ARG_FLOAT, .index = -1, .f = 1.0f / 3.0f},
        {.kind = WEFT_ARG_LOCAL, .index = -1, .bytes = 256},
        {.kind = WEFT_ARG_SCRATCH, .index = -1, .bytes = 100, .offset_bytes = 768}};
    weft_launch launch = {.program = program,
                          .kernel = kernel,
                          .global = {6, 2, 1},
                          .local = {3, 1, 1},
                          .tile = "6x16"};
    launch.args = weft_arena_dup(arena, args, sizeof args);
    launch.arg_count = sizeof args / sizeof args[0];
    return launch;
}

static void fill_descriptors(weft_arena *arena, weft_step *step)
{
    const weft_arg words[] = {{.kind = WEFT_ARG_INT, .index = -1, .i = 7},
                              {.kind = WEFT_ARG_VALUE, .index = 2, .i = 511},
                              {.kind = WEFT_ARG_BLOB, .index = 0},
                              {.kind = WEFT_ARG_INT, .index = -1, .i = INT32_MIN}};
    step->descriptor_count = 2;
    step->descriptors = WEFT_NEW_ARRAY(arena, weft_descriptor, 2);
    for (size_t i = 0; i < 2; i++) {
        step->descriptors[i].words = weft_arena_dup(arena, words, sizeof words);
        step->descriptors[i].word_count = 4 - i;
    }
}

static void fill_schedule(weft_arena *arena, weft_schedule *schedule)
{
    static const char *sources[] = {"/conv1/Conv", "/bn1/BatchNormalization"};
    schedule->value_count = 6;
    schedule->values = WEFT_NEW_ARRAY(arena, weft_schedule_value, 6);
    fill_values(schedule->values);
    schedule->inputs = indices(arena, 0, -1);
    schedule->outputs = indices(arena, 5, -1);
    schedule->input_count = schedule->output_count = 1;
    schedule->arena_bytes = 1024;
    schedule->arena_unshared_bytes = 1280;
    schedule->step_count = 2;
    schedule->steps = WEFT_NEW_ARRAY(arena, weft_step, 2);
    weft_step *first = &schedule->steps[0], *second = &schedule->steps[1];
    first->name = "conv1";
    first->op = "weft.Conv2D";
    first->inputs = indices(arena, 0, 1);
    first->outputs = indices(arena, 2, 4);
    first->input_count = first->output_count = 2;
    first->sources = weft_arena_dup(arena, sources, sizeof sources);
    first->source_count = 2;
    first->launch_count = 2;
    first->launches = WEFT_NEW_ARRAY(arena, weft_launch, 2);
    first->launches[0] = make_launch(arena, 0, 0);
    first->launches[1] = make_launch(arena, 1, 1);
    first->cost = (weft_step_cost){1000, 2000, 300, 400, 500, 12.75, WEFT_BOUND_MEMORY, 77};
    fill_attrs(arena, &first->attrs);
    fill_descriptors(arena, first);
    second->name = "end";
    second->op = "Identity";
    second->inputs = indices(arena, 3, -1);
    second->input_count = 2;
    second->outputs = indices(arena, 5, -1);
    second->output_count = 1;
    second->deps = indices(arena, 0, 0);
    second->dep_count = 1;
    second->launch_count = 1;
    second->launches = WEFT_NEW_ARRAY(arena, weft_launch, 1);
    second->launches[0] = make_launch(arena, 1, 0);
    second->cost.bound = WEFT_BOUND_LAUNCH;
}

static void fill_programs(weft_arena *arena, weft_manifest *manifest)
{
    static const char *one[] = {"weft_conv"}, *two[] = {"weft_copy", "weft_finish"},
                      *engine[] = {"weft_engine"};
    manifest->program_count = 4;
    manifest->programs = WEFT_NEW_ARRAY(arena, weft_program, 4);
    manifest->programs[0] = (weft_program){"conv",
                                           "__kernel void weft_conv() {}\n",
                                           "-cl-std=CL1.2",
                                           weft_arena_dup(arena, one, sizeof one),
                                           1,
                                           WEFT_LANGUAGE_OPENCL};
    manifest->programs[1] =
        (weft_program){"copy", "__kernel void weft_copy() {}\n__kernel void weft_finish() {}\n",
                       "",     weft_arena_dup(arena, two, sizeof two),
                       2,      WEFT_LANGUAGE_OPENCL};
    manifest->programs[2] = (weft_program){"engine", "__kernel void weft_engine() {}\n",
                                           "",       weft_arena_dup(arena, engine, sizeof engine),
                                           1,        WEFT_LANGUAGE_OPENCL};
    manifest->programs[3] = (weft_program){"engine", "void weft_engine(void) {}\n",
                                           "-O2",    weft_arena_dup(arena, engine, sizeof engine),
                                           1,        WEFT_LANGUAGE_HLS_C};
    manifest->engine =
        (weft_engine){.name = "e16x16", .version = 1, .opencl_program = 2, .hls_program = 3};
    weft_attrs_set_int(&manifest->engine.parameters, arena, "columns", 16);
    weft_attrs_set_int(&manifest->engine.parameters, arena, "rows", 8);
}

static void fill_card(weft_arena *arena, weft_manifest *manifest)
{
    static const weft_card_unit units[2] = {
        {"weft_engine_1", 0, {"HBM[0]", "HBM[1]", "HBM[2]", "HBM[2]", "HBM[2]"}},
        {"weft_engine_2", 1, {"HBM[0]", "HBM[1]", "DDR[1]", "DDR[1]", "DDR[1]"}}};
    manifest->card = (weft_card){
        "u280", "xcu280", "xilinx_u280_1", 287.5, weft_arena_dup(arena, units, sizeof units), 2};
}

weft_package_content *sample_content(weft_arena *arena)
{
    weft_manifest *manifest = WEFT_NEW(arena, weft_manifest);
    manifest->model = "sample";
    manifest->producer = "weft test";
    manifest->target = "cpu-avx2";
    manifest->opset = 17;
    manifest->source_nodes = 3;
    manifest->parameters = 128;
    manifest->weight_bytes = 512;
    fill_programs(arena, manifest);
    fill_card(arena, manifest);
    const weft_blob blobs[3] = {{WEFT_PACK_PLAIN, 0, 0, 0, 128},
                                {WEFT_PACK_PANEL, 16, 0, 128, 128},
                                {WEFT_PACK_WINOGRAD, 16, 4, 384, 128}};
    manifest->blobs = weft_arena_dup(arena, blobs, sizeof blobs);
    manifest->blob_count = 3;
    manifest->schedule_count = 2;
    manifest->schedules = WEFT_NEW_ARRAY(arena, weft_schedule, 2);
    fill_schedule(arena, &manifest->schedules[0]);
    fill_schedule(arena, &manifest->schedules[1]);
    manifest->schedules[1].values[0].shape.dims[0] = 2; /* of its input */
    manifest->schedules[1].values[0].size_bytes *= 2;
    weft_package_content *content = WEFT_NEW(arena, weft_package_content);
    content->manifest = manifest;
    content->graph_text = "graph sample {\n}\n";
    content->blob_bytes = write_blob;
    content->plain_bytes = plain_of;
    return content;
}

/* ---- images ---- */

static image image_create(size_t size)
{
    image made = {NULL, size};
    void *bytes = NULL;
    if (posix_memalign(&bytes, 4096, size == 0 ? 1 : size) != 0)
        abort();
    made.bytes = bytes;
    memset(bytes, 0, size);
    return made;
}

image image_copy(const image *from, size_t size)
{
    image copy = image_create(size);
    memcpy(copy.bytes, from->bytes, size);
    return copy;
}

image image_read(const char *path)
{
    weft_file_map map;
    if (weft_file_map_open(path, &map, NULL) != WEFT_OK)
        abort();
    image mapped = {(uint8_t *)(uintptr_t)map.data, map.size_bytes};
    image copy = image_copy(&mapped, map.size_bytes);
    weft_file_map_close(&map);
    return copy;
}

static void put(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

void image_seal(image *package)
{
    uint8_t *bytes = package->bytes;
    if (package->size < HEADER)
        return;
    uint64_t count = get(bytes + 12, 4), first = package->size;
    uint8_t hashes[16 * 8];
    for (uint64_t i = 0; i < count && i < 16 && HEADER + (i + 1) * ENTRY <= package->size; i++) {
        uint8_t *entry = bytes + HEADER + i * ENTRY;
        uint64_t offset = get(entry + 24, 8), padded = get(entry + 40, 8);
        if (i == 0 && offset >= HEADER && offset < first)
            first = offset;
        if (offset <= package->size && padded <= package->size - offset)
            put(entry + 48, XXH3_64bits(bytes + offset, (size_t)padded), 8);
        memcpy(hashes + 8 * i, entry + 48, 8);
    }
    uint64_t table_end = (HEADER + count * ENTRY + PAGE - 1) / PAGE * PAGE;
    if (count <= 16 && table_end <= package->size)
        put(bytes + 24, XXH3_64bits(bytes + HEADER, (size_t)table_end - HEADER), 8);
    if (count <= 16 && HEADER + count * ENTRY <= package->size)
        put(bytes + 32, XXH3_64bits(hashes, (size_t)count * 8), 8);
    put(bytes + 56, XXH3_64bits(bytes, 56), 8);
}

image image_build(const image_section *sections, size_t count)
{
    size_t total = PAGE;
    for (size_t i = 0; i < count; i++)
        total += (sections[i].size + PAGE - 1) / PAGE * PAGE;
    image made = image_create(total);
    memcpy(made.bytes, "WEFTPKG", 8);
    put(made.bytes + 8, WEFT_PACKAGE_VERSION, 4);
    put(made.bytes + 12, count, 4);
    put(made.bytes + 16, total, 8);
    size_t offset = PAGE;
    for (size_t i = 0; i < count; i++) {
        uint8_t *entry = made.bytes + HEADER + i * ENTRY;
        size_t padded = (sections[i].size + PAGE - 1) / PAGE * PAGE;
        memcpy(entry, sections[i].name, strlen(sections[i].name));
        put(entry + 24, offset, 8);
        put(entry + 32, sections[i].size, 8);
        put(entry + 40, padded, 8);
        if (sections[i].size > 0)
            memcpy(made.bytes + offset, sections[i].bytes, sections[i].size);
        offset += padded;
    }
    image_seal(&made);
    return made;
}

uint32_t image_open_error(const image *package, char *out_text, size_t capacity)
{
    weft_diag *diag = NULL;
    weft_package *opened = NULL;
    if (weft_diag_create(&diag) != WEFT_OK)
        abort();
    weft_status status = weft_package_open_memory(package->bytes, package->size, diag, &opened);
    uint32_t id = 0;
    if (capacity > 0)
        out_text[0] = '\0';
    if (status != WEFT_OK) {
        const weft_diag_entry *entry = weft_diag_get(diag, 0);
        id = entry == NULL ? UINT32_MAX : entry->id;
        if (entry != NULL && capacity > 0)
            weft_diag_format(entry, out_text, capacity);
    }
    weft_package_close(opened);
    weft_diag_destroy(diag);
    return id;
}
