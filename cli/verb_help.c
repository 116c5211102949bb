/* SPDX-License-Identifier: Apache-2.0 */
/* weft help: the overview, a verb, a topic, or an error id. Must not know about: what any verb
 * does. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/help.h"
#include "cli/json.h"

/* "E0142", "e142" or "0142"; 0 when it is none of these. */
static uint32_t parse_error_id(const char *text)
{
    const char *digits = toupper((unsigned char)text[0]) == 'E' ? text + 1 : text;
    size_t length = strspn(digits, "0123456789");
    return length > 0 && length <= 5 && digits[length] == '\0' ? (uint32_t)strtoul(digits, NULL, 10)
                                                               : 0;
}

static weft_status explain_error(weft_cli *cli, uint32_t number)
{
    for (size_t i = 0; i < weft_cli_error_row_count(); i++) {
        weft_cli_error_row row = weft_cli_error_row_get(i);
        if (row.number != number)
            continue;
        if (cli->is_json) {
            json_t *json = weft_cli_json_create("weft.error/1");
            char id[16];
            snprintf(id, sizeof id, "E%04u", (unsigned)number);
            json_object_set_new(json, "id", json_string(id));
            json_object_set_new(json, "name", json_string(row.name));
            json_object_set_new(json, "title", json_string(row.title));
            json_object_set_new(json, "help", json_string(row.help));
            json_object_set_new(json, "exit_code", json_integer(weft_status_exit_code(row.status)));
            weft_cli_json_print(json, cli->out);
            return WEFT_OK;
        }
        fprintf(cli->out, "E%04u %s: %s\n\n", (unsigned)number, row.name, row.title);
        weft_cli_help_wrap(cli->out, row.help, 0);
        fprintf(cli->out, "\nExit code %d: %s.\n", weft_status_exit_code(row.status),
                weft_status_text(row.status));
        return WEFT_OK;
    }
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_TOPIC, "there is no error E%04u", (unsigned)number);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft list errors");
    return status;
}

static const char *word_at(const void *user, size_t index)
{
    (void)user;
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++)
        if (index-- == 0)
            return (*verb)->name;
    return weft_cli_help_topic_name(index);
}

static json_t *option_json(const weft_cli_option *option)
{
    json_t *json = json_object();
    char letter[2] = {option->letter, '\0'};
    json_object_set_new(json, "name", json_string(option->name));
    json_object_set_new(json, "letter", option->letter == 0 ? json_null() : json_string(letter));
    json_object_set_new(json, "value", weft_cli_json_text(option->value));
    json_object_set_new(json, "choices", weft_cli_json_text(option->choices));
    json_object_set_new(json, "repeatable", json_boolean(option->kind == WEFT_CLI_LIST));
    json_object_set_new(json, "help", json_string(option->help));
    return json;
}

/* All verbs with all options, or one verb. */
static void print_json(FILE *out, const weft_cli_verb *only)
{
    json_t *json = weft_cli_json_create("weft.help/1"), *verbs = json_array();
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++) {
        if (only != NULL && *verb != only)
            continue;
        json_t *one = json_object(), *options = json_array();
        json_object_set_new(one, "name", json_string((*verb)->name));
        json_object_set_new(one, "summary", json_string((*verb)->summary));
        json_object_set_new(one, "operands", json_string((*verb)->operands));
        json_object_set_new(one, "description", json_string((*verb)->description));
        for (const weft_cli_option *const *group = (*verb)->groups; *group != NULL; group++)
            for (const weft_cli_option *option = *group; option->name != NULL; option++)
                json_array_append_new(options, option_json(option));
        json_object_set_new(one, "options", options);
        json_array_append_new(verbs, one);
    }
    json_object_set_new(json, "commands", verbs);
    weft_cli_json_print(json, out);
}

static weft_status print_topic_json(weft_cli *cli, const char *name)
{
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *stream = open_memstream(&text, &text_bytes);
    if (stream == NULL)
        return weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for the topic");
    weft_cli_help_topic(stream, name);
    fclose(stream);
    json_t *json = weft_cli_json_create("weft.help/1");
    json_object_set_new(json, "topic", json_string(name));
    json_object_set_new(json, "text", weft_cli_json_text(text));
    weft_cli_json_print(json, cli->out);
    free(text);
    return WEFT_OK;
}

static weft_status run(weft_cli *cli)
{
    if (weft_cli_args_has(&cli->args, "markdown")) {
        weft_cli_manual_print(cli->out);
        return WEFT_OK;
    }
    if (cli->args.operand_count == 0 && cli->is_json) {
        print_json(cli->out, NULL);
        return WEFT_OK;
    }
    if (cli->args.operand_count == 0) {
        weft_cli_help_overview(cli->out);
        return WEFT_OK;
    }
    const char *word = cli->args.operands[0];
    const weft_cli_verb *verb = weft_cli_verb_find(word);
    uint32_t number = parse_error_id(word);
    if (verb != NULL && cli->is_json) {
        print_json(cli->out, verb);
        return WEFT_OK;
    }
    if (verb != NULL) {
        weft_cli_help_verb(cli->out, verb, true);
        return WEFT_OK;
    }
    for (size_t i = 0; cli->is_json && weft_cli_help_topic_name(i) != NULL; i++)
        if (strcmp(weft_cli_help_topic_name(i), word) == 0)
            return print_topic_json(cli, word);
    if (weft_cli_help_topic(cli->out, word))
        return WEFT_OK;
    if (number != 0)
        return explain_error(cli, number);
    const char *nearest = weft_cli_nearest(word, word_at, NULL);
    weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_TOPIC, "no help on %s", word);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                         nearest == NULL ? "weft help%s" : "did you mean weft help %s?",
                         nearest == NULL ? "" : nearest);
    return status;
}

static const weft_cli_option options[] = {
    {"markdown", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "print the whole manual, docs/cli.md"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_help = {
    .name = "help",
    .summary = "explain a command, a topic or an error id",
    .operands = "[COMMAND|TOPIC|ERROR]",
    .operand_max = 1,
    .groups = {options, weft_cli_common_options},
    .description =
        "Without an argument, lists the commands. With the name of a command, prints its whole "
        "description. With an error id such as E0501, says what the error means and what to do "
        "about it. Topics: inputs, shapes, verdict, json, exit-codes.",
    .examples = "weft help run\nweft help E0522\nweft help inputs",
    .run = run,
};
