/* SPDX-License-Identifier: Apache-2.0 */
/* What a descriptor means, by loops over its definition and the rules of kernels/include. Shares
 * nothing with the engine but the names of the words. */
#include <string.h>

#include "kernels/include/weft_int.h"
#include "tests/fpga/engine_case.h"

static int32_t word(const struct engine_case *c, int index)
{
    return (int32_t)c->program[index];
}

static int has(const struct engine_case *c, int flag)
{
    return (word(c, WEFT_D_FLAGS) & flag) != 0;
}

static int32_t read_s32(const struct engine_case *c, int64_t at)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (uint32_t)c->weights[at + i] << (8 * i);
    return (int32_t)value;
}

static int32_t add_stage(const struct engine_case *c, int32_t a, int32_t a_zero, int32_t b,
                         int32_t b_zero)
{
    return weft_add_stage(a - a_zero, word(c, WEFT_D_A_MULT), b - b_zero, word(c, WEFT_D_B_MULT),
                          word(c, WEFT_D_ADD_SHIFT), word(c, WEFT_D_Y_ZERO), word(c, WEFT_D_Y_MIN),
                          word(c, WEFT_D_Y_MAX));
}

/* x at a tap of the window of output (oy, ox): 1 when it is inside the image. */
static int tap_value(const struct engine_case *c, int n, int oy, int ox, int ky, int kx, int i,
                     int32_t *out)
{
    int iy =
        oy * word(c, WEFT_D_STRIDE_Y) - word(c, WEFT_D_PAD_TOP) + ky * word(c, WEFT_D_DILATION_Y);
    int ix =
        ox * word(c, WEFT_D_STRIDE_X) - word(c, WEFT_D_PAD_LEFT) + kx * word(c, WEFT_D_DILATION_X);
    if (iy < 0 || iy >= word(c, WEFT_D_IN_HEIGHT) || ix < 0 || ix >= word(c, WEFT_D_IN_WIDTH))
        return 0;
    int64_t at = (int64_t)word(c, WEFT_D_X) + (int64_t)n * word(c, WEFT_D_X_IMAGE) +
                 iy * word(c, WEFT_D_X_ROW) + ix * word(c, WEFT_D_X_PIXEL) +
                 i * word(c, WEFT_D_X_CHANNEL);
    *out = weft_byte_value(c->arena[at], has(c, WEFT_FLAG_X_SIGNED));
    return 1;
}

static int32_t convolve(const struct engine_case *c, int n, int oy, int ox, int o, int32_t x_zero)
{
    int kh = word(c, WEFT_D_KERNEL_HEIGHT), kw = word(c, WEFT_D_KERNEL_WIDTH);
    int groups = word(c, WEFT_D_KIND) == WEFT_KIND_CONV ? 1 : word(c, WEFT_D_GROUPS);
    int inputs = word(c, WEFT_D_IN_CHANNELS) / groups;
    int group = o / (word(c, WEFT_D_OUT_CHANNELS) / groups);
    const uint8_t *w = c->weights + word(c, WEFT_D_WEIGHTS) + (int64_t)o * kh * kw * inputs;
    uint32_t sum = (uint32_t)c->bias[o];
    for (int ky = 0; ky < kh; ky++)
        for (int kx = 0; kx < kw; kx++)
            for (int i = 0; i < inputs; i++) {
                int32_t x;
                if (tap_value(c, n, oy, ox, ky, kx, group * inputs + i, &x))
                    sum += (uint32_t)((x - x_zero) *
                                      weft_byte_value(w[(ky * kw + kx) * inputs + i], 1));
            }
    return (int32_t)sum;
}

static int32_t finish(const struct engine_case *c, int32_t sum, int o, uint8_t residual)
{
    int32_t value = weft_requantise(
        sum, read_s32(c, word(c, WEFT_D_MULT) + 4 * o), read_s32(c, word(c, WEFT_D_SHIFT) + 4 * o),
        word(c, WEFT_D_C_ZERO), word(c, WEFT_D_C_MIN), word(c, WEFT_D_C_MAX));
    if (has(c, WEFT_FLAG_TABLE)) {
        int32_t index = weft_table_index(value, has(c, WEFT_FLAG_C_SIGNED));
        value =
            weft_byte_value(c->weights[word(c, WEFT_D_TABLE) + index], has(c, WEFT_FLAG_T_SIGNED));
    }
    if (has(c, WEFT_FLAG_RESIDUAL))
        value = add_stage(c, value, word(c, WEFT_D_A_ZERO),
                          weft_byte_value(residual, has(c, WEFT_FLAG_B_SIGNED)),
                          word(c, WEFT_D_B_ZERO));
    return value;
}

static void run_convolution(struct engine_case *c)
{
    int32_t x_zero = word(c, WEFT_D_PAD);
    if (word(c, WEFT_D_KIND) == WEFT_KIND_CONV && !has(c, WEFT_FLAG_X_SIGNED))
        x_zero += 128;
    int ow = word(c, WEFT_D_OUT_WIDTH), pixels = word(c, WEFT_D_OUT_HEIGHT) * ow;
    int outputs = word(c, WEFT_D_OUT_CHANNELS);
    for (int n = 0; n < word(c, WEFT_D_BATCH); n++)
        for (int o = 0; o < outputs; o++) {
            int32_t total = 0;
            for (int p = 0; p < pixels; p++) {
                int64_t to = (int64_t)word(c, WEFT_D_Y) + (int64_t)n * word(c, WEFT_D_Y_IMAGE) +
                             (int64_t)p * word(c, WEFT_D_Y_PIXEL) + o;
                int64_t from = (int64_t)word(c, WEFT_D_B) + (int64_t)n * word(c, WEFT_D_B_IMAGE) +
                               (int64_t)p * word(c, WEFT_D_B_PIXEL) + o;
                uint8_t residual = has(c, WEFT_FLAG_RESIDUAL) ? c->arena[from] : 0;
                int32_t value = finish(c, convolve(c, n, p / ow, p % ow, o, x_zero), o, residual);
                c->expected[to] = weft_byte_of(value);
                total += value - word(c, WEFT_D_MEAN_BASE);
            }
            if (has(c, WEFT_FLAG_MEAN))
                c->expected[word(c, WEFT_D_MEAN) + n * outputs + o] = weft_byte_of(weft_requantise(
                    total, word(c, WEFT_D_MEAN_MULT), word(c, WEFT_D_MEAN_SHIFT),
                    word(c, WEFT_D_MEAN_ZERO), word(c, WEFT_D_MEAN_MIN), word(c, WEFT_D_MEAN_MAX)));
        }
}

static int32_t average(const struct engine_case *c, int32_t sum, int count)
{
    int32_t zero = word(c, WEFT_D_Y_ZERO), low = word(c, WEFT_D_Y_MIN);
    int32_t high = word(c, WEFT_D_Y_MAX);
    if (count == 0)
        return weft_clamp32(zero, low, high);
    int64_t at = word(c, WEFT_D_COUNTS);
    while (read_s32(c, at) != count)
        at += 12;
    return weft_requantise(sum, read_s32(c, at + 4), read_s32(c, at + 8), zero, low, high);
}

/* Whether a tap lies in the image, or in its padding where the pool counts that. */
static int is_counted(const struct engine_case *c, int oy, int ox, int ky, int kx)
{
    int pads = has(c, WEFT_FLAG_COUNT_PADS), pt = word(c, WEFT_D_PAD_TOP);
    int pl = word(c, WEFT_D_PAD_LEFT);
    int y = oy * word(c, WEFT_D_STRIDE_Y) + ky * word(c, WEFT_D_DILATION_Y);
    int x = ox * word(c, WEFT_D_STRIDE_X) + kx * word(c, WEFT_D_DILATION_X);
    int height = word(c, WEFT_D_IN_HEIGHT), width = word(c, WEFT_D_IN_WIDTH);
    return pads ? y < pt + height + word(c, WEFT_D_PAD_BOTTOM) &&
                      x < pl + width + word(c, WEFT_D_PAD_RIGHT)
                : y >= pt && y < pt + height && x >= pl && x < pl + width;
}

static int32_t pool(const struct engine_case *c, int n, int oy, int ox, int channel)
{
    int32_t sum = 0, best = word(c, WEFT_D_Y_MIN), x;
    int count = 0;
    for (int ky = 0; ky < word(c, WEFT_D_KERNEL_HEIGHT); ky++)
        for (int kx = 0; kx < word(c, WEFT_D_KERNEL_WIDTH); kx++) {
            count += is_counted(c, oy, ox, ky, kx);
            if (tap_value(c, n, oy, ox, ky, kx, channel, &x)) {
                sum += x - word(c, WEFT_D_PAD);
                best = x > best ? x : best;
            }
        }
    return has(c, WEFT_FLAG_AVERAGE)
               ? average(c, sum, count)
               : weft_clamp32(best, word(c, WEFT_D_Y_MIN), word(c, WEFT_D_Y_MAX));
}

static void run_pool(struct engine_case *c)
{
    int ow = word(c, WEFT_D_OUT_WIDTH), pixels = word(c, WEFT_D_OUT_HEIGHT) * ow;
    for (int n = 0; n < word(c, WEFT_D_BATCH); n++)
        for (int p = 0; p < pixels; p++)
            for (int o = 0; o < word(c, WEFT_D_OUT_CHANNELS); o++) {
                int64_t to = (int64_t)word(c, WEFT_D_Y) + (int64_t)n * word(c, WEFT_D_Y_IMAGE) +
                             (int64_t)p * word(c, WEFT_D_Y_PIXEL) + o;
                c->expected[to] = weft_byte_of(pool(c, n, p / ow, p % ow, o));
            }
}

static int32_t stream_one(const struct engine_case *c, uint8_t a, uint8_t b, uint8_t r)
{
    int32_t kind = word(c, WEFT_D_KIND);
    int32_t first = weft_byte_value(a, has(c, WEFT_FLAG_X_SIGNED));
    int32_t other = weft_byte_value(b, has(c, WEFT_FLAG_B_SIGNED));
    int32_t a_zero = word(c, WEFT_D_A_ZERO), b_zero = word(c, WEFT_D_B_ZERO);
    if (kind == WEFT_KIND_MOVE)
        return a;
    if (kind == WEFT_KIND_FILL)
        return word(c, WEFT_D_FILL);
    if (kind == WEFT_KIND_TABLE)
        return c
            ->weights[word(c, WEFT_D_TABLE) + weft_table_index(first, has(c, WEFT_FLAG_X_SIGNED))];
    if (kind == WEFT_KIND_ADD)
        return add_stage(c, first, a_zero, other, b_zero);
    int32_t value = weft_multiply_stage(
        first - a_zero, other - b_zero, word(c, WEFT_D_PRODUCT_MULT), word(c, WEFT_D_PRODUCT_SHIFT),
        word(c, WEFT_D_C_ZERO), word(c, WEFT_D_C_MIN), word(c, WEFT_D_C_MAX));
    if (!has(c, WEFT_FLAG_RESIDUAL))
        return value;
    return add_stage(c, value, word(c, WEFT_D_C_ZERO),
                     weft_byte_value(r, has(c, WEFT_FLAG_R_SIGNED)), word(c, WEFT_D_R_ZERO));
}

static void run_stream(struct engine_case *c)
{
    int64_t total = 1;
    for (int i = 0; i < WEFT_D_DIMS; i++)
        total *= word(c, WEFT_D_SIZES + i);
    for (int64_t e = 0; e < total; e++) {
        int64_t rest = e, a = word(c, WEFT_D_X), b = word(c, WEFT_D_B), r = word(c, WEFT_D_R),
                y = word(c, WEFT_D_Y);
        for (int i = WEFT_D_DIMS - 1; i >= 0; i--) {
            int64_t at = rest % word(c, WEFT_D_SIZES + i);
            rest /= word(c, WEFT_D_SIZES + i);
            a += at * word(c, WEFT_D_A_STEPS + i);
            b += at * word(c, WEFT_D_B_STEPS + i);
            r += at * word(c, WEFT_D_R_STEPS + i);
            y += at * word(c, WEFT_D_Y_STEPS + i);
        }
        c->expected[y] = weft_byte_of(stream_one(c, c->arena[a], c->arena[b], c->arena[r]));
    }
}

void engine_naive_run(struct engine_case *c)
{
    switch (word(c, WEFT_D_KIND)) {
    case WEFT_KIND_CONV:
    case WEFT_KIND_GROUPED: run_convolution(c); break;
    case WEFT_KIND_POOL: run_pool(c); break;
    case WEFT_KIND_MATMUL:
    case WEFT_KIND_SOFTMAX:
    case WEFT_KIND_LAYER_NORM: engine_naive_attention(c); break;
    default: run_stream(c); break;
    }
}
