/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of xclbin files: any bytes end in an xclbin whose references hold, or in an
 * error. Must not know about: devices. */
#include <stdlib.h>
#include <string.h>

#include "hls/softcard/xclbin_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Reads every text to its end. */
static size_t length_of(const char *text)
{
    if (text == NULL)
        abort();
    return strlen(text);
}

static void check(const weft_xclbin *x, const uint8_t *data, size_t size_bytes)
{
    const uint8_t *bits = x->bitstream;
    size_t length = length_of(x->platform) + length_of(x->kernel);
    if (bits != NULL && (bits < data || x->bitstream_bytes > (size_t)(data + size_bytes - bits)))
        abort();
    for (size_t i = 0; i < x->argument_count; i++)
        length += length_of(x->arguments[i].name);
    for (size_t i = 0; i < x->memory_count; i++)
        length += length_of(x->memories[i].tag);
    for (size_t i = 0; i < x->unit_count; i++) {
        length += length_of(x->units[i].name);
        for (size_t a = 0; a < x->argument_count; a++)
            if (x->units[i].banks[a] < -1 || x->units[i].banks[a] >= (int32_t)x->memory_count)
                abort();
    }
    if (x->notes != NULL)
        length += length_of(x->notes);
    if (length == SIZE_MAX)
        abort();
}

static void run(weft_arena *arena, const uint8_t *data, size_t size_bytes, weft_diag *diag)
{
    const weft_xclbin *xclbin;
    weft_status status = weft__xclbin_parse(arena, "fuzz", data, size_bytes, &xclbin, diag);
    if ((status == WEFT_OK) != (xclbin != NULL) ||
        (status == WEFT_OK) != (weft_diag_error_count(diag) == 0))
        abort();
    if (xclbin != NULL)
        check(xclbin, data, size_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    weft_arena *arena = weft_arena_create();
    weft_diag *diag;
    if (!arena || weft_diag_create(&diag) != WEFT_OK)
        return 0;
    if (!WEFT_ARENA_TRY(arena))
        run(arena, data, size_bytes, diag);
    weft_diag_destroy(diag);
    weft_arena_destroy(arena);
    return 0;
}
