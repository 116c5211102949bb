/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain ResNets against known facts: torchvision's parameters, multiply-accumulates of the three
 * variants, shapes, nodes; and the layers that published speeds are predicted for are those of the
 * models. Knows the model library's headers and nothing of its inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "compiler/card/published_nets.h"
#include "models/cost.h"
#include "models/moments.h"
#include "models/resnet.h"

/* Parameters: torchvision's documentation. MACs of v1.5: torchvision's GFLOPS (1.81, 4.09); of the
 * others: half of the operations that Vitis AI's model zoo states (7.7 Caffe, 6.97 TensorFlow). */
static const struct {
    const char *depth, *variant;
    weft__published_net net; /* WEFT_NET_COUNT: none */
    uint64_t parameters, macs, convs, pools;
} known[] = {
    {"18", "v1.5", WEFT_NET_RESNET18, 11689512, 1814073344, 20, 1},
    {"18", "v1", WEFT_NET_RESNET18, 11689512, 1814073344, 20, 1},
    {"50", "v1.5", WEFT_NET_COUNT, 25557032, 4089184256, 53, 1},
    {"50", "v1", WEFT_NET_RESNET50_CAFFE, 25557032, 3857973248, 53, 1},
    {"50", "slim", WEFT_NET_RESNET50_SLIM, 25557032, 3482255360, 53, 4},
};

static weft_build *build_known(size_t i, bool folds)
{
    weft_family_params params = weft_family_defaults(&weft_resnet_family);
    params.depth = known[i].depth;
    params.variant = known[i].variant;
    params.folds_batch_norm = folds;
    weft_build *build = weft_family_build(&weft_resnet_family, &params, false);
    assert_non_null(build);
    assert_int_equal(build->status, WEFT_BUILD_OK);
    return build;
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        weft_build *build = build_known(i, false);
        weft_cost cost;
        assert_true(weft_cost_count(build, &cost));
        assert_int_equal(cost.parameters, known[i].parameters);
        assert_int_equal(cost.macs, known[i].macs);
        assert_int_equal(weft_cost_count_op(build, "Conv"), known[i].convs);
        assert_int_equal(weft_cost_count_op(build, "BatchNormalization"), known[i].convs);
        assert_int_equal(weft_cost_count_op(build, "MaxPool"), known[i].pools);
        assert_int_equal(weft_cost_count_op(build, "Add"), strcmp(known[i].depth, "18") ? 16 : 8);
        assert_int_equal(weft_cost_count_op(build, "Gemm"), 1);
        weft_build_destroy(build);
        build = build_known(i, true);
        assert_int_equal(weft_cost_count_op(build, "BatchNormalization"), 0);
        weft_build_destroy(build);
    }
}

/* The two published members are what the family gives without a choice. */
static void test_members(void **state)
{
    (void)state;
    assert_int_equal(weft_resnet_family.published_count, 2);
    for (size_t i = 0; i < 2; i++) {
        weft_family_params params = weft_family_defaults(&weft_resnet_family);
        weft_resnet_family.get_published(i, &params);
        assert_string_equal(params.depth, i == 0 ? "18" : "50");
        assert_string_equal(params.variant, "v1.5");
        assert_int_equal(params.size, 224);
    }
}

/* What the walk of published_nets.c and the nodes of a model have in common. */
typedef struct totals {
    uint64_t macs, weights, convs, sums, pools;
} totals;

static void count_layer(const weft__published_layer *layer, void *context)
{
    totals *t = context;
    uint64_t side = (uint64_t)layer->out_side;
    bool has_weights = layer->kind == WEFT_LAYER_CONV || layer->kind == WEFT_LAYER_CLASSIFIER;
    uint64_t weights =
        has_weights
            ? (uint64_t)(layer->out_channels * layer->in_channels * layer->kernel * layer->kernel)
            : 0;
    t->macs += weights * side * side;
    t->weights += weights;
    t->pools += layer->kind == WEFT_LAYER_POOL;
    t->convs += layer->kind == WEFT_LAYER_CONV;
    t->sums += layer->kind == WEFT_LAYER_ADD;
}

static uint64_t conv_and_gemm_weights(const weft_build *build)
{
    uint64_t weights = 0;
    for (size_t i = 0; i < build->node_count; i++)
        if (strcmp(build->nodes[i].op, "Conv") == 0 || strcmp(build->nodes[i].op, "Gemm") == 0)
            weights +=
                (uint64_t)weft_build_elems(weft_build_shape_of(build, build->nodes[i].inputs[1]));
    return weights;
}

static void test_published_walks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].net == WEFT_NET_COUNT)
            continue;
        totals t = {0};
        weft__published_walk(known[i].net, count_layer, &t);
        weft_build *build = build_known(i, true);
        assert_int_equal(t.macs, known[i].macs);
        assert_int_equal(t.weights, conv_and_gemm_weights(build));
        assert_int_equal(t.convs, weft_cost_count_op(build, "Conv"));
        assert_int_equal(t.sums, weft_cost_count_op(build, "Add"));
        /* The stem's maximum and the mean at the end; a shortcut of slim is no layer of its own. */
        assert_int_equal(t.pools, 2);
        weft_build_destroy(build);
    }
}

static void test_shapes(void **state)
{
    (void)state;
    static const int64_t sides[] = {112, 56, 56, 28, 14, 7};
    weft_build *build = build_known(2, false);
    static const char *const nodes[] = {"/relu/Relu",
                                        "/maxpool/MaxPool",
                                        "/layer1/layer1.2/relu_2/Relu",
                                        "/layer2/layer2.3/relu_2/Relu",
                                        "/layer3/layer3.5/relu_2/Relu",
                                        "/layer4/layer4.2/relu_2/Relu"};
    for (size_t k = 0; k < sizeof nodes / sizeof *nodes; k++) {
        const weft_build_shape *shape = NULL;
        for (size_t i = 0; i < build->node_count; i++)
            if (strcmp(build->nodes[i].proto->name, nodes[k]) == 0)
                shape = weft_build_shape_of(build, build->nodes[i].output);
        if (shape == NULL)
            fail_msg("no node named %s", nodes[k]);
        assert_int_equal(shape->dims[2], sides[k]);
        assert_int_equal(shape->dims[3], sides[k]);
    }
    weft_build_destroy(build);
}

/* The largest of three draws, by their density: 3 * pdf * cdf^2. */
static void test_maximum(void **state)
{
    (void)state;
    double in_mean[] = {0.5}, in_var[] = {4.0}, in_zero[] = {0.25}, mean[1], var[1], zero[1];
    weft_moments x = {
        .mean = in_mean, .var = in_var, .zero = in_zero, .is_rectified = true, .channels = 1};
    weft_moments y = {.mean = mean, .var = var, .zero = zero, .channels = 1};
    double first = 0, second = 0;
    for (int i = -8000; i < 8000; i++) {
        double t = (i + 0.5) / 1000.0, cdf = weft_moments_normal_cdf(t);
        double density = 3 * weft_moments_normal_pdf(t) * cdf * cdf / 1000.0, value = 0.5 + 2 * t;
        first += density * value;
        second += density * value * value;
    }
    weft_moments_max(&x, 3, &y);
    /* pdf and cdf are promised to 2e-4; values here reach 10. */
    assert_true(fabs(mean[0] - first) < 5e-3);
    assert_true(fabs(var[0] - (second - first * first)) < 2e-2);
    assert_true(fabs(zero[0] - 0.25 * 0.25 * 0.25) < 1e-12);
    assert_true(y.is_rectified);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),           cmocka_unit_test(test_members),
        cmocka_unit_test(test_published_walks), cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
