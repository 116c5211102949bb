/* SPDX-License-Identifier: Apache-2.0 */
/* See sample_xclbin.h. */
#include "tests/softcard/sample_xclbin.h"

weft_xclbin sample_xclbin(weft_arena *arena, size_t unit_count, const char *platform)
{
    static weft_xclbin_argument arguments[SAMPLE_ARGUMENTS] = {
        {"a", true, 8, 0x10}, {"b", true, 8, 0x1c}, {"c", true, 8, 0x28}, {"n", false, 4, 0x34}};
    const uint64_t bank_bytes = UINT64_C(16) << 30;
    weft_xclbin x = {.mode = WEFT_XCLBIN_SW_EMU,
                     .platform = platform,
                     .kernel = "vadd",
                     .arguments = arguments,
                     .argument_count = SAMPLE_ARGUMENTS,
                     .units = WEFT_NEW_ARRAY(arena, weft_xclbin_unit, unit_count),
                     .unit_count = unit_count,
                     .memories = WEFT_NEW_ARRAY(arena, weft_xclbin_memory, 2),
                     .memory_count = 2,
                     .clock_mhz = 300,
                     .bitstream = "bits",
                     .bitstream_bytes = 4};
    for (size_t i = 0; i < 2; i++)
        x.memories[i] = (weft_xclbin_memory){weft_arena_printf(arena, "DDR[%zu]", i), true,
                                             bank_bytes, bank_bytes * i};
    for (size_t i = 0; i < unit_count; i++) {
        x.units[i] = (weft_xclbin_unit){weft_arena_printf(arena, "vadd_%zu", i + 1),
                                        0x1800000 + 0x10000 * (uint64_t)i,
                                        WEFT_NEW_ARRAY(arena, int32_t, SAMPLE_ARGUMENTS)};
        for (size_t a = 0; a < SAMPLE_ARGUMENTS; a++)
            x.units[i].banks[a] = arguments[a].is_pointer ? (int32_t)(i % 2) : -1;
    }
    return x;
}
