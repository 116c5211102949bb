/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ViT-ResNAS and ResFormer against known facts: parameters and multiply-accumulates of every
 * published network, counted on the original code, and of their parts; node counts of real exports;
 * the notation of the search; determinism. Knows the model library's headers and nothing of its
 * inside; needs no other program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cost.h"
#include "models/resformer.h"
#include "models/vit_resnas.h"

/* Without the second head of the training, batch-norm not folded. */
static const struct {
    const char *variant;
    int64_t size;
    uint64_t parameters, macs;
} resnas[] = {
    {"res-tiny", 224, 42012736, 1794378240}, {"tiny", 224, 40793552, 1782630272},
    {"small", 224, 63724108, 2845501856},    {"medium", 224, 96442672, 4513135936},
    {"medium", 280, 96508192, 7219069888},   {"medium", 336, 96588272, 10739099456},
    {"medium", 392, 96682912, 15200890816},
};

/* Parameters do not depend on the resolution. */
static const struct {
    const char *variant;
    uint64_t parameters;
} resformer_parameters[] = {{"tiny", 5689192}, {"small", 21986536}, {"base", 86431720}};

static const struct {
    int64_t size;
    uint64_t macs[3]; /* tiny, small, base */
} resformer_macs[] = {
    {80, {145573824, 567185280, 2238521088}},
    {96, {209028864, 810880512, 3193052160}},
    {112, {285458880, 1101759360, 4326885120}},
    {128, {375582720, 1441259520, 5642895360}},
    {160, {600340224, 2272980480, 8835161088}},
    {192, {891264000, 3321968640, 12801699840}},
    {224, {1258086144, 4607688192, 17581440000}},
    {288, {2267201280, 7984872960, 29771627520}},
    {384, {4695158784, 15516229632, 55536107520}},
    {448, {7140080640, 22614374400, 78565601280}},
    {512, {10456596480, 31795445760, 107119902720}},
    {640, {20582068224, 58161684480, 184313561088}},
    {896, {62531825664, 158368653312, 449957314560}},
    {1120, {137532589824, 327098273280, 862328921088}},
    {1792, {793919078400, 1721026314240, 3974805258240}},
    {2240, {1877770804224, 3963642132480, 8759686361088}},
};

/* Stem, class token with first table, stage, reduction, stage, reduction, stage, head. */
enum { PARTS = 8 };
typedef struct split {
    const char *variant;
    int reductions[2]; /* which blocks are reductions */
    uint64_t parameters[PARTS], macs[PARTS];
} split;
static const split splits[] = {
    {"res-tiny",
     {4, 9},
     {237144, 49536, 1779456, 763008, 7097856, 2963712, 28351488, 770536},
     {195987456, 0, 556205568, 42541056, 473041920, 42762240, 483072000, 768000}},
    {"tiny",
     {5, 12},
     {218312, 45408, 1519488, 643104, 9174624, 2491456, 25994752, 706408},
     {191170560, 0, 459770944, 35746304, 616416320, 35932160, 442889984, 704000}},
    {"small",
     {6, 13},
     {270100, 56760, 2993632, 997480, 14030336, 3888720, 40604320, 882760},
     {204417024, 0, 900593792, 55853600, 935667200, 56144000, 691946240, 880000}},
    {"medium",
     {7, 15},
     {293640, 61920, 4521504, 1578720, 27291360, 5649120, 56163648, 882760},
     {210438144, 0, 1363753024, 88627200, 1811056000, 81664000, 956717568, 880000}},
};

/* Nodes of the original networks' exports at 224, batch-norm folded, and how near ours must be: the
 * last few nodes depend on how a line of Python is written. */
static const struct {
    const weft_family *family;
    const char *form;
    double nodes;
} exports[] = {
    {&weft_vit_resnas_family, "torchscript", 724},
    {&weft_vit_resnas_family, "dynamo", 460},
    {&weft_resformer_family, "torchscript", 776},
    {&weft_resformer_family, "dynamo", 462},
};
static const double node_tolerance = 0.02;

static weft_build *build_checked(const weft_family *family, const weft_family_params *params,
                                 bool with_weights)
{
    weft_build *build = weft_family_build(family, params, with_weights);
    assert_non_null(build);
    assert_int_equal(build->status, WEFT_BUILD_OK);
    return build;
}

static weft_cost cost_of(const weft_family *family, const weft_family_params *params)
{
    weft_cost cost;
    weft_build *build = build_checked(family, params, false);
    assert_true(weft_cost_count(build, &cost));
    weft_build_destroy(build);
    return cost;
}

/* Counts do not depend on the form, the operator set or the way attention is written. */
static void check_forms(const weft_family *family, weft_family_params params, uint64_t parameters,
                        uint64_t macs)
{
    static const struct {
        const char *form, *attention;
        int64_t opset;
    } ways[] = {
        {"torchscript", "plain", 0}, {"torchscript", "plain", 13}, {"dynamo", "plain", 0},
        {"torchscript", "sdpa", 0},  {"dynamo", "sdpa", 0},        {"dynamo", "operator", 0},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        params.form = ways[i].form;
        params.attention = ways[i].attention;
        params.opset = ways[i].opset;
        weft_cost cost = cost_of(family, &params);
        assert_int_equal(cost.parameters, parameters);
        assert_int_equal(cost.macs, macs);
    }
}

static void test_resnas_sizes(void **state)
{
    (void)state;
    const weft_family *family = &weft_vit_resnas_family;
    assert_int_equal(family->published_count, sizeof resnas / sizeof *resnas);
    for (size_t i = 0; i < family->published_count; i++) {
        weft_family_params params = weft_family_defaults(family);
        family->get_published(i, &params);
        assert_string_equal(params.variant, resnas[i].variant);
        assert_int_equal(params.size, resnas[i].size);
        check_forms(family, params, resnas[i].parameters, resnas[i].macs);
    }
}

static void test_resformer_sizes(void **state)
{
    (void)state;
    const weft_family *family = &weft_resformer_family;
    for (size_t v = 0; v < 3; v++) {
        for (size_t i = 0; i < sizeof resformer_macs / sizeof *resformer_macs; i++) {
            weft_family_params params = weft_family_defaults(family);
            params.variant = resformer_parameters[v].variant;
            params.size = resformer_macs[i].size;
            check_forms(family, params, resformer_parameters[v].parameters,
                        resformer_macs[i].macs[v]);
        }
    }
    assert_int_equal(family->published_count, 33);
    for (size_t i = 0; i < family->published_count; i++) {
        weft_family_params params = weft_family_defaults(family);
        family->get_published(i, &params);
        assert_string_equal(params.variant, resformer_parameters[i / 11].variant);
    }
}

/* The part that a dotted or slashed name belongs to. */
static int part_of(const split *of, const char *name)
{
    const char *block = strstr(name, "blocks.");
    if (strstr(name, "patch_embed"))
        return 0;
    if (!block)
        return strstr(name, "head") || strncmp(name, "norm", 4) == 0 ? 7 : 1;
    int index = atoi(block + strlen("blocks."));
    if (index == of->reductions[0] || index == of->reductions[1])
        return index == of->reductions[0] ? 3 : 5;
    return index < of->reductions[0] ? 2 : index < of->reductions[1] ? 4 : 6;
}

static void test_resnas_parts(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof splits / sizeof *splits; s++) {
        uint64_t parameters[PARTS] = {0}, macs[PARTS] = {0};
        weft_family_params params = weft_family_defaults(&weft_vit_resnas_family);
        params.variant = splits[s].variant;
        weft_build *build = build_checked(&weft_vit_resnas_family, &params, false);
        for (size_t i = 0; i < build->initializer_count; i++) {
            const weft_build_initializer *one = &build->initializers[i];
            if (one->is_parameter)
                parameters[part_of(&splits[s], build->values[one->value].name)] +=
                    (uint64_t)weft_build_elems(weft_build_shape_of(build, one->value));
        }
        for (size_t i = 0; i < build->node_count; i++) {
            weft_build one = *build; /* a graph of that node alone */
            weft_cost cost;
            one.nodes += i;
            one.node_count = 1;
            assert_true(weft_cost_count(&one, &cost));
            macs[part_of(&splits[s], one.nodes->proto->name)] += cost.macs;
        }
        for (int p = 0; p < PARTS; p++) {
            assert_int_equal(parameters[p], splits[s].parameters[p]);
            assert_int_equal(macs[p], splits[s].macs[p]);
        }
        weft_build_destroy(build);
    }
}

static void test_node_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        weft_family_params params = weft_family_defaults(exports[i].family);
        params.variant = "tiny";
        params.form = exports[i].form;
        params.folds_batch_norm = true;
        double nodes = (double)cost_of(exports[i].family, &params).nodes;
        assert_true(nodes > exports[i].nodes * (1.0 - node_tolerance));
        assert_true(nodes < exports[i].nodes * (1.0 + node_tolerance));
    }
}

/* Operators of both forms, by kind. */
static void test_operators(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        uint64_t torchscript, dynamo, old; /* old: tracing exporter, operator set 13 */
    } expected[] = {
        {"LayerNormalization", 25, 25, 0},
        {"ReduceMean", 0, 0, 50},
        {"Pow", 0, 0, 25},
        {"Erf", 12, 0, 12},
        {"Gelu", 0, 12, 0},
        {"Softmax", 12, 12, 12},
        {"Split", 12, 0, 12},
        {"CumSum", 2, 0, 2},
        {"Sin", 2, 2, 2},
        {"Cos", 2, 2, 2},
        {"MatMul", 72, 72, 72},
        {"Gemm", 1, 1, 1},
        {"Conv", 14, 14, 14},
        {"Squeeze", 36, 36, 36},
    };
    weft_family_params params = weft_family_defaults(&weft_resformer_family);
    weft_build *traced = build_checked(&weft_resformer_family, &params, false);
    params.opset = 13;
    weft_build *old = build_checked(&weft_resformer_family, &params, false);
    params.opset = 0;
    params.form = "dynamo";
    weft_build *exported = build_checked(&weft_resformer_family, &params, false);
    assert_int_equal(traced->opset, 17);
    assert_int_equal(exported->opset, 20);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(weft_cost_count_op(traced, expected[i].op), expected[i].torchscript);
        assert_int_equal(weft_cost_count_op(old, expected[i].op), expected[i].old);
        assert_int_equal(weft_cost_count_op(exported, expected[i].op), expected[i].dynamo);
    }
    weft_build_destroy(traced);
    weft_build_destroy(old);
    weft_build_destroy(exported);
}

/* ---- the notation ---------------------------------------------------------------------------- */

/* The largest network of the smaller search space. */
static void write_supernet(char *text, size_t bytes, int dropped)
{
    static const int widths[] = {256, 512, 1024}, heads[] = {6, 12, 12}, sizes[] = {32, 48, 64};
    size_t at = (size_t)snprintf(text, bytes, "((4, 256)");
    for (int s = 0, n = 0; s < 3; s++) {
        for (int i = 0; i < 6; i++, n++)
            at += (size_t)snprintf(text + at, bytes - at, ", (1, (%d, %d, %d), (%d, %d), %d)",
                                   widths[s], heads[s], sizes[s], widths[s], 3 * widths[s],
                                   n != dropped);
        if (s < 2)
            at +=
                (size_t)snprintf(text + at, bytes - at, ", (3, %d, %d)", widths[s], widths[s + 1]);
    }
    snprintf(text + at, bytes - at, ", (2, 1024, 1000))");
}

static void test_supernet(void **state)
{
    (void)state;
    char text[2048];
    weft_vit_config config;
    weft_family_params params = weft_family_defaults(&weft_vit_resnas_family);
    params.config = text;
    write_supernet(text, sizeof text, -1);
    assert_int_equal(weft_family_prepare(&weft_vit_resnas_family, &params, &config, stderr), 0);
    weft_cost whole = cost_of(&weft_vit_resnas_family, &params);
    assert_int_equal(whole.parameters, 84814464);
    assert_int_equal(whole.macs, 3497553920);
    /* A dropped block takes its parameters away: 4 D + 3 A D + 3 A + A D + D + 2 D F + F + D. */
    write_supernet(text, sizeof text, 1);
    assert_int_equal(weft_family_prepare(&weft_vit_resnas_family, &params, &config, stderr), 0);
    uint64_t d = 256, a = 192, f = 768;
    assert_int_equal(whole.parameters - cost_of(&weft_vit_resnas_family, &params).parameters,
                     4 * d + 3 * a * d + 3 * a + a * d + d + 2 * d * f + f + d);
}

static void test_notation(void **state)
{
    (void)state;
    weft_vit_config config;
    size_t at;
    const char *text = " [(5,32 ,8), (1,(32,2,16),[32,64],1),(1,(32,1,8),(32,5),0),(3,32,32),\n"
                       "(1,(32,3,7),(32,9),1,),(2,32,11),] ";
    assert_null(weft_vit_config_parse(text, &config, &at));
    assert_int_equal(config.stem, WEFT_VIT_STEM_WIDE);
    assert_int_equal(config.stem_channels, 8);
    assert_int_equal(config.channels, 32);
    assert_int_equal(config.classes, 11);
    assert_int_equal(config.layer_count, 4);
    assert_false(config.layers[1].is_kept);
    assert_true(config.layers[2].is_reduction);
    assert_int_equal(config.layers[3].head_size, 7);
    assert_int_equal(config.layers[3].hidden, 9);
    assert_int_equal(weft_vit_config_step(&config), 28);
    assert_null(weft_vit_config_parse("((0,16),(2,16,3))", &config, &at));
    assert_int_equal(weft_vit_config_step(&config), 14);
}

static void test_wrong_notation(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wrong;
        size_t at;
    } cases[] = {
        {"", "an opening bracket was expected", 0},
        {"((4,16),(2,16,3)", "a closing bracket was expected", 16},
        {"((4,16),(2,16,3)))", "something follows the last bracket", 17},
        {"((3,16),(2,16,3))", "the type of a stem is 0, 4 or 5", 2},
        {"((4,0),(2,16,3))", "the number is too small", 4},
        {"((4,1000001),(2,16,3))", "the number is above 1000000", 4},
        {"((4,99999999999999999999999),(2,16,3))", "the number is above 1000000", 4},
        {"((4,-16),(2,16,3))", "a whole number was expected", 4},
        {"((4,16),(2,17,3))", "the channels differ from those of the item before", 11},
        {"((4,16),(1,(16,1,8),(17,4),1),(2,16,3))",
         "the channels differ from those of the item before", 21},
        {"((4,16),(1,(16,1,8),(16,4),2),(2,16,3))", "the last number of a block is 1 (kept) or 0",
         27},
        {"((4,16),(3,16,8),(2,8,3))", "a reduction has at least as many outputs as inputs", 14},
        {"((4,16),(4,16,8),(2,8,3))", "the type of an item is 1 (block), 2 (head) or 3 (reduction)",
         9},
        {"((4,16) (2,16,3))", "a comma was expected", 8},
        {"((4,16))", "a comma was expected", 7},
    };
    weft_vit_config config;
    size_t at;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *wrong = weft_vit_config_parse(cases[i].text, &config, &at);
        assert_non_null(wrong);
        assert_string_equal(wrong, cases[i].wrong);
        assert_int_equal(at, cases[i].at);
    }
    char text[4096] = "((4,1)";
    for (size_t i = 0; i < 65; i++)
        strcat(text, ",(1,(1,1,1),(1,1),1)");
    strcat(text, ",(2,1,1))");
    assert_string_equal(weft_vit_config_parse(text, &config, &at),
                        "there are more than 64 blocks and reductions");
}

/* ---- weights --------------------------------------------------------------------------------- */

/* Values of one initialiser, to be freed. */
static float *fill_at(const weft_build *build, size_t index, size_t *out_count)
{
    const weft_build_initializer *one = &build->initializers[index];
    *out_count = (size_t)weft_build_elems(weft_build_shape_of(build, one->value));
    float *data = malloc(*out_count * sizeof *data);
    assert_non_null(data);
    weft_init_fill(&one->recipe, 0, *out_count, data);
    return data;
}

/* No trained tensor is zero, the seed decides all of them, and the form none. */
static void test_weights(void **state)
{
    (void)state;
    weft_family_params params = weft_family_defaults(&weft_resformer_family);
    params.variant = "tiny";
    params.size = 32;
    params.seed = 5;
    weft_build *one = build_checked(&weft_resformer_family, &params, true);
    params.seed = 6;
    weft_build *other = build_checked(&weft_resformer_family, &params, true);
    assert_int_equal(one->initializer_count, other->initializer_count);
    for (size_t i = 0; i < one->initializer_count; i++) {
        size_t count, zeros = 0;
        if (!one->initializers[i].is_parameter)
            continue;
        float *a = fill_at(one, i, &count), *b = fill_at(other, i, &count);
        for (size_t k = 0; k < count; k++)
            zeros += a[k] == 0.0f;
        assert_true(zeros * 1000 <= count);
        assert_memory_not_equal(a, b, count * sizeof *a);
        free(a);
        free(b);
    }
    weft_build_destroy(one);
    weft_build_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resnas_sizes), cmocka_unit_test(test_resformer_sizes),
        cmocka_unit_test(test_resnas_parts), cmocka_unit_test(test_node_counts),
        cmocka_unit_test(test_operators),    cmocka_unit_test(test_supernet),
        cmocka_unit_test(test_notation),     cmocka_unit_test(test_wrong_notation),
        cmocka_unit_test(test_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
