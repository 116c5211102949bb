/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on stderr. Must not know about: what the verbs do, JSON. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/memory.h"
#include "cli/report.h"

void weft_cli_report_setup(weft_cli *cli)
{
    const char *color = weft_cli_args_text(&cli->args, "color", "auto");
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool is_dumb = term == NULL || strcmp(term, "dumb") == 0;
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    bool is_unwanted = no_color != NULL && no_color[0] != '\0';
    cli->has_moving_line = is_terminal && !is_dumb;
    cli->has_color = strcmp(color, "always") == 0 ||
                     (strcmp(color, "auto") == 0 && is_terminal && !is_dumb && !is_unwanted);
}

static void print_entry(weft_cli *cli, const weft_diag_entry *entry)
{
    static const char *const colors[] = {"\033[1;31m", "\033[1;35m", "\033[1;36m"};
    if (cli->is_quiet && entry->severity == WEFT_SEVERITY_NOTE)
        return;
    weft_cli_progress_end(cli);
    size_t length = weft_diag_format(entry, NULL, 0);
    char *text = weft_cli_alloc(length + 1);
    weft_diag_format(entry, text, length + 1);
    size_t label = strcspn(text, ":"); /* "error[E0142]" */
    if (cli->has_color)
        fprintf(stderr, "%s%.*s\033[0m%s", colors[entry->severity], (int)label, text, text + label);
    else
        fputs(text, stderr);
    free(text);
}

void weft_cli_report_flush(weft_cli *cli)
{
    for (; cli->diag_printed < weft_diag_count(cli->diag); cli->diag_printed++)
        print_entry(cli, weft_diag_get(cli->diag, cli->diag_printed));
    for (; cli->errors_printed < cli->errors.count; cli->errors_printed++)
        print_entry(cli, &cli->errors.entries[cli->errors_printed]);
}

void weft_cli_progress(weft_cli *cli, int stage, int stage_count, const char *title)
{
    if (cli->is_quiet)
        return;
    if (cli->has_moving_line) {
        fprintf(stderr, "\r\033[K[%d/%d] %s", stage, stage_count, title);
        fflush(stderr);
        cli->line_is_open = true;
    } else {
        fprintf(stderr, "[%d/%d] %s\n", stage, stage_count, title);
    }
}

void weft_cli_progress_end(weft_cli *cli)
{
    if (cli->line_is_open)
        fputs("\r\033[K", stderr);
    cli->line_is_open = false;
}
