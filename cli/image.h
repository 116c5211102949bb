/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: decoding PNG and JPEG to 8-bit RGB, and bicubic resampling with the rounding of Pillow,
 * so that a picture gives the same pixels here as in the Python pipelines that models are trained
 * with. Must not know about: tensors, models. EXIF orientation and colour profiles are ignored;
 * alpha is dropped. */
#ifndef WEFT_CLI_IMAGE_H
#define WEFT_CLI_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/errors.h"

typedef struct weft_image {
    uint32_t width, height;
    uint8_t *rgb; /* height x width x 3; owned */
} weft_image;

/* True when the bytes start like a PNG or a JPEG. */
bool weft_image_is_known(const uint8_t *bytes, size_t size_bytes);

/* name is for messages. Errors: CLI_IMAGE_*. */
weft_status weft_image_decode(const char *name, const uint8_t *bytes, size_t size_bytes,
                              weft_cli_errors *errors, weft_image *out_image);
void weft_image_finish(weft_image *image);

/* Where a crop of width x height lies in an imagined resampling of the whole picture to full_width
 * x full_height. */
typedef struct weft_image_window {
    uint32_t full_width, full_height;
    uint32_t left, top, width, height;
} weft_image_window;

/* Shorter side to floor(size / crop), centre crop; for height == width the rule of torchvision and
 * timm, otherwise the smallest picture that covers both sides. False when the window would not lie
 * inside (crop above 1) or is too large. */
bool weft_image_window_for(const weft_image *image, uint32_t width, uint32_t height, double crop,
                           weft_image_window *out_window);

/* Bicubic (a = -0.5) with antialias; only the window is computed. out_rgb: height x width x 3.
 * False when out of memory. */
bool weft_image_resample(const weft_image *image, const weft_image_window *window,
                         uint8_t *out_rgb);

#endif
