/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser. Long options take `--x v` and `--x=v`, short ones `-x v` and `-xv`; `--` ends
 * options. Must not know about: what any option does, the verbs. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/options.h"

typedef struct parse {
    const weft_cli_option *const *groups;
    const char *verb;
    weft_cli_errors *errors;
    weft_cli_args *args;
    weft_status status;
} parse;

static const weft_cli_option *find_option(const weft_cli_option *const *groups, const char *name,
                                          size_t length, char letter)
{
    for (; *groups != NULL; groups++)
        for (const weft_cli_option *option = *groups; option->name != NULL; option++) {
            bool same_name = name != NULL && strlen(option->name) == length &&
                             memcmp(option->name, name, length) == 0;
            if (same_name || (letter != 0 && option->letter == letter))
                return option;
        }
    return NULL;
}

static const char *option_name_at(const void *user, size_t index)
{
    for (const weft_cli_option *const *groups = user; *groups != NULL; groups++)
        for (const weft_cli_option *option = *groups; option->name != NULL; option++)
            if (index-- == 0)
                return option->name;
    return NULL;
}

/* Edit distance with adjacent swaps counted once, over two short words; rows of the usual table. */
enum { MAX_WORD = 40 };
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][MAX_WORD + 1] = {{0}};
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *weft_cli_nearest(const char *word, const char *(*next)(const void *user, size_t index),
                             const void *user)
{
    const char *nearest = NULL, *candidate = NULL;
    size_t length = strlen(word), nearest_distance = 0;
    if (length == 0 || length > MAX_WORD)
        return NULL;
    for (size_t i = 0; (candidate = next(user, i)) != NULL; i++) {
        size_t candidate_length = strlen(candidate);
        if (candidate_length > MAX_WORD)
            continue;
        size_t distance = edit_distance(word, length, candidate, candidate_length);
        /* A word that was begun but not finished is a likely slip too. */
        if (length >= 3 && length < candidate_length && memcmp(word, candidate, length) == 0)
            distance = 1;
        bool is_near = distance <= 1 + length / 4 && distance < length;
        if (is_near && (nearest == NULL || distance < nearest_distance)) {
            nearest = candidate;
            nearest_distance = distance;
        }
    }
    return nearest;
}

bool weft_cli_choice_contains(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|' ? 1 : 0;
        if (strcspn(at, "|") == length && memcmp(at, word, length) == 0)
            return true;
    }
    return false;
}

static bool parse_number(const weft_cli_option *option, const char *text, double *out)
{
    char *end = NULL;
    if (text == NULL)
        return false;
    errno = 0;
    double value =
        option->kind == WEFT_CLI_INT ? (double)strtoll(text, &end, 10) : strtod(text, &end);
    if (end == text || *end != '\0' || errno == ERANGE || isnan(value) || value < option->min ||
        value > option->max)
        return false;
    *out = value;
    return true;
}

static void value_error(parse *p, const weft_cli_option *option, const char *found)
{
    p->status =
        weft_cli_error(p->errors, WEFT_CLI_E_OPTION_VALUE, "wrong value of --%s", option->name);
    if (option->choices != NULL)
        weft_cli_error_field(p->errors, WEFT_DIAG_EXPECTED, "one of %s", option->choices);
    else if (option->kind == WEFT_CLI_INT)
        weft_cli_error_field(p->errors, WEFT_DIAG_EXPECTED, "a whole number from %.0f to %.0f",
                             option->min, option->max);
    else if (option->kind == WEFT_CLI_REAL)
        weft_cli_error_field(p->errors, WEFT_DIAG_EXPECTED, "a number from %g to %g", option->min,
                             option->max);
    else if (option->kind == WEFT_CLI_FLAG)
        weft_cli_error_field(p->errors, WEFT_DIAG_EXPECTED, "no value: it is a flag");
    else
        weft_cli_error_field(p->errors, WEFT_DIAG_EXPECTED, "%s", option->value);
    weft_cli_error_field(p->errors, WEFT_DIAG_FOUND, "%s", found == NULL ? "nothing" : found);
    weft_cli_error_field(p->errors, WEFT_DIAG_TRY, "weft %s --help", p->verb);
}

static void add_value(parse *p, const weft_cli_option *option, const char *text)
{
    double number = 0;
    bool is_number = option->kind == WEFT_CLI_INT || option->kind == WEFT_CLI_REAL;
    if ((is_number && !parse_number(option, text, &number)) ||
        (option->choices != NULL && text != NULL &&
         !weft_cli_choice_contains(option->choices, text))) {
        value_error(p, option, text);
        return;
    }
    weft_cli_args *args = p->args;
    args->values =
        weft_cli_realloc_array(args->values, args->value_count + 1, sizeof *args->values);
    args->values[args->value_count++] = (struct weft_cli_arg_value){option, text};
}

static void add_operand(weft_cli_args *args, const char *text)
{
    args->operands =
        weft_cli_realloc_array(args->operands, args->operand_count + 1, sizeof *args->operands);
    args->operands[args->operand_count++] = text;
}

static void unknown_option(parse *p, const char *text)
{
    const char *name = text + strspn(text, "-");
    char *bare = weft_cli_strndup(name, strcspn(name, "="));
    const char *nearest = text[1] == '-' ? weft_cli_nearest(bare, option_name_at, p->groups) : NULL;
    p->status = weft_cli_error(p->errors, WEFT_CLI_E_OPTION, "unknown option %.*s",
                               (int)strcspn(text, "="), text);
    if (nearest != NULL)
        weft_cli_error_field(p->errors, WEFT_DIAG_TRY,
                             "did you mean --%s? All options: weft %s --help", nearest, p->verb);
    else
        weft_cli_error_field(p->errors, WEFT_DIAG_TRY, "weft %s --help lists the options", p->verb);
    free(bare);
}

/* Returns how many arguments were used: 1, or 2 with the value. */
static int parse_option(parse *p, const char *text, const char *following)
{
    const weft_cli_option *option = NULL;
    const char *value = NULL;
    if (text[1] == '-') {
        size_t length = strcspn(text + 2, "=");
        option = find_option(p->groups, text + 2, length, 0);
        value = text[2 + length] == '=' ? text + 3 + length : NULL;
    } else {
        option = find_option(p->groups, NULL, 0, text[1]);
        value = text[2] != '\0' ? text + 2 : NULL;
        char letter[] = {text[1], '\0'};
        bool is_repeated = value != NULL && value[strspn(value, letter)] == '\0';
        if (option != NULL && option->kind == WEFT_CLI_FLAG &&
            is_repeated) { /* -vv: the same flag again */
            for (size_t i = 0; i < strlen(text) - 1; i++)
                add_value(p, option, NULL);
            return 1;
        }
    }
    if (option == NULL) {
        unknown_option(p, text);
        return 1;
    }
    bool takes_value = option->kind != WEFT_CLI_FLAG && option->kind != WEFT_CLI_TEXT_OPTIONAL;
    if (option->kind == WEFT_CLI_FLAG && value != NULL) {
        value_error(p, option, value);
        return 1;
    }
    if (!takes_value || value != NULL) {
        add_value(p, option, value);
        return 1;
    }
    if (following == NULL) {
        value_error(p, option, NULL);
        return 1;
    }
    add_value(p, option, following);
    return 2;
}

weft_status weft_cli_args_parse(const weft_cli_option_groups groups, const char *verb, int argc,
                                char *const *argv, weft_cli_errors *errors, weft_cli_args *out_args)
{
    *out_args = (weft_cli_args){0};
    parse p = {groups, verb, errors, out_args, WEFT_OK};
    bool options_ended = false;
    for (int i = 0; i < argc;) {
        const char *text = argv[i];
        if (options_ended || text[0] != '-' || text[1] == '\0') {
            add_operand(out_args, text);
            i++;
        } else if (strcmp(text, "--") == 0) {
            options_ended = true;
            i++;
        } else {
            i += parse_option(&p, text, i + 1 < argc ? argv[i + 1] : NULL);
        }
    }
    return p.status;
}

void weft_cli_args_finish(weft_cli_args *args)
{
    free(args->values);
    free(args->operands);
    *args = (weft_cli_args){0};
}

static const struct weft_cli_arg_value *find_value(const weft_cli_args *args, const char *name)
{
    const struct weft_cli_arg_value *found = NULL;
    for (size_t i = 0; i < args->value_count; i++)
        if (strcmp(args->values[i].option->name, name) == 0)
            found = &args->values[i];
    return found;
}

bool weft_cli_args_has(const weft_cli_args *args, const char *name)
{
    return find_value(args, name) != NULL;
}

const char *weft_cli_args_text(const weft_cli_args *args, const char *name, const char *fallback)
{
    const struct weft_cli_arg_value *value = find_value(args, name);
    return value == NULL || value->text == NULL ? fallback : value->text;
}

long weft_cli_args_int(const weft_cli_args *args, const char *name, long fallback)
{
    const char *text = weft_cli_args_text(args, name, NULL);
    return text == NULL ? fallback : strtol(text, NULL, 10);
}

double weft_cli_args_real(const weft_cli_args *args, const char *name, double fallback)
{
    const char *text = weft_cli_args_text(args, name, NULL);
    return text == NULL ? fallback : strtod(text, NULL);
}

const char *weft_cli_args_list(const weft_cli_args *args, const char *name, size_t index)
{
    for (size_t i = 0; i < args->value_count; i++)
        if (strcmp(args->values[i].option->name, name) == 0 && index-- == 0)
            return args->values[i].text;
    return NULL;
}
