/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, printed from the tables of verbs and options. Must not know about: what any verb
 * does. */
#include <string.h>

#include "cli/cli.h"
#include "cli/help.h"

enum { TEXT_WIDTH = 92 };

/* Prints paragraphs (separated by a blank line) broken at spaces, indented. */
void weft_cli_help_wrap(FILE *out, const char *text, int indent)
{
    size_t column = 0, room = (size_t)(TEXT_WIDTH - indent);
    while (*text != '\0') {
        if (*text == '\n') {
            text += strspn(text, "\n");
            fputs(*text != '\0' ? "\n\n" : "\n", out);
            column = 0;
            continue;
        }
        size_t word = strcspn(text, " \n");
        if (column > 0 && column + 1 + word > room) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%*s%.*s", column > 0 ? 1 : indent, "", (int)word, text);
        column += word + (column > 0 ? 1 : 0);
        text += word;
        text += strspn(text, " ");
    }
    if (column > 0)
        fputc('\n', out);
}

static void indented_lines(FILE *out, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        fprintf(out, "  %.*s\n", (int)length, text);
        text += length + (text[length] == '\n' ? 1 : 0);
    }
}

void weft_cli_help_overview(FILE *out)
{
    fputs("weft compiles ONNX vision models to fused OpenCL kernels and runs them.\n\n"
          "usage: weft COMMAND [options] [files]\n\n",
          out);
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++)
        fprintf(out, "  %-11s %s\n", (*verb)->name, (*verb)->summary);
    fputs("\n  weft COMMAND --help     options of a command\n"
          "  weft help COMMAND       its whole description, with examples\n"
          "  weft help TOPIC         ",
          out);
    for (size_t i = 0; weft_cli_help_topic_name(i) != NULL; i++)
        fprintf(out, "%s, ", weft_cli_help_topic_name(i));
    fputs("or an error id such as E0501\n"
          "  weft --version\n\n"
          "The usual way: weft check, weft compile, weft verify, weft run, weft bench, weft "
          "profile.\n",
          out);
}

void weft_cli_help_options(FILE *out, const weft_cli_verb *verb)
{
    for (const weft_cli_option *const *group = verb->groups; *group != NULL; group++)
        for (const weft_cli_option *option = *group; option->name != NULL; option++) {
            char left[64];
            snprintf(left, sizeof left, "%c%c%s --%s%s%s%s", option->letter != 0 ? '-' : ' ',
                     option->letter != 0 ? option->letter : ' ', option->letter != 0 ? "," : " ",
                     option->name,
                     option->value == NULL                    ? ""
                     : option->kind == WEFT_CLI_TEXT_OPTIONAL ? "[="
                                                              : " ",
                     option->value == NULL ? "" : option->value,
                     option->kind == WEFT_CLI_TEXT_OPTIONAL ? "]" : "");
            fprintf(out, "  %-27s %s", left, option->help);
            fprintf(out, option->choices != NULL ? " (%s)\n" : "\n", option->choices);
        }
}

void weft_cli_help_exit_codes(FILE *out)
{
    static const struct {
        int code;
        const char *text;
    } codes[] = {
        {0, "yes: done, equal, supported"},
        {1, "the comparison or check said no"},
        {2, "wrong use of the command line"},
        {3,
         "invalid input: a damaged or impossible model, package or data file; a file that cannot "
         "be read or written"},
        {4, "valid input that is not supported"},
        {5, "does not fit the target"},
        {6, "device or environment problem; out of memory"},
        {7, "an external tool failed"},
        {70, "a bug in weft"}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        fprintf(out, "  %2d  %s\n", codes[i].code, codes[i].text);
}

void weft_cli_help_verb(FILE *out, const weft_cli_verb *verb, bool is_long)
{
    fprintf(out, "%sweft %s - %s\n\n", is_long ? "NAME\n  " : "", verb->name, verb->summary);
    fprintf(out, "%sweft %s%s%s [options]\n", is_long ? "USAGE\n  " : "usage: ", verb->name,
            verb->operands[0] == '\0' ? "" : " ", verb->operands);
    if (is_long) {
        fputs("\nDESCRIPTION\n", out);
        weft_cli_help_wrap(out, verb->description, 2);
    }
    fputs(is_long ? "\nOPTIONS\n" : "\n", out);
    weft_cli_help_options(out, verb);
    if (is_long) {
        fputs("\nEXAMPLES\n", out);
        indented_lines(out, verb->examples);
        fputs("\nEXIT STATUS\n", out);
        weft_cli_help_exit_codes(out);
    }
}

static const char inputs_topic[] =
    "Inputs are named as in the ONNX model; with one input, `NAME=` may be left out.\n\n"
    "NAME=@x.npy reads an array that must have exactly the element type and shape of the "
    "compiled model. npy versions 1.0, 2.0 and 3.0, both byte orders and both memory orders are "
    "read.\n\n"
    "NAME=@cat.png and NAME=@cat.jpg read a picture, recognised by its first bytes: RGB (alpha "
    "dropped, grey spread, EXIF orientation and colour profiles ignored), scaled with "
    "antialiased bicubic so that the shorter side is floor(size / crop), cut to the centre, "
    "divided by 255, minus --mean, divided by --std. These are the steps of timm's evaluation; "
    "--crop is 0.91 unless given. One of dimensions 1 (NCHW) and 3 (NHWC) must be 3. Every image "
    "of a batch gets the same picture. A model that normalises inside and wants 0 to 255 gets "
    "--mean 0 --std 0.00392156862745098.\n\n"
    "NAME=random and NAME=random:SEED give normal(0, 1) floats, integers from -4 to 4 (unsigned "
    "0 to 8); input i uses --seed plus i unless a seed is written. NAME=zeros and NAME=ones do "
    "what they say.\n";

static const char shapes_topic[] =
    "--shape NAME=1x3x160x160 sets the shape of an input; `?` keeps what the model has. Without "
    "it, a symbolic first dimension becomes 1 and other symbolic dimensions are an error.\n\n"
    "A comma list, --shape input=1x3x160x160,4x3x160x160, makes one schedule per shape over one "
    "set of weights. A second --shape names another input, with the same number of shapes or one "
    "for all. Several model files make several schedules too.\n\n"
    "Files and shapes of one package must have the same inputs and outputs: names, element types and "
    "numbers of dimensions. Weights that are equal are stored once.\n\n"
    "weft run, verify, bench, profile and inspect find a schedule by --shape NAME=DIMS (`NAME=` may be "
    "left out when there is one input, `?` stands for any size) or --schedule N, otherwise by the "
    "shapes of npy inputs. Pictures and generated data fit every schedule: then the first is taken, "
    "and weft verify takes them all.\n";

static const char verdict_topic[] =
    "weft verify runs two backends on the same inputs and compares every value both hold. The "
    "error of a value is the largest absolute difference divided by the largest absolute "
    "reference value of the same tensor: one number that does not depend on how the weights are "
    "scaled, and that small elements beside large ones do not blow up.\n\n"
    "The default tolerance is 1e-4. Two orders of the same f32 sum of n products differ by about "
    "1e-7 times the square root of n, and Winograd convolutions by a few times that; over the "
    "hundred layers of a deep network this stays below 1e-5. A wrong kernel is off by 1e-2 or "
    "more, so 1e-4 separates the two clearly.\n\n"
    "A NaN or infinity on one side only, or infinities of different sign, is a failure whatever "
    "the tolerance. NaN on both sides at the same place counts as equal, and the table says how "
    "many there are.\n\n"
    "The line `tolerance needed` is the smallest tolerance that would have passed.\n";

static const char json_topic[] =
    "Every command takes --json and then prints one JSON document on standard output. Its first "
    "field names the schema, its second the version of weft: weft.check/1, weft.inspect/1, "
    "weft.compile/1, weft.run/1, weft.verify/1 (weft.against/1 with --against), weft.bench/1, weft.profile/1, weft.devices/1, "
    "weft.doctor/1, weft.list.NAME/1, weft.help/1, weft.error/1, weft.completion/1. The number "
    "after the slash changes when a field changes its meaning or goes; new fields do not change "
    "it.\n\n"
    "Files have schemas too: weft.plan/1 (weft compile --plan). Traces follow Chrome's format, "
    "overlays Netron's. Times carry their unit in the name, sizes are bytes, numbers that are "
    "not finite are null, hashes are strings of 16 hexadecimal digits.\n\n"
    "Errors go to standard error as text in any case; weft check --json holds them as fields "
    "as well.\n";

static const struct {
    const char *name, *text;
} topics[] = {{"inputs", inputs_topic},
              {"shapes", shapes_topic},
              {"verdict", verdict_topic},
              {"json", json_topic},
              {"exit-codes", NULL}};
enum { TOPIC_COUNT = sizeof topics / sizeof topics[0] };

const char *weft_cli_help_topic_name(size_t index)
{
    return index < TOPIC_COUNT ? topics[index].name : NULL;
}

bool weft_cli_help_topic(FILE *out, const char *name)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        if (strcmp(topics[i].name, name) == 0) {
            if (topics[i].text != NULL)
                weft_cli_help_wrap(out, topics[i].text, 0);
            else
                weft_cli_help_exit_codes(out);
            return true;
        }
    return false;
}
