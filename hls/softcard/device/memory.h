/* SPDX-License-Identifier: Apache-2.0 */
/* The card's memory: one address space for all banks, of which only what is touched takes memory of
 * the machine. The host keeps the books of what is allocated; addresses come from it. Must not know
 * about: the wire, units. */
#ifndef WEFT_HLS_SOFTCARD_DEVICE_MEMORY_H
#define WEFT_HLS_SOFTCARD_DEVICE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Buffers that XRT wants to share with its process: it maps a file that the reply names.
 *   XRT 2.13           a file per buffer, mapped from its start
 *   XRT 2.14 and newer one file for all the memory, mapped at the buffer's address
 * With is_apart the files are not the card's memory: what the host writes into its mapping reaches
 * the card by a transfer only, and the reverse, as with a card behind PCIe. */
typedef struct card_memory {
    uint8_t *base; /* of address 0 */
    bool is_apart, is_one_file;
    int whole; /* the one file; -1: not made yet */
    struct shared_buffer *shared;
    size_t shared_count, shared_capacity;
} card_memory;

/* False: no address space. */
bool memory_open(card_memory *memory, bool is_apart);
/* A range's place in this process; NULL when it does not lie in the memory. */
uint8_t *memory_at(const card_memory *memory, uint64_t address, uint64_t bytes);
/* Makes a file for the range and writes its name. False: there is none. */
bool memory_share(card_memory *memory, uint64_t address, uint64_t bytes, char *out_name,
                  size_t capacity);
/* Of a buffer that may have been shared: its pages are given back. */
void memory_unshare(card_memory *memory, uint64_t address);

#endif
