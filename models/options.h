/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table-driven command-line options: each row says where in a struct the value goes and what is
 * accepted. Knows nothing about models.
 */
#ifndef WEFT_MODELS_OPTIONS_H
#define WEFT_MODELS_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum weft_option_kind {
    WEFT_OPTION_FLAG,   /* bool */
    WEFT_OPTION_INT,    /* int64_t in [min, max] */
    WEFT_OPTION_SEED,   /* uint64_t */
    WEFT_OPTION_CHOICE, /* const char *, one of `choices` */
    WEFT_OPTION_NAME,   /* const char *, a tensor name */
    WEFT_OPTION_PATH,   /* const char *, not empty */
    WEFT_OPTION_TEXT    /* const char *, not empty */
} weft_option_kind;

typedef struct weft_option {
    const char *name;  /* with its dashes */
    const char *alias; /* another spelling, or NULL */
    weft_option_kind kind;
    size_t offset;
    int64_t min, max;
    int64_t multiple;    /* of an int: 0, or what it must be a multiple of */
    const char *choices; /* "a|b|c" */
    const char *metavar;
    const char *help;
} weft_option;

/* Rows to look in; the later ones come from a model's builder. */
typedef struct weft_option_tables {
    const weft_option *rows[2];
    size_t counts[2];
} weft_option_tables;

/*
 * Fills `target` from the arguments, whose strings are borrowed. 0, or the exit code after the
 * first error, which is printed to `errors`; `command` names the help to point at.
 */
int weft_options_parse(const weft_option_tables *tables, int argc, char **argv, void *target,
                       const char *command, FILE *errors);

/* One or two lines per option. */
void weft_options_print(const weft_option_tables *tables, FILE *to);

#endif
