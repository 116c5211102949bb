/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz harness of the npy reader: any bytes end in an array no larger than the file, or in exactly
 * one error. Must not know about: models, the other harnesses. */
#include <stdlib.h>

#include "cli/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft_cli_errors errors = {0};
    weft_npy npy;
    weft_status status = weft_npy_parse("fuzz.npy", data, size, &errors, &npy);
    if (status == WEFT_OK ? npy.data == NULL || npy.data_bytes > size || errors.count != 0
                          : npy.data != NULL || errors.count != 1)
        abort();
    weft_npy_finish(&npy);
    weft_cli_errors_finish(&errors);
    return 0;
}
