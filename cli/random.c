/* SPDX-License-Identifier: Apache-2.0 */
/* SplitMix64 and the Box-Muller transform. Must not know about: models. */
#include <math.h>

#include "cli/random.h"

uint64_t weft_cli_random_next(weft_cli_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double weft_cli_random_normal(weft_cli_random *random)
{
    const double pi = 3.14159265358979323846;
    /* 53 bits each; the first in (0, 1] because its logarithm is taken */
    double u = ((double)(weft_cli_random_next(random) >> 11) + 1) * 0x1p-53;
    double v = (double)(weft_cli_random_next(random) >> 11) * 0x1p-53;
    return sqrt(-2 * log(u)) * cos(2 * pi * v);
}
