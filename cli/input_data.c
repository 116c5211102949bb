/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of an input come from; see input_data.h. Must not know about: packages,
 * schedules. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/input_data.h"
#include "cli/memory.h"
#include "cli/random.h"
#include "cli/text.h"

enum { CHANNELS = 3 };

weft_status weft_cli_file_data_read(const char *path, weft_cli_errors *errors,
                                    weft_cli_file_data *out_data)
{
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    *out_data = (weft_cli_file_data){0};
    weft_status status = weft_cli_file_read(path, errors, &bytes, &size_bytes);
    if (status == WEFT_OK && weft_image_is_known(bytes, size_bytes)) {
        out_data->kind = WEFT_CLI_FILE_IMAGE;
        status = weft_image_decode(path, bytes, size_bytes, errors, &out_data->image);
    } else if (status == WEFT_OK) {
        out_data->kind = WEFT_CLI_FILE_NPY;
        status = weft_npy_parse(path, bytes, size_bytes, errors, &out_data->npy);
    }
    free(bytes);
    return status;
}

void weft_cli_file_data_finish(weft_cli_file_data *data)
{
    weft_npy_finish(&data->npy);
    weft_image_finish(&data->image);
}

/* "0.485,0.456,0.406", or one number for all three. */
static bool parse_channels(const char *text, double out[CHANNELS])
{
    int count = 0;
    for (const char *at = text; count < CHANNELS; at++) {
        char *end = NULL;
        out[count++] = strtod(at, &end);
        if (end == at || !isfinite(out[count - 1]))
            return false;
        at = end;
        if (*at == '\0')
            break;
        if (*at != ',' || count == CHANNELS)
            return false;
    }
    for (int i = 1; count == 1 && i < CHANNELS; i++)
        out[i] = out[0];
    return count == 1 || count == CHANNELS;
}

static weft_status read_channels(weft_cli *cli, const char *name, const char *fallback,
                                 double out[CHANNELS])
{
    const char *text = weft_cli_args_text(&cli->args, name, fallback);
    bool is_divisor = strcmp(name, "std") == 0;
    if (parse_channels(text, out) && !(is_divisor && (out[0] == 0 || out[1] == 0 || out[2] == 0)))
        return WEFT_OK;
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_OPTION_VALUE, "wrong value of --%s", name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "three numbers with commas, or one%s",
                         is_divisor ? "; not zero" : "");
    weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s", text);
    return status;
}

static void normalise(const uint8_t *rgb, size_t pixels, bool channels_last,
                      const double mean[CHANNELS], const double deviation[CHANNELS], float *out)
{
    for (size_t c = 0; c < CHANNELS; c++)
        for (size_t i = 0; i < pixels; i++) {
            float value =
                ((float)rgb[i * CHANNELS + c] / 255.0f - (float)mean[c]) / (float)deviation[c];
            out[channels_last ? i * CHANNELS + c : c * pixels + i] = value;
        }
}

weft_status weft_cli_input_from_image(weft_cli *cli, const char *path, const weft_image *image,
                                      const weft_tensor_info *tensor, void *out)
{
    bool is_rank_4 = tensor->rank == 4 && strcmp(tensor->dtype, "f32") == 0;
    bool channels_last = is_rank_4 && tensor->dims[1] != CHANNELS && tensor->dims[3] == CHANNELS;
    if (!is_rank_4 || (tensor->dims[1] != CHANNELS && !channels_last)) {
        char shape[WEFT_CLI_SHAPE_TEXT];
        weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_IMAGE_INPUT,
                                            "input %s does not take a picture", tensor->name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "f32 of shape Nx3xHxW or NxHxWx3");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s of shape %s", tensor->dtype,
                             weft_cli_format_shape(tensor->rank, tensor->dims, shape));
        return status;
    }
    double mean[CHANNELS] = {0}, deviation[CHANNELS] = {1, 1, 1};
    weft_status status = read_channels(cli, "mean", "0.485,0.456,0.406", mean);
    if (status == WEFT_OK)
        status = read_channels(cli, "std", "0.229,0.224,0.225", deviation);
    if (status != WEFT_OK)
        return status;
    int64_t height = tensor->dims[channels_last ? 1 : 2],
            width = tensor->dims[channels_last ? 2 : 3];
    weft_image_window window;
    double crop = weft_cli_args_real(&cli->args, "crop", 0.91);
    if (width > UINT32_MAX || height > UINT32_MAX ||
        !weft_image_window_for(image, (uint32_t)width, (uint32_t)height, crop, &window)) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_IMAGE_INPUT,
                                "%s cannot be scaled to input %s", path, tensor->name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_WHY,
                             "the shape of the picture is too extreme for the input");
        return status;
    }
    size_t pixels = (size_t)window.width * window.height;
    uint8_t *rgb = weft_cli_try_alloc(pixels * CHANNELS);
    if (rgb == NULL || !weft_image_resample(image, &window, rgb)) {
        free(rgb);
        return weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory to scale %s",
                              path);
    }
    for (int64_t n = 0; n < tensor->dims[0]; n++)
        normalise(rgb, pixels, channels_last, mean, deviation,
                  (float *)out + (size_t)n * pixels * CHANNELS);
    free(rgb);
    return WEFT_OK;
}

/* One element of the dtype from a number; integers in every width share the low bytes of a two's
 * complement value. */
static void store(const char *dtype, size_t bytes, double value, uint8_t *out)
{
    if (strcmp(dtype, "f32") == 0) {
        float number = (float)value;
        memcpy(out, &number, sizeof number);
    } else if (strcmp(dtype, "f64") == 0) {
        memcpy(out, &value, sizeof value);
    } else if (bytes == 8) {
        int64_t number = (int64_t)value;
        memcpy(out, &number, bytes);
    } else if (bytes == 4) {
        int32_t number = (int32_t)value;
        memcpy(out, &number, bytes);
    } else if (bytes == 2) {
        int16_t number = (int16_t)value;
        memcpy(out, &number, bytes);
    } else {
        int8_t number = (int8_t)value;
        memcpy(out, &number, bytes);
    }
}

static double random_value(weft_cli_random *random, const char *dtype)
{
    enum { LARGEST = 4 }; /* small, so that sums and indices stay in range */
    if (strcmp(dtype, "bool") == 0)
        return (double)(weft_cli_random_next(random) >> 63);
    if (dtype[0] == 'f')
        return weft_cli_random_normal(random);
    double value = (double)((weft_cli_random_next(random) >> 32) % (2 * LARGEST + 1));
    return dtype[0] == 'u' ? value : value - LARGEST;
}

/* The number after "random:"; false when it is none. */
static bool parse_seed(const char *text, uint64_t *out_seed)
{
    char *end = NULL;
    errno = 0;
    unsigned long long seed = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno == ERANGE || text[0] == '-')
        return false;
    *out_seed = seed;
    return true;
}

weft_status weft_cli_input_generate(weft_cli *cli, const char *what, uint64_t seed,
                                    const weft_tensor_info *tensor, void *out)
{
    size_t bytes = weft_cli_dtype_bytes(tensor->dtype);
    bool is_half = strcmp(tensor->dtype, "f16") == 0 || strcmp(tensor->dtype, "bf16") == 0;
    if (bytes == 0 || is_half) {
        weft_status status =
            weft_cli_error(&cli->errors, WEFT_CLI_E_GENERATE,
                           "no generated data of %s for input %s", tensor->dtype, tensor->name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "--input %s=@file.npy", tensor->name);
        return status;
    }
    if (strncmp(what, "random:", 7) == 0 && !parse_seed(what + 7, &seed)) {
        weft_status status =
            weft_cli_error(&cli->errors, WEFT_CLI_E_BINDING_SYNTAX, "%s has no seed", what);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "a whole number after random:");
        return status;
    }
    weft_cli_random random = {seed};
    size_t count = (size_t)tensor->size_bytes / bytes;
    for (size_t i = 0; i < count; i++) {
        double value = what[0] == 'z'   ? 0
                       : what[0] == 'o' ? 1
                                        : random_value(&random, tensor->dtype);
        store(tensor->dtype, bytes, value, (uint8_t *)out + i * bytes);
    }
    return WEFT_OK;
}
