/* SPDX-License-Identifier: Apache-2.0 */
/* See build_softcard.h. */
#include "cli/build_softcard.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/build_card.h"
#include "cli/json.h"
#include "cli/memory.h"
#include "cli/next.h"
#include "cli/text.h"
#include "weft/softcard.h"

/* The options of the vendor's tools mean nothing here. */
static weft_status check_options(weft_cli *cli)
{
    for (const weft_cli_option *o = weft_cli_build_card_options; o->name != NULL; o++)
        if (weft_cli_args_has(&cli->args, o->name))
            return weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                                  "--%s does not go with --target softcard", o->name);
    return WEFT_OK;
}

/* "model.weft" -> "model.xclbin", which the xrt backend looks for. */
static char *default_output(const char *package)
{
    size_t length = strlen(package);
    if (weft_cli_ends_with(package, ".weft"))
        length -= strlen(".weft");
    return weft_cli_printf("%.*s.xclbin", (int)length, package);
}

static void print_result(weft_cli *cli, const char *package, const char *output,
                         const weft_softcard_bitstream *made)
{
    char size[WEFT_CLI_BYTES_TEXT];
    if (cli->is_json) {
        json_t *json = json_pack(
            "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f}", "schema", "weft.build_softcard/1", "target",
            "softcard", "bitstream", output, "platform", made->platform, "file_bytes",
            (json_int_t)made->file_bytes, "units", (json_int_t)made->unit_count, "memories",
            (json_int_t)made->memory_count, "clock_mhz", made->clock_mhz);
        weft_cli_json_print(json, cli->out);
        return;
    }
    fprintf(cli->out, "bitstream   %s, %s\n", output,
            weft_cli_format_bytes(made->file_bytes, size));
    fprintf(cli->out, "card        %s, emulated\n", made->platform);
    fprintf(cli->out, "units       %zu at %g MHz as planned; %zu memory banks\n", made->unit_count,
            made->clock_mhz, made->memory_count);
    if (!cli->is_quiet)
        weft_cli_next_after_softcard_build(package);
}

weft_status weft_cli_build_softcard(weft_cli *cli)
{
    const char *package = cli->args.operands[0];
    weft_softcard_bitstream made;
    weft_status status = check_options(cli);
    if (status != WEFT_OK)
        return status;
    char *output = weft_cli_strdup(weft_cli_args_text(&cli->args, "output", ""));
    if (output[0] == '\0') {
        free(output);
        output = default_output(package);
    }
    status = weft_softcard_build(package, output, &made, cli->diag);
    if (status == WEFT_OK)
        print_result(cli, package, output, &made);
    free(output);
    return status;
}
