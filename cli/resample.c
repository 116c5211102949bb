/* SPDX-License-Identifier: Apache-2.0 */
/* Bicubic resampling with antialias, in two passes of 8-bit pixels with fixed-point weights.
 *
 * Pillow's arithmetic, which models are trained and evaluated with: the cubic with a = -0.5,
 * stretched by the scale when shrinking; weights normalised to 1, then rounded to 22 fractional
 * bits; each pass rounds to a byte. Columns come first, as in Pillow 11 (13 turns the order for
 * some shapes, which moves single pixels by up to a dozen). Only the rows and columns of the window
 * are computed, so a long thin picture costs no more than the window. Must not know about: file
 * formats, tensors. */
#include <math.h>
#include <stdlib.h>

#include "cli/image.h"
#include "cli/memory.h"

/* 22 bits of fraction, 8 of pixel, sign and a spare bit for overshoot fill an int32. */
enum { FRACTION_BITS = 32 - 8 - 2, HALF = 1 << (FRACTION_BITS - 1), MAX_FULL_SIDE = 1 << 26 };
static const double cubic_support = 2.0;

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

/* Of each output position: first input position, number of weights, weights (stride apart). */
typedef struct weights {
    size_t stride;
    uint32_t *first, *count;
    int32_t *values;
} weights;

static void weights_finish(weights *w)
{
    free(w->first);
    free(w->count);
    free(w->values);
}

/* Weights for outputs begin .. begin + size - 1 of a resampling from in_size to full_size. */
static bool weights_init(weights *w, uint32_t in_size, uint32_t full_size, uint32_t begin,
                         uint32_t size)
{
    double scale = (double)in_size / full_size;
    double stretch = scale < 1 ? 1 : scale;
    double support = cubic_support * stretch;
    *w = (weights){.stride = (size_t)ceil(support) * 2 + 1};
    size_t elements = 0, bytes = 0;
    bool fits = weft_cli_mul_size(w->stride, size, &elements) &&
                weft_cli_mul_size(elements, sizeof(int32_t), &bytes);
    double *row = weft_cli_try_alloc(w->stride * sizeof *row);
    w->first = weft_cli_try_alloc(size * sizeof *w->first);
    w->count = weft_cli_try_alloc(size * sizeof *w->count);
    w->values = fits ? weft_cli_try_alloc(bytes) : NULL;
    bool is_good = row != NULL && w->first != NULL && w->count != NULL && w->values != NULL;
    for (uint32_t i = 0; is_good && i < size; i++) {
        double centre = ((double)(begin + i) + 0.5) * scale;
        double low = centre - support + 0.5, high = centre + support + 0.5;
        uint32_t first = low < 0 ? 0 : (uint32_t)low;
        uint32_t end = high > in_size ? in_size : (uint32_t)high;
        double sum = 0;
        for (uint32_t k = 0; k < end - first; k++)
            sum += row[k] = cubic(((double)(first + k) - centre + 0.5) / stretch);
        for (uint32_t k = 0; k < end - first; k++) {
            double fixed = row[k] / sum * (double)(1 << FRACTION_BITS);
            w->values[i * w->stride + k] = (int32_t)(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
        }
        w->first[i] = first;
        w->count[i] = end - first;
    }
    free(row);
    if (!is_good)
        weights_finish(w);
    return is_good;
}

static uint8_t to_byte(int32_t fixed)
{
    int32_t value = fixed >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One output row of `columns` pixels from one input row: every output column gathers its inputs. */
static void resample_columns(const weights *w, const uint8_t *in, uint32_t columns, uint8_t *out)
{
    for (uint32_t x = 0; x < columns; x++) {
        const int32_t *value = w->values + x * w->stride;
        const uint8_t *pixel = in + (size_t)w->first[x] * 3;
        int32_t red = HALF, green = HALF, blue = HALF;
        for (uint32_t k = 0; k < w->count[x]; k++, pixel += 3) {
            red += value[k] * pixel[0];
            green += value[k] * pixel[1];
            blue += value[k] * pixel[2];
        }
        out[x * 3] = to_byte(red);
        out[x * 3 + 1] = to_byte(green);
        out[x * 3 + 2] = to_byte(blue);
    }
}

bool weft_image_resample(const weft_image *image, const weft_image_window *window, uint8_t *out_rgb)
{
    weights columns, rows;
    if (!weights_init(&columns, image->width, window->full_width, window->left, window->width))
        return false;
    if (!weights_init(&rows, image->height, window->full_height, window->top, window->height)) {
        weights_finish(&columns);
        return false;
    }
    uint32_t first_row = rows.first[0];
    uint32_t end_row = rows.first[window->height - 1] + rows.count[window->height - 1];
    size_t line = (size_t)window->width * 3;
    uint8_t *narrow = weft_cli_try_alloc(line * (end_row - first_row));
    bool is_good = narrow != NULL;
    for (uint32_t y = first_row; is_good && y < end_row; y++)
        resample_columns(&columns, image->rgb + (size_t)y * image->width * 3, window->width,
                         narrow + (y - first_row) * line);
    for (uint32_t y = 0; is_good && y < window->height; y++) {
        const int32_t *value = rows.values + y * rows.stride;
        for (size_t x = 0; x < line; x++) {
            int32_t sum = HALF;
            for (uint32_t k = 0; k < rows.count[y]; k++)
                sum += value[k] * narrow[(rows.first[y] - first_row + k) * line + x];
            out_rgb[y * line + x] = to_byte(sum);
        }
    }
    free(narrow);
    weights_finish(&columns);
    weights_finish(&rows);
    return is_good;
}

/* Half of a non-negative difference, ties to even: how Python's round places a centre crop. */
static uint32_t half_to_even(uint32_t difference)
{
    uint32_t half = difference / 2;
    return difference % 2 == 1 && half % 2 == 1 ? half + 1 : half;
}

bool weft_image_window_for(const weft_image *image, uint32_t width, uint32_t height, double crop,
                           weft_image_window *out_window)
{
    double full_width = 0, full_height = 0;
    if (width == height) {
        double shorter = floor((double)width / crop);
        uint32_t least = image->width < image->height ? image->width : image->height;
        full_width = floor(shorter * image->width / least);
        full_height = floor(shorter * image->height / least);
    } else {
        double by_width = floor((double)width / crop) / image->width;
        double by_height = floor((double)height / crop) / image->height;
        double factor = by_width > by_height ? by_width : by_height;
        full_width = round(factor * image->width);
        full_height = round(factor * image->height);
    }
    if (!(full_width >= width && full_height >= height && full_width <= MAX_FULL_SIDE &&
          full_height <= MAX_FULL_SIDE))
        return false;
    *out_window =
        (weft_image_window){(uint32_t)full_width, (uint32_t)full_height, 0, 0, width, height};
    out_window->left = half_to_even(out_window->full_width - width);
    out_window->top = half_to_even(out_window->full_height - height);
    return true;
}
