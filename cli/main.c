/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of the program `weft`. Must not know about: anything but weft_cli_main. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return weft_cli_main(argc, argv);
}
