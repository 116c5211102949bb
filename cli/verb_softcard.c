/* SPDX-License-Identifier: Apache-2.0 */
/* weft softcard: a command under XRT with an emulated card. Must not know about: how the card is
 * made (weft/softcard.h) and processes are watched. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/memory.h"
#include "cli/report.h"
#include "cli/softcard_run.h"
#include "cli/text.h"

static void print_environment(const weft_softcard *softcard)
{
    const char *name, *value;
    fprintf(stderr, "card        %s\nxrt         %s\n", weft_softcard_platform(softcard),
            weft_softcard_xrt(softcard));
    for (size_t i = 0; weft_softcard_variable(softcard, i, &name, &value); i++)
        fprintf(stderr, "%s=%s\n", name, value);
}

static weft_status report_end(weft_cli *cli, const weft_cli_softcard_end *end)
{
    const char *command = cli->args.operands[0];
    cli->has_exit_code = true;
    cli->exit_code = end->exit_code;
    if (end->error != 0) {
        weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_COMMAND,
                                            "the command %s cannot be started", command);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_WHY, "%s", strerror(end->error));
        return status;
    }
    if (end->signal != 0 && !end->is_from_us)
        weft_cli_note(&cli->errors, WEFT_SEVERITY_NOTE,
                      "%s was ended by signal %d (%s). XRT sends SIGTERM to its own process group "
                      "when the card's process dies by a signal",
                      command, end->signal, strsignal(end->signal));
    return WEFT_OK;
}

/* Whether a word of the command names a package that was compiled for a card. Any other file with
 * this ending is the command's business. */
static bool is_card_package(const char *word)
{
    weft_package *package = NULL;
    weft_package_card card = {0};
    if (!weft_cli_ends_with(word, ".weft") || weft_package_open(word, NULL, &package) != WEFT_OK)
        return false;
    weft_package_get_card(package, &card);
    weft_package_close(package);
    return card.board != NULL;
}

/* The card that is asked for, else that of the command's first package. */
static const char *choose_board(const weft_cli_args *args)
{
    const char *board = weft_cli_args_text(args, "board", NULL);
    for (size_t i = 0; board == NULL && i < args->operand_count; i++)
        if (is_card_package(args->operands[i]))
            board = args->operands[i];
    return board;
}

static weft_status run(weft_cli *cli)
{
    const weft_cli_args *args = &cli->args;
    weft_softcard_params params = WEFT_SOFTCARD_PARAMS_DEFAULT;
    weft_softcard *softcard = NULL;
    bool is_kept = weft_cli_args_has(args, "keep");
    params.board = choose_board(args);
    params.devices = (int)weft_cli_args_int(args, "devices", 1);
    weft_cli_softcard_catch();
    weft_status status = weft_softcard_create(&params, cli->diag, &softcard);
    if (status != WEFT_OK)
        return status;
    if (cli->verbosity > 0)
        print_environment(softcard);
    const char **command = weft_cli_alloc((args->operand_count + 1) * sizeof *command);
    for (size_t i = 0; i < args->operand_count; i++)
        command[i] = args->operands[i];
    command[args->operand_count] = NULL;
    fflush(NULL);
    weft_cli_softcard_end end = weft_cli_softcard_run(softcard, command, is_kept);
    free(command);
    if (is_kept) {
        fprintf(stderr, "kept %s\n", weft_softcard_folder(softcard));
        weft_softcard_leave(softcard);
    } else {
        weft_softcard_destroy(softcard);
    }
    return report_end(cli, &end);
}

static const weft_cli_option options[] = {
    {"board", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "the card: a board's name or file, or a package compiled for one; default: that of the command's package"},
    {"devices", 0, WEFT_CLI_INT, "N", NULL, 1, 16, "cards of this kind; default 1"},
    {"keep", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "leave the folder with the card's files, and say where it is"},
    WEFT_CLI_OPTIONS_END,
};

enum { MAX_WORDS = 4096 };

const weft_cli_verb weft_cli_verb_softcard = {
    .name = "softcard",
    .summary = "run a command with an emulated card",
    .operands = "-- COMMAND...",
    .operand_min = 1,
    .operand_max = MAX_WORDS,
    .groups = {options, weft_cli_common_options},
    .description =
        "The command finds Xilinx's XRT with a card, though the machine has none: XRT itself loads "
        "bitstreams, allocates and moves memory and starts kernels, through its own API and "
        "through OpenCL. Behind it a process of weft keeps the card's memory and runs the engine's "
        "HLS C. Bitstreams for it are made by weft build --target softcard. Results are the "
        "card's, bit for bit; times are those of this machine and say nothing about a card.\n\n"
        "XRT comes with the Debian package libxrt1. The environment is the command's alone; its "
        "exit status is passed on, signals are sent on to it, and whatever it leaves behind is "
        "removed. USER is set to a name of its own, because XRT names its sockets by it.\n\n"
        "As on a card, what the host writes into a buffer reaches the kernel by a transfer only; "
        "WEFT_SOFTCARD_MEMORY=shared turns this off. WEFT_SOFTCARD_FAULT makes the card fail. "
        "docs/softcard.md has both, and what differs from a card.",
    .examples = "weft softcard -- weft run model.weft --backend xrt\n"
                "weft softcard --board u280 --devices 2 -- weft devices\n"
                "weft softcard -v -- ./my_host_program model.xclbin",
    .run = run,
};
