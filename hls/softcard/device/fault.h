/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on demand, for tests of what a host makes of them: WEFT_SOFTCARD_FAULT=KIND[:N] lets N
 * launches (allocations, for nomem) go well, and then
 *
 *   hang     the unit never ends
 *   crash    the kernel reads address 0
 *   vanish   the device process is gone in the middle of the run
 *   nomem    no allocation succeeds
 *
 * Must not know about: units, the wire. */
#ifndef WEFT_HLS_SOFTCARD_DEVICE_FAULT_H
#define WEFT_HLS_SOFTCARD_DEVICE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>

typedef enum card_fault_kind {
    FAULT_NONE,
    FAULT_HANG,
    FAULT_CRASH,
    FAULT_VANISH,
    FAULT_NO_MEMORY
} card_fault_kind;

typedef struct card_fault {
    card_fault_kind kind;
    atomic_long left; /* occasions that go well before it */
} card_fault;

/* From the text of the variable; NULL: none. False: it is no fault. */
bool fault_read(const char *text, card_fault *out);
/* An occasion for a fault of this kind; true when it happens now. Any thread. */
bool fault_strikes(card_fault *fault, card_fault_kind kind);

#endif
