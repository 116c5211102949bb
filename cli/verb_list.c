/* SPDX-License-Identifier: Apache-2.0 */
/* weft list: the tables that the program and the libraries are built from, as text, JSON or a page
 * of the documentation. Must not know about: models, packages, devices. */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/listing.h"
#include "cli/text.h"
#include "weft/card.h"

static void list_ops(weft_cli_listing *listing)
{
    WEFT_CLI_LISTING_COLUMNS(listing, "op", "domain", "opsets", "runs", "attributes", "meaning");
    for (size_t i = 0; i < weft_op_info_count(); i++) {
        weft_op_info op;
        char opsets[32];
        weft_op_info_get(i, &op);
        snprintf(opsets, sizeof opsets, "%d-%d", op.since, op.until);
        WEFT_CLI_LISTING_ROW(listing, op.name, op.domain[0] == '\0' ? "onnx" : op.domain, opsets,
                             op.runs, op.attrs, op.doc);
    }
}

static void list_passes(weft_cli_listing *listing)
{
    WEFT_CLI_LISTING_COLUMNS(listing, "pass", "at -O0", "what it does");
    for (size_t i = 0; i < weft_pass_info_count(); i++) {
        weft_pass_info pass;
        weft_pass_info_get(i, &pass);
        WEFT_CLI_LISTING_ROW(listing, pass.name, pass.required ? "yes" : "no", pass.doc);
    }
}

static void list_kernels(weft_cli_listing *listing)
{
    WEFT_CLI_LISTING_COLUMNS(listing, "family", "what it computes");
    for (size_t i = 0; i < weft_kernel_info_count(); i++) {
        weft_kernel_info kernel;
        weft_kernel_info_get(i, &kernel);
        WEFT_CLI_LISTING_ROW(listing, kernel.name, kernel.doc);
    }
}

static void list_targets(weft_cli_listing *listing)
{
    const char *here = weft_target_of_this_machine();
    WEFT_CLI_LISTING_COLUMNS(listing, "target", "here", "vector", "tile", "L1", "L2",
                             "GFLOP/s per thread", "8-bit GOP/s per thread", "GB/s", "what it is");
    for (size_t i = 0; i < weft_target_info_count(); i++) {
        weft_target_info target;
        char vector[24], tile[48], l1[WEFT_CLI_BYTES_TEXT], l2[WEFT_CLI_BYTES_TEXT], peak[32],
            peak_8bit[32], bandwidth[32];
        weft_target_info_get(i, &target);
        snprintf(vector, sizeof vector, "%d floats", target.vector_floats);
        snprintf(tile, sizeof tile, "%d x %d", target.tile_rows, target.tile_columns);
        snprintf(peak, sizeof peak, "%.1f", target.peak_gflops_per_thread);
        snprintf(peak_8bit, sizeof peak_8bit, "%.1f", target.peak_gops_per_thread);
        snprintf(bandwidth, sizeof bandwidth, "%.1f", target.memory_gbytes_per_s);
        snprintf(l1, sizeof l1, "%" PRId64 " KiB", target.l1_bytes / 1024);
        snprintf(l2, sizeof l2, "%" PRId64 " KiB", target.l2_bytes / 1024);
        WEFT_CLI_LISTING_ROW(listing, target.name, strcmp(target.name, here) == 0 ? "yes" : "",
                             vector, tile, l1, l2, peak, peak_8bit, bandwidth, target.doc);
    }
}

static void list_engines(weft_cli_listing *listing)
{
    WEFT_CLI_LISTING_COLUMNS(listing, "engine", "default", "array", "lanes", "on chip",
                             "what it is");
    for (size_t i = 0; i < weft_engine_info_count(); i++) {
        weft_engine_info engine;
        char array[64], lanes[16], storage[32];
        weft_engine_info_get(i, &engine);
        snprintf(array, sizeof array, "%d x %d x %d", engine.rows, engine.columns, engine.simd);
        snprintf(lanes, sizeof lanes, "%d", engine.lanes);
        snprintf(storage, sizeof storage, "%" PRId64 " KiB", (engine.storage_bytes + 1023) / 1024);
        WEFT_CLI_LISTING_ROW(listing, engine.name, engine.is_default ? "yes" : "", array, lanes,
                             storage, engine.doc);
    }
}

static void list_boards(weft_cli_listing *listing)
{
    weft_boards *boards = NULL;
    WEFT_CLI_LISTING_COLUMNS(listing, "board", "device", "regions", "LUT", "DSP", "BRAM36", "URAM",
                             "memory", "MHz", "platform of v++");
    if (weft_boards_create(NULL, &boards) != WEFT_OK)
        return;
    for (size_t i = 0; i < weft_boards_count(boards); i++) {
        weft_board_info board;
        char regions[16], numbers[WEFT_CARD_RESOURCES][24], clock[16];
        weft_boards_get(boards, i, &board);
        snprintf(regions, sizeof regions, "%d", board.slr_count);
        snprintf(clock, sizeof clock, "%.0f", board.clock_mhz);
        for (int k = 0; k < WEFT_CARD_RESOURCES; k++)
            snprintf(numbers[k], sizeof numbers[k], "%" PRId64, board.usable[k]);
        WEFT_CLI_LISTING_ROW(listing, board.name, board.title, regions, numbers[0], numbers[2],
                             numbers[3], numbers[4], board.memory, clock,
                             board.platform == NULL ? "none" : board.platform);
    }
    weft_boards_destroy(boards);
}

static void list_errors(weft_cli_listing *listing)
{
    WEFT_CLI_LISTING_COLUMNS(listing, "id", "name", "title", "exit code", "help");
    for (size_t i = 0; i < weft_cli_error_row_count(); i++) {
        weft_cli_error_row row = weft_cli_error_row_get(i);
        char id[16], code[16];
        snprintf(id, sizeof id, "E%04u", (unsigned)row.number);
        snprintf(code, sizeof code, "%d", weft_status_exit_code(row.status));
        WEFT_CLI_LISTING_ROW(listing, id, row.name, row.title, code, row.help);
    }
}

static void list_env(weft_cli_listing *listing)
{
    WEFT_CLI_LISTING_COLUMNS(listing, "variable", "read by", "default", "what it does");
#define WEFT_ENV(name, reader, fallback, text)                                                     \
    WEFT_CLI_LISTING_ROW(listing, #name, reader, fallback, text);
#include "cli/env.def"
#undef WEFT_ENV
}

static void list_metrics(weft_cli_listing *listing)
{
    WEFT_CLI_LISTING_COLUMNS(listing, "metric", "unit", "verb", "meaning");
#define WEFT_METRIC(name, unit, verb, meaning)                                                     \
    WEFT_CLI_LISTING_ROW(listing, name, unit, verb, meaning);
#include "cli/metrics.def"
#undef WEFT_METRIC
}

static const char ops_intro[] =
    "Every operator weft knows, from the table `compiler/ir/ops.def`. Column *runs* says how it "
    "comes to run on a device: `kernel`: a kernel executes it; `lowered`: a pass turns it into "
    "operators that have one; `folded`: it has no kernel and "
    "is accepted where the compiler can compute it from constants and shapes. The reference "
    "backend executes every operator. Operators of domain `weft` are what passes fuse into; they are channels-last.";
static const char errors_intro[] =
    "Every error has a stable id, printed as `error[E0142]`. `weft help E0142` prints the same "
    "text. The exit code is the one the program ends with.";
static const char env_intro[] =
    "Every environment variable that changes what weft does, from the table `cli/env.def`.";

/* One topic of the verb. title and intro head the page that --markdown writes. */
static const struct topic {
    const char *name, *title, *intro;
    void (*list)(weft_cli_listing *listing);
    bool has_sections;  /* the page has a section per row instead of a table */
    const char *hidden; /* column left out of the text table, because it is a paragraph */
} topics[] = {
    {"ops", "Operators", ops_intro, list_ops, false, "attributes"},
    {"passes", "Passes", "The passes in the order they run.", list_passes, false, NULL},
    {"kernels", "Kernel families", "The families of OpenCL kernels.", list_kernels, false, NULL},
    {"targets", "Targets",
     "The figures the planner uses; peaks and bandwidths are for ideal times only.", list_targets,
     false, NULL},
    {"engines", "Engines",
     "The engines that 8-bit steps can be planned for: pixels x channels x "
     "depth of the matrix array.",
     list_engines, false, NULL},
    {"boards", "Boards",
     "Cards that weft estimate and weft compile --board know; what kernels may use.", list_boards,
     false, NULL},
    {"errors", "Errors", errors_intro, list_errors, true, "help"},
    {"env", "Environment", env_intro, list_env, false, NULL},
    {"metrics", "Metrics", "Every number that is reported, by its JSON key.", list_metrics, false,
     NULL},
};
enum { TOPIC_COUNT = sizeof topics / sizeof topics[0] };

static const char *topic_name_at(const void *user, size_t index)
{
    (void)user;
    return index < TOPIC_COUNT ? topics[index].name : NULL;
}

static weft_status run(weft_cli *cli)
{
    const char *word = cli->args.operands[0];
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        if (strcmp(topics[i].name, word) != 0)
            continue;
        weft_cli_listing listing = {0};
        topics[i].list(&listing);
        if (cli->is_json)
            weft_cli_json_print(weft_cli_listing_json(&listing, topics[i].name), cli->out);
        else if (weft_cli_args_has(&cli->args, "markdown"))
            weft_cli_listing_markdown(cli->out, &listing, topics[i].name, topics[i].title,
                                      topics[i].intro, topics[i].has_sections);
        else
            weft_cli_listing_print(cli->out, &listing, topics[i].hidden);
        weft_cli_listing_finish(&listing);
        return WEFT_OK;
    }
    const char *nearest = weft_cli_nearest(word, topic_name_at, NULL);
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_TOPIC, "there is no list of %s", word);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED,
                         "ops, passes, kernels, targets, engines, errors, env or metrics");
    if (nearest != NULL)
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "did you mean weft list %s?", nearest);
    return status;
}

static const weft_cli_option options[] = {
    {"markdown", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "print the page of the documentation"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_list = {
    .name = "list",
    .summary =
        "list operators, passes, kernels, targets, engines, boards, errors, environment, metrics",
    .operands = "ops|passes|kernels|targets|engines|boards|errors|env|metrics",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = "ops|passes|kernels|targets|engines|boards|errors|env|metrics",
    .groups = {options, weft_cli_common_options},
    .description =
        "Prints a table that the program is built from, so a listing is never behind the code. "
        "With --markdown it prints the page that stands in the documentation.",
    .examples =
        "weft list ops\nweft list targets --json\nweft list errors --markdown > docs/errors.md",
    .run = run,
};
