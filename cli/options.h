/* SPDX-License-Identifier: Apache-2.0 */
/* Options as tables: one row per option gives the parser, --help, the shell completions and the
 * "did you mean" list. Must not know about: what any option does. */
#ifndef WEFT_CLI_OPTIONS_H
#define WEFT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/errors.h"

typedef enum weft_cli_option_kind {
    WEFT_CLI_FLAG,
    WEFT_CLI_TEXT,
    WEFT_CLI_TEXT_OPTIONAL, /* --x or --x=v; never takes the next argument */
    WEFT_CLI_LIST,          /* text, may be repeated */
    WEFT_CLI_INT,
    WEFT_CLI_REAL
} weft_cli_option_kind;

typedef struct weft_cli_option {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    weft_cli_option_kind kind;
    const char *value;   /* placeholder in help: "N", "FILE"; NULL for flags */
    const char *choices; /* "a|b|c": the only values allowed; or NULL */
    double min, max;     /* of INT and REAL, inclusive */
    const char *help;    /* one line */
} weft_cli_option;

/* Ends a table of options, and a list of tables. */
#define WEFT_CLI_OPTIONS_END                                                                       \
    {                                                                                              \
        NULL, 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, NULL                                             \
    }
enum { WEFT_CLI_MAX_GROUPS = 7 };
typedef const weft_cli_option *weft_cli_option_groups[WEFT_CLI_MAX_GROUPS]; /* ends with NULL */

/* What a command line said; texts are borrowed from argv. */
typedef struct weft_cli_args {
    struct weft_cli_arg_value {
        const weft_cli_option *option;
        const char *text; /* NULL for flags and absent optional values */
    } * values;
    size_t value_count;
    const char **operands;
    size_t operand_count;
} weft_cli_args;

/* Parses everything after the verb; collects all errors, not only the first. */
weft_status weft_cli_args_parse(const weft_cli_option_groups groups, const char *verb, int argc,
                                char *const *argv, weft_cli_errors *errors,
                                weft_cli_args *out_args);
void weft_cli_args_finish(weft_cli_args *args);

/* Reading; the last one given wins. */
bool weft_cli_args_has(const weft_cli_args *args, const char *name);
const char *weft_cli_args_text(const weft_cli_args *args, const char *name, const char *fallback);
long weft_cli_args_int(const weft_cli_args *args, const char *name, long fallback);
double weft_cli_args_real(const weft_cli_args *args, const char *name, double fallback);
/* The index-th value of a repeated option, or NULL. */
const char *weft_cli_args_list(const weft_cli_args *args, const char *name, size_t index);

/* The candidate nearest to word, or NULL when none is near enough to be a likely slip. next(user,
 * i) gives candidate i, NULL ends. */
const char *weft_cli_nearest(const char *word, const char *(*next)(const void *user, size_t index),
                             const void *user);
/* True when word is one of the choices of "a|b|c". */
bool weft_cli_choice_contains(const char *choices, const char *word);

#endif
