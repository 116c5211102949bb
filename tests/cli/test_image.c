/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of picture decoding and resampling against what Pillow made of the same files
 * (make_data.py). Must not know about: tensors, the verbs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/image.h"
#include "cli/npy.h"

static const char *data_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/cli/data/%s", WEFT_TEST_DATA, name);
    return path;
}

static weft_image decode(const char *name)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    weft_image image;
    assert_int_equal(weft_cli_file_read(data_path(name), NULL, &bytes, &size), WEFT_OK);
    assert_int_equal(weft_image_decode(name, bytes, size, NULL, &image), WEFT_OK);
    free(bytes);
    return image;
}

static weft_npy expected(const char *name, const char *variant)
{
    char full[256];
    weft_npy npy;
    snprintf(full, sizeof full, "%s.%s.npy", name, variant);
    assert_int_equal(weft_npy_read(data_path(full), NULL, &npy), WEFT_OK);
    assert_string_equal(npy.dtype, "u8");
    assert_int_equal(npy.rank, 3);
    return npy;
}

static int largest_difference(const uint8_t *a, const uint8_t *b, size_t count)
{
    int largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = abs(a[i] - b[i]) > largest ? abs(a[i] - b[i]) : largest;
    return largest;
}

static void decodes_like_pillow(void **state)
{
    (void)state;
    static const char *const names[] = {"rgb.png",  "grey.png",   "palette.png",     "alpha.png",
                                        "tall.png", "colour.jpg", "progressive.jpg", "grey.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        weft_image image = decode(names[i]);
        weft_npy npy = expected(names[i], "rgb");
        assert_int_equal(image.height, npy.dims[0]);
        assert_int_equal(image.width, npy.dims[1]);
        assert_int_equal(largest_difference(image.rgb, npy.data, npy.data_bytes), 0);
        weft_npy_finish(&npy);
        weft_image_finish(&image);
    }
}

/* Decoded pixels come from the npy file, so that a decoder of another version does not matter. */
static void check_evaluation(const char *name, uint32_t size, double crop, const char *variant)
{
    weft_npy source = expected(name, "rgb"), npy = expected(name, variant);
    weft_image image = {(uint32_t)source.dims[1], (uint32_t)source.dims[0], source.data};
    weft_image_window window;
    uint8_t *out = malloc((size_t)size * size * 3);
    assert_true(weft_image_window_for(&image, size, size, crop, &window));
    assert_int_equal(npy.data_bytes, (size_t)size * size * 3);
    assert_true(weft_image_resample(&image, &window, out));
    assert_int_equal(largest_difference(out, npy.data, npy.data_bytes), 0);
    free(out);
    weft_npy_finish(&source);
    weft_npy_finish(&npy);
}

static void resamples_like_pillow(void **state)
{
    (void)state;
    check_evaluation("rgb.png", 32, 0.91, "32-0.91");
    check_evaluation("grey.png", 32, 0.91, "32-0.91");
    check_evaluation("palette.png", 32, 0.91, "32-0.91");
    check_evaluation("tall.png", 16, 0.875, "16-0.875");
    check_evaluation("tall.png", 48, 1.0, "48-1.0"); /* enlarged: the filter is not stretched */
    check_evaluation("tall.png", 7, 0.5, "7-0.5");
}

/* A window of the whole picture at its own size changes nothing; one pixel of it is that pixel. */
static void identity_keeps_pixels(void **state)
{
    (void)state;
    weft_image image = decode("rgb.png");
    size_t bytes = (size_t)image.width * image.height * 3;
    weft_image_window window = {image.width, image.height, 0, 0, image.width, image.height};
    uint8_t *out = malloc(bytes);
    assert_true(weft_image_resample(&image, &window, out));
    assert_memory_equal(out, image.rgb, bytes);
    window = (weft_image_window){image.width, image.height, 17, 5, 1, 1};
    assert_true(weft_image_resample(&image, &window, out));
    assert_memory_equal(out, image.rgb + (5 * image.width + 17) * 3, 3);
    free(out);
    weft_image_finish(&image);
}

/* The window is the same whether the rest of the picture is computed or not, and a long picture
 * costs no more than it. */
static void extreme_shapes_stay_small(void **state)
{
    (void)state;
    weft_image image = {16384, 1, calloc(16384, 3)};
    weft_image_window window;
    uint8_t out[8 * 8 * 3];
    memset(image.rgb, 77, 16384 * 3);
    assert_true(weft_image_window_for(&image, 8, 8, 0.5, &window));
    assert_int_equal(window.full_width, 16 * 16384);
    assert_true(weft_image_resample(&image, &window, out));
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 77);
    assert_false(weft_image_window_for(&image, 16384, 16384, 0.05, &window));
    assert_false(weft_image_window_for(&image, 8, 8, 1.5, &window));
    assert_true(weft_image_window_for(&image, 16, 8, 1.0, &window));
    assert_int_equal(window.width, 16);
    assert_int_equal(window.height, 8);
    weft_image_finish(&image);
}

static uint32_t error_of(const uint8_t *bytes, size_t size)
{
    weft_cli_errors errors = {0};
    weft_image image;
    weft_status status = weft_image_decode("x", bytes, size, &errors, &image);
    assert_null(image.rgb);
    assert_int_not_equal(status, WEFT_OK);
    assert_int_equal(errors.count, 1);
    uint32_t id = errors.entries[0].id;
    weft_cli_errors_finish(&errors);
    return id;
}

static void damaged_files_are_errors(void **state)
{
    (void)state;
    static const char *const names[] = {"rgb.png", "palette.png", "colour.jpg", "progressive.jpg"};
    assert_int_equal(error_of((const uint8_t *)"GIF89a", 6), WEFT_CLI_E_IMAGE_FORMAT);
    assert_int_equal(error_of((const uint8_t *)"", 0), WEFT_CLI_E_IMAGE_FORMAT);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        assert_int_equal(weft_cli_file_read(data_path(names[i]), NULL, &bytes, &size), WEFT_OK);
        assert_int_equal(error_of(bytes, size / 2), WEFT_CLI_E_IMAGE_DECODE);
        assert_int_equal(error_of(bytes, 12), WEFT_CLI_E_IMAGE_DECODE);
        free(bytes);
    }
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_int_equal(weft_cli_file_read(data_path("cmyk.jpg"), NULL, &bytes, &size), WEFT_OK);
    assert_int_equal(error_of(bytes, size), WEFT_CLI_E_IMAGE_DECODE);
    free(bytes);
}

/* A header that claims 60000 x 60000 pixels is refused before memory is asked for. Its checksum is
 * right. */
static void bombs_are_refused(void **state)
{
    (void)state;
    static const uint8_t huge_png[] = {
        0x89, 'P',  'N',  'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I',  'H',  'D',  'R', 0,
        0,    0xea, 0x60, 0,   0,    0xea, 0x60, 8,    2, 0, 0, 0,  0x0f, 0xb0, 0xe2, 0x15};
    assert_int_equal(error_of(huge_png, sizeof huge_png), WEFT_CLI_E_IMAGE_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_like_pillow),      cmocka_unit_test(resamples_like_pillow),
        cmocka_unit_test(identity_keeps_pixels),    cmocka_unit_test(extreme_shapes_stay_small),
        cmocka_unit_test(damaged_files_are_errors), cmocka_unit_test(bombs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
