/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb of the program gets and may use. The program is the first user of the public C
 * API: nothing of the libraries' insides is included anywhere in cli/. */
#ifndef WEFT_CLI_H
#define WEFT_CLI_H

#include <stdio.h>

#include "cli/errors.h"
#include "cli/options.h"

typedef struct weft_cli weft_cli;

typedef struct weft_cli_verb {
    const char *name, *summary;
    const char *operands; /* as the usage line shows them: "PACKAGE" */
    size_t operand_min, operand_max;
    const char
        *operand_words; /* for completion: file endings ".onnx|.weft", or words "ops|passes" */
    weft_cli_option_groups groups;
    const char *description; /* paragraphs of the long help */
    const char *examples;    /* lines, without the "  " in front */
    weft_status (*run)(weft_cli *cli);
} weft_cli_verb;

struct weft_cli {
    const weft_cli_verb *verb;
    weft_cli_args args;
    FILE *out;      /* the answer; everything else goes to stderr */
    bool is_quiet;  /* -q: no progress, no notes */
    long verbosity; /* number of -v */
    bool is_json;
    bool has_color;       /* stderr takes colours */
    bool has_moving_line; /* stderr is a terminal: progress may overwrite itself */
    bool line_is_open;    /* a moving line stands on the terminal */
    weft_diag *diag;      /* of the libraries */
    size_t diag_printed, errors_printed;
    weft_cli_errors errors; /* of the program */
    bool has_exit_code;     /* exit_code is given back, whatever the status: a command's own */
    int exit_code;
};

/* All verbs; ends with NULL. */
extern const weft_cli_verb *const weft_cli_verbs[];
const weft_cli_verb *weft_cli_verb_find(const char *name);

/* Option tables that verbs share. */
extern const weft_cli_option weft_cli_common_options[]; /* --json -q -v --color -h */
extern const weft_cli_option
    weft_cli_running_options[]; /* --backend --device --threads --cache-dir --xclbin
                                   --launch-timeout */
extern const weft_cli_option weft_cli_schedule_options[]; /* --shape --schedule */
extern const weft_cli_option weft_cli_input_options[];    /* --input --seed */
extern const weft_cli_option weft_cli_image_options[];    /* --crop --mean --std */
extern const weft_cli_option weft_cli_shape_options[];    /* --shape */

/* The program itself. argv as main got it; returns the exit code. */
int weft_cli_main(int argc, char **argv);

extern const weft_cli_verb weft_cli_verb_check, weft_cli_verb_inspect, weft_cli_verb_quantize,
    weft_cli_verb_compile, weft_cli_verb_build, weft_cli_verb_run, weft_cli_verb_verify,
    weft_cli_verb_bench, weft_cli_verb_profile, weft_cli_verb_devices, weft_cli_verb_doctor,
    weft_cli_verb_list, weft_cli_verb_help, weft_cli_verb_completion, weft_cli_verb_estimate,
    weft_cli_verb_softcard;

/* Help texts (help.c). */
void weft_cli_help_overview(FILE *out);
void weft_cli_help_verb(FILE *out, const weft_cli_verb *verb, bool is_long);

#endif
