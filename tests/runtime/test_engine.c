/* SPDX-License-Identifier: Apache-2.0 */
/* What only the engine's backends have: packages without an engine or with another version of
 * descriptors, compilers that are absent or refuse, the folder of compiled libraries; and that the
 * engines that weft prints give the bits of backend ref for everything that is planned for them:
 * random operators, one by one and in chains with views, with values kept and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/plan/plan.h"
#include "kernels/fpga/engine.h"
#include "tests/runtime/network.h"

static char folder[] = "/tmp/weft-test-XXXXXX";
static char package_path[64], cache[64];
static weft_diag *diag;

static int begin_test(void **state)
{
    (void)state;
    return weft_diag_create(&diag) == WEFT_OK ? 0 : -1;
}

static int end_test(void **state)
{
    (void)state;
    weft_diag_destroy(diag);
    return 0;
}

static size_t remove_files(const char *path)
{
    size_t count = 0;
    DIR *open_folder = opendir(path);
    char file[512];
    for (const struct dirent *entry;
         open_folder != NULL && (entry = readdir(open_folder)) != NULL;) {
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        count += unlink(file) == 0;
    }
    if (open_folder != NULL)
        closedir(open_folder);
    return count;
}

static bool has_opencl(void)
{
    weft_device_list *list = NULL;
    bool answer = false;
    if (getenv("WEFT_TEST_REF_ONLY") != NULL || weft_device_list_create(NULL, &list) != WEFT_OK)
        return false;
    for (size_t i = 0; i < weft_device_list_count(list); i++) {
        const weft_device_info *info = weft_device_list_get(list, i);
        answer = answer || (strcmp(info->backend, "engine-opencl") == 0 && info->usable);
    }
    weft_device_list_destroy(list);
    return answer;
}

static weft_status open_session(const char *backend, const char *cache_dir, bool keep_values,
                                weft_session **out_session)
{
    weft_package *package = NULL;
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = backend;
    params.cache_dir = cache_dir;
    params.keep_values = keep_values;
    weft_status status = weft_package_open(package_path, diag, &package);
    *out_session = NULL;
    if (status == WEFT_OK)
        status = weft_session_create(package, &params, diag, out_session);
    weft_package_close(package);
    return status;
}

/* ---- refusals ---- */

static void refuse(const char *backend, weft_status status, uint32_t id, weft_diag_field field,
                   const char *says)
{
    weft_session *session = NULL;
    assert_int_equal(open_session(backend, cache, false, &session), status);
    assert_null(session);
    const weft_diag_entry *entry = weft_diag_get(diag, weft_diag_count(diag) - 1);
    assert_int_equal(entry->id, id);
    if (says != NULL) {
        assert_non_null(entry->fields[field]);
        if (strstr(entry->fields[field], says) == NULL)
            fail_msg("expected %s in: %s", says, entry->fields[field]);
    }
}

static void other_packages_are_refused(void **state)
{
    (void)state;
    static const char *const backends[] = {"engine-hls", "engine-opencl"};
    for (size_t i = 0; i < (has_opencl() ? 2 : 1); i++) {
        network_write(package_path, &(network_options){.has_no_engine = true});
        refuse(backends[i], WEFT_UNSUPPORTED, 415, WEFT_DIAG_TRY, "--engine none");
        network_write(package_path, &(network_options){.engine_version = 99});
        refuse(backends[i], WEFT_UNSUPPORTED, 416, WEFT_DIAG_FOUND, "version 99");
    }
    network_write(package_path,
                  &(network_options){.engine_source = "int answer( { return 42; }\n"});
    refuse("engine-hls", WEFT_DEVICE, 419, WEFT_DIAG_WHY, "error");
    network_write(package_path, &(network_options){.engine_source = "int other;\n"});
    refuse("engine-hls", WEFT_DEVICE, 419, WEFT_DIAG_WHY, "test_engine");
}

static void compilers_are_named(void **state)
{
    (void)state;
    network_write(package_path, NULL);
    remove_files(cache);
    setenv("CC", "/nonexistent/compiler -m64", 1);
    refuse("engine-hls", WEFT_DEVICE, 418, WEFT_DIAG_TRY, "apt-get install gcc");
    weft_device_list *list = NULL;
    assert_int_equal(weft_device_list_create(NULL, &list), WEFT_OK);
    bool is_listed = false;
    for (size_t i = 0; i < weft_device_list_count(list); i++) {
        const weft_device_info *info = weft_device_list_get(list, i);
        if (strcmp(info->backend, "engine-hls") != 0)
            continue;
        is_listed = true;
        assert_false(info->usable);
        assert_non_null(strstr(info->why_not, "gcc"));
    }
    assert_true(is_listed);
    weft_device_list_destroy(list);
    setenv("CC", "false", 1);
    refuse("engine-hls", WEFT_DEVICE, 419, WEFT_DIAG_WHY, "without a word");
    unsetenv("CC");
    setenv("WEFT_HLS_CFLAGS", "--no-such-option", 1);
    refuse("engine-hls", WEFT_DEVICE, 419, WEFT_DIAG_WHY, "no-such-option");
    unsetenv("WEFT_HLS_CFLAGS");
}

static void libraries_are_kept(void **state)
{
    (void)state;
    weft_session *session = NULL;
    weft_load_info info;
    network_write(package_path, NULL);
    remove_files(cache);
    assert_int_equal(open_session("engine-hls", cache, false, &session), WEFT_OK);
    weft_session_get_load_info(session, &info);
    assert_int_equal(info.programs_built, 1);
    weft_session_destroy(session);
    assert_int_equal(open_session("engine-hls", cache, false, &session), WEFT_OK);
    weft_session_get_load_info(session, &info);
    assert_int_equal(info.programs_from_cache, 1);
    weft_session_destroy(session);
    /* A file that is no library is made again. */
    DIR *open_folder = opendir(cache);
    size_t libraries = 0;
    for (const struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        char file[512];
        snprintf(file, sizeof file, "%s/%s", cache, entry->d_name);
        if (strstr(entry->d_name, ".so") == NULL)
            continue;
        libraries++;
        unlink(file); /* not truncated: it may still be mapped */
        FILE *damaged = fopen(file, "w");
        assert_non_null(damaged);
        fputs("no library", damaged);
        fclose(damaged);
    }
    closedir(open_folder);
    assert_int_equal(libraries, 1);
    assert_int_equal(open_session("engine-hls", cache, false, &session), WEFT_OK);
    weft_session_get_load_info(session, &info);
    assert_int_equal(info.programs_built, 1);
    weft_session_destroy(session);
    /* Without a folder nothing is left, and one that cannot be written is no reason to fail. */
    assert_true(remove_files(cache) > 0);
    assert_int_equal(open_session("engine-hls", "", false, &session), WEFT_OK);
    weft_session_destroy(session);
    assert_int_equal(open_session("engine-hls", "/proc/none", false, &session), WEFT_OK);
    weft_session_destroy(session);
    assert_int_equal(remove_files(cache), 0);
}

/* ---- planned graphs ---- */

static uint32_t seed;

static int draw(int least, int most)
{
    seed = seed * 1664525u + 1013904223u;
    return least + (int)((seed >> 8) % (uint32_t)(most - least + 1));
}

static weft_status blob_bytes(void *user, size_t blob, void *out)
{
    return weft_plan_blob_bytes(user, blob, out);
}

static const void *plain_bytes(void *user, size_t schedule, size_t value)
{
    const weft_plan *plan = user;
    return plan->plain[schedule][value]->data;
}

/* Plans the text for the engine and writes the package. Returns how many steps have descriptors. */
static size_t write_planned(const char *text, const char *engine, size_t *out_steps)
{
    weft_arena *arena = weft_arena_create();
    weft_graph *graph = NULL;
    weft_plan *plan = NULL;
    if (arena == NULL || WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    if (weft_graph_parse(arena, text, strlen(text), &graph, diag) != WEFT_OK ||
        weft_plan_build(arena, &graph, 1, weft_target_here(), 2, weft_engine_find(engine), &plan,
                        diag) != WEFT_OK) {
        char message[2048];
        weft_diag_format(weft_diag_get(diag, 0), message, sizeof message);
        fail_msg("%s\n%s", message, text);
    }
    weft_package_content content = {&plan->manifest, "", blob_bytes, plain_bytes, plan};
    assert_int_equal(weft_package_write(package_path, &content, diag), WEFT_OK);
    size_t count = 0;
    const weft_schedule *schedule = &plan->manifest.schedules[0];
    for (size_t i = 0; i < schedule->step_count; i++)
        count += schedule->steps[i].descriptor_count > 0;
    *out_steps = schedule->step_count;
    weft_arena_destroy(arena);
    return count;
}

static void fill(weft_request *request, size_t inputs, const size_t *bytes, uint32_t with)
{
    seed = with;
    for (size_t i = 0; i < inputs; i++)
        for (size_t e = 0; e < bytes[i]; e++)
            ((uint8_t *)weft_request_get_input(request, i))[e] = (uint8_t)draw(0, 255);
}

typedef struct outcome {
    uint8_t *bytes; /* every value that can be read, or the outputs, one after the other */
    size_t size;
} outcome;

static outcome run_on(const char *backend, uint32_t with, bool keep_values)
{
    weft_session *session = NULL;
    weft_request *request = NULL;
    weft_package *package = NULL;
    weft_schedule_info info;
    if (open_session(backend, cache, keep_values, &session) != WEFT_OK ||
        weft_request_create(session, diag, &request) != WEFT_OK) {
        char message[2048];
        weft_diag_format(weft_diag_get(diag, 0), message, sizeof message);
        fail_msg("%s", message);
    }
    assert_int_equal(weft_package_open(package_path, diag, &package), WEFT_OK);
    weft_package_get_schedule(package, 0, &info);
    size_t bytes[4] = {0};
    outcome result = {malloc(1 << 22), 0};
    for (size_t i = 0; i < info.input_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_input(package, 0, i, &tensor);
        bytes[i] = tensor.size_bytes;
    }
    for (int round = 0; round < 2; round++) { /* the second one over what the first one left */
        fill(request, info.input_count, bytes, with);
        assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
    }
    for (size_t i = 0; keep_values && i < info.value_count; i++) {
        weft_value_info value;
        weft_package_get_value(package, 0, i, &value);
        if (strcmp(value.place, "constant") == 0)
            continue;
        assert_int_equal(weft_request_get_value(request, i, result.bytes + result.size,
                                                value.tensor.size_bytes, diag),
                         WEFT_OK);
        result.size += value.tensor.size_bytes;
    }
    for (size_t i = 0; !keep_values && i < info.output_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_output(package, 0, i, &tensor);
        memcpy(result.bytes + result.size, weft_request_get_output(request, i), tensor.size_bytes);
        result.size += tensor.size_bytes;
    }
    weft_request_destroy(request);
    weft_session_destroy(session);
    weft_package_close(package);
    return result;
}

/* All steps but `host_steps` have descriptors, and the engine's backends, and the CPU's kernels on
 * the whole graph, give ref's bits. */
static void same_bits(const char *text, const char *engine, size_t host_steps)
{
    static const char *const backends[] = {"engine-hls", "engine-opencl", "opencl"};
    size_t steps = 0, count = write_planned(text, engine, &steps);
    if (count != steps - host_steps)
        fail_msg("%zu of %zu steps have descriptors: %s", count, steps, text);
    uint32_t with = seed;
    for (size_t i = 0; i < (has_opencl() ? 3 : 1); i++)
        for (int keep = 0; keep < 2; keep++) {
            outcome expected = run_on("ref", with, keep == 1);
            outcome got = run_on(backends[i], with, keep == 1);
            assert_int_equal(expected.size, got.size);
            if (memcmp(expected.bytes, got.bytes, got.size) != 0)
                fail_msg("%s, engine %s: other bits\n%s", backends[i], engine, text);
            free(expected.bytes);
            free(got.bytes);
        }
    seed = with;
}

static weft_arena *text_arena;

static void add_list(weft_text *text, size_t count, int least, int most)
{
    weft_text_add(text, "[");
    for (size_t i = 0; i < count; i++)
        weft_text_printf(text, "%s%d", i == 0 ? "" : ", ", draw(least, most));
    weft_text_add(text, "]\n");
}

static const char *eight(int is_signed)
{
    return is_signed ? "i8" : "u8";
}

static int zero_of(int is_signed)
{
    return is_signed ? draw(-128, 127) : draw(0, 255);
}

/* A convolution with whatever stages are drawn. */
static const char *draw_conv(void)
{
    weft_text text;
    weft_text_init(&text, text_arena);
    int group = draw(0, 2) == 0 ? draw(2, 3) : 1, inputs = draw(1, 5) * group,
        outputs = draw(1, 6) * group, kh = draw(1, 3), kw = draw(1, 3), batch = draw(1, 2);
    int sy = draw(1, 2), sx = draw(1, 2), dy = draw(1, 2), dx = draw(1, 2);
    int pads[4] = {draw(0, 1), draw(0, 1), draw(0, 1), draw(0, 1)};
    int height = draw(1, 6) + dy * (kh - 1), width = draw(1, 6) + dx * (kw - 1);
    int oh = (height + pads[0] + pads[2] - dy * (kh - 1) - 1) / sy + 1,
        ow = (width + pads[1] + pads[3] - dx * (kw - 1) - 1) / sx + 1;
    int xs = draw(0, 1), cs = draw(0, 1), rs = draw(0, 1), ts = draw(0, 1), ys = draw(0, 1),
        nchw = draw(0, 1);
    bool has_table = draw(0, 1), has_residual = draw(0, 1), has_mean = draw(0, 1);
    int a_signed = has_table ? ts : cs;
    ys = has_residual ? ys : a_signed;
    weft_text_printf(&text, "graph \"conv\" opset 20 {\n");
    if (nchw)
        weft_text_printf(&text, "  input %%x: %s[%dx%dx%dx%d]\n", eight(xs), batch, inputs, height,
                         width);
    else
        weft_text_printf(&text, "  input %%x: %s[%dx%dx%dx%d]\n", eight(xs), batch, height, width,
                         inputs);
    if (has_residual)
        weft_text_printf(&text, "  input %%r: %s[%dx%dx%dx%d]\n", eight(rs), batch, oh, ow,
                         outputs);
    weft_text_printf(&text, "  const %%w: i8[%dx%dx%dx%d] = ", outputs, kh, kw, inputs / group);
    add_list(&text, (size_t)(outputs * kh * kw * (inputs / group)), -128, 127);
    weft_text_printf(&text, "  const %%b: i32[%d] = ", outputs);
    add_list(&text, (size_t)outputs, -9000, 9000);
    weft_text_printf(&text, "  const %%m: i32[%d] = ", outputs);
    add_list(&text, (size_t)outputs, 1 << 21, 1 << 22);
    weft_text_printf(&text, "  const %%s: i32[%d] = ", outputs);
    add_list(&text, (size_t)outputs, 29, 34);
    if (has_table) {
        weft_text_printf(&text, "  const %%t: %s[256] = ", eight(ts));
        add_list(&text, 256, ts ? -128 : 0, ts ? 127 : 255);
    }
    weft_text_printf(&text, "  %%y%s = weft.QConv2D(%%x, %%w, %%b, %%m, %%s%s%s)",
                     has_mean ? ", %mean" : "",
                     has_table      ? ", %t"
                     : has_residual ? ", _"
                                    : "",
                     has_residual ? ", %r" : "");
    weft_text_printf(&text,
                     " {strides=[%d,%d], pads=[%d,%d,%d,%d], dilations=[%d,%d], group=%d, "
                     "x_nchw=%d, x_zero=%d, c_type=\"%s\", c_zero=%d, a_zero=%d, to=\"%s\"",
                     sy, sx, pads[0], pads[1], pads[2], pads[3], dy, dx, group, nchw, zero_of(xs),
                     eight(cs), zero_of(cs), zero_of(a_signed), eight(ys));
    if (has_residual)
        weft_text_printf(&text,
                         ", a_mult=%d, b_zero=%d, b_mult=%d, add_shift=%d, y_zero=%d, y_min=%d",
                         draw(1, 1 << 21), zero_of(rs), draw(1, 1 << 21), draw(19, 22), zero_of(ys),
                         ys ? draw(-128, 0) : draw(0, 60));
    if (has_mean)
        weft_text_printf(&text, ", mean_mult=%d, mean_shift=%d, mean_zero=%d",
                         draw(1 << 21, 1 << 22), draw(22, 26), zero_of(ys));
    weft_text_printf(&text, "}\n  output %%y\n%s}\n", has_mean ? "  output %mean\n" : "");
    return text.data;
}

static const char *draw_pool(void)
{
    weft_text text;
    weft_text_init(&text, text_arena);
    int kh = draw(1, 3), kw = draw(1, 3), xs = draw(0, 1), average = draw(0, 1),
        counts_pads = draw(0, 1), ys = average ? draw(0, 1) : xs;
    weft_text_printf(&text, "graph \"pool\" opset 20 {\n  input %%x: %s[%dx%dx%dx%d]\n", eight(xs),
                     draw(1, 2), draw(3, 8), draw(3, 8), draw(1, 20));
    weft_text_printf(&text,
                     "  %%y = weft.QPool2D(%%x) {mode=\"%s\", kernel_shape=[%d,%d], "
                     "strides=[%d,%d], pads=[%d,%d,%d,%d], ceil_mode=%d, count_include_pad=%d, "
                     "x_zero=%d, y_zero=%d, to=\"%s\"",
                     average ? "average" : "max", kh, kw, draw(1, 2), draw(1, 2), draw(0, kh - 1),
                     draw(0, kw - 1), draw(0, kh - 1), draw(0, kw - 1), draw(0, 1), counts_pads,
                     zero_of(xs), zero_of(ys), eight(ys));
    static const char *const lists[] = {"counts", "mults", "shifts"};
    for (int l = 0; average && l < 3; l++) {
        weft_text_printf(&text, ", %s=[", lists[l]);
        for (int i = 1; i <= kh * kw; i++)
            weft_text_printf(&text, "%s%d", i == 1 ? "" : ",",
                             l == 0   ? i
                             : l == 1 ? draw(1 << 21, 1 << 22)
                                      : draw(22, 25));
        weft_text_add(&text, "]");
    }
    weft_text_add(&text, "}\n  output %y\n}\n");
    return text.data;
}

/* An input, or a constant. */
static void add_operand(weft_text *text, const char *name, int is_signed, const char *shape,
                        int elements)
{
    bool is_constant = draw(0, 2) == 0;
    weft_text_printf(text, "  %s %%%s: %s[%s]", is_constant ? "const" : "input", name,
                     eight(is_signed), shape);
    weft_text_add(text, is_constant ? " = " : "\n");
    if (is_constant)
        add_list(text, (size_t)elements, is_signed ? -128 : 0, is_signed ? 127 : 255);
}

static const char *draw_binary(void)
{
    weft_text text;
    weft_text_init(&text, text_arena);
    int dims[4], as = draw(0, 1), bs = draw(0, 1), cs = draw(0, 1), rs = draw(0, 1),
                 ys = draw(0, 1);
    bool is_product = draw(0, 1), has_residual = draw(0, 1);
    for (int i = 0; i < 4; i++)
        dims[i] = draw(1, 6);
    ys = is_product && !has_residual ? cs : ys;
    weft_text_printf(&text, "graph \"binary\" opset 20 {\n  input %%a: %s[%dx%dx%dx%d]\n",
                     eight(as), dims[0], dims[1], dims[2], dims[3]);
    int rows = draw(0, 1) ? dims[1] : 1, columns = draw(0, 1) ? dims[2] : 1,
        channels = draw(0, 1) ? dims[3] : 1;
    add_operand(&text, "b", bs, weft_arena_printf(text_arena, "%dx%dx%d", rows, columns, channels),
                rows * columns * channels);
    if (!is_product) {
        weft_text_printf(&text,
                         "  %%y = weft.QAdd(%%a, %%b) {a_zero=%d, a_mult=%d, b_zero=%d, b_mult=%d, "
                         "shift=%d, y_zero=%d, to=\"%s\"}\n",
                         zero_of(as), draw(1, 1 << 21), zero_of(bs), draw(1, 1 << 21), draw(19, 22),
                         zero_of(ys), eight(ys));
    } else {
        if (has_residual)
            add_operand(
                &text, "r", rs,
                weft_arena_printf(text_arena, "%dx%dx%dx%d", dims[0], dims[1], dims[2], dims[3]),
                dims[0] * dims[1] * dims[2] * dims[3]);
        weft_text_printf(&text,
                         "  %%y = weft.QMul(%%a, %%b%s) {a_zero=%d, b_zero=%d, mult=%d, shift=%d, "
                         "c_type=\"%s\", c_zero=%d, to=\"%s\"",
                         has_residual ? ", %r" : "", zero_of(as), zero_of(bs),
                         draw(1 << 21, 1 << 22), draw(29, 32), eight(cs), zero_of(cs), eight(ys));
        if (has_residual)
            weft_text_printf(&text, ", c_mult=%d, r_zero=%d, r_mult=%d, add_shift=%d, y_zero=%d",
                             draw(1, 1 << 21), zero_of(rs), draw(1, 1 << 21), draw(19, 22),
                             zero_of(ys));
        weft_text_add(&text, "}\n");
    }
    weft_text_add(&text, "  output %y\n}\n");
    return text.data;
}

/* A table, then moves, with a view between and two outputs. */
static const char *draw_moves(void)
{
    weft_text text;
    weft_text_init(&text, text_arena);
    int xs = draw(0, 1), ts = draw(0, 1), a = draw(2, 5), b = draw(2, 6), c = draw(2, 40);
    weft_text_printf(&text, "graph \"moves\" opset 20 {\n  input %%x: %s[%dx%dx%d]\n", eight(xs), a,
                     b, c);
    weft_text_printf(&text, "  const %%t: %s[256] = ", eight(ts));
    add_list(&text, 256, ts ? -128 : 0, ts ? 127 : 255);
    weft_text_printf(&text, "  const %%flat: i64[2] = [%d, %d]\n", a * b, c);
    weft_text_printf(&text, "  const %%starts: i64[2] = [%d, %d]\n", draw(0, 1), c - 1);
    weft_text_printf(&text,
                     "  const %%ends: i64[2] = [%d, -1000]\n  const %%axes: i64[2] = [1, 2]\n", b);
    weft_text_printf(&text, "  const %%steps: i64[2] = [1, -%d]\n", draw(1, 2));
    weft_text_printf(&text, "  %%coded = weft.QTable(%%x, %%t)\n"
                            "  %%turned = Transpose(%%coded) {perm=[1,2,0]}\n"
                            "  %%cut = Slice(%%coded, %%starts, %%ends, %%axes, %%steps)\n"
                            "  %%rows = Reshape(%%coded, %%flat)\n"
                            "  %%twice = Concat(%%rows, %%rows) {axis=1}\n"
                            "  %%left, %%right = Split(%%twice) {axis=1, num_outputs=2}\n"
                            "  %%back = Transpose(%%right) {perm=[1,0]}\n"
                            "  output %%turned\n  output %%cut\n  output %%twice\n  output %%back\n"
                            "  output %%left\n}\n");
    return text.data;
}

static void planned_operators_have_the_same_bits(void **state)
{
    (void)state;
    static const char *(*const kinds[])(void) = {draw_conv, draw_pool, draw_binary, draw_moves};
    static const char *const engines[] = {"tiny", "s"};
    enum { ROUNDS = 30 };
    text_arena = weft_arena_create();
    if (text_arena == NULL || WEFT_ARENA_TRY(text_arena))
        fail_msg("out of memory");
    seed = 4;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
            const char *text = kinds[kind]();
            same_bits(text, engines[round % 2], 0);
        }
    weft_arena_destroy(text_arena);
}

/* Values of other types stay on the host, between launches; a constant among activations does not.
 */
static void host_steps_run_between_launches(void **state)
{
    (void)state;
    static const char text[] = "graph \"mixed\" opset 20 {\n"
                               "  input %x: f32[1x2x3x4]\n"
                               "  const %scale: f32[] = 0.125\n"
                               "  const %zero: u8[] = 7\n"
                               "  const %k: u8[4] = [1, 2, 3, 250]\n"
                               "  %q = QuantizeLinear(%x, %scale, %zero)\n"
                               "  %turned = Transpose(%q) {perm=[0,2,1,3]}\n"
                               "  %sum = weft.QAdd(%turned, %k) {a_mult=100, b_mult=70, shift=7, "
                               "to=\"u8\"}\n"
                               "  %back = Transpose(%sum) {perm=[0,2,1,3]}\n"
                               "  %y = DequantizeLinear(%back, %scale, %zero)\n"
                               "  output %y\n}\n";
    seed = 5;
    same_bits(text, "tiny", 2);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        TEST(other_packages_are_refused),
        TEST(compilers_are_named),
        TEST(libraries_are_kept),
        TEST(host_steps_run_between_launches),
        TEST(planned_operators_have_the_same_bits),
    };
    unsetenv("CC");
    unsetenv("WEFT_HLS_CFLAGS");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(package_path, sizeof package_path, "%s/package.weft", folder);
    snprintf(cache, sizeof cache, "%s/cache", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_files(cache);
    rmdir(cache);
    unlink(package_path);
    rmdir(folder);
    return failed;
}
