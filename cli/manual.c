/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page of the documentation, docs/cli.md, from the tables of verbs, options and topics.
 * Must not know about: what any verb does. */
#include "cli/help.h"

static const char intro[] =
    "`weft` takes an ONNX model to a package and runs, checks and measures packages. The usual "
    "way is `weft check`, `weft compile`, `weft verify`, `weft run`, `weft bench`, `weft "
    "profile`.\n";

static const char conventions[] =
    "Answers go to standard output and everything else to standard error, so output can be piped. "
    "`-q` leaves out progress and notes; errors stay. Progress is one moving line on a terminal "
    "and one line per step elsewhere. Colours are used on a terminal only; `--color` and "
    "`NO_COLOR` decide otherwise.\n\n"
    "Long options are written `--option value` or `--option=value`, short ones `-o value` or "
    "`-ovalue`; `--` ends the options. A wrong name is answered with the nearest right one, and "
    "all wrong options of a command line are named together.\n\n"
    "A failed command writes nothing: files appear under their name only when they are complete.\n\n"
    "Errors have a stable id, name the thing, say what was expected and what was found, and end "
    "with what to try:\n";

static const char error_example[] = "```\n"
                                    "error[E0522]: x.npy does not fit input input\n"
                                    "  tensor:   input\n"
                                    "  expected: shape 1x3x160x160\n"
                                    "  found:    shape 3x160x160\n"
                                    "  try:      reshape the array\n"
                                    "```\n";

static void print_verb(FILE *out, const weft_cli_verb *verb)
{
    fprintf(out, "\n### weft %s\n\n", verb->name);
    fprintf(out, "`weft %s%s%s [options]`: %s.\n\n", verb->name,
            verb->operands[0] == '\0' ? "" : " ", verb->operands, verb->summary);
    weft_cli_help_wrap(out, verb->description, 0);
    fputs("\n```\n", out);
    weft_cli_help_options(out, verb);
    fprintf(out, "```\n\nExamples:\n\n```\n%s\n```\n", verb->examples);
}

void weft_cli_manual_print(FILE *out)
{
    fputs("<!-- Made by `weft help --markdown`; do not edit. -->\n# The command line\n\n", out);
    weft_cli_help_wrap(out, intro, 0);
    fputs("\n## Conventions\n\n", out);
    weft_cli_help_wrap(out, conventions, 0);
    fprintf(out, "\n%s\nAll ids: [errors](errors.md), or `weft help E0522`.\n\n## Commands\n",
            error_example);
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++)
        print_verb(out, *verb);
    fputs("\n## Topics\n", out);
    for (size_t i = 0; weft_cli_help_topic_name(i) != NULL; i++) {
        const char *name = weft_cli_help_topic_name(i);
        fprintf(out, "\n### %s\n\n", name);
        weft_cli_help_topic(out, name);
    }
}
