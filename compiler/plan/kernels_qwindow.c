/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QPool2D -> weft_qpool, weft.QConv2D in groups -> weft_qgrouped. The kernels' arguments:
 * kernels/cpu/README.md; what is computed: kernels/include/weft_int.h. */
#include <string.h>

#include "compiler/plan/qconv.h"
#include "kernels/cpu/qpack.h"
#include "kernels/include/weft_int.h"

enum { POOL_MAX, POOL_AVERAGE, POOL_AVERAGE_PADDED };
/* Work-items that share out a small map evenly. */
enum { WORK_ITEMS = 16 };

/* Element counts of windows, and for each a vector of equal ratios; one pair of no use for a
 * maximum. */
static size_t pool_tables(schedule_state *state, const weft_attrs *attrs, bool is_max,
                          int32_t *out_counts, int32_t *out_ratios)
{
    static const char *const names[3] = {"counts", "mults", "shifts"};
    weft_arena *arena = state->planner->arena;
    int lanes = state->planner->target->vector_floats;
    int64_t none[3] = {1, 0, WEFT_SHIFT_MIN};
    const int64_t *lists[3];
    size_t count = 1;
    for (int i = 0; i < 3; i++) {
        const weft_attr *list = weft_attrs_find(attrs, names[i]);
        lists[i] = is_max || list == NULL ? &none[i] : list->ints;
        count = is_max || list == NULL ? 1 : list->count;
    }
    int32_t *counts = WEFT_NEW_ARRAY(arena, int32_t, count);
    int32_t *mults = WEFT_NEW_ARRAY(arena, int32_t, count * (size_t)lanes);
    int32_t *shifts = WEFT_NEW_ARRAY(arena, int32_t, count * (size_t)lanes);
    double *ratios = WEFT_NEW_ARRAY(arena, double, count *(size_t)lanes);
    for (size_t i = 0; i < count * (size_t)lanes; i++) {
        counts[i / (size_t)lanes] = (int32_t)lists[0][i / (size_t)lanes];
        mults[i] = (int32_t)lists[1][i / (size_t)lanes];
        shifts[i] = (int32_t)lists[2][i / (size_t)lanes];
    }
    weft_qpack_ratio(ratios, mults, shifts, (int)count * lanes, lanes);
    *out_counts = weft__plan_table(state, WEFT_DTYPE_I32, counts, (int64_t)count);
    *out_ratios = weft__plan_table(state, WEFT_DTYPE_F64, ratios, (int64_t)count * lanes);
    return count;
}

weft_status weft__plan_q_pool2d(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = weft_node_input(node, 0), *y = node->outputs[0];
    const weft_attrs *attrs = &node->attrs;
    plan_window window = weft__plan_window(attrs);
    bool is_max = strcmp(weft_attrs_string(attrs, "mode", "max"), "max") == 0;
    bool is_padded = weft_attrs_int(attrs, "count_include_pad", 0) != 0;
    int64_t least = y->dtype == WEFT_DTYPE_I8 ? -128 : 0;
    int32_t counts, ratios;
    size_t kinds = pool_tables(state, attrs, is_max, &counts, &ratios);
    int64_t channels = x->shape.dims[3], rows = y->shape.dims[0] * y->shape.dims[1];
    int64_t lanes = state->planner->target->vector_floats;
    int64_t parts = rows >= WORK_ITEMS ? 1 : WORK_ITEMS / rows;
    int64_t block = (channels + parts - 1) / parts;
    block = (block + lanes - 1) / lanes * lanes;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_value(&builder, x);
    weft__launch_blob(&builder, counts);
    weft__launch_blob(&builder, ratios);
    weft__launch_value(&builder, y);
    int64_t shapes[] = {is_max      ? POOL_MAX
                        : is_padded ? POOL_AVERAGE_PADDED
                                    : POOL_AVERAGE,
                        x->dtype == WEFT_DTYPE_I8,
                        x->shape.dims[1],
                        x->shape.dims[2],
                        channels,
                        y->shape.dims[1],
                        y->shape.dims[2]};
    int64_t rest[] = {(int64_t)kinds,
                      block,
                      weft_attrs_int(attrs, "x_zero", 0),
                      weft_attrs_int(attrs, "y_zero", 0),
                      weft_attrs_int(attrs, "y_min", least),
                      weft_attrs_int(attrs, "y_max", least + 255)};
    weft__launch_ints(&builder, shapes, sizeof shapes / sizeof shapes[0]);
    weft__launch_window(&builder, &window);
    weft__launch_ints(&builder, rest, sizeof rest / sizeof rest[0]);
    weft__launch_end(&builder, WEFT_KERNEL_QPOOL, "weft_qpool", rows,
                     (channels + block - 1) / block, "row");
    return WEFT_OK;
}

/* [OC][KH][KW][IC / group] -> [KH][KW][IC / group][OC rounded up to the panel]. */
static int32_t weight_blob(schedule_state *state, const weft_value *w, int64_t panel)
{
    const int64_t *dims = w->shape.dims;
    int64_t padded = (dims[0] + panel - 1) / panel * panel, depth = dims[1] * dims[2] * dims[3];
    int8_t *packed = WEFT_NEW_ARRAY(state->planner->arena, int8_t, (size_t)(padded * depth));
    const int8_t *source = w->data;
    for (int64_t k = 0; k < depth; k++)
        for (int64_t o = 0; o < dims[0]; o++)
            packed[k * padded + o] = source[o * depth + k];
    return weft__plan_table(state, WEFT_DTYPE_I8, packed, padded * depth);
}

/* Where x is read and y written: steps of x from image to image, row, pixel and channel; the first
 * element of an image; tokens in front of each image of y. */
typedef struct grouped_places {
    int64_t steps[4], first, prefix;
} grouped_places;

static weft_status launch_grouped(schedule_state *state, const weft_node *node, weft_step *step,
                                  int64_t groups, const grouped_places *places)
{
    q_conv_node conv = weft__qconv_read(state, node);
    int panel = 2 * state->planner->target->vector_floats;
    conv.shape.dot = 1; /* no quads here: the bias is taken as it is */
    const struct weft_cpu_qconv_shape *shape = &conv.shape;
    int64_t parts = (int64_t)shape->n * (shape->oh + (places->prefix > 0));
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_value(&builder, conv.x);
    weft__launch_blob(&builder, weight_blob(state, conv.w, panel));
    weft__qconv_channel_operands(&builder, &conv, panel);
    int32_t sums = weft__qconv_sums(&builder, &conv, parts);
    int64_t geometry[] = {conv.flags, shape->ih, shape->iw, shape->ic, shape->oh,  shape->ow,
                          shape->oc,  groups,    shape->kh, shape->kw, shape->sh,  shape->sw,
                          shape->dh,  shape->dw, shape->pt, shape->pl, conv.x_zero};
    weft__launch_ints(&builder, geometry, sizeof geometry / sizeof geometry[0]);
    weft__launch_ints(&builder, places->steps, 4);
    weft__qconv_stages(&builder, &conv);
    weft__launch_ints(&builder, (const int64_t[]){places->first, places->prefix}, 2);
    weft__launch_end(&builder, WEFT_KERNEL_QGROUPED, "weft_qgrouped", parts, 1, "row");
    if (conv.mean != NULL)
        weft__qconv_mean(&builder, &conv, sums, shape->oh);
    return WEFT_OK;
}

weft_status weft__plan_q_grouped(schedule_state *state, const weft_node *node, weft_step *step)
{
    const int64_t *x = node->inputs[0]->shape.dims;
    bool is_nchw = weft_attrs_int(&node->attrs, "x_nchw", 0) != 0;
    grouped_places nchw = {.steps = {x[1] * x[2] * x[3], x[3], 1, x[2] * x[3]}},
                   nhwc = {.steps = {x[1] * x[2] * x[3], x[2] * x[3], x[3], 1}};
    return launch_grouped(state, node, step, weft_attrs_int(&node->attrs, "group", 1),
                          is_nchw ? &nchw : &nhwc);
}

weft_status weft__plan_q_token_conv(schedule_state *state, const weft_node *node, weft_step *step)
{
    int64_t grid[2], tokens = node->inputs[0]->shape.dims[1], row = node->inputs[0]->shape.dims[2],
                     prefix = weft_attrs_int(&node->attrs, "prefix", 0);
    weft_attrs_ints(&node->attrs, "grid", grid, 2, 1);
    for (size_t i = 1; i < 5; i++)
        if (!weft_value_is_constant(node->inputs[i]))
            return weft__plan_unsupported(state, node,
                                          "weights, biases and ratios are not constants", NULL);
    grouped_places places = {.steps = {tokens * row, grid[1] * row, row, 1},
                             .first = prefix * row + weft_attrs_int(&node->attrs, "x_offset", 0),
                             .prefix = prefix};
    return launch_grouped(state, node, step, node->inputs[1]->shape.dims[0], &places);
}
