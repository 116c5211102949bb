/* SPDX-License-Identifier: Apache-2.0 */
/* weft verify --against on packages with a fault that was put in on purpose: a line of a
 * kernel's source, a packed weight, a word of a descriptor.
 * The first differing step is named with its account, and --reduce cuts it out with the same
 * result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "compiler/base/text.h"
#include "compiler/package/format.h"
#include "kernels/fpga/descriptor.h"
#include "weft/runtime.h"

static char folder[] = "/tmp/weft-fault-XXXXXX";

static char *path_of(const char *name)
{
    static char paths[4][160];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Runs the program; its answer is left in `answer`. */
static int weft(char *answer, size_t capacity, const char *const *words)
{
    char *argv[24] = {(char *)(uintptr_t) "weft"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    char *out = path_of("stdout.txt");
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), file = open(out, O_CREAT | O_TRUNC | O_RDWR, 0600);
    assert_true(kept >= 0 && file >= 0);
    dup2(file, STDOUT_FILENO);
    int code = weft_cli_main(argc, argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    lseek(file, 0, SEEK_SET);
    ssize_t length = read(file, answer, capacity - 1);
    close(file);
    answer[length < 0 ? 0 : length] = '\0';
    return code;
}

#define WEFT(answer, ...) weft(answer, sizeof(answer), (const char *const[]){__VA_ARGS__, NULL})

static int make_package(void **state)
{
    char answer[4096];
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    setenv("XDG_CACHE_HOME", folder, 1);
    return WEFT(answer, "compile", WEFT_TEST_DATA "/cli/data/quantised.onnx", "-o",
                path_of("good.weft"), "-q");
}

static int remove_folder(void **state)
{
    char command[200];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : -1;
}

/* A machine without OpenCL, or a run under sanitizers, has nothing to compare with. */
static void need_opencl(void)
{
    bool is_there = false;
    weft_device_list *devices = NULL;
    assert_int_equal(weft_device_list_create(NULL, &devices), WEFT_OK);
    for (size_t i = 0; i < weft_device_list_count(devices); i++)
        is_there |= weft_device_list_get(devices, i)->usable &&
                    strcmp(weft_device_list_get(devices, i)->backend, "opencl") == 0;
    weft_device_list_destroy(devices);
    if (is_there && getenv("WEFT_TEST_REF_ONLY") == NULL)
        return;
    puts("skipped: no usable OpenCL device");
    skip();
}

/* ---- faults ---- */

/* A manifest that may be changed, over the bytes of a package that stays as it is. */
typedef struct faulty {
    weft_arena *arena;
    const weft_package_view *view;
    weft_manifest manifest;
    weft_program *programs;
    weft_step *steps;
    size_t blob; /* whose first byte is changed; SIZE_MAX: none */
} faulty;

static weft_status blob_bytes(void *user, size_t blob, void *out)
{
    const faulty *f = user;
    const weft_blob *from = &f->view->manifest->blobs[blob];
    memcpy(out, f->view->weights + from->offset_bytes, (size_t)from->size_bytes);
    if (blob == f->blob)
        *(uint8_t *)out ^= 0x15;
    return WEFT_OK;
}

static const void *plain_bytes(void *user, size_t schedule, size_t value)
{
    const faulty *f = user;
    return f->view->plain + f->view->manifest->schedules[schedule].values[value].offset_bytes;
}

/* Writes bad.weft: good.weft changed by `put`. */
static void write_fault(void (*put)(faulty *f))
{
    weft_package *good = NULL;
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    assert_int_equal(weft_package_open(path_of("good.weft"), NULL, &good), WEFT_OK);
    faulty f = {.arena = arena, .view = weft_package_get_view(good), .blob = SIZE_MAX};
    f.manifest = *f.view->manifest;
    f.programs =
        weft_arena_dup(arena, f.manifest.programs, f.manifest.program_count * sizeof *f.programs);
    weft_schedule *schedule = weft_arena_dup(arena, f.manifest.schedules, sizeof *schedule);
    f.steps = weft_arena_dup(arena, schedule->steps, schedule->step_count * sizeof *f.steps);
    schedule->steps = f.steps;
    f.manifest.programs = f.programs;
    f.manifest.schedules = schedule;
    put(&f);
    weft_package_content content = {&f.manifest, "", blob_bytes, plain_bytes, &f};
    assert_int_equal(weft_package_write(path_of("bad.weft"), &content, NULL), WEFT_OK);
    weft_package_close(good);
    weft_arena_destroy(arena);
}

static const char *replaced(faulty *f, const char *source, const char *from, const char *to,
                            size_t *count)
{
    weft_text text;
    weft_text_init(&text, f->arena);
    for (const char *at; (at = strstr(source, from)) != NULL; (*count)++) {
        weft_text_add_bytes(&text, source, (size_t)(at - source));
        weft_text_add(&text, to);
        source = at + strlen(from);
    }
    weft_text_add(&text, source);
    return text.data;
}

/* The kernels of OpenCL devices no longer round to the nearest. */
static void change_rounding(faulty *f)
{
    size_t changed = 0;
    for (size_t i = 0; i < f->manifest.program_count; i++) {
        const char *source = f->programs[i].source;
        source = replaced(f, source, "ratio, (fv)(SMALL_ROUNDER)", "ratio, (fv)(SMALL_ROUNDER + 1)",
                          &changed);
        f->programs[i].source =
            replaced(f, source, "sum * ratio + ROUNDER", "sum * ratio + 0.5 + ROUNDER", &changed);
    }
    assert_true(changed > 0);
}

static int32_t first_conv(const faulty *f)
{
    size_t i = 0;
    while (i < f->manifest.schedules->step_count && strcmp(f->steps[i].op, "weft.QConv2D") != 0)
        i++;
    assert_true(i < f->manifest.schedules->step_count);
    return (int32_t)i;
}

/* The packed weights that a kernel reads are not those of the meaning. */
static void change_weight(faulty *f)
{
    const weft_step *step = &f->steps[first_conv(f)];
    for (size_t i = 0; i < step->launches[0].arg_count; i++)
        if (step->launches[0].args[i].kind == WEFT_ARG_BLOB &&
            f->manifest.blobs[step->launches[0].args[i].index].packing == WEFT_PACK_DOT)
            f->blob = (size_t)step->launches[0].args[i].index;
    assert_true(f->blob != SIZE_MAX);
}

/* The engine adds another zero point than the meaning says. */
static void change_descriptor(faulty *f)
{
    weft_step *step = &f->steps[first_conv(f)];
    assert_true(step->descriptor_count > 0 && step->descriptors[0].word_count > WEFT_D_C_ZERO);
    weft_descriptor *descriptors =
        weft_arena_dup(f->arena, step->descriptors, step->descriptor_count * sizeof *descriptors);
    weft_arg *words =
        weft_arena_dup(f->arena, descriptors[0].words, descriptors[0].word_count * sizeof *words);
    words[WEFT_D_C_ZERO].i++;
    descriptors[0].words = words;
    step->descriptors = descriptors;
}

/* ---- tests ---- */

/* The last command line that weft printed: "this step alone: weft verify ...". */
static int run_reduced(char *answer, size_t capacity, const char *printed)
{
    static const char label[] = "this step alone: weft ";
    char command[1024];
    const char *words[24], *line = strstr(printed, label);
    size_t count = 0;
    assert_non_null(line);
    snprintf(command, sizeof command, "%s", line + strlen(label));
    *strchr(command, '\n') = '\0';
    for (char *word = strtok(command, " "); word != NULL; word = strtok(NULL, " ")) {
        size_t length = strlen(word);
        if (word[0] == '\'' && word[length - 1] == '\'') {
            word[length - 1] = '\0';
            word++;
        }
        words[count++] = word;
    }
    words[count++] = "-q";
    words[count] = NULL;
    return weft(answer, capacity, words);
}

static void expect_fault(void (*put)(faulty *f), const char *against, const char *step)
{
    char answer[16384], again[16384];
    need_opencl();
    write_fault(put);
    assert_int_equal(WEFT(answer, "verify", path_of("bad.weft"), "--against", against, "-q",
                          "--reduce", path_of("cut.weft")),
                     1);
    assert_non_null(strstr(answer, step));
    assert_non_null(strstr(answer, "  window "));
    assert_non_null(strstr(answer, "  products "));
    assert_non_null(strstr(answer, "bias"));
    assert_non_null(strstr(answer, "clamp(round("));
    assert_non_null(strstr(answer, "  reference "));
    assert_int_equal(run_reduced(again, sizeof again, answer), 1);
    assert_non_null(strstr(again, "first difference: step 0, weft.QConv2D"));
    assert_non_null(strstr(again, "FAILED: 1 of 1 layers differ on "));
    /* The same element with the same operands: everything from its line to the end of the account.
     */
    const char *from = strstr(answer, "  element "), *to = strstr(answer, "this step alone");
    assert_true(from != NULL && to > from);
    assert_non_null(strstr(again, "  element "));
    assert_int_equal(strncmp(from, strstr(again, "  element "), (size_t)(to - from)), 0);
}

static void finds_a_changed_rounding(void **state)
{
    (void)state;
    expect_fault(change_rounding, "ref,opencl", "first difference: step 1, weft.QConv2D");
}

static void finds_a_changed_weight(void **state)
{
    (void)state;
    expect_fault(change_weight, "ref,opencl", "first difference: step 1, weft.QConv2D");
}

static void finds_a_changed_descriptor(void **state)
{
    (void)state;
    expect_fault(change_descriptor, "ref,engine-opencl", "first difference: step 1, weft.QConv2D");
}

static void reduces_nothing_when_all_is_equal(void **state)
{
    char answer[16384];
    (void)state;
    need_opencl();
    assert_int_equal(WEFT(answer, "verify", path_of("good.weft"), "--against", "ref,opencl", "-q",
                          "--reduce", path_of("none.weft")),
                     0);
    assert_non_null(strstr(answer, " layers equal on ref, opencl\n"));
    assert_int_equal(access(path_of("none.weft"), F_OK), -1);
}

/* Each step of a package as a package of its own, with whatever inputs; a mean that kernels leave
 * as sums over blocks brings the step that makes it. */
static void every_step_runs_alone(void **state)
{
    static const char *const models[] = {"tiny", "quantised"};
    char answer[16384], model[256];
    (void)state;
    need_opencl();
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        weft_package *package = NULL;
        weft_schedule_info info;
        snprintf(model, sizeof model, "%s/cli/data/%s.onnx", WEFT_TEST_DATA, models[i]);
        assert_int_equal(WEFT(answer, "compile", model, "-o", path_of("whole.weft"), "-q",
                              "--shape", "image=1x3x16x16"),
                         0);
        assert_int_equal(weft_package_open(path_of("whole.weft"), NULL, &package), WEFT_OK);
        weft_package_get_schedule(package, 0, &info);
        for (size_t step = 0; step < info.step_count; step++) {
            weft_package *cut = NULL;
            weft_schedule_info rest;
            weft_step_info wanted, found;
            assert_int_equal(weft_package_cut(package, 0, step, path_of("cut.weft"), NULL),
                             WEFT_OK);
            assert_int_equal(weft_package_open(path_of("cut.weft"), NULL, &cut), WEFT_OK);
            weft_package_get_schedule(cut, 0, &rest);
            weft_package_get_step(package, 0, step, &wanted);
            weft_package_get_step(cut, 0, rest.step_count - 1, &found);
            assert_string_equal(wanted.name, found.name);
            assert_string_equal(wanted.attrs, found.attrs);
            assert_in_range(rest.step_count, 1, 2);
            assert_true(rest.input_count > 0);
            weft_package_close(cut);
            assert_int_equal(
                WEFT(answer, "verify", path_of("cut.weft"), "--against", "ref,opencl", "-q"), 0);
        }
        assert_int_equal(weft_package_cut(package, 0, info.step_count, path_of("no.weft"), NULL),
                         WEFT_USAGE);
        assert_int_equal(weft_package_cut(package, 1, 0, path_of("no.weft"), NULL), WEFT_USAGE);
        assert_int_equal(access(path_of("no.weft"), F_OK), -1);
        weft_package_close(package);
    }
}

/* The account is right about every element of every step: its last stage is what the reference
 * kernel gives. */
static void every_element_is_explained(void **state)
{
    weft_package *package = NULL;
    weft_session *session = NULL;
    weft_request *request = NULL;
    weft_schedule_info info;
    size_t explained = 0;
    (void)state;
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = "ref";
    params.keep_values = true;
    assert_int_equal(weft_package_open(path_of("good.weft"), NULL, &package), WEFT_OK);
    assert_int_equal(weft_session_create(package, &params, NULL, &session), WEFT_OK);
    assert_int_equal(weft_request_create(session, NULL, &request), WEFT_OK);
    float *image = weft_request_get_input(request, 0);
    for (int i = 0; i < 3 * 16 * 16; i++)
        image[i] = (float)(i * 37 % 256 - 128) / 50;
    assert_int_equal(weft_request_run(request, 0, NULL), WEFT_OK);
    weft_package_get_schedule(package, 0, &info);
    for (size_t step = 0; step < info.step_count; step++) {
        weft_step_info one;
        weft_package_get_step(package, 0, step, &one);
        for (size_t k = 0; k < one.output_count; k++) {
            weft_value_info value = {0};
            uint64_t elements = 0;
            if (one.outputs[k] >= 0) {
                weft_package_get_value(package, 0, (size_t)one.outputs[k], &value);
                elements = value.tensor.size_bytes / (value.tensor.dtype[0] == 'f' ? 4 : 1);
            }
            for (uint64_t i = 0; i < elements; i += 1 + elements / 50) {
                weft_explanation *e = NULL;
                assert_int_equal(weft_request_explain(request, step, k, i, NULL, &e), WEFT_OK);
                size_t lines = weft_explanation_count(e);
                assert_string_equal(weft_explanation_name(e, lines - 1), "reference");
                if (lines > 1) {
                    const char *stage = weft_explanation_text(e, lines - 2);
                    assert_non_null(strrchr(stage, '='));
                    assert_string_equal(strrchr(stage, '=') + 2,
                                        weft_explanation_text(e, lines - 1));
                    explained++;
                }
                weft_explanation_destroy(e);
            }
            assert_int_equal(
                weft_request_explain(request, step, k, elements, NULL, &(weft_explanation *){NULL}),
                WEFT_USAGE);
        }
    }
    assert_true(explained > 300);
    weft_request_destroy(request);
    weft_session_destroy(session);
    weft_package_close(package);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_changed_rounding),
        cmocka_unit_test(finds_a_changed_weight),
        cmocka_unit_test(finds_a_changed_descriptor),
        cmocka_unit_test(reduces_nothing_when_all_is_equal),
        cmocka_unit_test(every_step_runs_alone),
        cmocka_unit_test(every_element_is_explained),
    };
    return cmocka_run_group_tests(tests, make_package, remove_folder);
}
