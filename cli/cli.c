/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to a verb: finds it, parses its options, runs it, prints what is left to say, and turns
 * the status into the exit code. Must not know about: what any verb does. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/report.h"
#include "weft/compiler.h"

const weft_cli_verb *const weft_cli_verbs[] = {
    &weft_cli_verb_check,
    &weft_cli_verb_inspect,
    &weft_cli_verb_quantize,
    &weft_cli_verb_estimate,
    &weft_cli_verb_compile,
    &weft_cli_verb_build,
    &weft_cli_verb_softcard,
    &weft_cli_verb_run,
    &weft_cli_verb_verify,
    &weft_cli_verb_bench,
    &weft_cli_verb_profile,
    &weft_cli_verb_devices,
    &weft_cli_verb_doctor,
    &weft_cli_verb_list,
    &weft_cli_verb_help,
    &weft_cli_verb_completion,
    NULL,
};

const weft_cli_option weft_cli_common_options[] = {
    {"json", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "print the answer as JSON, schema name first"},
    {"quiet", 'q', WEFT_CLI_FLAG, NULL, NULL, 0, 0, "no progress and no notes; errors stay"},
    {"verbose", 'v', WEFT_CLI_FLAG, NULL, NULL, 0, 0, "say more: all source nodes in layer tables"},
    {"color", 0, WEFT_CLI_TEXT, "WHEN", "auto|always|never", 0, 0,
     "colour of messages; NO_COLOR is honoured"},
    {"help", 'h', WEFT_CLI_FLAG, NULL, NULL, 0, 0, "this text; `weft help COMMAND` says more"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_option weft_cli_running_options[] = {
    {"backend", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "what runs the steps: opencl (default), ref, engine-opencl, engine-hls, xrt or xrt-opencl"},
    {"device", 0, WEFT_CLI_INT, "N", NULL, 0, 1023,
     "device of the backend, as `weft devices` numbers them; default 0"},
    {"threads", 0, WEFT_CLI_INT, "N", NULL, 0, 4096, "compute threads; 0 (default) = all cores"},
    {"cache-dir", 0, WEFT_CLI_TEXT, "DIR", NULL, 0, 0,
     "compiled kernels; default ~/.cache/weft, empty = keep nothing"},
    {"xclbin", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "cards: the bitstream; default PACKAGE.xclbin for PACKAGE.weft"},
    {"launch-timeout", 0, WEFT_CLI_REAL, "S", NULL, 0.001, 1e6,
     "cards: a launch that takes longer has failed; default 10 s and 100 times the prediction"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_option weft_cli_schedule_options[] = {
    {"shape", 0, WEFT_CLI_LIST, "NAME=DIMS", NULL, 0, 0,
     "schedule by the shape of an input, 1x3x224x224; default: by the npy inputs"},
    {"schedule", 0, WEFT_CLI_INT, "N", NULL, 0, 1000000,
     "schedule by its number; weft inspect lists them"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_option weft_cli_input_options[] = {
    {"input", 'i', WEFT_CLI_LIST, "NAME=WHAT", NULL, 0, 0,
     "@x.npy, @cat.png, @cat.jpg, random, random:SEED, zeros, ones; repeatable"},
    {"seed", 0, WEFT_CLI_INT, "N", NULL, 0, 9e15, "seed of random inputs; default 0"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_option weft_cli_image_options[] = {
    {"crop", 0, WEFT_CLI_REAL, "R", NULL, 0.05, 1,
     "pictures: part of the shorter side that is kept; default 0.91"},
    {"mean", 0, WEFT_CLI_TEXT, "R,G,B", NULL, 0, 0,
     "pictures: subtracted; default 0.485,0.456,0.406"},
    {"std", 0, WEFT_CLI_TEXT, "R,G,B", NULL, 0, 0,
     "pictures: divided by; default 0.229,0.224,0.225"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_option weft_cli_shape_options[] = {
    {"shape", 0, WEFT_CLI_LIST, "NAME=DIMS", NULL, 0, 0,
     "shape of an input, 1x3x160x160; `?` keeps a dimension; several with commas"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb *weft_cli_verb_find(const char *name)
{
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++)
        if (strcmp((*verb)->name, name) == 0)
            return *verb;
    return NULL;
}

static const char *verb_name_at(const void *user, size_t index)
{
    (void)user;
    const weft_cli_verb *verb = weft_cli_verbs[index];
    return verb == NULL ? NULL : verb->name;
}

static weft_status unknown_verb(weft_cli *cli, const char *name)
{
    const char *nearest = weft_cli_nearest(name, verb_name_at, NULL);
    weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_VERB, "unknown command %s", name);
    if (nearest != NULL)
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                             "did you mean weft %s? `weft help` lists all", nearest);
    else
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft help");
    return status;
}

static weft_status check_operands(weft_cli *cli)
{
    size_t count = cli->args.operand_count;
    if (count >= cli->verb->operand_min && count <= cli->verb->operand_max)
        return WEFT_OK;
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_OPERANDS, "too %s arguments for weft %s",
                       count < cli->verb->operand_min ? "few" : "many", cli->verb->name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "weft %s %s", cli->verb->name,
                         cli->verb->operands);
    if (count > cli->verb->operand_max)
        weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s",
                             cli->args.operands[cli->verb->operand_max]);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft %s --help", cli->verb->name);
    return status;
}

static weft_status run_verb(weft_cli *cli, int argc, char **argv)
{
    weft_status status = weft_cli_args_parse(cli->verb->groups, cli->verb->name, argc, argv,
                                             &cli->errors, &cli->args);
    weft_cli_report_setup(cli);
    cli->is_quiet = weft_cli_args_has(&cli->args, "quiet");
    cli->is_json = weft_cli_args_has(&cli->args, "json");
    for (size_t i = 0; i < cli->args.value_count; i++)
        cli->verbosity += strcmp(cli->args.values[i].option->name, "verbose") == 0 ? 1 : 0;
    if (weft_cli_args_has(&cli->args, "help")) {
        weft_cli_errors_finish(&cli->errors);
        weft_cli_help_verb(cli->out, cli->verb, false);
        return WEFT_OK;
    }
    if (status == WEFT_OK)
        status = check_operands(cli);
    return status == WEFT_OK ? cli->verb->run(cli) : status;
}

static weft_status dispatch(weft_cli *cli, int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : NULL;
    if (first == NULL) {
        weft_cli_help_overview(stderr);
        return WEFT_USAGE;
    }
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
        fprintf(cli->out, "weft %s\n", weft_version());
        return WEFT_OK;
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        weft_cli_help_overview(cli->out);
        return WEFT_OK;
    }
    cli->verb = weft_cli_verb_find(first);
    return cli->verb == NULL ? unknown_verb(cli, first) : run_verb(cli, argc - 2, argv + 2);
}

/* Whether a call to a card was left behind (XRT_NO_ANSWER), or a unit (XRT_TIMEOUT). */
static bool has_lost_card(const weft_cli *cli)
{
    enum { NO_ANSWER = 726, TIMEOUT = 727 };
    for (size_t i = 0; i < weft_diag_count(cli->diag); i++) {
        uint32_t id = weft_diag_get(cli->diag, i)->id;
        if (id == NO_ANSWER || id == TIMEOUT)
            return true;
    }
    return false;
}

int weft_cli_main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");  /* names of models in UTF-8; numbers keep the decimal point */
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error of write like a full disk */
    weft_cli cli = {.out = stdout};
    weft_status status = weft_diag_create(&cli.diag);
    if (status == WEFT_OK)
        status = dispatch(&cli, argc, argv);
    if (cli.verb == NULL)
        weft_cli_report_setup(&cli);
    weft_cli_progress_end(&cli);
    weft_cli_report_flush(&cli);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) { /* the answer was lost: a full disk */
        const char *why = strerror(errno);
        weft_status lost =
            weft_cli_error(&cli.errors, WEFT_CLI_E_FILE_WRITE, "cannot write the answer");
        weft_cli_error_field(&cli.errors, WEFT_DIAG_WHY, "%s", why);
        weft_cli_report_flush(&cli);
        status = status == WEFT_OK ? lost : status;
    }
    /* XRT's own handlers of the end would wait for ever for a card that is gone. */
    if (has_lost_card(&cli))
        _exit(weft_status_exit_code(status));
    weft_cli_args_finish(&cli.args);
    weft_cli_errors_finish(&cli.errors);
    weft_diag_destroy(cli.diag);
    return cli.has_exit_code ? cli.exit_code : weft_status_exit_code(status);
}
