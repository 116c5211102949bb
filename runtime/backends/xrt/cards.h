/* SPDX-License-Identifier: Apache-2.0 */
/* The cards of this machine, read from what the driver or the emulation's configuration says. XRT
 * is not called: asking it for cards can end the process. Must not know about: packages, XRT's API.
 */
#ifndef WEFT_RUNTIME_BACKENDS_XRT_CARDS_H
#define WEFT_RUNTIME_BACKENDS_XRT_CARDS_H

#include "runtime/backends/xrt/api.h"

enum { XRT_NAME_BYTES = 128, XRT_INTERFACES = 8, XRT_UUID_BYTES = 16, XRT_MAX_CARDS = 64 };
#define XRT_SYSFS "/sys/bus/pci/devices"

typedef struct xrt_card_info {
    char shell[XRT_NAME_BYTES]; /* "xilinx_u280_gen3x16_xdma_base_1" */
    char bdf[32];               /* "0000:65:00.1"; empty: emulated */
    unsigned int index;         /* of XRT, for emulated ones */
    bool is_ready;
    char why_not[XRT_WHY_BYTES]; /* not ready */
    uint8_t interfaces[XRT_INTERFACES][XRT_UUID_BYTES];
    size_t interface_count; /* 0: the card does not say */
} xrt_card_info;

/* In the order of their addresses, at most XRT_MAX_CARDS; ready ones and others. `folder` is where
 * the driver shows PCIe devices (XRT_SYSFS). */
size_t weft__xrt_cards_find(xrt_mode mode, const char *folder, xrt_card_info out[XRT_MAX_CARDS]);

/* The number-th among the ready ones; NULL when there is none. */
const xrt_card_info *weft__xrt_cards_ready(const xrt_card_info *cards, size_t count, size_t number);

/* What the driver says of the units' registers: "kernel:unit" -> its control register. False when
 * it says nothing. */
bool weft__xrt_unit_status(const char *folder, const char *bdf, const char *unit,
                           uint32_t *out_status);

#endif
