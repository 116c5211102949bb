/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized, the integers of a weft.QConv2D: symmetric s8 weights, s32 biases in units of the
 * sum, a multiplier and shift per output channel, and the proof that no sum leaves s32. Must not
 * know which operator they are for. */
#include "compiler/passes/lower_quantized_channels.h"

#include <inttypes.h>
#include <math.h>

#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_ratio.h"

/* Two scales that differ by less are one, rounded to f32 in different orders. */
#define SAME_SCALE 1e-6
/* So many steps beyond the range of 8 bits a result may be cut off: it saturates in any case. */
#define SATURATED_STEPS 1024.0
/* The ratio of a channel without weights: a bias of 2^10 steps has 26 bits then. */
#define EMPTY_RATIO 0x1p-16

/* u8 weights about 128 are s8 weights about 0. */
static bool make_symmetric(weft_lq *lq, const weft_node *node, const weft_value *zero,
                           weft_lq_channels *channels)
{
    weft_value *weights = channels->weights;
    bool is_unsigned = weights->dtype == WEFT_DTYPE_U8;
    int64_t zeros = 0, elems = 0;
    if (zero && !weft_shape_elems(&zero->shape, &zeros))
        return false;
    int middle = is_unsigned ? 128 : 0;
    for (int64_t i = 0; i < zeros || (i == 0 && !zero); i++) {
        int found = !zero         ? 0
                    : is_unsigned ? ((const uint8_t *)zero->data)[i]
                                  : ((const int8_t *)zero->data)[i];
        if (found == middle)
            continue;
        weft_lq_refuse(lq, node, "its weights have the zero point %d", found);
        return false;
    }
    if (!is_unsigned || !weft_shape_elems(&weights->shape, &elems))
        return true;
    int8_t *to = WEFT_NEW_ARRAY(lq->graph->arena, int8_t, (size_t)elems);
    for (int64_t i = 0; i < elems; i++)
        to[i] = (int8_t)(((const uint8_t *)weights->data)[i] - 128);
    channels->weights =
        weft_graph_add_constant(lq->graph, weft_rewrite_base_name(lq->graph, weights->name),
                                WEFT_DTYPE_I8, &weights->shape, to);
    return true;
}

bool weft_lq_read_weight_scales(weft_lq *lq, const weft_node *node, const weft_node *dequantize,
                                bool has_axis, weft_lq_channels *channels)
{
    const weft_value *scale = dequantize->inputs[1], *zero = weft_node_input(dequantize, 2);
    const float *data = weft_rewrite_f32(scale);
    int64_t count = 0;
    if (!data || !weft_shape_elems(&scale->shape, &count) ||
        (zero && !weft_value_is_constant(zero)))
        return false;
    if (count != 1 && (!has_axis || (size_t)count != channels->count)) {
        weft_lq_refuse(lq, node, "its weights have scales along another axis than the result's");
        return false;
    }
    channels->weight_scale = WEFT_NEW_ARRAY(lq->graph->arena, double, channels->count);
    for (size_t o = 0; o < channels->count; o++)
        channels->weight_scale[o] = (double)data[count == 1 ? 0 : o];
    return make_symmetric(lq, node, zero, channels);
}

/* The weight of x -> scale * x + shift: a large one, for a fine unit of the sum, in which the bias
 * is close to a whole number. */
static int8_t choose_weight(double scale, double shift, const weft_lq_codes *x)
{
    int best = 127;
    double least = INFINITY;
    for (int weight = 127; weight >= 64; weight--) {
        double unit = fabs(scale) * x->scale / weight, bias = shift / unit;
        double error = fabs(bias - rint(bias)) * unit;
        if (error < least) {
            least = error;
            best = weight;
        }
    }
    return (int8_t)(scale > 0 ? best : scale < 0 ? -best : 0);
}

bool weft_lq_scale_weights(weft_lq *lq, const weft_node *node, const weft_lq_codes *x,
                           weft_lq_channels *channels)
{
    int8_t *weights = WEFT_NEW_ARRAY(lq->graph->arena, int8_t, channels->count);
    channels->weight_scale = WEFT_NEW_ARRAY(lq->graph->arena, double, channels->count);
    for (size_t c = 0; c < channels->count; c++) {
        double scale = channels->scale[c];
        weights[c] = choose_weight(scale, channels->shift[c], x);
        channels->weight_scale[c] = weights[c] == 0 ? 1 : scale / weights[c];
        channels->scale[c] = 1;
    }
    weft_shape shape = {1, {(int64_t)channels->count}};
    channels->weights = weft_graph_add_constant(
        lq->graph, weft_arena_printf(lq->graph->arena, "%s/weights", node->name), WEFT_DTYPE_I8,
        &shape, weights);
    return true;
}

/* ---- sums ---- */

/* What sums of one channel without bias lie between, whatever the order of addition. */
typedef struct sum_range {
    int64_t low, high;
} sum_range;

static sum_range range_of(const int8_t *weights, size_t depth, const weft_lq_codes *x)
{
    int64_t lowest = x->value->dtype == WEFT_DTYPE_U8 ? 0 : -128;
    int64_t from = lowest - x->zero, to = lowest + 255 - x->zero, positive = 0, negative = 0;
    enum { FITS_I32 = 1 << 16 };
    for (size_t begin = 0; begin < depth; begin += FITS_I32) {
        size_t end = depth - begin < FITS_I32 ? depth : begin + FITS_I32;
        int32_t above = 0, below = 0;
        for (size_t i = begin; i < end; i++) {
            above += weights[i] > 0 ? weights[i] : 0;
            below += weights[i] < 0 ? weights[i] : 0;
        }
        positive += above;
        negative += below;
    }
    return (sum_range){positive * from + negative * to, positive * to + negative * from};
}

static int bits_of(int64_t low, int64_t high)
{
    int bits = 1;
    while (bits < 63 &&
           (low < -(INT64_C(1) << (bits - 1)) || high > (INT64_C(1) << (bits - 1)) - 1))
        bits++;
    return bits;
}

/* With a bias that is added first or last. */
static int bits_with(sum_range sums, int64_t bias)
{
    return bits_of(bias < 0 ? sums.low + bias : sums.low, bias > 0 ? sums.high + bias : sums.high);
}

/* ---- one channel ---- */

typedef struct channel {
    double unit;  /* what one of the sum stands for; positive */
    double bias;  /* in numbers */
    int64_t code; /* of the bias when the model has it in these units */
    bool has_code;
} channel;

static channel describe(const weft_lq_channels *channels, const weft_lq_codes *x, size_t o)
{
    channel c = {.unit =
                     channels->factor * channels->weight_scale[o] * x->scale * channels->scale[o],
                 .bias = channels->scale[o] * channels->bias[o] + channels->shift[o]};
    int64_t scales = 0;
    if (channels->bias_codes && weft_shape_elems(&channels->bias_scale->shape, &scales) &&
        channels->scale[o] == 1 && channels->shift[o] == 0) {
        double scale = (double)((const float *)channels->bias_scale->data)[scales == 1 ? 0 : o];
        c.has_code = fabs(scale / c.unit - 1) < SAME_SCALE;
        c.code = channels->bias_codes[o];
    }
    return c;
}

static bool negate(int8_t *weights, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        if (weights[i] == -128)
            return false;
        weights[i] = (int8_t)-weights[i];
    }
    return true;
}

static bool solve(weft_lq *lq, const weft_node *node, channel c, int8_t *weights, size_t depth,
                  const weft_lq_codes *x, size_t o, weft_lq_channels *channels)
{
    weft_ratio ratio;
    double step = lq->result.scale;
    if (!isfinite(c.unit) || !isfinite(c.bias)) {
        weft_lq_refuse(lq, node, "channel %zu has scales that are not finite", o);
        return false;
    }
    if (c.unit < 0 && !negate(weights, depth)) {
        weft_lq_refuse(lq, node, "channel %zu has a negative scale and the weight -128", o);
        return false;
    }
    c.unit = fabs(c.unit);
    sum_range sums = range_of(weights, depth, x);
    if (c.unit == 0 || (sums.low == 0 && sums.high == 0)) { /* the bias alone */
        for (size_t i = 0; i < depth && c.unit == 0; i++)
            weights[i] = 0;
        sums = (sum_range){0, 0};
        c.unit = step * EMPTY_RATIO;
        c.has_code = false;
        c.bias = fmin(fmax(c.bias, -SATURATED_STEPS * step), SATURATED_STEPS * step);
    }
    double bias = c.has_code ? (double)c.code : rint(c.bias / c.unit);
    double most = (double)INT32_MAX - (double)sums.high,
           least = (double)INT32_MIN - (double)sums.low;
    if (bias > most || bias < least) {
        /* cut off where every sum is beyond the range of 8 bits in any case */
        double steps = fmin(most + (double)sums.low, -least - (double)sums.high) * (c.unit / step);
        if (steps < SATURATED_STEPS) {
            bias = fmin(fmax(bias, -0x1p52), 0x1p52);
            weft_lq_refuse(lq, node, "sums of channel %zu may need %d bits", o,
                           bits_with(sums, (int64_t)bias));
            return false;
        }
        bias = bias > 0 ? floor(most) : ceil(least);
    }
    if (!weft_ratio_make(c.unit / step, &ratio)) {
        weft_lq_refuse(lq, node, "channel %zu has the ratio of scales %g", o, c.unit / step);
        return false;
    }
    int64_t code = (int64_t)bias;
    int bits = bits_with(sums, code);
    channels->sum_bits = bits > channels->sum_bits ? bits : channels->sum_bits;
    channels->sum_bias[o] = (int32_t)code;
    channels->mult[o] = ratio.mult;
    channels->shift_bits[o] = ratio.shift;
    return true;
}

/* Weights that solve() may turn round: a copy where a channel's unit is not positive. */
static int8_t *own_weights(weft_lq *lq, const weft_lq_channels *channels, const weft_lq_codes *x,
                           size_t elems, bool *out_copied)
{
    *out_copied = false;
    for (size_t o = 0; o < channels->count && !*out_copied; o++)
        *out_copied = !(describe(channels, x, o).unit > 0);
    return *out_copied ? weft_arena_dup(lq->graph->arena, channels->weights->data, elems)
                       : (int8_t *)(uintptr_t)channels->weights->data; /* not written to then */
}

bool weft_lq_solve_channels(weft_lq *lq, const weft_node *node, const weft_lq_codes *x,
                            weft_lq_channels *channels)
{
    weft_arena *arena = lq->graph->arena;
    size_t count = channels->count;
    int64_t elems = 0;
    bool is_copied;
    if (count == 0 || !weft_shape_elems(&channels->weights->shape, &elems))
        return false;
    size_t depth = (size_t)elems / count;
    int8_t *weights = own_weights(lq, channels, x, (size_t)elems, &is_copied);
    channels->sum_bias = WEFT_NEW_ARRAY(arena, int32_t, count);
    channels->mult = WEFT_NEW_ARRAY(arena, int32_t, count);
    channels->shift_bits = WEFT_NEW_ARRAY(arena, int32_t, count);
    channels->sum_bits = 1;
    for (size_t o = 0; o < count; o++)
        if (!solve(lq, node, describe(channels, x, o), weights + o * depth, depth, x, o, channels))
            return false;
    if (is_copied)
        channels->weights = weft_graph_add_constant(
            lq->graph, weft_rewrite_base_name(lq->graph, channels->weights->name), WEFT_DTYPE_I8,
            &channels->weights->shape, weights);
    return true;
}

void weft_lq_channel_constants(weft_lq *lq, const weft_node *node, const weft_lq_channels *channels,
                               weft_value **inputs)
{
    static const char *const words[] = {"bias", "mult", "shift"};
    const int32_t *const data[] = {channels->sum_bias, channels->mult, channels->shift_bits};
    weft_shape shape = {1, {(int64_t)channels->count}};
    inputs[1] = channels->weights;
    for (size_t i = 0; i < 3; i++)
        inputs[2 + i] = weft_graph_add_constant(
            lq->graph, weft_arena_printf(lq->graph->arena, "%s/%s", node->name, words[i]),
            WEFT_DTYPE_I32, &shape, data[i]);
}
