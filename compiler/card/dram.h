/* SPDX-License-Identifier: Apache-2.0 */
/* Memory chips' own times, by kind of memory. Must not know about: engines, descriptors. */
#ifndef WEFT_CARD_DRAM_H
#define WEFT_CARD_DRAM_H

#include "compiler/card/card.h"

/* Of one bank of the board's memory at this clock, whose bytes are shared by so many engines. */
weft_card_dram weft_card_dram_of(const weft_board_memory *memory, double clock_mhz,
                                 int32_t units_per_bank);

#endif
