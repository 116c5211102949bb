/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz harness of pictures: any bytes end in pixels that can be resampled, or in exactly one error.
 * Must not know about: models, the other harnesses. */
#include <stdlib.h>

#include "cli/image.h"

enum { SIZE = 24, MAX_PIXELS = 1 << 20 }; /* larger pictures only slow the search down */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[SIZE * SIZE * 3];
    weft_cli_errors errors = {0};
    weft_image image;
    weft_image_window window;
    weft_status status = weft_image_decode("fuzz", data, size, &errors, &image);
    if (status == WEFT_OK ? image.rgb == NULL || errors.count != 0
                          : image.rgb != NULL || errors.count != 1)
        abort();
    if (status == WEFT_OK && (uint64_t)image.width * image.height <= MAX_PIXELS &&
        weft_image_window_for(&image, SIZE, SIZE, 0.91, &window) &&
        !weft_image_resample(&image, &window, out))
        abort();
    weft_image_finish(&image);
    weft_cli_errors_finish(&errors);
    return 0;
}
