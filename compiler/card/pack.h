/* SPDX-License-Identifier: Apache-2.0 */
/* See pack.c. */
#ifndef WEFT_CARD_PACK_H
#define WEFT_CARD_PACK_H

#include <stddef.h>
#include <stdint.h>

typedef struct weft__card_storage {
    int64_t lut, bram18, uram;
} weft__card_storage;

/* `banks` memories, each read and written once per cycle, of depth words of so many bits. */
weft__card_storage weft__card_pack(int64_t banks, int64_t depth, int64_t bits);

#endif
