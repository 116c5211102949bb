/* SPDX-License-Identifier: Apache-2.0 */
/* weft estimate: what a model would do on a card, before anything is built. Must not know about:
 * devices, packages, how predictions are made. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/estimate.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/published_table.h"
#include "cli/report.h"
#include "cli/shape.h"
#include "cli/simulate_table.h"
#include "cli/table.h"
#include "cli/text.h"

/* What was asked, and the comparison of several models as it grows. */
typedef struct question {
    weft_cli *cli;
    weft_cli_shapes shapes;
    size_t model_count; /* files, each at every shape */
    weft_boards *known; /* of --board all */
    const char **boards;
    size_t board_count;
    weft_estimate_goal goal;
    weft_cli_table *table; /* of several models, text */
    json_t *list;          /* JSON */
    bool is_assumed;       /* of any model */
    bool simulates;
} question;

static weft_status open_estimator(question *q, const char *path, size_t schedule,
                                  weft_estimator **out_estimator)
{
    weft_model_params params = WEFT_MODEL_PARAMS_DEFAULT;
    weft_model *model = NULL;
    *out_estimator = NULL;
    if (weft_cli_ends_with(path, ".weft")) {
        weft_status status = weft_cli_error(&q->cli->errors, WEFT_CLI_E_NOT_A_MODEL,
                                            "%s is a package; weft estimate starts from an ONNX "
                                            "model",
                                            path);
        weft_cli_error_field(&q->cli->errors, WEFT_DIAG_TRY, "weft inspect %s", path);
        return status;
    }
    params.path = path;
    params.shapes = q->shapes.items + schedule * q->shapes.input_count;
    params.shape_count = q->shapes.input_count;
    weft_status status = weft_model_open(&params, q->cli->diag, &model);
    if (status == WEFT_OK)
        status = weft_estimator_create(model, weft_cli_args_int(&q->cli->args, "batch", 0),
                                       q->cli->diag, out_estimator);
    weft_model_close(model);
    return status;
}

/* "rs50.onnx", or "rs50.onnx 1x3x160x160" where a file is looked at in several shapes. */
static char *model_title(const question *q, const char *path, size_t schedule)
{
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    const weft_input_shape *shape = q->shapes.items + schedule * q->shapes.input_count;
    char *title = weft_cli_strdup(name);
    for (size_t i = 0; q->shapes.schedule_count > 1 && i < q->shapes.input_count; i++) {
        char text[WEFT_CLI_SHAPE_TEXT];
        char *longer = weft_cli_printf("%s%s%s", title, i == 0 ? " " : ", ",
                                       weft_cli_format_shape(shape[i].rank, shape[i].dims, text));
        free(title);
        title = longer;
    }
    return title;
}

static void add_model_row(question *q, const char *title, const weft_estimator *estimator,
                          weft_estimate *const *estimates)
{
    weft_estimator_info model;
    weft_estimator_get_info(estimator, &model);
    weft_cli_table_add_row(q->table);
    weft_cli_table_add_cell(q->table, "%s", title);
    weft_cli_table_add_cell(q->table, "%.0f", (double)model.macs / 1e6);
    for (size_t i = 0; i < q->board_count; i++) {
        weft_estimate_info info;
        if (estimates[i] == NULL) {
            weft_cli_table_add_cell(q->table, "no fit");
            continue;
        }
        weft_estimate_get_info(estimates[i], &info);
        weft_cli_table_add_cell(q->table, "%.1f / %.2f", info.images_per_second,
                                info.single_latency_ns / 1e6);
    }
}

static void answer(question *q, const char *title, const weft_estimator *estimator,
                   weft_estimate *const *estimates)
{
    weft_estimator_info model;
    weft_estimator_get_info(estimator, &model);
    q->is_assumed = q->is_assumed || model.is_assumed;
    if (q->list != NULL) {
        for (size_t i = 0; i < q->board_count; i++) {
            if (estimates[i] == NULL)
                continue;
            json_t *json = weft_cli_estimate_json(estimator, estimates[i], q->board_count == 1);
            if (q->simulates)
                json_object_set_new(json, "simulation", weft_cli_simulate_json(estimates[i]));
            json_object_set_new(json, "title", weft_cli_json_text(title));
            json_array_append_new(q->list, json);
        }
        return;
    }
    if (q->table != NULL)
        add_model_row(q, title, estimator, estimates);
    else if (q->board_count == 1)
        weft_cli_estimate_print(q->cli->out, estimator, estimates[0]);
    else
        weft_cli_estimate_print_boards(q->cli->out, estimator, estimates, q->boards,
                                       q->board_count);
    if (q->simulates)
        weft_cli_simulate_print(q->cli->out, estimates[0]);
}

/* A model that is made ready for planning. In a comparison of boards this happens while the model
 * before it is planned for: nothing else uses the command's diag then. */
typedef struct preparation {
    question *q;
    const char *path;
    size_t schedule;
    weft_estimator *estimator;
    weft_status status;
    pthread_t thread;
    bool has_thread;
} preparation;

static void *prepare(void *user)
{
    preparation *p = user;
    p->status = open_estimator(p->q, p->path, p->schedule, &p->estimator);
    return NULL;
}

static preparation *preparation_of(question *q, size_t index)
{
    preparation *p = weft_cli_alloc_array(1, sizeof *p);
    *p = (preparation){.q = q,
                       .path = q->cli->args.operands[index / q->shapes.schedule_count],
                       .schedule = index % q->shapes.schedule_count};
    p->has_thread = q->board_count > 1 && pthread_create(&p->thread, NULL, prepare, p) == 0;
    return p;
}

static weft_status finish_preparation(preparation *p)
{
    if (p->has_thread)
        pthread_join(p->thread, NULL);
    else
        prepare(p);
    p->has_thread = false;
    return p->status;
}

static void drop_preparation(preparation *p)
{
    if (p == NULL)
        return;
    if (p->has_thread)
        pthread_join(p->thread, NULL);
    weft_estimator_destroy(p->estimator);
    free(p);
}

/* With one board, what does not fit is an error; in a comparison it is an answer. */
static weft_status estimate_model(question *q, const preparation *p)
{
    char *title = model_title(q, p->path, p->schedule);
    weft_estimate **estimates = weft_cli_alloc_array(q->board_count, sizeof *estimates);
    weft_status status =
        q->board_count == 1
            ? weft_estimate_create(p->estimator, q->boards[0], q->goal, q->cli->diag, &estimates[0])
            : weft_cli_estimate_boards(p->estimator, q->boards, q->board_count, q->goal, estimates);
    if (status == WEFT_OK)
        answer(q, title, p->estimator, estimates);
    free(title);
    for (size_t i = 0; i < q->board_count; i++)
        weft_estimate_destroy(estimates[i]);
    free(estimates);
    return status;
}

static weft_status estimate_all(question *q)
{
    weft_status status = WEFT_OK;
    preparation *next = q->model_count > 0 ? preparation_of(q, 0) : NULL;
    for (size_t i = 0; next != NULL; i++) {
        preparation *p = next;
        weft_cli_progress(q->cli, (int)i + 1, (int)q->model_count, p->path);
        status = finish_preparation(p);
        next = status == WEFT_OK && i + 1 < q->model_count ? preparation_of(q, i + 1) : NULL;
        if (status == WEFT_OK)
            status = estimate_model(q, p);
        weft_cli_progress_end(q->cli);
        drop_preparation(p);
        if (status != WEFT_OK) {
            drop_preparation(next);
            next = NULL;
        }
    }
    return status;
}

static weft_status find_boards(question *q)
{
    const char *name = weft_cli_args_text(&q->cli->args, "board", "all");
    if (strcmp(name, "all") != 0) {
        q->boards = weft_cli_alloc_array(1, sizeof *q->boards);
        q->boards[q->board_count++] = name;
        return WEFT_OK;
    }
    weft_status status = weft_boards_create(q->cli->diag, &q->known);
    if (status != WEFT_OK)
        return status;
    q->boards = weft_cli_alloc_array(weft_boards_count(q->known), sizeof *q->boards);
    for (size_t i = 0; i < weft_boards_count(q->known); i++) {
        weft_board_info info;
        weft_boards_get(q->known, i, &info);
        q->boards[q->board_count++] = info.name;
    }
    return WEFT_OK;
}

static void begin(question *q)
{
    if (q->cli->is_json)
        q->list = json_array();
    else if (q->model_count > 1) {
        q->table = weft_cli_table_create();
        weft_cli_table_add_column(q->table, "model", WEFT_CLI_LEFT);
        weft_cli_table_add_column(q->table, "MMAC", WEFT_CLI_RIGHT);
        for (size_t i = 0; i < q->board_count; i++)
            weft_cli_table_add_column(q->table, q->boards[i], WEFT_CLI_RIGHT);
    }
}

static void end(question *q, weft_status status)
{
    FILE *out = q->cli->out;
    if (q->list != NULL && status == WEFT_OK) {
        json_t *json = weft_cli_json_create("weft.estimate/1");
        json_object_set(json, "estimates", q->list);
        weft_cli_json_print(json, out);
    }
    json_decref(q->list);
    if (q->table == NULL)
        return;
    if (status == WEFT_OK) {
        fputs("images/s with all engines busy / ms of the smallest batch; predicted by a model "
              "(docs/estimate.md), nothing was built or measured\n",
              out);
        if (q->is_assumed)
            fputs("float models: taken as if quantised to 8 bits\n", out);
        fputc('\n', out);
    }
    weft_cli_table_print(q->table, status == WEFT_OK ? out : NULL);
}

static weft_status estimate_models(weft_cli *cli)
{
    question q = {.cli = cli};
    const char *goal = weft_cli_args_text(&cli->args, "goal", "throughput");
    q.goal = strcmp(goal, "latency") == 0 ? WEFT_ESTIMATE_LATENCY : WEFT_ESTIMATE_THROUGHPUT;
    weft_status status = weft_cli_shapes_parse(cli, &q.shapes);
    if (status == WEFT_OK)
        status = find_boards(&q);
    q.simulates = weft_cli_args_has(&cli->args, "simulate");
    q.model_count = cli->args.operand_count * q.shapes.schedule_count;
    if (status == WEFT_OK && q.simulates && (q.board_count > 1 || q.model_count > 1))
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                                "--simulate checks one model on one --board");
    if (status == WEFT_OK)
        begin(&q);
    if (status == WEFT_OK)
        status = estimate_all(&q);
    weft_cli_report_flush(cli);
    end(&q, status);
    weft_boards_destroy(q.known);
    free(q.boards);
    weft_cli_shapes_finish(&q.shapes);
    return status;
}

static weft_status run(weft_cli *cli)
{
    bool has_models = cli->args.operand_count > 0;
    bool is_published = weft_cli_args_has(&cli->args, "published");
    if (has_models && is_published)
        return weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                              "--published compares with speeds of others and takes no model");
    if (has_models)
        return estimate_models(cli);
    if (is_published) {
        weft__published_print(cli->out, cli->is_json);
        return WEFT_OK;
    }
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_OPERANDS, "too few arguments for weft estimate");
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "weft estimate %s", cli->verb->operands);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft estimate --help");
    return status;
}

static const weft_cli_option options[] = {
    {"published", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "no model: what the prediction says about designs whose speed others have published"},
    {"board", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "u280, a file ./mine.json, or all (default): a comparison (weft list boards)"},
    {"batch", 0, WEFT_CLI_INT, "N", NULL, 1, 4096,
     "images per launch of an engine; default: chosen for each board"},
    {"simulate", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "also simulate every step word by word, and print both: the check of the prediction"},
    {"goal", 0, WEFT_CLI_TEXT, "GOAL", "throughput|latency", 0, 0,
     "most images per second (default), or the shortest time of one batch"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_estimate = {
    .name = "estimate",
    .summary = "predict speed and resources of a model on a card",
    .operands = "MODEL.onnx [MODEL.onnx ...]",
    .operand_min = 0, /* --published */
    .operand_max = 64,
    .operand_words = ".onnx",
    .groups = {weft_cli_shape_options, options, weft_cli_common_options},
    .description =
        "Plans the model for a board in seconds, without any tool of a vendor: which engines, how "
        "many, in which region, with which banks; what they take of every resource; and how many "
        "cycles every step needs. All numbers are predicted by a model of the engine and the "
        "memories (docs/estimate.md); nothing is built or measured. A float model is taken as if "
        "it were quantised, because cycles do not depend on scales.\n\n"
        "For one model and one board it prints the table of steps (products, bytes moved, cycles, "
        "time, what bounds it, share of the array's peak), resources of each region with limits, "
        "banks and what lies in them, steps that the host executes, and the ladder: what was tried "
        "and what one engine more is short of. --board all compares boards; several models, or "
        "several shapes of one, give one row each and a column per board.\n\n"
        "The exit code is 5 when nothing fits the board.",
    .examples = "weft estimate rs50.onnx --board u280\n"
                "weft estimate rs50.onnx --board all\n"
                "weft estimate rs50.onnx --board ./mine.json --goal latency --batch 1\n"
                "weft estimate rs*.onnx --board all --json\n"
                "weft estimate rs50.onnx --board u280 --simulate\n"
                "weft estimate --published",
    .run = run,
};
