/* SPDX-License-Identifier: Apache-2.0 */
/* The values of several executors side by side: integers by their hash, floats by a tolerance. Must
 * not know about: how executors are made, files. */
#ifndef WEFT_CLI_AGAINST_H
#define WEFT_CLI_AGAINST_H

#include <jansson.h>
#include <stdio.h>

#include "cli/executors.h"

typedef enum weft_cli_agreement {
    WEFT_CLI_EQUAL,     /* the same bits */
    WEFT_CLI_CLOSE,     /* floats within the tolerance */
    WEFT_CLI_DIFFERENT, /* integers with different bits, floats over the tolerance */
    WEFT_CLI_ALONE      /* fewer than two executors have this value */
} weft_cli_agreement;

/* One value that a step gives. Executors in the order of weft_cli_executors. */
typedef struct weft_cli_against_row {
    size_t step, output;
    int32_t value;
    bool has[WEFT_CLI_MAX_EXECUTORS];
    uint64_t hash[WEFT_CLI_MAX_EXECUTORS];
    double relative; /* floats: the largest difference from the first executor that has the value */
    weft_cli_agreement agreement;
    size_t first, other;   /* DIFFERENT: two executors that differ, */
    size_t element, count; /* the first element where they do, and how many there are */
    double first_value, other_value;
} weft_cli_against_row;

typedef struct weft_cli_against {
    const weft_package *package;
    size_t schedule;
    const weft_cli_executors *executors;
    double tolerance;
    size_t count;
    weft_cli_against_row *rows;
    size_t step_count;
    size_t agreed_steps; /* no value differs; close_steps of them have a float that is CLOSE */
    size_t close_steps, alone_steps;
} weft_cli_against;

/* Compares every value of every step. Finish with weft_cli_against_finish, also after a failure. */
weft_status weft_cli_against_compare(weft_cli *cli, const weft_package *package, size_t schedule,
                                     const weft_cli_executors *executors, double tolerance,
                                     weft_cli_against *out_against);
/* The first row that is DIFFERENT, in schedule order, or NULL. */
const weft_cli_against_row *weft_cli_against_first(const weft_cli_against *against);
/* Every step that two executors can show agrees, and there is one. */
bool weft_cli_against_passes(const weft_cli_against *against);

/* The table, what ran and what is missing, the first difference with its explanation and the
 * command that runs its step alone (each NULL when there is none), the verdict. */
void weft_cli_against_print(FILE *out, const weft_cli_against *against,
                            const weft_explanation *explanation, const char *reduced);
json_t *weft_cli_against_json(const weft_cli_against *against, const weft_explanation *explanation,
                              const char *reduced);
void weft_cli_against_finish(weft_cli_against *against);

#endif
