/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference models against known facts: parameters, multiply-accumulates and node counts of every
 * published ResNet-RS, shapes, determinism of the weights, files that are whole or absent. Knows
 * the model library's headers and nothing of its inside; needs no other program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/cost.h"
#include "models/moments.h"
#include "models/onnx_write.h"
#include "models/resnet_rs.h"

/* Published size of each model. MACs count convolutions and the classifier, as the paper's FLOPs /
 * 2 do. */
static const struct {
    const char *depth;
    int64_t size;
    uint64_t parameters, macs;
} published[] = {
    {"50", 160, 35691912, 2278629376},    {"101", 160, 63618696, 4181532672},
    {"101", 192, 63618696, 6012157952},   {"152", 192, 86621576, 8746844160},
    {"152", 224, 86621576, 11895185408},  {"152", 256, 86621576, 15527886848},
    {"200", 256, 93209992, 20093386752},  {"270", 256, 129861448, 26950189056},
    {"350", 256, 163956168, 34376597504}, {"350", 320, 163956168, 53683601408},
    {"420", 320, 191891656, 63942344704},
};

/* Per depth: number of blocks, and parameters once batch-norms are folded. */
static const struct {
    const char *depth;
    uint64_t blocks, folded_parameters;
} depths[] = {
    {"50", 16, 35665224},   {"101", 33, 63565896},   {"152", 50, 86545736},   {"200", 66, 93121864},
    {"270", 90, 129739912}, {"350", 116, 163800072}, {"420", 139, 191706376},
};

static const weft_family *const family = &weft_resnet_rs_family;

static weft_build *build_checked(const weft_family_params *params, bool with_weights)
{
    weft_build *build = weft_family_build(family, params, with_weights);
    assert_non_null(build);
    assert_int_equal(build->status, WEFT_BUILD_OK);
    return build;
}

static void test_published_sizes(void **state)
{
    (void)state;
    assert_int_equal(family->published_count, sizeof published / sizeof *published);
    for (size_t i = 0; i < family->published_count; i++) {
        weft_family_params params = weft_family_defaults(family);
        weft_cost cost;
        family->get_published(i, &params);
        assert_string_equal(params.depth, published[i].depth);
        assert_int_equal(params.size, published[i].size);
        weft_build *build = build_checked(&params, false);
        assert_true(weft_cost_count(build, &cost));
        assert_int_equal(cost.parameters, published[i].parameters);
        assert_int_equal(cost.macs, published[i].macs);
        weft_build_destroy(build);
    }
}

/* B blocks give 5B+8 Conv, 4B+4 Relu and so on; unfolded, 3B+8 BatchNormalization on top. */
static void check_ops(const weft_build *build, uint64_t blocks, bool is_folded, bool is_dynamo)
{
    uint64_t norms = is_folded ? 0 : 3 * blocks + 8;
    assert_int_equal(build->node_count, 13 * blocks + 18 + norms);
    assert_int_equal(weft_cost_count_op(build, "Conv"), 5 * blocks + 8);
    assert_int_equal(weft_cost_count_op(build, "Relu"), 4 * blocks + 4);
    assert_int_equal(weft_cost_count_op(build, "BatchNormalization"), norms);
    assert_int_equal(weft_cost_count_op(build, "ReduceMean"), blocks + is_dynamo);
    assert_int_equal(weft_cost_count_op(build, "Sigmoid"), blocks);
    assert_int_equal(weft_cost_count_op(build, "Mul"), blocks);
    assert_int_equal(weft_cost_count_op(build, "Add"), blocks);
    assert_int_equal(weft_cost_count_op(build, "AveragePool"), 3);
    assert_int_equal(weft_cost_count_op(build, "GlobalAveragePool"), !is_dynamo);
    assert_int_equal(weft_cost_count_op(build, "Flatten"), !is_dynamo);
    assert_int_equal(weft_cost_count_op(build, "Reshape"), is_dynamo);
    assert_int_equal(weft_cost_count_op(build, "Gemm"), 1);
}

static void test_node_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        for (int variant = 0; variant < 4; variant++) {
            weft_family_params params = weft_family_defaults(family);
            weft_cost cost;
            bool is_dynamo = (variant & 2) != 0;
            params.depth = depths[i].depth;
            params.folds_batch_norm = (variant & 1) != 0;
            params.form = is_dynamo ? "dynamo" : "torchscript";
            weft_build *build = build_checked(&params, false);
            check_ops(build, depths[i].blocks, params.folds_batch_norm, is_dynamo);
            assert_true(weft_cost_count(build, &cost));
            if (params.folds_batch_norm)
                assert_int_equal(cost.parameters, depths[i].folded_parameters);
            weft_build_destroy(build);
        }
    }
}

/* The value that a named node puts out. */
static const weft_build_shape *shape_behind(const weft_build *build, const char *node_name)
{
    for (size_t i = 0; i < build->node_count; i++)
        if (strcmp(build->nodes[i].proto->name, node_name) == 0)
            return weft_build_shape_of(build, build->nodes[i].output);
    fail_msg("no node named %s", node_name);
    return NULL;
}

static void check_stages(int64_t size, const int64_t sides[5])
{
    static const char *const nodes[] = {"/maxpool/maxpool.2/Relu", "/layer1/layer1.2/act3/Relu",
                                        "/layer2/layer2.3/act3/Relu", "/layer3/layer3.5/act3/Relu",
                                        "/layer4/layer4.2/act3/Relu"};
    static const int64_t channels[] = {64, 256, 512, 1024, 2048};
    weft_family_params params = weft_family_defaults(family);
    params.size = size;
    params.batch = 4;
    params.classes = 10;
    weft_build *build = build_checked(&params, false);
    for (int i = 0; i < 5; i++) {
        const weft_build_shape *shape = shape_behind(build, nodes[i]);
        assert_int_equal(shape->rank, 4);
        assert_int_equal(shape->dims[0], 4);
        assert_int_equal(shape->dims[1], channels[i]);
        assert_int_equal(shape->dims[2], sides[i]);
        assert_int_equal(shape->dims[3], sides[i]);
    }
    const weft_build_shape *logits = weft_build_shape_of(build, build->output);
    assert_int_equal(logits->rank, 2);
    assert_int_equal(logits->dims[0], 4);
    assert_int_equal(logits->dims[1], 10);
    weft_build_destroy(build);
}

static void test_stage_shapes(void **state)
{
    (void)state;
    check_stages(160, (const int64_t[]){40, 40, 20, 10, 5});
    check_stages(75, (const int64_t[]){19, 19, 10, 5, 3}); /* odd maps round up */
}

/* Values of one initialiser, to be freed. */
static float *fill_named(const weft_build *build, const char *name, size_t *out_count)
{
    for (size_t i = 0; i < build->initializer_count; i++) {
        const weft_build_initializer *initializer = &build->initializers[i];
        if (strcmp(build->values[initializer->value].name, name) != 0)
            continue;
        *out_count = (size_t)weft_build_elems(weft_build_shape_of(build, initializer->value));
        float *data = malloc(*out_count * sizeof *data);
        assert_non_null(data);
        weft_init_fill(&initializer->recipe, 0, *out_count, data);
        return data;
    }
    fail_msg("no initialiser named %s", name);
    return NULL;
}

/* Folded weights are the unfolded ones times gamma / sqrt(var + eps), per output channel. */
static void test_folding_rule(void **state)
{
    (void)state;
    weft_family_params params = weft_family_defaults(family);
    params.size = 32;
    params.seed = 11;
    weft_build *plain = build_checked(&params, true);
    params.folds_batch_norm = true;
    weft_build *folded = build_checked(&params, true);
    size_t count, channels;
    float *w = fill_named(plain, "layer2.0.conv3.weight", &count);
    float *gamma = fill_named(plain, "layer2.0.bn3.weight", &channels);
    float *beta = fill_named(plain, "layer2.0.bn3.bias", &channels);
    float *mean = fill_named(plain, "layer2.0.bn3.running_mean", &channels);
    float *var = fill_named(plain, "layer2.0.bn3.running_var", &channels);
    float *folded_w = fill_named(folded, "layer2.0.conv3.weight", &count);
    float *folded_b = fill_named(folded, "layer2.0.conv3.bias", &channels);
    assert_int_equal(channels, 512);
    assert_int_equal(count, 512 * 128);
    for (size_t c = 0; c < channels; c++) {
        double scale = (double)gamma[c] / sqrt((double)var[c] + 1e-5);
        assert_true(gamma[c] >= 0.2f && gamma[c] <= 0.5f);
        assert_true(var[c] > 0.05f && var[c] < 20.0f);
        for (size_t i = 0; i < 128; i++) {
            double expected = (double)w[c * 128 + i] * scale;
            assert_true(fabs((double)folded_w[c * 128 + i] - expected) <= 1e-6 * fabs(expected));
        }
        double expected = (double)beta[c] - (double)mean[c] * scale;
        assert_true(fabs((double)folded_b[c] - expected) <= 1e-6 * (fabs(expected) + 1.0));
    }
    float *const all[] = {w, gamma, beta, mean, var, folded_w, folded_b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    weft_build_destroy(plain);
    weft_build_destroy(folded);
}

/* Streams differ by seed and name, do not depend on where reading starts, and have the moments they
 * promise. */
static void test_stream_values(void **state)
{
    (void)state;
    uint64_t stream = weft_init_stream(7, "fc.weight");
    assert_true(stream != weft_init_stream(8, "fc.weight"));
    assert_true(stream != weft_init_stream(7, "fc.bias"));
    float whole[1000], piece[100];
    double rows[] = {1.0, -2.0, 0.5, 4.0};
    weft_init_recipe recipe = {.stream = stream, .sigma = 2.0, .row_scale = rows, .row_elems = 250};
    weft_init_fill(&recipe, 0, 1000, whole);
    weft_init_fill(&recipe, 230, 100, piece);
    assert_memory_equal(piece, whole + 230, sizeof piece);
    recipe.row_scale = NULL;
    double sum = 0.0, squares = 0.0;
    for (size_t at = 0; at < 100000; at += 1000) {
        weft_init_fill(&recipe, at, 1000, whole);
        for (size_t i = 0; i < 1000; i++) {
            sum += (double)whole[i];
            squares += (double)whole[i] * (double)whole[i];
        }
    }
    /* Standard error of the mean is 2/sqrt(1e5) = 0.0063, of the variance about 4 sqrt(2/1e5) =
     * 0.018: five of them. */
    assert_true(fabs(sum / 1e5) < 0.032);
    assert_true(fabs(squares / 1e5 - 4.0) < 0.09);
}

/* The analytic moments of a rectified normal against numerical integration. */
static void test_rectified_moments(void **state)
{
    (void)state;
    double in_mean[] = {-1.0, 0.0, 0.3, 2.0}, in_var[] = {1.0, 4.0, 0.25, 1.0};
    double mean[4], var[4], zero[4];
    weft_moments x = {.mean = in_mean, .var = in_var, .channels = 4};
    weft_moments y = {.mean = mean, .var = var, .zero = zero, .channels = 4};
    weft_moments_relu(&x, &y);
    for (size_t c = 0; c < 4; c++) {
        double sd = sqrt(in_var[c]), first = 0.0, second = 0.0;
        for (int i = -8000; i < 8000; i++) {
            double t = (i + 0.5) / 1000.0;
            double density = exp(-t * t / 2.0) / sqrt(2.0 * acos(-1.0)) / 1000.0;
            double value = fmax(in_mean[c] + sd * t, 0.0);
            first += density * value;
            second += density * value * value;
        }
        /* pdf and cdf are promised to 2e-4; values here reach 4. */
        assert_true(fabs(mean[c] - first) < 2e-3);
        assert_true(fabs(var[c] - (second - first * first)) < 5e-3);
    }
}

static char scratch[] = "/tmp/weft-models-XXXXXX";

static int make_scratch(void **state)
{
    (void)state;
    return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
    (void)state;
    return rmdir(scratch); /* fails, and so does the test, when something was left behind */
}

static char *read_file(const char *path, size_t *out_bytes)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    *out_bytes = (size_t)info.st_size;
    char *data = malloc(*out_bytes);
    FILE *file = fopen(path, "rb");
    assert_non_null(data);
    assert_non_null(file);
    assert_int_equal(fread(data, 1, *out_bytes, file), *out_bytes);
    fclose(file);
    return data;
}

/* The bytes of a small model's file, to be freed. */
static char *write_model(uint64_t seed, size_t *out_bytes)
{
    char path[sizeof scratch + 16];
    weft_family_params params = weft_family_defaults(family);
    uint64_t written;
    snprintf(path, sizeof path, "%s/model.onnx", scratch);
    params.size = 32;
    params.classes = 3;
    params.seed = seed;
    weft_build *build = build_checked(&params, true);
    assert_int_equal(weft_write_onnx(build, "test", path, &written), WEFT_WRITE_OK);
    weft_build_destroy(build);
    char *data = read_file(path, out_bytes);
    assert_int_equal(written, *out_bytes);
    assert_int_equal(unlink(path), 0);
    return data;
}

static void test_files_are_deterministic(void **state)
{
    (void)state;
    size_t first_bytes, second_bytes, other_bytes;
    char *first = write_model(7, &first_bytes);
    char *second = write_model(7, &second_bytes);
    char *other = write_model(8, &other_bytes);
    assert_int_equal(first_bytes, second_bytes);
    assert_memory_equal(first, second, first_bytes);
    assert_int_equal(first_bytes, other_bytes);
    assert_memory_not_equal(first, other, first_bytes);
    free(first);
    free(second);
    free(other);
}

/* What was written in pieces parses as one message, with every tensor's bytes in place. */
static void test_file_parses(void **state)
{
    (void)state;
    size_t bytes;
    char *data = write_model(7, &bytes);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, bytes, (const uint8_t *)data);
    assert_non_null(model);
    assert_int_equal(model->opset_import[0]->version, 17);
    assert_int_equal(model->graph->n_node, 226 + 56);
    assert_int_equal(model->graph->n_input, 1);
    assert_string_equal(model->graph->input[0]->name, "input");
    assert_string_equal(model->graph->output[0]->name, "output");
    for (size_t i = 0; i < model->graph->n_initializer; i++) {
        const Onnx__TensorProto *tensor = model->graph->initializer[i];
        size_t elems = 1;
        for (size_t d = 0; d < tensor->n_dims; d++)
            elems *= (size_t)tensor->dims[d];
        assert_int_equal(tensor->raw_data.len, elems * 4);
    }
    onnx__model_proto__free_unpacked(model, NULL);
    free(data);
}

static void test_failed_write_leaves_nothing(void **state)
{
    (void)state;
    char path[sizeof scratch + 32];
    weft_family_params params = weft_family_defaults(family);
    uint64_t written;
    params.size = 32;
    weft_build *build = build_checked(&params, true);
    assert_int_equal(weft_write_onnx(build, "test", scratch, &written), WEFT_WRITE_NOT_A_FILE);
    assert_int_equal(weft_write_onnx(build, "test", "/dev/full", &written), WEFT_WRITE_NOT_A_FILE);
    snprintf(path, sizeof path, "%s/none/model.onnx", scratch);
    assert_int_equal(weft_write_onnx(build, "test", path, &written), WEFT_WRITE_NO_CREATE);
    assert_int_equal(written, 0);
    weft_build_destroy(build);
    /* 2048 x 262144 floats of classifier alone are 2 GiB. */
    params.classes = 262144;
    build = build_checked(&params, true);
    snprintf(path, sizeof path, "%s/model.onnx", scratch);
    assert_int_equal(weft_write_onnx(build, "test", path, &written), WEFT_WRITE_TOO_LARGE);
    weft_build_destroy(build);
}

static void test_taken_name_is_refused(void **state)
{
    (void)state;
    weft_family_params params = weft_family_defaults(family);
    params.output_name = "fc.weight";
    weft_build *build = weft_family_build(family, &params, false);
    assert_non_null(build);
    assert_int_equal(build->status, WEFT_BUILD_NAME_TAKEN);
    assert_string_equal(build->culprit, "fc.weight");
    weft_build_destroy(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_node_counts),
        cmocka_unit_test(test_stage_shapes),
        cmocka_unit_test(test_folding_rule),
        cmocka_unit_test(test_stream_values),
        cmocka_unit_test(test_rectified_moments),
        cmocka_unit_test(test_files_are_deterministic),
        cmocka_unit_test(test_file_parses),
        cmocka_unit_test(test_failed_write_leaves_nothing),
        cmocka_unit_test(test_taken_name_is_refused),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
