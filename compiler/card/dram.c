/* SPDX-License-Identifier: Apache-2.0 */
/* Times of HBM2 and DDR4 in nanoseconds. They are those of the JEDEC standards' common speed
 * grades (JESD235 for HBM2, JESD79-4 for DDR4-2400R), written down from memory; data sheets differ
 * by a few per cent. Nothing here is fitted to a measurement.
 *
 * Neighbouring bursts of an address lie in different bank groups, because a bank group alone
 * cannot keep the data bus busy (tCCD_L > tCCD_S); so the pages of all four groups are open
 * together and count as one page, and a quarter of the banks are page sets. */
#include <string.h>

#include "compiler/card/dram.h"

typedef struct chips {
    const char *tag; /* of a board's memory; NULL: any other */
    double atom_bytes, page_bytes;
    int32_t page_sets;
    double trp, trcd, tcl, tras, tfaw, trtp, twr, twtr, trtw, trfc, trefi;
} chips;

static const chips kinds[] = {
    /* A pseudo-channel: 64 bits, bursts of 4, pages of 1 KB, 16 banks in 4 groups, 900 MHz. The
     * refresh of all banks takes 260 ns of 3.9 us: 6.7 %, as large as what reading at full speed
     * loses in measurements (arXiv:2005.04324: 425 of 460 GB/s). */
    {"HBM", 32, 4096, 4, 14, 14, 14, 33, 16, 5, 16, 7.5, 4, 260, 3900},
    /* A channel: 64 bits, bursts of 8, pages of 1 KB in each of 8 chips, 16 banks in 4 groups,
     * 1200 MHz, 17-17-17; refresh of 8 Gb chips. */
    {NULL, 64, 32768, 4, 14.2, 14.2, 14.2, 32, 21, 7.5, 15, 7.5, 4, 350, 7800},
};

static const chips *find(const char *tag)
{
    const chips *kind = kinds;
    while (kind->tag != NULL && strcmp(kind->tag, tag) != 0)
        kind++;
    return kind;
}

weft_card_dram weft_card_dram_of(const weft_board_memory *memory, double clock_mhz,
                                 int32_t units_per_bank)
{
    const chips *kind = find(memory->tag);
    double cycle = clock_mhz / 1e3; /* per ns */
    return (weft_card_dram){
        .peak_bytes = memory->bank_gbytes / cycle / units_per_bank,
        .atom_bytes = kind->atom_bytes,
        .page_bytes = kind->page_bytes,
        .page_sets = kind->page_sets,
        .precharge = kind->trp * cycle,
        .activate = kind->trcd * cycle,
        .column = kind->tcl * cycle,
        .row_cycle = (kind->tras + kind->trp) * cycle,
        .four_pages = kind->tfaw * cycle,
        .after_read = kind->trtp * cycle,
        .after_write = kind->twr * cycle,
        .write_to_read = (kind->twtr + kind->tcl) * cycle,
        .read_to_write = kind->trtw * cycle,
        .refresh = kind->trfc * cycle,
        .refresh_interval = kind->trefi * cycle,
    };
}
