/* SPDX-License-Identifier: Apache-2.0 */
/* Reproducible random data: the same seed gives the same numbers in every version. Must not know
 * about: models. */
#ifndef WEFT_CLI_RANDOM_H
#define WEFT_CLI_RANDOM_H

#include <stdint.h>

typedef struct weft_cli_random {
    uint64_t state;
} weft_cli_random;

uint64_t weft_cli_random_next(weft_cli_random *random);
/* Normal distribution, mean 0, deviation 1. */
double weft_cli_random_normal(weft_cli_random *random);

#endif
