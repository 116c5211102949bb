/* SPDX-License-Identifier: Apache-2.0 */
/* weft completion: scripts for bash, zsh and fish, made from the tables of verbs and options.
 * Must not know about: what any verb does. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"

static void print_option_names(FILE *out, const weft_cli_verb *verb)
{
    const char *space = "";
    for (const weft_cli_option *const *group = verb->groups; *group != NULL; group++)
        for (const weft_cli_option *option = *group; option->name != NULL; option++, space = " ")
            fprintf(out, "%s--%s", space, option->name);
}

static void print_choices(FILE *out, const char *choices)
{
    for (; *choices != '\0'; choices++)
        fputc(*choices == '|' ? ' ' : *choices, out);
}

static bool takes_files(const weft_cli_verb *verb)
{
    return verb->operand_words != NULL && verb->operand_words[0] == '.';
}

static void print_bash(FILE *out)
{
    fputs("# bash completion for weft; use: source <(weft completion bash)\n"
          "_weft() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} words=\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W '",
          out);
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++)
        fprintf(out, "%s ", (*verb)->name);
    fputs(
        "--version --help' -- \"$word\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n",
        out);
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++) {
        fprintf(out, "    %s)\n        case $last in\n", (*verb)->name);
        for (const weft_cli_option *const *group = (*verb)->groups; *group != NULL; group++)
            for (const weft_cli_option *option = *group; option->name != NULL; option++)
                if (option->choices != NULL) {
                    fprintf(out, "        --%s) COMPREPLY=($(compgen -W '", option->name);
                    print_choices(out, option->choices);
                    fputs("' -- \"$word\")); return ;;\n", out);
                }
        fputs("        esac\n        words='", out);
        print_option_names(out, *verb);
        if ((*verb)->operand_words != NULL && !takes_files(*verb)) {
            fputc(' ', out);
            print_choices(out, (*verb)->operand_words);
        }
        fputs("' ;;\n", out);
    }
    fputs("    esac\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
          "}\n"
          "complete -o filenames -F _weft weft\n",
          out);
}

/* Text inside '...' and [...] of zsh, or '...' of fish. */
static void print_quoted(FILE *out, const char *text, const char *specials)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
        } else {
            if (strchr(specials, *text) != NULL)
                fputc('\\', out);
            fputc(*text, out);
        }
    }
}

static void print_zsh_option(FILE *out, const weft_cli_option *option)
{
    bool takes_value = option->kind != WEFT_CLI_FLAG && option->kind != WEFT_CLI_TEXT_OPTIONAL;
    fprintf(out, " \\\n            '%s--%s%s[", option->kind == WEFT_CLI_LIST ? "*" : "",
            option->name, takes_value ? "=" : "");
    print_quoted(out, option->help, "[]:\\");
    fputc(']', out);
    if (option->choices != NULL) {
        fprintf(out, ":%s:(", option->value);
        print_choices(out, option->choices);
        fputc(')', out);
    } else if (takes_value) {
        fprintf(out, ":%s:_files", option->value);
    }
    fputc('\'', out);
}

static void print_zsh(FILE *out)
{
    fputs("#compdef weft\n"
          "# zsh completion for weft; use: weft completion zsh > DIR_OF_FPATH/_weft\n"
          "_weft() {\n"
          "    local -a verbs\n"
          "    verbs=(\n",
          out);
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++) {
        fprintf(out, "        '%s:", (*verb)->name);
        print_quoted(out, (*verb)->summary, ":\\");
        fputs("'\n", out);
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command verbs\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $words[1] in\n",
          out);
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++) {
        fprintf(out, "        %s) _arguments", (*verb)->name);
        for (const weft_cli_option *const *group = (*verb)->groups; *group != NULL; group++)
            for (const weft_cli_option *option = *group; option->name != NULL; option++)
                print_zsh_option(out, option);
        if (takes_files(*verb)) {
            fputs(" \\\n            '*:file:_files'", out);
        } else if ((*verb)->operand_words != NULL) {
            fputs(" \\\n            ':word:(", out);
            print_choices(out, (*verb)->operand_words);
            fputs(")'", out);
        }
        fputs(" ;;\n", out);
    }
    fputs("    esac\n}\n_weft \"$@\"\n", out);
}

static void print_fish(FILE *out)
{
    fputs("# fish completion for weft; use: weft completion fish > "
          "~/.config/fish/completions/weft.fish\n",
          out);
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++) {
        fprintf(out, "complete -c weft -n __fish_use_subcommand -f -a %s -d '", (*verb)->name);
        print_quoted(out, (*verb)->summary, "\\");
        fputs("'\n", out);
        for (const weft_cli_option *const *group = (*verb)->groups; *group != NULL; group++)
            for (const weft_cli_option *option = *group; option->name != NULL; option++) {
                bool takes_value =
                    option->kind != WEFT_CLI_FLAG && option->kind != WEFT_CLI_TEXT_OPTIONAL;
                fprintf(out, "complete -c weft -n '__fish_seen_subcommand_from %s' -l %s%s",
                        (*verb)->name, option->name, takes_value ? " -r" : "");
                if (option->letter != 0)
                    fprintf(out, " -s %c", option->letter);
                if (option->choices != NULL) {
                    fputs(" -f -a '", out);
                    print_choices(out, option->choices);
                    fputc('\'', out);
                }
                fputs(" -d '", out);
                print_quoted(out, option->help, "\\");
                fputs("'\n", out);
            }
        if ((*verb)->operand_words != NULL && !takes_files(*verb)) {
            fprintf(out, "complete -c weft -n '__fish_seen_subcommand_from %s' -f -a '",
                    (*verb)->name);
            print_choices(out, (*verb)->operand_words);
            fputs("'\n", out);
        }
    }
}

static void print_script(weft_cli *cli, const char *shell, void (*print)(FILE *out))
{
    char *script = NULL;
    size_t length = 0;
    FILE *memory = cli->is_json ? open_memstream(&script, &length) : NULL;
    print(memory == NULL ? cli->out : memory);
    if (memory == NULL)
        return;
    fclose(memory);
    json_t *json = weft_cli_json_create("weft.completion/1");
    json_object_set_new(json, "shell", json_string(shell));
    json_object_set_new(json, "script", weft_cli_json_text(script));
    weft_cli_json_print(json, cli->out);
    free(script);
}

static weft_status run(weft_cli *cli)
{
    static const struct {
        const char *name;
        void (*print)(FILE *out);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(cli->args.operands[0], shells[i].name) == 0) {
            print_script(cli, shells[i].name, shells[i].print);
            return WEFT_OK;
        }
    weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_TOPIC,
                                        "no completion for shell %s", cli->args.operands[0]);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "bash, zsh or fish");
    return status;
}

const weft_cli_verb weft_cli_verb_completion = {
    .name = "completion",
    .summary = "print a completion script for a shell",
    .operands = "bash|zsh|fish",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = "bash|zsh|fish",
    .groups = {weft_cli_common_options},
    .description =
        "Prints a script that completes commands, options and their choices. It is made from the "
        "same tables as the parser, so it is never behind it.",
    .examples = "source <(weft completion bash)\nweft completion fish > "
                "~/.config/fish/completions/weft.fish",
    .run = run,
};
