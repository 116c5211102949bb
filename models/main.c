/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weft-model: writes reference models as ONNX. This file is the command line: which families there
 * are, what is printed, which exit code. Knows nothing about layers or protobuf.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "models/cost.h"
#include "models/family.h"
#include "models/onnx_write.h"
#include "models/options.h"
#include "models/report.h"
#include "models/resformer.h"
#include "models/resnet.h"
#include "models/resnet_rs.h"
#include "models/vit_resnas.h"

#define TEXT_BYTES 256

static const weft_family *const families[] = {&weft_resnet_rs_family, &weft_resnet_family,
                                              &weft_vit_resnas_family, &weft_resformer_family};
enum { FAMILY_COUNT = sizeof families / sizeof *families };

#define FIELD(field) .offset = offsetof(weft_family_params, field)
static const weft_option common_options[] = {
    {.name = "--output",
     .alias = "-o",
     .kind = WEFT_OPTION_PATH,
     FIELD(path),
     .metavar = "FILE",
     .help = "the ONNX file to write"},
    {.name = "--batch",
     .kind = WEFT_OPTION_INT,
     FIELD(batch),
     .min = 1,
     .max = 4096,
     .metavar = "N",
     .help = "images per inference, 1 to 4096 (1)"},
    {.name = "--classes",
     .kind = WEFT_OPTION_INT,
     FIELD(classes),
     .min = 1,
     .max = 1000000,
     .metavar = "N",
     .help = "number of logits, 1 to 1000000 (1000)"},
    {.name = "--opset",
     .kind = WEFT_OPTION_INT,
     FIELD(opset),
     .min = 13,
     .max = 23,
     .metavar = "N",
     .help = "ONNX operator set, 13 to 23 (17; dynamo form of a transformer: 20)"},
    {.name = "--seed",
     .kind = WEFT_OPTION_SEED,
     FIELD(seed),
     .metavar = "N",
     .help = "seed of all weights and statistics (0)"},
    {.name = "--fold-bn",
     .kind = WEFT_OPTION_FLAG,
     FIELD(folds_batch_norm),
     .help = "fold each BatchNormalization into its Conv"},
    {.name = "--form",
     .kind = WEFT_OPTION_CHOICE,
     FIELD(form),
     .choices = "torchscript|dynamo",
     .metavar = "FORM",
     .help = "exporter to imitate (torchscript)"},
    {.name = "--dynamic-batch",
     .kind = WEFT_OPTION_FLAG,
     FIELD(has_dynamic_batch),
     .help = "write the batch as the symbol \"" WEFT_FAMILY_BATCH_SYMBOL "\""},
    {.name = "--input-name",
     .kind = WEFT_OPTION_NAME,
     FIELD(input_name),
     .metavar = "NAME",
     .help = "name of the input tensor (input)"},
    {.name = "--output-name",
     .kind = WEFT_OPTION_NAME,
     FIELD(output_name),
     .metavar = "NAME",
     .help = "name of the output tensor (output)"},
    {.name = "--count",
     .kind = WEFT_OPTION_FLAG,
     FIELD(counts),
     .help = "print the size of the model; write nothing"},
    {.name = "--json",
     .kind = WEFT_OPTION_FLAG,
     FIELD(wants_json),
     .help = "print the result as JSON"},
    {.name = "--help",
     .alias = "-h",
     .kind = WEFT_OPTION_FLAG,
     FIELD(wants_help),
     .help = "this text"},
};
static const weft_option list_options[] = {
    {.name = "--json",
     .kind = WEFT_OPTION_FLAG,
     FIELD(wants_json),
     .help = "print the list as JSON"},
    {.name = "--help",
     .alias = "-h",
     .kind = WEFT_OPTION_FLAG,
     FIELD(wants_help),
     .help = "this text"},
};

/* Prints the build's failure, if any, and returns the exit code. */
static int report_build(const weft_build *build)
{
    if (!build || build->status == WEFT_BUILD_NO_MEMORY)
        return weft_report_error(stderr, WEFT_REPORT_NO_MEMORY, NULL, NULL, NULL);
    if (build->status == WEFT_BUILD_TOO_LARGE)
        return weft_report_error(stderr, WEFT_REPORT_TENSOR_TOO_LARGE, build->culprit, NULL,
                                 "a smaller --size, --batch or --classes");
    if (build->status == WEFT_BUILD_NAME_TAKEN)
        return weft_report_error(stderr, WEFT_REPORT_NAME_TAKEN, build->culprit,
                                 "every tensor of a model needs a name of its own",
                                 "another --input-name or --output-name");
    return 0;
}

/* Builds without weights and counts. 0 or an exit code. */
static int count_model(const weft_family *family, const weft_family_params *params,
                       weft_cost *out_cost)
{
    weft_build *build = weft_family_build(family, params, false);
    int code = report_build(build);
    if (code == 0 && !weft_cost_count(build, out_cost))
        code = weft_report_error(stderr, WEFT_REPORT_TENSOR_TOO_LARGE, "sum over all tensors", NULL,
                                 "a smaller --size, --batch or --classes");
    weft_build_destroy(build);
    return code;
}

/* What tells this member from others of its family. */
static const char *member_of(const weft_family_params *params)
{
    return params->depth ? params->depth : params->variant;
}

/* The members shared by all JSON answers, without braces. */
static void print_json_members(const weft_family *family, const weft_family_params *params,
                               const weft_cost *cost)
{
    if (params->depth)
        printf("\"family\": \"%s\", \"depth\": %s, ", family->name, params->depth);
    else
        printf("\"family\": \"%s\", \"variant\": \"%s\", ", family->name, params->variant);
    printf("\"size\": %" PRId64 ", \"batch\": %" PRId64 ", \"classes\": %" PRId64
           ", \"parameters\": %" PRIu64 ", \"macs\": %" PRIu64 ", \"nodes\": %" PRIu64
           ", \"weight_bytes\": %" PRIu64,
           params->size, params->batch, params->classes, cost->parameters, cost->macs, cost->nodes,
           cost->weight_bytes);
}

static int print_count(const weft_family *family, const weft_family_params *params)
{
    weft_cost cost;
    int code = count_model(family, params, &cost);
    if (code != 0)
        return code;
    if (params->wants_json) {
        fputs("{\"schema\": \"weft.model-count/1\", ", stdout);
        print_json_members(family, params, &cost);
        puts("}");
        return 0;
    }
    printf("model      %s-%s @ %" PRId64 ", batch %" PRId64 ", %" PRId64 " classes\n", family->name,
           member_of(params), params->size, params->batch, params->classes);
    printf("parameters %" PRIu64 "\n", cost.parameters);
    printf("MACs       %" PRIu64 "\n", cost.macs);
    printf("nodes      %" PRIu64 "\n", cost.nodes);
    printf("weights    %" PRIu64 " bytes\n", cost.weight_bytes);
    return 0;
}

static int report_write(weft_write_status status, const char *path, int error)
{
    static const weft_report_id ids[] = {
        [WEFT_WRITE_NO_MEMORY] = WEFT_REPORT_NO_MEMORY,
        [WEFT_WRITE_TOO_LARGE] = WEFT_REPORT_TOO_LARGE,
        [WEFT_WRITE_NOT_A_FILE] = WEFT_REPORT_NOT_A_FILE,
        [WEFT_WRITE_NO_CREATE] = WEFT_REPORT_CREATE,
        [WEFT_WRITE_IO] = WEFT_REPORT_WRITE,
        [WEFT_WRITE_NO_RENAME] = WEFT_REPORT_RENAME,
    };
    switch (status) {
    case WEFT_WRITE_OK: return 0;
    case WEFT_WRITE_TOO_LARGE:
        return weft_report_error(stderr, ids[status], path, "a protobuf file ends at 2 GiB",
                                 "fewer --classes");
    case WEFT_WRITE_NOT_A_FILE:
        return weft_report_error(stderr, ids[status], path, NULL, "a file name that is free");
    case WEFT_WRITE_NO_MEMORY: return weft_report_error(stderr, ids[status], path, NULL, NULL);
    case WEFT_WRITE_NO_CREATE:
    case WEFT_WRITE_IO:
    case WEFT_WRITE_NO_RENAME: break;
    }
    return weft_report_error(stderr, ids[status], path, strerror(error), NULL);
}

static int write_model(const weft_family *family, const weft_family_params *params)
{
    uint64_t file_bytes = 0;
    weft_cost cost = {0};
    int code = count_model(family, params, &cost);
    if (code != 0)
        return code;
    weft_build *build = weft_family_build(family, params, true);
    code = report_build(build);
    if (code == 0) {
        weft_write_status status = weft_write_onnx(build, "weft-model", params->path, &file_bytes);
        code = report_write(status, params->path, errno);
    }
    weft_build_destroy(build);
    if (code == 0 && params->wants_json) {
        fputs("{\"schema\": \"weft.model-write/1\", ", stdout);
        print_json_members(family, params, &cost);
        printf(", \"file_bytes\": %" PRIu64 "}\n", file_bytes);
    }
    return code;
}

static void print_family_help(const weft_family *family, const weft_option_tables *tables)
{
    printf("usage: weft-model %s [options] -o FILE\n       weft-model %s [options] "
           "--count\n\n%s\n\noptions (defaults in "
           "parentheses):\n",
           family->name, family->name, family->summary);
    weft_options_print(tables, stdout);
}

static int run_family(const weft_family *family, int argc, char **argv)
{
    char command[TEXT_BYTES];
    weft_vit_config config;
    weft_family_params params = weft_family_defaults(family);
    weft_option_tables tables = {
        .rows = {common_options, family->options},
        .counts = {sizeof common_options / sizeof *common_options, family->option_count},
    };
    snprintf(command, sizeof command, "weft-model %s", family->name);
    int code = weft_options_parse(&tables, argc, argv, &params, command, stderr);
    if (code != 0)
        return code;
    if (params.wants_help) {
        print_family_help(family, &tables);
        return 0;
    }
    code = weft_family_prepare(family, &params, &config, stderr);
    if (code != 0)
        return code;
    if (params.counts)
        return print_count(family, &params);
    if (!params.path)
        return weft_report_error(stderr, WEFT_REPORT_NO_OUTPUT, NULL, NULL,
                                 "-o FILE, or --count to write nothing");
    return write_model(family, &params);
}

static int list_models(int argc, char **argv)
{
    weft_family_params asked = {0};
    weft_option_tables tables = {.rows = {list_options},
                                 .counts = {sizeof list_options / sizeof *list_options, 0}};
    int code = weft_options_parse(&tables, argc, argv, &asked, "weft-model list", stderr);
    if (code != 0)
        return code;
    if (asked.wants_help) {
        puts("usage: weft-model list [--json]\n\nThe published models with their "
             "sizes.\n\noptions:");
        weft_options_print(&tables, stdout);
        return 0;
    }
    if (asked.wants_json)
        fputs("{\"schema\": \"weft.model-list/1\", \"models\": [", stdout);
    else
        printf("%-12s %8s %5s %12s %15s %6s\n", "family", "member", "size", "parameters", "MACs",
               "nodes");
    bool is_first = true;
    for (size_t f = 0; f < FAMILY_COUNT; f++) {
        for (size_t i = 0; i < families[f]->published_count; i++) {
            weft_family_params params = weft_family_defaults(families[f]);
            weft_cost cost;
            families[f]->get_published(i, &params);
            code = count_model(families[f], &params, &cost);
            if (code != 0)
                return code;
            if (asked.wants_json) {
                fputs(is_first ? "\n{" : ",\n{", stdout);
                print_json_members(families[f], &params, &cost);
                fputs("}", stdout);
            } else {
                printf("%-12s %8s %5" PRId64 " %12" PRIu64 " %15" PRIu64 " %6" PRIu64 "\n",
                       families[f]->name, member_of(&params), params.size, cost.parameters,
                       cost.macs, cost.nodes);
            }
            is_first = false;
        }
    }
    if (asked.wants_json)
        puts("\n]}");
    return 0;
}

static void print_help(FILE *to)
{
    fputs("usage: weft-model FAMILY [options] -o FILE\n       weft-model list [--json]\n\n"
          "Writes reference models with seeded weights as ONNX.\n\nfamilies:\n",
          to);
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        fprintf(to, "  %-24s %s\n", families[i]->name, families[i]->summary);
    fputs("\nweft-model FAMILY --help lists the options of a family.\n"
          "Exit codes: 0 done, 2 usage, 5 does not fit, 6 environment.\n",
          to);
}

static int run(int argc, char **argv)
{
    const char *names[FAMILY_COUNT + 1] = {"list"};
    char advice[TEXT_BYTES] = "weft-model --help";
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "list") == 0)
        return list_models(argc - 2, argv + 2);
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        if (strcmp(argv[1], families[i]->name) == 0)
            return run_family(families[i], argc - 2, argv + 2);
        names[i + 1] = families[i]->name;
    }
    const char *nearest = weft_report_nearest(argv[1], names, FAMILY_COUNT + 1);
    if (nearest)
        snprintf(advice, sizeof advice, "%s, or weft-model --help", nearest);
    return weft_report_error(stderr, WEFT_REPORT_COMMAND, argv[1], NULL, advice);
}

int main(int argc, char **argv)
{
    int code = run(argc, argv);
    /* An answer that did not reach standard output is not an answer. */
    if (fflush(stdout) != 0 && code == 0)
        code =
            weft_report_error(stderr, WEFT_REPORT_WRITE, "standard output", strerror(errno), NULL);
    return code;
}
