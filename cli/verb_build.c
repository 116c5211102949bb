/* SPDX-License-Identifier: Apache-2.0 */
/* weft build: a bitstream from a package that was compiled for a card. Must not know about: how a
 * target is built. */
#include <string.h>

#include "cli/build_card.h"
#include "cli/build_softcard.h"

static weft_status run(weft_cli *cli)
{
    const char *target = weft_cli_args_text(&cli->args, "target", "hw");
    return strcmp(target, "softcard") == 0 ? weft_cli_build_softcard(cli)
                                           : weft_cli_build_card(cli, target);
}

static const weft_cli_option options[] = {
    {"target", 0, WEFT_CLI_TEXT, "TARGET", "hw|hw_emu|softcard", 0, 0,
     "hw: for the card (default); hw_emu: the vendor's simulation of the circuit; softcard: for "
     "weft softcard"},
    {"output", 'o', WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "bitstream to write; default: the package's name with .xclbin. The report goes beside it"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_build = {
    .name = "build",
    .summary = "make a card's bitstream from a package",
    .operands = "PACKAGE",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = ".weft",
    .groups = {options, weft_cli_build_card_options, weft_cli_common_options},
    .description =
        "The package is one of weft compile --board. For hw and hw_emu, weft finds v++ of AMD "
        "Vitis, asks for its release and uses the options that this release takes: HLS C from "
        "2022.2 on, OpenCL C before. It writes the kernel and the connectivity file into the work "
        "folder, then compiles, links and, where the device wants it, packages. Each step is kept "
        "under a hash of everything it depends on, so the same command goes on after an "
        "interruption or a failure; the time of each step is shown and kept.\n\n"
        "Afterwards the reports of synthesis, utilisation and timing are read into FILE.json "
        "beside weft's predictions, every number under its source: model, hls, synthesis, route. "
        "When timing, placement or anything else fails, the message names the cause and the "
        "command to try next; the complete log stays in the work folder.\n\n"
        "--target softcard compiles the engine's HLS C with the machine's C compiler for the card "
        "of weft softcard: seconds instead of hours, and the same results.\n\n"
        "--dry-run prints all files and commands and needs no tool. docs/build.md has the "
        "releases, the files and the schema of the report.",
    .examples = "weft build model.weft\n"
                "weft build model.weft --target hw_emu -o model_emu.xclbin\n"
                "weft build model.weft --target softcard\n"
                "weft build model.weft --dry-run --tool-version 2023.2\n"
                "weft build model.weft --clock 250 --jobs 8 --work build.u280",
    .run = run,
};
