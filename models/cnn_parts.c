/* SPDX-License-Identifier: Apache-2.0 */
/* See cnn_parts.h. Knows nothing about any architecture, about files or the command line. */
#include "models/cnn_parts.h"

#include <math.h>

#include "models/cnn_names.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

weft_moments weft_cnn_moments(weft_cnn *cnn, int64_t channels)
{
    weft_moments moments = {.channels = (size_t)channels};
    if (cnn->build->with_weights) {
        moments.mean = weft_build_alloc(cnn->build, moments.channels, sizeof(double));
        moments.var = weft_build_alloc(cnn->build, moments.channels, sizeof(double));
        moments.zero = weft_build_alloc(cnn->build, moments.channels, sizeof(double));
    }
    return moments;
}

bool weft_cnn_makes_data(const weft_cnn *cnn)
{
    return cnn->build->with_weights && cnn->build->status == WEFT_BUILD_OK;
}

size_t weft_cnn_data_channels(const weft_cnn *cnn, const weft_moments *moments)
{
    return weft_cnn_makes_data(cnn) && moments->mean && moments->var ? moments->channels : 0;
}

weft_cnn_map weft_cnn_add_node(weft_cnn *cnn, const char *op, const char *module,
                               const weft_build_value *inputs, int input_count,
                               const weft_build_attr *attrs, size_t attr_count,
                               const weft_build_shape *shape)
{
    weft_cnn_names names = weft_cnn_name(cnn, op, module);
    weft_cnn_map y = {.moments = weft_cnn_moments(cnn, shape->dims[1])};
    y.value = weft_build_add_node(cnn->build, op, names.node, inputs, input_count, attrs,
                                  attr_count, names.output, shape);
    return y;
}

weft_build_attr weft_cnn_ints(const char *name, const int64_t *list, size_t count)
{
    return (weft_build_attr){
        .name = name, .kind = WEFT_BUILD_INTS, .ints = list, .ints_count = count};
}

weft_build_value weft_cnn_add_table(weft_cnn *cnn, const char *module, const char *leaf,
                                    int64_t count, const float *table, bool is_parameter)
{
    weft_init_recipe recipe = {.table = table};
    weft_build_shape shape = {.rank = 1, .dims = {count}};
    const char *name = weft_build_format(cnn->build, "%s.%s", module, leaf);
    return weft_build_add_weight(cnn->build, name, &shape, table ? &recipe : NULL, is_parameter);
}

float *weft_cnn_make_table(weft_cnn *cnn, const char *module, const char *leaf, int64_t count,
                           double center, double spread)
{
    const char *name = weft_build_format(cnn->build, "%s.%s", module, leaf);
    float *table = cnn->build->with_weights
                       ? weft_build_alloc(cnn->build, (size_t)count, sizeof *table)
                       : NULL;
    if (!table)
        return NULL;
    uint64_t stream = weft_init_stream(cnn->seed, name);
    for (int64_t i = 0; i < count; i++)
        table[i] = (float)(center + spread * weft_init_uniform(stream, (uint64_t)i));
    return table;
}

weft_init_recipe weft_cnn_recipe(const weft_cnn *cnn, const char *name, int64_t fan_in,
                                 double mean_square)
{
    return (weft_init_recipe){.stream = weft_init_stream(cnn->seed, name),
                              .sigma = 1.0 / sqrt((double)fan_in * mean_square)};
}

weft_build_value weft_cnn_add_weight(weft_cnn *cnn, const char *name, const weft_build_shape *shape,
                                     const weft_init_recipe *recipe)
{
    return weft_build_add_weight(cnn->build, name, shape, cnn->build->with_weights ? recipe : NULL,
                                 true);
}

weft_cnn_map weft_cnn_add_conv(weft_cnn *cnn, weft_cnn_map x, const char *module,
                               weft_build_value weight, weft_build_value bias, int64_t stride)
{
    const weft_build_shape *in = weft_build_shape_of(cnn->build, x.value);
    const weft_build_shape *w = weft_build_shape_of(cnn->build, weight);
    int64_t kernel = w->dims[2], pad = kernel / 2;
    weft_build_shape shape = {.rank = 4, .dims = {in->dims[0], w->dims[0]}};
    for (int i = 2; i < 4; i++)
        shape.dims[i] = (in->dims[i] + 2 * pad - kernel) / stride + 1;
    const weft_build_attr attrs[] = {
        weft_cnn_ints("dilations", (const int64_t[]){1, 1}, 2),
        {.name = "group", .kind = WEFT_BUILD_INT, .i = 1},
        weft_cnn_ints("kernel_shape", (const int64_t[]){kernel, kernel}, 2),
        weft_cnn_ints("pads", (const int64_t[]){pad, pad, pad, pad}, 4),
        weft_cnn_ints("strides", (const int64_t[]){stride, stride}, 2),
    };
    return weft_cnn_add_node(cnn, "Conv", module, (const weft_build_value[]){x.value, weight, bias},
                             bias < 0 ? 2 : 3, attrs, sizeof attrs / sizeof *attrs, &shape);
}
