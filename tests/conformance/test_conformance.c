/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX's backend test data against the importer and everything behind it. Each case is run on
 * several ways: by the reference kernels on the imported graph, and compiled to a package that the
 * runtime runs on a backend. Speaks TAP: one line per way and case of the way's list of cases that
 * must pass; a list may only grow. Passing cases that are not in it are named at the end of the
 * way.
 *
 *   test_conformance [--data DIR] [--through WAY] [--case NAME | --list | --failing]
 *
 * Without --through all ways are taken. --case runs one case and shows its diagnostics, --list
 * prints every passing case, for the way's file, --failing every other case with the reason.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/import/import.h"
#include "kernels/ref/interp.h"
#include "tests/conformance/onnx_case.h"
#include "tests/conformance/through.h"

/* Where Debian's libonnx-testdata puts the data. */
static const char DEBIAN_DATA[] = "/usr/share/libonnx-testdata/data";

static weft_status run_graph(const through_way *way, const char *folder, const onnx_case *test,
                             const through_tensors *tensors, weft_diag *diag)
{
    (void)way, (void)folder, (void)test;
    return weft_ref_run_graph(tensors->graph, tensors->inputs, tensors->outputs, diag);
}

/* The reference backend also runs without optimisation: there every ONNX node is a step. */
static const through_way ways[] = {
    {"graph", "allow.txt", NULL, 0, run_graph},
    {"ref", "allow_ref.txt", "ref", 1, through_compile},
    {"ref-plain", "allow_ref.txt", "ref", 0, through_compile},
    {"opencl", "allow_opencl.txt", "opencl", 1, through_compile},
};
enum { WAY_COUNT = sizeof ways / sizeof *ways };

typedef enum run_output { OUTPUT_TAP, OUTPUT_PASSING, OUTPUT_FAILING } run_output;

typedef struct run_options {
    const char *data, *only, *folder;
    const through_way *way; /* NULL: all */
    run_output output;
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
                                const through_way *way, const onnx_case *test,
                                const weft_graph *graph, weft_diag *diag, weft_status *out_status)
{
    *out_status = WEFT_INTERNAL;
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
    through_tensors tensors = {graph, inputs, outputs, graph->inputs.count, graph->outputs.count};
    *out_status = way->run(way, options->folder, test, &tensors, diag);
    if (*out_status != WEFT_OK)
        return first_error(arena, diag, *out_status);
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

/* Tries the model as it is, then with all inputs but the first as constants (operands that the
 * compiler must know are inputs in this data), then with all as constants, which only cases need
 * whose shapes depend on data: those are computed on import. NULL when the case passes, otherwise
 * what the first try said. */
static const char *try_case(weft_arena *arena, const run_options *options, const through_way *way,
                            onnx_case *test, weft_diag *diag)
{
    const char *why = NULL;
    bool is_imported = false;
    size_t total = test->input_count;
    for (size_t step = 0; step < 3; step++) {
        size_t kept = step == 0 ? total : 2 - step;
        onnx_case bound = *test;
        if (step > 0 && (kept >= total || (kept == 0 && is_imported) ||
                         !onnx_case_bind_inputs(arena, &bound, kept)))
            continue;
        bound.input_count = kept; /* the others are no inputs any more */
        weft_graph *graph = NULL;
        weft_diag *ours = step == 0 ? diag : NULL;
        weft_status status = import_case(arena, &bound, &graph, ours);
        const char *found = NULL;
        if (status != WEFT_OK) {
            found = first_error(arena, ours, status);
        } else {
            is_imported = true;
            found = run_imported(arena, options, way, &bound, graph, ours, &status);
        }
        if (!found)
            return NULL;
        bool is_refused = !is_imported || status == WEFT_UNSUPPORTED;
        if (!why || !is_refused)
            why = found;
        if (!is_refused)
            return why;
    }
    return why;
}

/* Writes why the case fails to `why`, or an empty text. */
static void run_case(const run_options *options, const through_way *way, const char *name,
                     char *why, size_t capacity)
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
    const char *reason = onnx_case_load(arena, options->data, name, &test);
    if (!reason)
        reason = try_case(arena, options, way, &test, diag);
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

/* Runs all cases one way; adds to *number, the last TAP line's number. Returns how many failed. */
static size_t run_way(const run_options *options, const through_way *way, weft_arena *arena,
                      const char *const *names, size_t count, size_t *number)
{
    char why[512];
    size_t allowed_count = 0, supported = 0, failed = 0, before = *number;
    const char *path = weft_arena_printf(arena, WEFT_TEST_DATA "/conformance/%s", way->allow);
    weft_map *allowed = read_allowed(arena, path, &allowed_count);
    WEFT_VEC(const char *) unlisted = {0};
    const char *missing = way->backend ? through_backend_missing(way->backend) : NULL;
    if (missing) {
        printf("ok %zu - conformance through %s # SKIP %s\n", ++*number, way->name, missing);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        run_case(options, way, names[i], why, sizeof why);
        bool passes = why[0] == '\0', is_allowed = allowed && weft_map_get(allowed, names[i]);
        supported += passes;
        if (options->output == OUTPUT_PASSING && passes)
            printf("%s\n", names[i]);
        if (options->output == OUTPUT_FAILING && !passes)
            printf("%s: %s\n", names[i], why);
        if (options->output != OUTPUT_TAP)
            continue;
        if (passes && !is_allowed)
            WEFT_VEC_PUSH(arena, &unlisted, names[i]);
        if (is_allowed)
            printf("%s %zu - %s: %s%s%s\n", passes ? "ok" : "not ok", ++*number, way->name,
                   names[i], passes ? "" : ": ", why);
        failed += is_allowed && !passes;
    }
    if (options->output != OUTPUT_TAP)
        return 0;
    if (!allowed || *number - before != allowed_count) {
        printf("not ok %zu - %s: %zu cases listed, %zu of them in the data\n", *number + 1, path,
               allowed_count, *number - before);
        ++*number;
        failed++;
    }
    printf("# through %s: supported %zu / %zu\n", way->name, supported, count);
    for (size_t i = 0; i < unlisted.count; i++)
        printf("# passes, not in %s: %s\n", way->allow, unlisted.data[i]);
    return failed;
}

static int run_ways(const run_options *options, weft_arena *arena)
{
    size_t count = 0, number = 0, failed = 0;
    const char **names = onnx_case_list(arena, options->data, &count);
    if (count == 0) {
        printf(
            "ok 1 - conformance # SKIP no ONNX test data in %s (Debian package libonnx-testdata)\n",
            options->data);
        return 0;
    }
    for (size_t w = 0; w < WAY_COUNT; w++)
        if (!options->way || options->way == &ways[w])
            failed += run_way(options, &ways[w], arena, names, count, &number);
    if (options->output == OUTPUT_TAP)
        printf("1..%zu\n", number);
    return failed > 0;
}

static bool read_options(int argc, char **argv, run_options *out)
{
    *out = (run_options){.data = DEBIAN_DATA};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--list") == 0) {
            out->output = OUTPUT_PASSING;
        } else if (strcmp(argv[i], "--failing") == 0) {
            out->output = OUTPUT_FAILING;
        } else if (value && strcmp(argv[i], "--data") == 0) {
            out->data = argv[++i];
        } else if (value && strcmp(argv[i], "--case") == 0) {
            out->only = argv[++i];
        } else if (value && strcmp(argv[i], "--through") == 0) {
            for (size_t w = 0; w < WAY_COUNT; w++)
                out->way = strcmp(value, ways[w].name) == 0 ? &ways[w] : out->way;
            if (!out->way)
                return false;
            i++;
        } else {
            return false;
        }
    }
    return true;
}

static int run_one(const run_options *options)
{
    int result = 0;
    for (size_t w = 0; w < WAY_COUNT; w++) {
        char why[512];
        if (options->way && options->way != &ways[w])
            continue;
        run_case(options, &ways[w], options->only, why, sizeof why);
        printf("%s through %s: %s\n", options->only, ways[w].name, why[0] ? why : "passes");
        result |= why[0] != '\0';
    }
    return result;
}

/* Compiled kernels of the run lie in the folder, nothing else does. */
static void remove_folder(weft_arena *arena, const char *folder)
{
    DIR *open_folder = opendir(folder);
    for (struct dirent *entry = NULL; open_folder && (entry = readdir(open_folder)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(weft_arena_printf(arena, "%s/%s", folder, entry->d_name));
    if (open_folder)
        closedir(open_folder);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    run_options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: test_conformance [--data DIR] [--through WAY] [--case NAME | "
                        "--list | --failing]\nways:");
        for (size_t w = 0; w < WAY_COUNT; w++)
            fprintf(stderr, " %s", ways[w].name);
        fprintf(stderr, "\n");
        return 2;
    }
    char folder[] = "/tmp/weft-conformance-XXXXXX";
    weft_arena *arena = weft_arena_create();
    options.folder = mkdtemp(folder);
    if (!options.folder || !arena || WEFT_ARENA_TRY(arena)) {
        fprintf(stderr, "out of memory, or no place in /tmp\n");
        weft_arena_destroy(arena);
        return 1;
    }
    int result = options.only ? run_one(&options) : run_ways(&options, arena);
    remove_folder(arena, options.folder);
    weft_arena_destroy(arena);
    return result;
}
