/* SPDX-License-Identifier: Apache-2.0 */
/* Times the 8-bit convolution kernels as ResNet-RS runs them: every convolution and matrix of the
 * network in order, each with weights of its own, so that caches and memory are used as in a real
 * run. Prints one row per kind of layer. Knows kernels, not the compiler.
 *
 *   qkernel_bench [size] [blocks of stage 1..4] [repetitions] [tune]
 *
 * With `tune`, each kind of layer also tries other blocks inside the running network, and the best
 * are printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/cpu/qpack.h"
#include "kernels/cpu/qtile_rule.h"
#include "tests/kernels/cl_harness.h"

enum { STEPS_MAX = 1024, KINDS_MAX = 64, CANDIDATES_MAX = 200, METHODS = 3 };

struct kind {
    char name[32];
    struct weft_cpu_qconv_shape shape;
    int instances, candidate_count; /* candidate 0 is the rule's */
    struct weft_cpu_qconv_plan candidates[CANDIDATES_MAX];
};

struct step {
    struct kind *kind;
    cl_mem x, y, w[METHODS];
    const struct step *later; /* whose weights this one fetches */
    cl_kernel kernels[METHODS];
    int prepared; /* the candidate whose arguments are set, plus 1 */
    double best_us[CANDIDATES_MAX];
};

static struct {
    struct cl_harness h;
    struct weft_cpu_device device;
    cl_program programs[2];
    struct kind kinds[KINDS_MAX];
    struct step steps[STEPS_MAX];
    int kind_count, step_count, is_tuned;
    cl_mem big[2], small[2], rows[2], bias, ratio, sums;
} net;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static cl_mem random_bytes(size_t bytes)
{
    unsigned char *data = malloc(bytes);
    if (data == NULL)
        exit(1);
    unsigned state = 1;
    for (size_t i = 0; i < bytes; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (unsigned char)(state >> 24);
    }
    cl_mem buffer = weft_harness_bytes(&net.h, data, bytes);
    free(data);
    return buffer;
}

static void add_candidate(struct kind *kind, struct weft_cpu_qconv_plan plan)
{
    if (!weft_cpu_qconv_complete(&net.device, &kind->shape, &plan) ||
        kind->candidate_count == CANDIDATES_MAX || plan.local_bytes > net.device.local_bytes)
        return;
    const int items = plan.blocks * plan.segments * plan.groups;
    if (items < net.device.threads || items > 256)
        return;
    for (int i = 1; i < kind->candidate_count; i++) {
        const struct weft_cpu_qconv_plan *p = &kind->candidates[i];
        if (p->method == plan.method && p->pg == plan.pg && p->mb == plan.mb && p->tc == plan.tc &&
            p->kc == plan.kc && p->t_block == plan.t_block)
            return;
    }
    kind->candidates[kind->candidate_count++] = plan;
}

static void enumerate(struct kind *kind)
{
    static const int mbs[] = {128, 100, 80, 50, 40, 25}, pgs[] = {1, 2, 4, 8, 16, 32, 64},
                     kcs[] = {256, 512, 1024, 2048, 4096},
                     tiles[] = {6, 9, 10, 12, 18, 20, 24, 25, 30, 36, 40, 50, 60};
    const struct weft_cpu_qconv_shape *s = &kind->shape;
    const int panels = (s->oc + 2 * net.device.vector_width - 1) / (2 * net.device.vector_width);
    const struct weft_cpu_qconv_plan rule = kind->candidates[0];
    for (int g = 0; g < 7 && (g == 0 || pgs[g - 1] < panels); g++) {
        struct weft_cpu_qconv_plan p = rule;
        p.pg = pgs[g] < panels ? pgs[g] : panels;
        p.method = WEFT_CPU_QDIRECT;
        p.t_block = 0;
        p.tc = 1;
        for (int i = 0; i < 6; i++)
            for (int k = 0; k < 5; k++) {
                p.mb = mbs[i];
                const int run = p.gather == WEFT_CPU_QROWS ? s->ic * s->kh * s->kw : s->ic * s->kw;
                p.kc = kcs[k] < run ? kcs[k] : run + 3;
                p.tc = kcs[k] / run > 1 ? kcs[k] / run : 1;
                add_candidate(kind, p);
            }
        if (s->kh == 3 && s->sh == 1) {
            p.mb = p.tc = p.kc = 0;
            for (int i = 0; i < 26; i++) {
                p.method = i < 13 ? WEFT_CPU_QWINOGRAD2 : WEFT_CPU_QWINOGRAD4;
                p.t_block = tiles[i % 13];
                add_candidate(kind, p);
            }
        }
    }
}

static void add_conv(const char *name, int side, int ic, int oc, int k, int stride, int is_nchw,
                     int has_sums, cl_mem x, cl_mem y)
{
    const int out = (side + k / 2 * 2 - k) / stride + 1, nr = 2 * net.device.vector_width;
    int at = 0;
    while (at < net.kind_count && strcmp(net.kinds[at].name, name) != 0)
        at++;
    struct kind *kind = &net.kinds[at];
    if (at == net.kind_count) {
        net.kind_count++;
        snprintf(kind->name, sizeof kind->name, "%s", name);
        kind->shape = (struct weft_cpu_qconv_shape){1,
                                                    side,
                                                    side,
                                                    ic,
                                                    out,
                                                    out,
                                                    oc,
                                                    k,
                                                    k,
                                                    stride,
                                                    stride,
                                                    1,
                                                    1,
                                                    k / 2,
                                                    k / 2,
                                                    has_sums,
                                                    is_nchw,
                                                    2,
                                                    32.0 * 255 * ic * k * k};
        kind->candidate_count = 1;
        if (!weft_cpu_qconv_choose(&net.device, &kind->shape, &kind->candidates[0]))
            exit(1);
        if (net.is_tuned)
            enumerate(kind);
    }
    kind->instances++;
    struct step *step = &net.steps[net.step_count++];
    *step = (struct step){.kind = kind, .x = x, .y = y};
    for (int i = 0; i < CANDIDATES_MAX; i++)
        step->best_us[i] = 1e30;
    for (int i = 0; i < kind->candidate_count; i++) {
        const struct weft_cpu_qconv_plan *p = &kind->candidates[i];
        if (step->w[p->method] == NULL)
            step->w[p->method] = random_bytes(
                p->method == WEFT_CPU_QDIRECT
                    ? weft_qpack_conv_bytes(oc, ic, k, k, nr, 2, p->gather == WEFT_CPU_QROWS)
                    : 2 * weft_qpack_winograd_elems(oc, ic,
                                                    p->method == WEFT_CPU_QWINOGRAD2 ? 2 : 4, nr));
    }
}

/* The step's kernel with its arguments; returns the global size. */
static cl_kernel prepare(struct step *step, int candidate, size_t global[2])
{
    static const char *const names[METHODS] = {"weft_qconv", "weft_qwinograd2", "weft_qwinograd4"};
    const struct weft_cpu_qconv_shape *s = &step->kind->shape;
    const struct weft_cpu_qconv_plan *p =
        &step->kind->candidates[candidate % step->kind->candidate_count];
    if (step->kernels[p->method] == NULL)
        step->kernels[p->method] =
            weft_harness_kernel(net.programs[p->method > 0], names[p->method]);
    cl_kernel kernel = step->kernels[p->method];
    global[0] = (size_t)(p->segments * p->blocks);
    global[1] = (size_t)p->groups;
    if (step->prepared == candidate + 1)
        return kernel;
    step->prepared = candidate + 1;
    const int flags = (s->has_sums ? 64 : 0) | (s->ic * s->kh * s->kw < 2048 ? 128 : 0),
              nchw = s->is_nchw;
    const struct step *later = step->later;
    const int later_lines = later != NULL ? later->kind->shape.ic * later->kind->shape.oc / 64 : 0;
    if (p->method == WEFT_CPU_QDIRECT)
        weft_harness_args(kernel, "bbbbbbbbbliiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiibbiiiiiif",
                          step->x, step->w[0], net.bias, net.ratio, net.bias, net.bias, step->y,
                          net.sums, later != NULL ? later->w[0] : step->w[0], p->local_bytes, flags,
                          p->ih, p->iw, s->ic, p->oh, p->ow, s->oc, s->kh, s->kw, s->sh, s->sw, 1,
                          1, s->pt, s->pl, s->oc, 3, p->seg_rows, p->mb, p->blocks, p->pg, p->tc,
                          p->kc, (int)p->gather, 0, nchw ? s->iw : s->iw * s->ic, nchw ? 1 : s->ic,
                          nchw ? s->ih * s->iw : 1, later_lines, 0, 0, 255, 0, 0, 0, 0, 1, 0, 0,
                          255, 0, NULL, NULL, 0, 0, 0, 1, 0, 0, 0.0);
    else
        weft_harness_args(kernel, "bbbbbbbbliiiiiiiiiiiiiiiiiiiiiiiiii", step->x,
                          step->w[p->method], net.bias, net.ratio, net.bias, net.bias, step->y,
                          net.sums, p->local_bytes, flags, s->ih, s->iw, s->ic, s->oh, s->ow, s->oc,
                          s->pt, s->pl, s->oc, 3, p->t_block, p->blocks, p->pg, 0, 0, 255, 0, 0, 0,
                          0, 1, 0, 0, 255, 0);
    return kernel;
}

static double run(int candidate)
{
    static cl_event events[STEPS_MAX];
    const double start_us = now_us();
    for (int i = 0; i < net.step_count; i++) {
        size_t global[2];
        const size_t local[2] = {1, 1};
        cl_kernel kernel = prepare(&net.steps[i], candidate, global);
        if (clEnqueueNDRangeKernel(net.h.queue, kernel, 2, NULL, global, local, 0, NULL,
                                   &events[i]) != CL_SUCCESS)
            exit(1);
        if (i == 2) /* the device starts while the rest is being queued */
            clFlush(net.h.queue);
    }
    clFinish(net.h.queue);
    const double total_us = now_us() - start_us;
    for (int i = 0; i < net.step_count; i++) {
        struct step *step = &net.steps[i];
        cl_ulong from, to;
        clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_START, sizeof from, &from, NULL);
        clGetEventProfilingInfo(events[i], CL_PROFILING_COMMAND_END, sizeof to, &to, NULL);
        clReleaseEvent(events[i]);
        const int slot = candidate % step->kind->candidate_count;
        if ((double)(to - from) * 1e-3 < step->best_us[slot])
            step->best_us[slot] = (double)(to - from) * 1e-3;
    }
    return total_us;
}

static void build_net(int size, const int blocks[4])
{
    const size_t largest = (size_t)size * (size_t)size * 16;
    for (int i = 0; i < 2; i++) {
        net.big[i] = random_bytes(largest);
        net.small[i] = random_bytes(largest);
        net.rows[i] = random_bytes(8192);
    }
    net.bias = random_bytes(1 << 16);
    net.ratio = random_bytes(1 << 17);
    net.sums = random_bytes(1 << 22);
    add_conv("stem 1", size, 3, 32, 3, 2, 1, 0, net.big[0], net.small[0]);
    int side = (size + 1) / 2;
    add_conv("stem 2", side, 32, 32, 3, 1, 0, 0, net.small[0], net.small[1]);
    add_conv("stem 3", side, 32, 64, 3, 1, 0, 0, net.small[1], net.big[1]);
    add_conv("stem 4", side, 64, 64, 3, 2, 0, 0, net.big[1], net.big[0]);
    side = (side + 1) / 2;
    int channels = 64, at = 0;
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < blocks[stage]; block++) {
            const int planes = 64 << stage, stride = block == 0 && stage > 0 ? 2 : 1;
            const int out = (side + stride - 1) / stride;
            cl_mem in = net.big[at], to = net.big[1 - at];
            char name[32];
            const char *first = block == 0 ? "first " : "";
            snprintf(name, sizeof name, "%d %s1x1", stage + 1, first);
            add_conv(name, side, channels, planes, 1, 1, 0, 0, in, net.small[0]);
            snprintf(name, sizeof name, "%d %s3x3", stage + 1, stride == 2 ? first : "");
            add_conv(name, side, planes, planes, 3, stride, 0, 0, net.small[0], net.small[1]);
            snprintf(name, sizeof name, "%d 1x1 out", stage + 1);
            add_conv(name, out, planes, 4 * planes, 1, 1, 0, 1, net.small[1], to);
            snprintf(name, sizeof name, "%d squeeze", stage + 1);
            add_conv(name, 1, 4 * planes, planes, 1, 1, 0, 0, net.rows[0], net.rows[1]);
            snprintf(name, sizeof name, "%d excite", stage + 1);
            add_conv(name, 1, planes, 4 * planes, 1, 1, 0, 0, net.rows[1], net.rows[0]);
            if (block == 0) {
                snprintf(name, sizeof name, "%d shortcut", stage + 1);
                add_conv(name, out, channels, 4 * planes, 1, 1, 0, 0, in, to);
            }
            channels = 4 * planes;
            side = out;
            at = 1 - at;
        }
    add_conv("classifier", 1, channels, 1000, 1, 1, 0, 0, net.rows[0], net.rows[1]);
}

static int is_row(const struct step *step)
{
    return step->kind->shape.oh * step->kind->shape.ow == 1;
}

/* Each product of one row gets a convolution before it that fetches its weights, as the planner
 * does it. */
static void choose_fetchers(void)
{
    for (int i = 0; i < net.step_count; i++)
        for (int back = 1; back <= 6 && back <= i && is_row(&net.steps[i]); back++) {
            struct step *fetcher = &net.steps[i - back];
            if (is_row(fetcher) || fetcher->later != NULL ||
                fetcher->kind->candidates[0].method != WEFT_CPU_QDIRECT ||
                net.steps[i].kind->shape.ic * net.steps[i].kind->shape.oc < 65536)
                continue;
            fetcher->later = &net.steps[i];
            break;
        }
}

static void describe(const struct weft_cpu_qconv_plan *p)
{
    if (p->method == WEFT_CPU_QDIRECT)
        printf("mb %3d tc %d kc %4d pg %2d wg %3d", p->mb, p->tc, p->kc, p->pg,
               p->segments * p->blocks * p->groups);
    else
        printf("F%d t %3d           pg %2d wg %3d", p->method == WEFT_CPU_QWINOGRAD2 ? 2 : 4,
               p->t_block, p->pg, p->blocks * p->groups);
}

/* Mean over the kind's steps of each step's best time. */
static double kind_us(const struct kind *kind, int candidate)
{
    double sum = 0;
    for (int i = 0; i < net.step_count; i++)
        if (net.steps[i].kind == kind)
            sum += net.steps[i].best_us[candidate];
    return sum / kind->instances;
}

static void print_table(void)
{
    double total_us = 0;
    printf("%-14s %2s %26s  %-34s %8s %8s %6s\n", "layer", "x", "shape", "plan", "us", "GOP/s",
           "model");
    for (int i = 0; i < net.kind_count; i++) {
        const struct kind *kind = &net.kinds[i];
        const struct weft_cpu_qconv_shape *s = &kind->shape;
        char shape[40];
        snprintf(shape, sizeof shape, "%dx%d %d->%d %dx%d/%d", s->oh, s->ow, s->ic, s->oc, s->kh,
                 s->kw, s->sh);
        printf("%-14s %2d %26s  ", kind->name, kind->instances, shape);
        describe(&kind->candidates[0]);
        const double us = kind_us(kind, 0);
        printf("  %8.1f %8.1f %6.0f\n", us,
               2.0 * s->oh * s->ow * s->oc * s->ic * s->kh * s->kw / us * 1e-3,
               kind->candidates[0].expected_s * 1e6);
        total_us += us * kind->instances;
        char is_shown[CANDIDATES_MAX] = {0};
        for (int place = 0; place < 4 && kind->candidate_count > 1; place++) {
            int best = 0;
            for (int c = 1; c < kind->candidate_count; c++)
                if (!is_shown[c] && (best == 0 || kind_us(kind, c) < kind_us(kind, best)))
                    best = c;
            if (best == 0)
                break;
            printf("%46s", "");
            describe(&kind->candidates[best]);
            printf("  %8.1f\n", kind_us(kind, best));
            is_shown[best] = 1;
        }
    }
    printf("sum of steps %.0f us\n", total_us);
}

int main(int argc, char **argv)
{
    int blocks[4] = {3, 4, 6, 3};
    const int size = argc > 1 ? atoi(argv[1]) : 160;
    for (int i = 0; i < 4 && argc > 2 + i; i++)
        blocks[i] = atoi(argv[2 + i]);
    int repetitions = argc > 6 ? atoi(argv[6]) : 50;
    repetitions = repetitions < 1 ? 1 : repetitions > 1000 ? 1000 : repetitions;
    net.is_tuned = argc > 7;
    if (!weft_harness_open(&net.h))
        return 1;
    clReleaseCommandQueue(net.h.queue);
    net.h.queue =
        clCreateCommandQueue(net.h.context, net.h.device, CL_QUEUE_PROFILING_ENABLE, NULL);
    cl_uint threads = 1;
    clGetDeviceInfo(net.h.device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof threads, &threads, NULL);
    weft_cpu_device_init(&net.device, net.h.vector_width, (int)threads);
    net.device.local_bytes = net.h.local_bytes;
    net.programs[0] =
        weft_harness_build_row(&net.h, "#define WEFT_DOT 2\n",
                               "weft_int.h weft_int_row.h qdot.cl qfinish.cl qnorm.cl "
                               "qconv.cl");
    net.programs[1] = weft_harness_build_row(&net.h, "#define WEFT_DOT 2\n",
                                             "weft_int.h qdot.cl qfinish.cl qwinograd.cl");
    build_net(size, blocks);
    choose_fetchers();

    const double cold_us = run(0);
    double best_us = 1e30;
    int most = 1;
    for (int i = 0; i < net.kind_count; i++)
        most = net.kinds[i].candidate_count > most ? net.kinds[i].candidate_count : most;
    for (int r = 0; r < repetitions; r++) {
        for (int c = 1; c < most; c++)
            run(c);
        const double us = run(0);
        best_us = us < best_us ? us : best_us;
    }
    print_table();
    printf("%d steps, first run (with the kernels' compilation) %.0f ms, best run %.2f ms\n",
           net.step_count, cold_us * 1e-3, best_us * 1e-3);
    weft_harness_close(&net.h);
    return 0;
}
