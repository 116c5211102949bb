/* SPDX-License-Identifier: Apache-2.0 */
/* "next: ...", the commands to type after one that made something; on stderr. */
#ifndef WEFT_CLI_NEXT_H
#define WEFT_CLI_NEXT_H

#include "weft/package.h"

/* Verify, profile and run, with an input for every name; of a package for a card its bitstream. */
void weft_cli_next_after_compile(const char *path, const weft_package *package);
/* The package on the card of software that its bitstream was made for. */
void weft_cli_next_after_softcard_build(const char *path);

#endif
