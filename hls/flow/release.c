/* SPDX-License-Identifier: Apache-2.0 */
/* Releases of Vitis as data. Must not know about: packages, processes. */
#include "hls/flow/internal.h"

#define WEFT_RELEASE(year, part, opencl_c, hls_c, compile, names, clock)                           \
    {year, part, opencl_c, hls_c, FLOW_COMPILE_##compile, FLOW_NAMES_##names, FLOW_CLOCK_##clock},
const flow_release weft__build_releases[] = {
#include "hls/flow/releases.def"
};
#undef WEFT_RELEASE
const size_t weft__build_release_count =
    sizeof weft__build_releases / sizeof weft__build_releases[0];

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool weft__build_release_read(const char *text, int *out_year, int *out_part)
{
    for (int i = 0; i < 4; i++)
        if (!is_digit(text[i]))
            return false;
    if (text[0] != '2' || text[4] != '.' || !is_digit(text[5]) || is_digit(text[6]))
        return false;
    *out_year = 0;
    for (int i = 0; i < 4; i++)
        *out_year = *out_year * 10 + (text[i] - '0');
    *out_part = text[5] - '0';
    return true;
}

int weft__build_release_compare(int year, int part, int other_year, int other_part)
{
    return year != other_year ? year - other_year : part - other_part;
}

const flow_release *weft__build_release_find(int year, int part)
{
    const flow_release *found = NULL;
    for (size_t i = 0; i < weft__build_release_count; i++) {
        const flow_release *row = &weft__build_releases[i];
        if (weft__build_release_compare(row->year, row->part, year, part) <= 0)
            found = row;
    }
    return found;
}
