/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of compiler/package: round trip, layout, damage of every byte, truncation at every length,
 * lying manifests, lack of memory. */
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

#include "compiler/base/error.h"
#include "tests/package/sample.h"

static char folder[] = "/tmp/weft-test-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/sample.weft", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_sample(weft_arena *arena)
{
    assert_int_equal(weft_package_write(path, sample_content(arena), NULL), WEFT_OK);
}

static image sample_image(void)
{
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    write_sample(arena);
    weft_arena_destroy(arena);
    return image_read(path);
}

/* ---- round trip ---- */

static void same_indices(const int32_t *a, const int32_t *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(a[i], b[i]);
}

static void same_values(const weft_schedule *a, const weft_schedule *b)
{
    assert_int_equal(a->value_count, b->value_count);
    for (size_t i = 0; i < a->value_count; i++) {
        const weft_schedule_value *x = &a->values[i], *y = &b->values[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->dtype, y->dtype);
        assert_true(weft_shape_equal(&x->shape, &y->shape));
        assert_int_equal(x->place, y->place);
        assert_int_equal(x->alias_of, y->alias_of);
        assert_int_equal(x->offset_bytes, y->offset_bytes);
        assert_int_equal(x->size_bytes, y->size_bytes);
        assert_int_equal(x->first_step, y->first_step);
        assert_int_equal(x->last_step, y->last_step);
        assert_int_equal(x->has_plain, y->has_plain);
        assert_int_equal(x->blob, y->blob);
        assert_int_equal(x->partial_blocks, y->partial_blocks);
        assert_int_equal(x->partial_count, y->partial_count);
    }
}

static void same_args(const weft_arg *a, const weft_arg *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].kind, b[i].kind);
        assert_int_equal(a[i].index, b[i].index);
        assert_int_equal(a[i].i, b[i].i);
        assert_memory_equal(&a[i].f, &b[i].f, sizeof(float));
        assert_int_equal(a[i].bytes, b[i].bytes);
        assert_int_equal(a[i].offset_bytes, b[i].offset_bytes);
    }
}

static void same_launch(const weft_launch *a, const weft_launch *b)
{
    assert_int_equal(a->program, b->program);
    assert_int_equal(a->kernel, b->kernel);
    assert_string_equal(a->tile, b->tile);
    assert_memory_equal(a->global, b->global, sizeof a->global);
    assert_memory_equal(a->local, b->local, sizeof a->local);
    assert_int_equal(a->arg_count, b->arg_count);
    same_args(a->args, b->args, a->arg_count);
}

static void same_attrs(const weft_attrs *a, const weft_attrs *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const weft_attr *x = &a->data[i], *y = weft_attrs_find(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->kind, y->kind);
        switch (x->kind) {
        case WEFT_ATTR_INT: assert_int_equal(x->i, y->i); break;
        case WEFT_ATTR_FLOAT: assert_memory_equal(&x->f, &y->f, sizeof(float)); break;
        case WEFT_ATTR_STRING: assert_string_equal(x->s, y->s); break;
        case WEFT_ATTR_INTS:
            assert_memory_equal(x->ints, y->ints, x->count * sizeof *x->ints);
            break;
        case WEFT_ATTR_FLOATS:
            assert_memory_equal(x->floats, y->floats, x->count * sizeof *x->floats);
            break;
        case WEFT_ATTR_TENSOR:
            assert_int_equal(x->tensor->dtype, y->tensor->dtype);
            assert_true(weft_shape_equal(&x->tensor->shape, &y->tensor->shape));
            assert_memory_equal(x->tensor->data, y->tensor->data, 3);
            break;
        }
        assert_int_equal(x->kind == WEFT_ATTR_INTS || x->kind == WEFT_ATTR_FLOATS ? x->count : 0,
                         y->count);
    }
}

static void same_steps(const weft_schedule *a, const weft_schedule *b)
{
    assert_int_equal(a->step_count, b->step_count);
    for (size_t i = 0; i < a->step_count; i++) {
        const weft_step *x = &a->steps[i], *y = &b->steps[i];
        assert_string_equal(x->name, y->name);
        assert_string_equal(x->op, y->op);
        assert_int_equal(x->input_count, y->input_count);
        assert_int_equal(x->output_count, y->output_count);
        assert_int_equal(x->dep_count, y->dep_count);
        assert_int_equal(x->source_count, y->source_count);
        same_indices(x->inputs, y->inputs, x->input_count);
        same_indices(x->outputs, y->outputs, x->output_count);
        same_indices(x->deps, y->deps, x->dep_count);
        for (size_t s = 0; s < x->source_count; s++)
            assert_string_equal(x->sources[s], y->sources[s]);
        same_attrs(&x->attrs, &y->attrs);
        assert_int_equal(x->launch_count, y->launch_count);
        for (size_t l = 0; l < x->launch_count; l++)
            same_launch(&x->launches[l], &y->launches[l]);
        assert_int_equal(x->descriptor_count, y->descriptor_count);
        for (size_t d = 0; d < x->descriptor_count; d++) {
            assert_int_equal(x->descriptors[d].word_count, y->descriptors[d].word_count);
            same_args(x->descriptors[d].words, y->descriptors[d].words,
                      x->descriptors[d].word_count);
        }
        assert_int_equal(x->cost.macs, y->cost.macs);
        assert_int_equal(x->cost.cycles, y->cost.cycles);
        assert_int_equal(x->cost.flops, y->cost.flops);
        assert_int_equal(x->cost.weight_bytes, y->cost.weight_bytes);
        assert_int_equal(x->cost.input_bytes, y->cost.input_bytes);
        assert_int_equal(x->cost.output_bytes, y->cost.output_bytes);
        assert_memory_equal(&x->cost.ideal_ns, &y->cost.ideal_ns, sizeof(double));
        assert_int_equal(x->cost.bound, y->cost.bound);
    }
}

static void same_manifest(const weft_manifest *a, const weft_manifest *b)
{
    assert_string_equal(a->model, b->model);
    assert_string_equal(a->producer, b->producer);
    assert_string_equal(a->target, b->target);
    assert_int_equal(a->opset, b->opset);
    assert_int_equal(a->source_nodes, b->source_nodes);
    assert_int_equal(a->parameters, b->parameters);
    assert_int_equal(a->weight_bytes, b->weight_bytes);
    assert_int_equal(a->program_count, b->program_count);
    for (size_t i = 0; i < a->program_count; i++) {
        assert_string_equal(a->programs[i].name, b->programs[i].name);
        assert_string_equal(a->programs[i].source, b->programs[i].source);
        assert_string_equal(a->programs[i].options, b->programs[i].options);
        assert_int_equal(a->programs[i].language, b->programs[i].language);
        assert_int_equal(a->programs[i].kernel_count, b->programs[i].kernel_count);
        for (size_t k = 0; k < a->programs[i].kernel_count; k++)
            assert_string_equal(a->programs[i].kernels[k], b->programs[i].kernels[k]);
    }
    assert_string_equal(a->engine.name, b->engine.name);
    assert_int_equal(a->engine.version, b->engine.version);
    assert_int_equal(a->engine.opencl_program, b->engine.opencl_program);
    assert_int_equal(a->engine.hls_program, b->engine.hls_program);
    same_attrs(&a->engine.parameters, &b->engine.parameters);
    assert_string_equal(a->card.board, b->card.board);
    assert_string_equal(a->card.part, b->card.part);
    assert_string_equal(a->card.platform, b->card.platform);
    assert_true(a->card.clock_mhz == b->card.clock_mhz);
    assert_int_equal(a->card.unit_count, b->card.unit_count);
    for (size_t i = 0; i < a->card.unit_count; i++) {
        assert_string_equal(a->card.units[i].name, b->card.units[i].name);
        assert_int_equal(a->card.units[i].slr, b->card.units[i].slr);
        for (int k = 0; k < WEFT_CARD_PORTS; k++)
            assert_string_equal(a->card.units[i].banks[k], b->card.units[i].banks[k]);
    }
    assert_int_equal(a->blob_count, b->blob_count);
    for (size_t i = 0; i < a->blob_count; i++) {
        assert_int_equal(a->blobs[i].packing, b->blobs[i].packing);
        assert_int_equal(a->blobs[i].panel, b->blobs[i].panel);
        assert_int_equal(a->blobs[i].winograd, b->blobs[i].winograd);
        assert_int_equal(a->blobs[i].offset_bytes, b->blobs[i].offset_bytes);
        assert_int_equal(a->blobs[i].size_bytes, b->blobs[i].size_bytes);
    }
    assert_int_equal(a->schedule_count, b->schedule_count);
    for (size_t i = 0; i < a->schedule_count; i++) {
        const weft_schedule *x = &a->schedules[i], *y = &b->schedules[i];
        assert_int_equal(x->arena_bytes, y->arena_bytes);
        assert_int_equal(x->arena_unshared_bytes, y->arena_unshared_bytes);
        assert_int_equal(x->input_count, y->input_count);
        assert_int_equal(x->output_count, y->output_count);
        same_indices(x->inputs, y->inputs, x->input_count);
        same_indices(x->outputs, y->outputs, x->output_count);
        same_values(x, y);
        same_steps(x, y);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    write_sample(arena);
    weft_package *package = NULL;
    assert_int_equal(weft_package_open(path, NULL, &package), WEFT_OK);
    const weft_package_view *view = weft_package_get_view(package);
    same_manifest(sample_content(arena)->manifest, view->manifest);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(view->weights + view->manifest->blobs[i].offset_bytes,
                            sample_blob_bytes(i), 128);
    assert_memory_equal(view->plain, sample_plain_bytes(), 512);
    assert_int_equal(view->plain_bytes, 512); /* two schedules share it */
    weft_package_close(package);
    weft_arena_destroy(arena);
}

static void questions_are_answered(void **state)
{
    (void)state;
    image bytes = sample_image();
    weft_package *package = NULL;
    assert_int_equal(weft_package_open_memory(bytes.bytes, bytes.size, NULL, &package), WEFT_OK);
    weft_package_info info;
    weft_package_get_info(package, &info);
    assert_string_equal(info.model, "sample");
    assert_int_equal(info.file_bytes, bytes.size);
    assert_int_equal(info.section_count, 5);
    weft_section_info section;
    weft_package_get_section(package, 4, &section);
    assert_string_equal(section.name, "graph");
    assert_memory_equal(section.data, "graph sample {\n}\n", section.size_bytes);
    weft_step_info step;
    weft_package_get_step(package, 1, 0, &step);
    assert_string_equal(
        step.attrs,
        "act=\"re\\\"lu\", alpha=0.200000003, group=-7, limit=inf, scales=[0.100000001,-3.49999991e-38], "
        "strides=[2,-9223372036854775808], value=u8 3");
    assert_string_equal(step.program, "conv");
    assert_string_equal(step.kernel, "weft_conv");
    assert_string_equal(step.bound, "memory");
    assert_int_equal(step.launch_count, 2);
    weft_launch_info launch;
    weft_package_get_launch(package, 0, 0, 1, &launch);
    assert_string_equal(launch.kernel, "weft_finish");
    assert_int_equal(launch.global[0], 6);
    weft_value_info value;
    weft_package_get_value(package, 0, 3, &value);
    assert_string_equal(value.tensor.name, "middle \"flat\"");
    assert_string_equal(value.place, "alias");
    assert_int_equal(value.alias_of, 2);
    weft_tensor_info tensor;
    weft_package_get_output(package, 0, 0, &tensor);
    assert_string_equal(tensor.name, "\xc3\xa4usgang");
    assert_int_equal(tensor.size_bytes, 512);
    weft_package_get_input(package, 0, 1, &tensor); /* beyond the end: empty */
    assert_null(tensor.name);
    weft_package_get_step(package, 2, 0, &step);
    assert_null(step.name);
    weft_package_close(package);
    free(bytes.bytes);
}

static void writing_twice_gives_the_same_bytes(void **state)
{
    (void)state;
    image first = sample_image(), second = sample_image();
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    free(first.bytes);
    free(second.bytes);
}

/* The image that is put together by the rules of docs/package.md is the writer's, byte for byte. */
static void the_layout_is_the_documented_one(void **state)
{
    (void)state;
    image written = sample_image();
    weft_package *package = NULL;
    assert_int_equal(weft_package_open_memory(written.bytes, written.size, NULL, &package),
                     WEFT_OK);
    image_section sections[5];
    for (size_t i = 0; i < 5; i++) {
        weft_section_info info;
        weft_package_get_section(package, i, &info);
        sections[i] = (image_section){info.name, info.data, (size_t)info.size_bytes};
    }
    image built = image_build(sections, 5);
    assert_int_equal(built.size, written.size);
    assert_memory_equal(built.bytes, written.bytes, written.size);
    weft_package_close(package);
    free(built.bytes);
    free(written.bytes);
}

/* ---- damage ---- */

static const char *part_at(const image *package, size_t offset)
{
    static const char *const names[] = {"section manifest", "section kernels", "section weights",
                                        "section plain", "section graph"};
    if (offset < 64)
        return "header";
    if (offset < 4096)
        return "section table";
    const char *found = NULL;
    for (size_t i = 0; i < 5; i++) {
        uint64_t begin = 0;
        memcpy(&begin, package->bytes + 64 + 64 * i + 24, sizeof begin);
        if (offset >= begin)
            found = names[i];
    }
    return found;
}

static void every_changed_byte_is_named(void **state)
{
    (void)state;
    image package = sample_image();
    char text[512], expected[64];
    for (size_t i = 0; i < package.size; i++) {
        const uint8_t flip = (uint8_t)(1u << (i % 8));
        snprintf(expected, sizeof expected, "package damaged: %s\n", part_at(&package, i));
        package.bytes[i] ^= flip;
        uint32_t id = image_open_error(&package, text, sizeof text);
        package.bytes[i] ^= flip;
        if (id != WEFT_E_PACKAGE_DAMAGED || strstr(text, expected) == NULL)
            fail_msg("byte %zu: expected %s, got %s", i, expected, text);
    }
    assert_int_equal(image_open_error(&package, text, sizeof text), 0);
    free(package.bytes);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    image package = sample_image();
    char text[512];
    for (size_t size = 0; size < package.size; size++) {
        image cut = image_copy(&package, size);
        uint32_t id = image_open_error(&cut, text, sizeof text);
        uint32_t expected = size == 0 ? WEFT_E_PACKAGE_EMPTY : WEFT_E_PACKAGE_TRUNCATED;
        if (id != expected)
            fail_msg("%zu bytes: %s", size, text);
        free(cut.bytes);
    }
    image longer = image_copy(&package, package.size);
    free(longer.bytes);
    void *more = NULL;
    assert_int_equal(posix_memalign(&more, 128, package.size + 1), 0);
    memcpy(more, package.bytes, package.size);
    ((char *)more)[package.size] = 0;
    longer = (image){more, package.size + 1};
    assert_int_equal(image_open_error(&longer, text, sizeof text), WEFT_E_PACKAGE_TRAILING);
    free(more);
    free(package.bytes);
}

static void other_files_are_told_apart(void **state)
{
    (void)state;
    char text[512];
    image onnx = {NULL, 4096};
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 128, 4096), 0);
    onnx.bytes = memory;
    memset(memory, 8, 4096);
    assert_int_equal(image_open_error(&onnx, text, sizeof text), WEFT_E_PACKAGE_MAGIC);
    onnx.size = 5;
    assert_int_equal(image_open_error(&onnx, text, sizeof text), WEFT_E_PACKAGE_MAGIC);
    onnx.bytes++;
    assert_int_equal(image_open_error(&onnx, text, sizeof text), WEFT_E_PACKAGE_ALIGNMENT);
    free(memory);

    image newer = sample_image();
    newer.bytes[8] = WEFT_PACKAGE_VERSION + 1;
    image_seal(&newer);
    assert_int_equal(image_open_error(&newer, text, sizeof text), WEFT_E_PACKAGE_VERSION);
    assert_non_null(strstr(text, "version 3"));
    free(newer.bytes);

    weft_diag *diag = NULL;
    weft_package *package = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_package_open(folder, diag, &package), WEFT_IO);
    assert_int_equal(weft_package_open("/nonexistent/x.weft", diag, &package), WEFT_IO);
    assert_int_equal(weft_diag_get(diag, 0)->id, WEFT_E_FILE_KIND);
    assert_int_equal(weft_diag_get(diag, 1)->id, WEFT_E_FILE_OPEN);
    assert_null(package);
    weft_diag_destroy(diag);
}

/* ---- a table that lies, with right hashes ---- */

static void lying_tables_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        uint32_t id;
    } edits[] = {
        {12, 0, WEFT_E_PACKAGE_LAYOUT},         {12, 17, WEFT_E_PACKAGE_LAYOUT},
        {12, 4, WEFT_E_PACKAGE_LAYOUT},         {40, 1, WEFT_E_PACKAGE_LAYOUT},
        {64, 'n', WEFT_E_PACKAGE_SECTION},      {64, 0, WEFT_E_PACKAGE_LAYOUT},
        {64 + 23, 'x', WEFT_E_PACKAGE_LAYOUT},  {64 + 24, 1, WEFT_E_PACKAGE_LAYOUT},
        {64 + 31, 0x80, WEFT_E_PACKAGE_LAYOUT}, {64 + 39, 0x80, WEFT_E_PACKAGE_LAYOUT},
        {64 + 47, 0x80, WEFT_E_PACKAGE_LAYOUT}, {64 + 41, 0, WEFT_E_PACKAGE_LAYOUT},
        {64 + 56, 1, WEFT_E_PACKAGE_LAYOUT},    {64 * 6, 1, WEFT_E_PACKAGE_LAYOUT},
        {4095, 1, WEFT_E_PACKAGE_LAYOUT},       {128, 'm', WEFT_E_PACKAGE_SECTION},
    };
    char text[512];
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        image package = sample_image();
        package.bytes[edits[i].at] = edits[i].value;
        image_seal(&package);
        uint32_t id = image_open_error(&package, text, sizeof text);
        if (id != edits[i].id)
            fail_msg("edit %zu: %s", i, text);
        free(package.bytes);
    }
}

/* ---- a manifest that lies, with right hashes ---- */

static image with_manifest(const image *package, const char *find, const char *replace)
{
    weft_package *opened = NULL;
    assert_int_equal(weft_package_open_memory(package->bytes, package->size, NULL, &opened),
                     WEFT_OK);
    image_section sections[5];
    for (size_t i = 0; i < 5; i++) {
        weft_section_info info;
        weft_package_get_section(opened, i, &info);
        sections[i] = (image_section){info.name, info.data, (size_t)info.size_bytes};
    }
    char *old = calloc(1, sections[0].size + 1);
    memcpy(old, sections[0].bytes, sections[0].size);
    char *at = strstr(old, find);
    if (at == NULL)
        fail_msg("the sample has no %s", find);
    size_t before = (size_t)(at - old), size = sections[0].size - strlen(find) + strlen(replace);
    char *text = calloc(1, size + 1);
    memcpy(text, old, before);
    memcpy(text + before, replace, strlen(replace));
    memcpy(text + before + strlen(replace), at + strlen(find),
           sections[0].size - before - strlen(find));
    sections[0] = (image_section){"manifest", text, size};
    image made = image_build(sections, 5);
    free(text);
    free(old);
    weft_package_close(opened);
    return made;
}

#define ZEROS_8 "0,0,0,0,0,0,0,0"
#define ZEROS_64                                                                                   \
    ZEROS_8 "," ZEROS_8 "," ZEROS_8 "," ZEROS_8 "," ZEROS_8 "," ZEROS_8 "," ZEROS_8 "," ZEROS_8

/* The input of the second schedule has another shape, and else what the first one's has. */
#define SECOND_INPUT(members) "[{\"as_before\":true," members

static void lying_manifests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *find, *replace, *says;
    } edits[] = {
        {"{\"blobs\"", "[\"blobs\"", "not valid JSON"},
        {"{\"blobs\":[", "{\"extra\":1,\"blobs\":[", "no members besides"},
        {"\"model\":\"sample\",", "", "model"},
        {"\"model\":\"sample\"", "\"model\":5", "a text"},
        {"\"model\":\"sample\"", "\"model\":\"a\",\"model\":\"b\"", "not valid JSON"},
        {"\"model\":\"sample\"", "\"model\":\"a\\u0000b\"", "not valid JSON"},
        {"\"opset\":17", "\"opset\":-1", "opset"},
        {"\"opset\":17", "\"opset\":99999999999999999999", "not valid JSON"},
        {"\"opset\":17", "\"opset\":17.0", "an integer"},
        {"\"packing\":\"panel\"", "\"packing\":\"tight\"", "blobs[1].packing"},
        {"\"panel\":16", "\"panel\":2147483647", "blobs[1].panel"},
        {"\"winograd\":4", "\"winograd\":3", "blobs[2].winograd"},
        {"\"offset\":384", "\"offset\":512", "blobs[2]"},
        {"\"offset\":384", "\"offset\":385", "blobs[2]"},
        {"\"offset\":384", "\"offset\":9223372036854775680", "blobs[2]"},
        {"\"bytes\":128,\"offset\":384", "\"bytes\":0,\"offset\":384", "blobs[2]"},
        {"\"source\":[0,", "\"source\":[1,", "programs[0]"},
        {"\"source\":[0,", "\"source\":[9223372036854775807,", "programs[0]"},
        {"\"kernels\":[\"weft_conv\"]", "\"kernels\":[]", "programs[0]"},
        {"\"place\":\"input\"", "\"place\":\"output\"", "schedules[0]"},
        {"\"place\":\"input\"", "\"place\":\"heaven\"", "values[0].place"},
        {"\"dtype\":\"f32\"", "\"dtype\":\"f33\"", "values[0].dtype"},
        {"\"shape\":[1,4,4,8]", "\"shape\":[1,4,4,9]", "values[0].bytes"},
        {"\"shape\":[1,4,4,8]", "\"shape\":[1,4,4,-8]", "values[0].shape"},
        {"\"shape\":[1,4,4,8]", "\"shape\":[1,4,4,0]", "values[0].shape"},
        {"\"shape\":[1,4,4,8]", "\"shape\":[4611686018427387904,4,4,8]", "values[0].shape"},
        {"\"shape\":[1,4,4,8]", "\"shape\":[1,1,1,1,1,1,1,1,1]", "values[0].shape"},
        {"\"alias_of\":2", "\"alias_of\":6", "values[3].alias_of"},
        {"\"alias_of\":2", "\"alias_of\":3", "values[3].alias_of"},
        {"\"alias_of\":2", "\"alias_of\":4", "values[3].alias_of"},
        {"\"offset\":640", "\"offset\":1024", "values[4].offset"},
        {"\"offset\":640", "\"offset\":641", "values[4].offset"},
        {"\"plain\":0", "\"plain\":128", "values[1].plain"},
        {"\"blob\":1", "\"blob\":3", "values[1].blob"},
        {"\"partial_blocks\":2", "\"partial_blocks\":3", "values[4].bytes"},
        {"\"partial_blocks\":2", "\"partial_blocks\":2147483647", "values[4].bytes"},
        {"\"partial_count\":16", "\"partial_count\":0", "partial_count"},
        {"\"last\":2", "\"last\":3", "values[5]"},
        {"\"inputs\":[0],", "\"inputs\":[6],", "inputs[0]"},
        {"\"inputs\":[0],", "\"inputs\":[],", "inputs"},
        {"\"outputs\":[5],\"steps\"", "\"outputs\":[2],\"steps\"", "outputs[0]"},
        {"\"inputs\":[0,1]", "\"inputs\":[0,6]", "steps[0].inputs[1]"},
        {"\"inputs\":[0,1]", "\"inputs\":[0,-2]", "steps[0].inputs[1]"},
        {"\"outputs\":[2,4]", "\"outputs\":[0,4]", "steps[0].outputs[0]"},
        {"\"deps\":[0]", "\"deps\":[1]", "steps[1].deps[0]"},
        {"\"deps\":[0]", "\"deps\":[0,0]", "steps[1].deps[1]"},
        {"\"kernel\":0,", "\"kernel\":1,", "kernel"},
        {"\"program\":0", "\"program\":4", "program"},
        {"\"value\":3", "\"value\":6", "args[0]"},
        {"\"blob\":2", "\"blob\":3", "args[1]"},
        {"{\"null\":true},-5", "{\"null\":true},-2147483649", "args[3]"},
        {"{\"null\":true},-5", "{\"null\":true},{\"int\":-5}", "args[3]"},
        {"\"local\":256", "\"local\":0", "local"},
        {"\"scratch\":[768,100]", "\"scratch\":[1024,100]", "args[6]"},
        {"\"scratch\":[768,100]", "\"scratch\":[768,9223372036854775807]", "args[6]"},
        {"\"scratch\":[768,100]", "\"scratch\":[768]", "scratch"},
        {"\"global\":[6,2,1]", "\"global\":[7,2,1]", "global"},
        {"\"global\":[6,2,1]", "\"global\":[0,2,1]", "global"},
        {"\"global\":[6,2,1]", "\"global\":[6,4294967295,4294967295]", "global"},
        {"\"local\":[3,1,1]", "\"local\":[3,0,1]", "global[1]"},
        {"\"null\":true", "\"null\":false", "null"},
        {"\"arena_bytes\":1024", "\"arena_bytes\":512", "offset"},
        {"\"arena_bytes\":1024", "\"arena_bytes\":9223372036854775807", "arena_bytes"},
        {"\"ideal_ns\":12.75", "\"ideal_ns\":\"nan\"", "ideal_ns"},
        {"\"bound\":\"memory\"", "\"bound\":\"luck\"", "cost.bound"},
        {"\"float\":\"inf\"", "\"float\":\"many\"", "float"},
        {"\"float\":\"inf\"", "\"float\":1e39", "float"},
        {"\"bytes\":[0,127,255]", "\"bytes\":[0,127]", "tensor"},
        {"\"bytes\":[0,127,255]", "\"bytes\":[0,127,256]", "tensor"},
        {"\"language\":\"hls-c\"", "\"language\":\"c\"", "programs[3].language"},
        {"\"language\":\"hls-c\"", "\"language\":\"opencl\"", "engine.program_hls"},
        {"\"program_hls\":3", "\"program_hls\":4", "engine.program_hls"},
        {"\"program_opencl\":2", "\"program_opencl\":3", "engine.program_opencl"},
        {"\"program\":0", "\"program\":3", "not OpenCL C"},
        {"\"name\":\"e16x16\"", "\"name\":\"\"", "engine.name"},
        {"\"version\":1", "\"version\":0", "engine.version"},
        {"\"version\":1", "\"version\":1,\"more\":1", "engine"},
        {"\"columns\":16", "\"columns\":-1", "engine.parameters.columns"},
        {"\"columns\":16", "\"columns\":2147483648", "engine.parameters.columns"},
        {"\"columns\":16", "\"columns\":\"wide\"", "engine.parameters.columns"},
        {"\"board\":\"u280\"", "\"board\":\"\"", "card: board"},
        {"\"board\":\"u280\"", "\"board\":\"u280\",\"colour\":1", "card"},
        {"\"clock_mhz\":287.5", "\"clock_mhz\":0.0", "card.clock_mhz"},
        {"\"clock_mhz\":287.5", "\"clock_mhz\":\"nan\"", "card.clock_mhz"},
        {"\"platform\":\"xilinx_u280_1\"", "\"platform\":\"\"", "platform"},
        {"\"name\":\"weft_engine_1\"", "\"name\":\"weft_engine_2\"", "comes twice"},
        {"\"name\":\"weft_engine_1\"", "\"name\":\"1;rm -r\"", "card.units[0].name"},
        {"\"slr\":1", "\"slr\":64", "card.units[1].slr"},
        {"\"slr\":1", "\"slr\":-1", "card.units[1].slr"},
        {"\"DDR[1]\"", "\"DDR1\"", "card.units[1].banks[2]"},
        {"\"DDR[1]\"", "\"DDR[1] --x\"", "card.units[1].banks[2]"},
        {"\"DDR[1]\",\"DDR[1]\",\"DDR[1]\"", "\"DDR[1]\"", "5 ports"},
        {"\"cycles\":77", "\"cycles\":0", "cost.cycles"},
        {"\"cycles\":77", "\"cycles\":77.5", "cost.cycles"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,{\"value\":6},", "descriptors[0][1]"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,{\"plus\":512,\"value\":1},",
         "byte 512 is not in value 1"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,{\"value\":-1},", "descriptors[0][1]"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,{\"float\":2},", "descriptors[0][1]"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,{\"scratch\":[1024,100]},", "descriptors[0][1]"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,{\"scratch\":[4,4]},", "descriptors[0][1]"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,{\"plus\":4,\"scratch\":[0,4]},",
         "descriptors[0][1]"},
        {"[7,{\"plus\":511,\"value\":2},", "[7,\"value\",", "descriptors[0][1]"},
        {"[7,{\"plus\":511,\"value\":2},", "[7.5,{\"plus\":511,\"value\":2},", "descriptors[0][0]"},
        {"[7,{\"plus\":511,\"value\":2},", "[2147483648,{\"value\":2},", "descriptors[0][0]"},
        {"\"plus\":511", "\"plus\":512", "byte 512 is not in value 2"},
        {"\"plus\":511", "\"plus\":0", "plus"},
        {"\"plus\":511", "\"plus\":-1", "plus"},
        {",{\"blob\":0},", ",{\"blob\":3},", "descriptors[0][2]"},
        {"\"descriptors\":[[", "\"descriptors\":[[],[", "descriptors[0]"},
        {"\"descriptors\":[[", "\"descriptors\":[7,[", "descriptors[0]"},
        {"\"descriptors\":[[", "\"descriptors\":[[" ZEROS_64 ",", "descriptors[0]: 68 words"},
        {SECOND_INPUT("\"bytes\":1024,\"shape\":[2,4,4,8]"), SECOND_INPUT("\"first\":-1"),
         "schedules[1].inputs: schedule 0 takes the same shapes"},
        {SECOND_INPUT("\"bytes\":1024,"), SECOND_INPUT("\"name\":\"inputs\",\"bytes\":1024,"),
         "schedules[1].inputs[0]: another name"},
        {SECOND_INPUT("\"bytes\":1024,"), SECOND_INPUT("\"dtype\":\"i32\",\"bytes\":1024,"),
         "schedules[1].inputs[0]: another name, type"},
        {SECOND_INPUT("\"bytes\":1024,\"shape\":[2,4,4,8]"),
         SECOND_INPUT("\"bytes\":1024,\"shape\":[2,16,8]"),
         "schedules[1].inputs[0]: another name, type or rank"},
        {SECOND_INPUT("\"bytes\":1024,"), SECOND_INPUT(""), "schedules[1].values[0].bytes"},
        {SECOND_INPUT(""), "[{\"as_before\":false,", "schedules[1].values[0].as_before"},
        {SECOND_INPUT(""), "[{", "schedules[1].values[0]"},
        {SECOND_INPUT(""), SECOND_INPUT("\"alias_of\":0,"), "no members besides"},
        {SECOND_INPUT(""), SECOND_INPUT("\"place\":\"arena\","), "offset"},
        {"\"values\":[{", "\"values\":[{\"as_before\":true,", "schedules[0].values[0].as_before"},
        {"\"steps\":[{", "\"steps\":[{\"as_before\":true,", "schedules[0].steps[0].as_before"},
        {"{\"as_before\":true}],\"values\"",
         "{\"as_before\":true},{\"as_before\":true}],\"values\"",
         "schedules[1].steps[2].as_before"},
        {"{\"as_before\":true}],\"values\"", "{\"as_before\":true,\"cost\":{}}],\"values\"",
         "schedules[1].steps[1].cost"},
        {"{\"as_before\":true}],\"values\"",
         "{\"as_before\":true,\"descriptors\":[],\"launches\":[]}],\"values\"",
         "schedules[1].steps[1].launches"},
    };
    image package = sample_image();
    char text[1024];
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        image lying = with_manifest(&package, edits[i].find, edits[i].replace);
        uint32_t id = image_open_error(&lying, text, sizeof text);
        if (id != WEFT_E_PACKAGE_MANIFEST || strstr(text, edits[i].says) == NULL)
            fail_msg("%s -> %s: expected %s, got id %u, %s", edits[i].find, edits[i].replace,
                     edits[i].says, (unsigned)id, text);
        free(lying.bytes);
    }
    image same = with_manifest(&package, "\"model\":\"sample\"", "\"model\":\"example\"");
    assert_int_equal(image_open_error(&same, text, sizeof text), 0);
    free(same.bytes);
    free(package.bytes);
}

/* ---- writing what must not be written ---- */

static void wrong_content_is_not_written(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    unlink(path);
    weft_package_content *content = sample_content(arena);
    content->manifest->schedules[0].steps[1].deps[0] = 1;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_INTERNAL);
    content = sample_content(arena);
    content->manifest->blobs[1].offset_bytes = 0;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_INTERNAL);
    content = sample_content(arena);
    content->manifest->schedules[1].values[1].offset_bytes =
        512; /* then the first schedule's, at 0 */
    weft_schedule swapped = content->manifest->schedules[0];
    content->manifest->schedules[0] = content->manifest->schedules[1];
    content->manifest->schedules[1] = swapped;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_INTERNAL);
    content = sample_content(
        arena); /* lies inside of the first schedule's constant, but is not that one */
    content->manifest->schedules[1].values[1].shape.dims[0] = 8;
    content->manifest->schedules[1].values[1].offset_bytes = 128;
    content->manifest->schedules[1].values[1].size_bytes = 256;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_INTERNAL);
    content = sample_content(arena);
    content->manifest->schedules[0].steps[0].name = "\xff";
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_UNSUPPORTED);
    content = sample_content(arena); /* a step that nothing executes */
    content->manifest->schedules[0].steps[1].launch_count = 0;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_INTERNAL);
    content = sample_content(arena); /* cycles of a step that no engine executes */
    content->manifest->schedules[0].steps[1].cost.cycles = 1;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_INTERNAL);
    content = sample_content(arena); /* descriptors without an engine */
    ((weft_manifest *)(uintptr_t)content->manifest)->engine.name = NULL;
    assert_int_equal(weft_package_write(path, content, NULL), WEFT_INTERNAL);
    content = sample_content(arena);
    assert_int_equal(weft_package_write("/nonexistent/x.weft", content, NULL), WEFT_IO);
    assert_int_equal(access(path, F_OK), -1);
    weft_arena_destroy(arena);
}

static void lack_of_memory_is_survived(void **state)
{
    (void)state;
    image package = sample_image();
    bool has_opened = false;
    size_t failures = 0;
    for (size_t n = 1; !has_opened; n++) {
        weft_package *opened = NULL;
        weft_arena_fail_after(n);
        weft_status status = weft_package_open_memory(package.bytes, package.size, NULL, &opened);
        weft_arena_fail_after(0);
        has_opened = status == WEFT_OK;
        failures += status == WEFT_NO_MEMORY;
        if (!has_opened)
            assert_int_equal(status, WEFT_NO_MEMORY);
        assert_true(has_opened == (opened != NULL));
        weft_package_close(opened);
    }
    assert_true(failures > 20);
    free(package.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(writing_twice_gives_the_same_bytes),
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(every_changed_byte_is_named),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(other_files_are_told_apart),
        cmocka_unit_test(lying_tables_are_refused),
        cmocka_unit_test(lying_manifests_are_refused),
        cmocka_unit_test(wrong_content_is_not_written),
        cmocka_unit_test(lack_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
