/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding PNG by libspng and JPEG by TurboJPEG, with limits that hold before any pixel memory is
 * asked for. Must not know about: tensors, resampling. */
#include <spng.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "cli/image.h"
#include "cli/memory.h"

/* A PNG of a few kilobytes can claim gigabytes of pixels: both sides and their product are bounded
 * (192 MB of RGB at most). */
enum { MAX_SIDE = 16384, MAX_PIXELS = 64 * 1000 * 1000, MAX_CHUNK_BYTES = 16 * 1024 * 1024 };

static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
static const uint8_t jpeg_magic[3] = {0xff, 0xd8, 0xff};

static bool starts_with(const uint8_t *bytes, size_t size_bytes, const uint8_t *magic,
                        size_t magic_bytes)
{
    return size_bytes >= magic_bytes && memcmp(bytes, magic, magic_bytes) == 0;
}

bool weft_image_is_known(const uint8_t *bytes, size_t size_bytes)
{
    return starts_with(bytes, size_bytes, png_magic, sizeof png_magic) ||
           starts_with(bytes, size_bytes, jpeg_magic, sizeof jpeg_magic);
}

static weft_status decode_error(weft_cli_errors *errors, const char *name, const char *why)
{
    weft_status status = weft_cli_error(errors, WEFT_CLI_E_IMAGE_DECODE, "cannot decode %s", name);
    weft_cli_error_field(errors, WEFT_DIAG_WHY, "%s", why);
    return status;
}

/* Checks the limits and allocates the pixels. */
static weft_status begin(const char *name, uint32_t width, uint32_t height, weft_cli_errors *errors,
                         weft_image *out)
{
    if (width > MAX_SIDE || height > MAX_SIDE || (uint64_t)width * height > MAX_PIXELS) {
        weft_status status = weft_cli_error(errors, WEFT_CLI_E_IMAGE_SIZE, "%s is too large", name);
        weft_cli_error_field(errors, WEFT_DIAG_EXPECTED, "at most %d pixels per side and %d in all",
                             (int)MAX_SIDE, (int)MAX_PIXELS);
        weft_cli_error_field(errors, WEFT_DIAG_FOUND, "%u x %u", (unsigned)width, (unsigned)height);
        return status;
    }
    *out = (weft_image){width, height, weft_cli_try_alloc((size_t)width * height * 3)};
    if (out->rgb == NULL)
        return weft_cli_error(errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for the pixels of %s",
                              name);
    return WEFT_OK;
}

static weft_status decode_png_in(spng_ctx *context, const char *name, const uint8_t *bytes,
                                 size_t size_bytes, weft_cli_errors *errors, weft_image *out)
{
    struct spng_ihdr ihdr;
    int error = spng_set_chunk_limits(context, MAX_CHUNK_BYTES, MAX_CHUNK_BYTES);
    if (error == 0)
        error = spng_set_png_buffer(context, bytes, size_bytes);
    if (error == 0)
        error = spng_get_ihdr(context, &ihdr);
    if (error != 0)
        return decode_error(errors, name, spng_strerror(error));
    weft_status status = begin(name, ihdr.width, ihdr.height, errors, out);
    if (status != WEFT_OK)
        return status;
    size_t needed = 0, have = (size_t)ihdr.width * ihdr.height * 3;
    error = spng_decoded_image_size(context, SPNG_FMT_RGB8, &needed);
    if (error == 0)
        error = needed != have ? SPNG_EBUFSIZ
                               : spng_decode_image(context, out->rgb, have, SPNG_FMT_RGB8, 0);
    return error == 0 ? WEFT_OK : decode_error(errors, name, spng_strerror(error));
}

static weft_status decode_png(const char *name, const uint8_t *bytes, size_t size_bytes,
                              weft_cli_errors *errors, weft_image *out)
{
    spng_ctx *context = spng_ctx_new(0);
    if (context == NULL)
        return weft_cli_error(errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory to decode %s", name);
    weft_status status = decode_png_in(context, name, bytes, size_bytes, errors, out);
    spng_ctx_free(context);
    return status;
}

static weft_status decode_jpeg_in(tjhandle handle, const char *name, const uint8_t *bytes,
                                  size_t size_bytes, weft_cli_errors *errors, weft_image *out)
{
    int width = 0, height = 0, subsampling = 0, colorspace = 0;
    if (size_bytes > MAX_PIXELS * 4UL ||
        tjDecompressHeader3(handle, bytes, (unsigned long)size_bytes, &width, &height, &subsampling,
                            &colorspace) != 0)
        return decode_error(errors, name, tjGetErrorStr2(handle));
    if (width < 1 || height < 1)
        return decode_error(errors, name, "its header is cut off");
    if (colorspace == TJCS_CMYK || colorspace == TJCS_YCCK)
        return decode_error(errors, name, "its colours are CMYK; only RGB and grey are read");
    weft_status status = begin(name, (uint32_t)width, (uint32_t)height, errors, out);
    if (status != WEFT_OK)
        return status;
    /* LIMITSCANS: a progressive file of endless scans would decode for hours. STOPONWARNING: a
     * cut-off file is an error. */
    int flags = TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING | TJFLAG_ACCURATEDCT;
    if (tjDecompress2(handle, bytes, (unsigned long)size_bytes, out->rgb, width, 0, height,
                      TJPF_RGB, flags) != 0)
        return decode_error(errors, name, tjGetErrorStr2(handle));
    return WEFT_OK;
}

static weft_status decode_jpeg(const char *name, const uint8_t *bytes, size_t size_bytes,
                               weft_cli_errors *errors, weft_image *out)
{
    tjhandle handle = tjInitDecompress();
    if (handle == NULL)
        return weft_cli_error(errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory to decode %s", name);
    weft_status status = decode_jpeg_in(handle, name, bytes, size_bytes, errors, out);
    tjDestroy(handle);
    return status;
}

weft_status weft_image_decode(const char *name, const uint8_t *bytes, size_t size_bytes,
                              weft_cli_errors *errors, weft_image *out_image)
{
    *out_image = (weft_image){0};
    weft_status status;
    if (starts_with(bytes, size_bytes, png_magic, sizeof png_magic)) {
        status = decode_png(name, bytes, size_bytes, errors, out_image);
    } else if (starts_with(bytes, size_bytes, jpeg_magic, sizeof jpeg_magic)) {
        status = decode_jpeg(name, bytes, size_bytes, errors, out_image);
    } else {
        status =
            weft_cli_error(errors, WEFT_CLI_E_IMAGE_FORMAT, "%s is not a usable picture", name);
        weft_cli_error_field(errors, WEFT_DIAG_EXPECTED, "a PNG or JPEG file");
    }
    if (status != WEFT_OK)
        weft_image_finish(out_image);
    return status;
}

void weft_image_finish(weft_image *image)
{
    free(image->rgb);
    *image = (weft_image){0};
}
