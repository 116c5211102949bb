/* SPDX-License-Identifier: Apache-2.0 */
/* Compute units: a C function each behind a register map of HLS's convention, run by a thread of
 * its own, so that units work at the same time. Must not know about: the wire.
 *
 *   0x00 control: bit 0 start, bit 1 done, bit 2 idle, bit 3 ready; bit 5 written: ends a run that
 *        hangs, after which the unit waits for the next load
 *   0x10 arguments, where the metadata says: 4 bytes of a scalar, 8 of a device address */
#ifndef WEFT_HLS_SOFTCARD_DEVICE_UNITS_H
#define WEFT_HLS_SOFTCARD_DEVICE_UNITS_H

#include "hls/softcard/device/fault.h"
#include "hls/softcard/device/memory.h"

typedef struct card_units card_units;

/* Units without a kernel yet; NULL without memory. The memory and the fault outlive them. */
card_units *units_create(const card_memory *memory, card_fault *fault);
/* The kernels of a shared object by the metadata's names and places; earlier ones are gone. False:
 * they cannot be loaded, which is said on standard error. */
bool units_load(card_units *units, const char *metadata_path, const char *library_path);
/* Registers, by address. Nothing happens outside of any unit's. */
void units_write(card_units *units, uint64_t address, const uint8_t *data, uint64_t bytes);
uint32_t units_read(card_units *units, uint64_t address);

#endif
