/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX's backend test data against the importer, the shape rules and the reference kernels. Speaks
 * TAP: one line per case of the list of cases that must pass; the list may only grow. Passing cases
 * that are not in it are named at the end.
 *
 *   test_conformance [--data DIR] [--through WAY] [--case NAME]   NAME: one case, with its
 * diagnostics test_conformance --list                                       every passing case, for
 * the list
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import/import.h"
#include "kernels/ref/interp.h"
#include "tests/conformance/onnx_case.h"
#include "tests/conformance/through.h"

/* Where Debian's libonnx-testdata puts the data. */
static const char DEBIAN_DATA[] = "/usr/share/libonnx-testdata/data";

static weft_status run_ref(const onnx_case *test, const weft_graph *graph,
                           const weft_tensor *inputs, weft_tensor *outputs, weft_diag *diag)
{
    (void)test;
    return weft_ref_run_graph(graph, inputs, outputs, diag);
}

static const through_way ways[] = {
    {"ref", "allow.txt", run_ref},
};

typedef struct run_options {
    const char *data, *only;
    const through_way *way;
    bool lists;
} run_options;

/* Imports the case with the shapes of its input tensors. */
static weft_status import_case(weft_arena *arena, const onnx_case *test, weft_graph **out_graph,
                               weft_diag *diag)
{
    weft_shape_binding *shapes = WEFT_NEW_ARRAY(arena, weft_shape_binding, test->input_count);
    for (size_t i = 0; i < test->input_count; i++)
        shapes[i] = (weft_shape_binding){test->input_names[i], test->inputs[i].shape};
    weft_import_params params = {.path = test->name,
                                 .data = test->model,
                                 .size_bytes = test->model_bytes,
                                 .shapes = shapes,
                                 .shape_count = test->input_count};
    return weft_import_onnx(arena, &params, out_graph, diag);
}

/* Tries the model as it is, then with all inputs but the first as constants, then with all: a shape
 * that depends on data needs it. diag is about the model as it is. */
static weft_status import_some_way(weft_arena *arena, onnx_case *test, weft_graph **out_graph,
                                   weft_diag *diag)
{
    weft_status status = import_case(arena, test, out_graph, diag);
    for (size_t left = 2; left-- > 0 && status != WEFT_OK;) {
        onnx_case bound = *test;
        if (left >= test->input_count || !onnx_case_bind_inputs(arena, &bound, left))
            continue;
        bound.input_count = left; /* the others are no inputs any more */
        if (import_case(arena, &bound, out_graph, NULL) == WEFT_OK) {
            *test = bound;
            status = WEFT_OK;
        }
    }
    return status;
}

/* The first error in one line. */
static const char *first_error(weft_arena *arena, const weft_diag *diag, weft_status status)
{
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        const weft_diag_entry *entry = weft_diag_get(diag, i);
        if (entry->severity == WEFT_SEVERITY_ERROR)
            return weft_arena_printf(arena, "E%04u %s", (unsigned)entry->id, entry->summary);
    }
    return weft_status_text(status);
}

/* NULL when the case passes, otherwise why it does not. */
static const char *run_imported(weft_arena *arena, const run_options *options,
                                const onnx_case *test, const weft_graph *graph, weft_diag *diag)
{
    weft_tensor *inputs = WEFT_NEW_ARRAY(arena, weft_tensor, graph->inputs.count);
    weft_tensor *outputs = WEFT_NEW_ARRAY(arena, weft_tensor, graph->outputs.count);
    for (size_t i = 0; i < graph->inputs.count; i++) {
        for (size_t k = 0; k < test->input_count; k++) {
            if (strcmp(graph->inputs.data[i]->name, test->input_names[k]) == 0)
                inputs[i] = test->inputs[k];
        }
    }
    if (graph->outputs.count != test->expected_count)
        return "the model has another number of outputs";
    for (size_t i = 0; i < graph->outputs.count; i++) {
        const weft_value *value = graph->outputs.data[i];
        size_t bytes = 0;
        outputs[i] = (weft_tensor){.dtype = value->dtype, .shape = value->shape};
        if (!weft_shape_bytes(&value->shape, value->dtype, &bytes))
            return "an output is too large";
        outputs[i].data = weft_arena_alloc(arena, bytes);
    }
    weft_status status = options->way->run(test, graph, inputs, outputs, diag);
    if (status != WEFT_OK)
        return first_error(arena, diag, status);
    for (size_t i = 0; i < graph->outputs.count; i++) {
        const char *difference = onnx_case_compare(arena, &test->expected[i], &outputs[i]);
        if (difference)
            return weft_arena_printf(arena, "output %s: %s", graph->outputs.data[i]->name,
                                     difference);
    }
    return NULL;
}

static void print_diagnostics(const weft_diag *diag)
{
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        char text[4096];
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        printf("# %s", text);
    }
}

/* Writes why the case fails to `why`, or an empty text. */
static void run_case(const run_options *options, const char *name, char *why, size_t capacity)
{
    weft_arena *arena = weft_arena_create();
    weft_diag *diag = NULL;
    snprintf(why, capacity, "out of memory");
    if (!arena || weft_diag_create(&diag) != WEFT_OK || WEFT_ARENA_TRY(arena)) {
        weft_diag_destroy(diag);
        weft_arena_destroy(arena);
        return;
    }
    onnx_case test;
    weft_graph *graph = NULL;
    const char *reason = onnx_case_load(arena, options->data, name, &test);
    if (!reason) {
        weft_status status = import_some_way(arena, &test, &graph, diag);
        reason = status == WEFT_OK ? run_imported(arena, options, &test, graph, diag)
                                   : first_error(arena, diag, status);
    }
    snprintf(why, capacity, "%s", reason ? reason : "");
    if (options->only)
        print_diagnostics(diag);
    weft_diag_destroy(diag);
    weft_arena_destroy(arena);
}

/* The lines of the list, without comments; NULL when it cannot be read. */
static weft_map *read_allowed(weft_arena *arena, const char *path, size_t *out_count)
{
    FILE *file = fopen(path, "r");
    char line[256];
    weft_map *allowed = WEFT_NEW(arena, weft_map);
    weft_map_init(allowed, arena);
    *out_count = 0;
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#') {
            const char *name = weft_arena_strdup(arena, line);
            weft_map_put(allowed, name, (void *)(uintptr_t)name);
            ++*out_count;
        }
    }
    if (file)
        fclose(file);
    return file ? allowed : NULL;
}

static int run_cases(const run_options *options, weft_arena *arena)
{
    char why[512];
    size_t count = 0, allowed_count = 0, supported = 0, failed = 0, number = 0;
    const char **names = onnx_case_list(arena, options->data, &count);
    const char *path =
        weft_arena_printf(arena, WEFT_TEST_DATA "/conformance/%s", options->way->allow);
    weft_map *allowed = read_allowed(arena, path, &allowed_count);
    WEFT_VEC(const char *) unlisted = {0};
    if (count == 0) {
        printf(
            "ok 1 - conformance # SKIP no ONNX test data in %s (Debian package libonnx-testdata)\n",
            options->data);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        run_case(options, names[i], why, sizeof why);
        bool passes = why[0] == '\0', is_allowed = allowed && weft_map_get(allowed, names[i]);
        supported += passes;
        if (options->lists) {
            if (passes)
                printf("%s\n", names[i]);
            continue;
        }
        if (passes && !is_allowed)
            WEFT_VEC_PUSH(arena, &unlisted, names[i]);
        if (is_allowed)
            printf("%s %zu - %s%s%s\n", passes ? "ok" : "not ok", ++number, names[i],
                   passes ? "" : ": ", why);
        failed += is_allowed && !passes;
    }
    if (options->lists)
        return 0;
    if (!allowed || number != allowed_count) {
        printf("not ok %zu - %s: %zu cases listed, %zu of them in the data\n", number + 1, path,
               allowed_count, number);
        number++;
        failed++;
    }
    printf("1..%zu\n# supported %zu / %zu\n", number, supported, count);
    for (size_t i = 0; i < unlisted.count; i++)
        printf("# passes, not in %s: %s\n", options->way->allow, unlisted.data[i]);
    return failed > 0;
}

static bool read_options(int argc, char **argv, run_options *out)
{
    *out = (run_options){.data = DEBIAN_DATA, .way = &ways[0]};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--list") == 0) {
            out->lists = true;
        } else if (value && strcmp(argv[i], "--data") == 0) {
            out->data = argv[++i];
        } else if (value && strcmp(argv[i], "--case") == 0) {
            out->only = argv[++i];
        } else if (value && strcmp(argv[i], "--through") == 0) {
            out->way = NULL;
            for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
                out->way = strcmp(value, ways[w].name) == 0 ? &ways[w] : out->way;
            i++;
        } else {
            return false;
        }
    }
    return out->way != NULL;
}

int main(int argc, char **argv)
{
    run_options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(
            stderr,
            "usage: test_conformance [--data DIR] [--through WAY] [--case NAME | --list]\nways:");
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
            fprintf(stderr, " %s", ways[w].name);
        fprintf(stderr, "\n");
        return 2;
    }
    if (options.only) {
        char why[512];
        run_case(&options, options.only, why, sizeof why);
        printf("%s: %s\n", options.only, why[0] ? why : "passes");
        return why[0] != '\0';
    }
    weft_arena *arena = weft_arena_create();
    if (!arena || WEFT_ARENA_TRY(arena)) {
        fprintf(stderr, "out of memory\n");
        return 1;
    }
    int result = run_cases(&options, arena);
    weft_arena_destroy(arena);
    return result;
}
