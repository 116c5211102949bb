/* SPDX-License-Identifier: Apache-2.0 */
/* Times the CPU kernels as ResNet-RS runs them: every step of the network in order, each with
 * weights of its own, so that caches and memory are used as in a real run. Prints one row per kind
 * of layer. Knows kernels, not the compiler. kernel_bench [size] [blocks of stage 1..4]
 * [repetitions] [tune] With `tune`, each kind of layer also tries other block sizes inside the
 * running network, and the best are printed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/cpu/pack.h"
#include "kernels/cpu/tile_rule.h"
#include "tests/kernels/cl_harness.h"

#define STEPS_MAX 1024
#define KINDS_MAX 64
#define CANDIDATES_MAX 400

enum step_type { STEP_CONV, STEP_LINEAR, STEP_GATE };

struct candidate {
    struct weft_cpu_conv_plan plan;
    double best_us;
};

struct kind {
    char name[32];
    struct weft_cpu_conv_shape shape;
    int gather, ih;
    int instances;
    struct candidate candidates[CANDIDATES_MAX];
    int candidate_count; /* candidate 0 is the rule's */
};

struct step {
    enum step_type type;
    int kind, flags, act;
    int k, oc, pixels, parts; /* linear and gate */
    cl_mem x, w[3], res, y;
    cl_kernel kernels[3]; /* of this step alone, so that its arguments are set once; by method of a
                             convolution */
    cl_kernel kernel;     /* the one to launch, with this global size */
    int gx, gy, is_ready;
    double best_us[CANDIDATES_MAX];
};

struct net {
    struct cl_harness h;
    struct weft_cpu_device device;
    cl_program conv, winograd, linear;
    struct kind kinds[KINDS_MAX];
    int kind_count;
    struct step steps[STEPS_MAX];
    int step_count, is_tuned;
    cl_mem big[2], small[2], sums, hidden, gates, scratch, bias, logits;
};

static struct net net;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static cl_mem random_weights(size_t count)
{
    float *data = malloc(count * sizeof *data);
    if (data == NULL)
        exit(1);
    unsigned state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = ((float)(state >> 8) / 8388608.0f - 1.0f) * 0.01f;
    }
    cl_mem buffer = weft_harness_buffer(&net.h, data, count);
    free(data);
    return buffer;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* Derived fields of a plan with block sizes of our choice. */
static void complete(struct kind *kind, struct weft_cpu_conv_plan *p)
{
    const struct weft_cpu_conv_shape *s = &kind->shape;
    const int nr = 2 * net.device.vector_width;
    p->groups = ceil_div(ceil_div(s->oc, nr), p->pg);
    p->seg_rows = s->oh * s->ow;
    p->segments = s->n;
    if (p->method == WEFT_CPU_DIRECT) {
        p->blocks = ceil_div(p->seg_rows, p->mb);
        p->mb = ceil_div(p->seg_rows, p->blocks);
    } else {
        const int m = p->method == WEFT_CPU_WINOGRAD2 ? 2 : 4;
        p->blocks = ceil_div(ceil_div(s->oh, m) * ceil_div(s->ow, m), p->t_block);
        p->local_bytes = 4 * (size_t)((m + 2) * (m + 2) * (p->t_block * (s->ic + nr) + 32));
    }
}

static void add_candidate(struct kind *kind, struct weft_cpu_conv_plan plan)
{
    complete(kind, &plan);
    if (kind->candidate_count == CANDIDATES_MAX || plan.blocks * plan.groups < net.device.threads ||
        plan.blocks * plan.groups > 256 || plan.local_bytes > net.device.local_bytes)
        return;
    for (int i = 1; i < kind->candidate_count; i++) {
        const struct weft_cpu_conv_plan *p = &kind->candidates[i].plan;
        if (p->method == plan.method && p->pg == plan.pg && p->mb == plan.mb && p->tc == plan.tc &&
            p->kc == plan.kc && p->t_block == plan.t_block)
            return;
    }
    kind->candidates[kind->candidate_count].plan = plan;
    kind->candidates[kind->candidate_count++].best_us = 1e30;
}

static void enumerate(struct kind *kind)
{
    const struct weft_cpu_conv_shape *s = &kind->shape;
    static const int mbs[] = {128, 96, 72, 48, 36, 24}, pgs[] = {1, 2, 4, 8, 16, 64},
                     kcs[] = {64, 128, 256, 512, 2048};
    static const int tiles[] = {6, 8, 9, 10, 12, 15, 18, 20, 24, 25, 30};
    const int is_3x3 = s->kh == 3 && s->sh == 1 && kind->gather == 0, taps = s->kh * s->kw;
    const int panels = ceil_div(s->oc, 2 * net.device.vector_width);
    const int row = kind->gather == 2 ? taps * s->ic : s->ic;
    for (int g = 0; g < 6; g++) {
        if (g > 0 && pgs[g - 1] >= panels)
            break;
        const int pg = pgs[g] < panels ? pgs[g] : panels;
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 5 && !(is_3x3 && s->ic < 256); j++) {
                struct weft_cpu_conv_plan p = {
                    .method = WEFT_CPU_DIRECT, .pg = pg, .mb = mbs[i], .tc = 1, .kc = kcs[j]};
                if (kcs[j] >= row) {
                    p.kc = row;
                    p.tc = kind->gather || kcs[j] / row > taps ? taps : kcs[j] / row;
                }
                if (kind->gather == 2)
                    p.tc = 1;
                add_candidate(kind, p);
            }
        for (int i = 0; i < 11 && is_3x3; i++) {
            add_candidate(kind, (struct weft_cpu_conv_plan){
                                    .method = WEFT_CPU_WINOGRAD2, .pg = pg, .t_block = tiles[i]});
            if (s->ic < 256)
                add_candidate(kind, (struct weft_cpu_conv_plan){.method = WEFT_CPU_WINOGRAD4,
                                                                .pg = pg,
                                                                .t_block = tiles[i]});
        }
    }
}

/* Adds a convolution step; gather as in kernels/cpu/README.md. */
static void add_conv(const char *name, int ih, int ic, int oc, int k, int stride, int gather,
                     int flags, int act, cl_mem x, cl_mem res, cl_mem y, int is_tuned)
{
    const int oh = gather == 1 ? ceil_div(ih, 2) : (ih + k / 2 * 2 - k) / stride + 1;
    const int nr = 2 * net.device.vector_width;
    int at = 0;
    while (at < net.kind_count && strcmp(net.kinds[at].name, name) != 0)
        at++;
    struct kind *kind = &net.kinds[at];
    if (at == net.kind_count) {
        net.kind_count++;
        snprintf(kind->name, sizeof kind->name, "%s", name);
        kind->shape = (struct weft_cpu_conv_shape){
            1, ic, oh, oh, oc, k, k, stride, stride, 1, 1, 1, (flags & 4) != 0, gather};
        kind->gather = gather;
        kind->ih = ih;
        kind->candidate_count = 1;
        weft_cpu_conv_choose(&net.device, &kind->shape, &kind->candidates[0].plan);
        kind->candidates[0].best_us = 1e30;
        if (is_tuned)
            enumerate(kind);
    }
    kind->instances++;
    struct step *step = &net.steps[net.step_count++];
    *step = (struct step){
        .type = STEP_CONV, .kind = at, .flags = flags, .act = act, .x = x, .res = res, .y = y};
    for (int i = 0; i < CANDIDATES_MAX; i++)
        step->best_us[i] = 1e30;
    for (int method = 0; method < 3; method++) {
        int is_used = 0;
        for (int i = 0; i < kind->candidate_count; i++)
            is_used |= (int)kind->candidates[i].plan.method == method;
        if (is_used)
            step->w[method] = random_weights(
                method == 0 ? weft_pack_conv_elems(oc, ic, k, k, nr, gather == 2)
                            : weft_pack_winograd_elems(oc, ic, method == 1 ? 2 : 4, nr));
    }
}

static void add_row_step(enum step_type type, int k, int oc, int pixels, int flags, cl_mem t,
                         cl_mem res)
{
    struct step *step = &net.steps[net.step_count++];
    *step = (struct step){.type = type,
                          .k = k,
                          .oc = oc,
                          .pixels = pixels,
                          .flags = flags,
                          .x = t,
                          .res = res,
                          .y = t};
    for (int i = 0; i < CANDIDATES_MAX; i++)
        step->best_us[i] = 1e30;
    step->w[0] = random_weights(weft_pack_linear_elems(oc, k, 2 * net.device.vector_width));
}

static cl_event launch(const struct step *step)
{
    const size_t global[2] = {(size_t)step->gx, (size_t)step->gy}, local[2] = {1, 1};
    cl_event event;
    if (clEnqueueNDRangeKernel(net.h.queue, step->kernel, 2, NULL, global, local, 0, NULL,
                               &event) != CL_SUCCESS) {
        fprintf(stderr, "launch failed\n");
        exit(1);
    }
    return event;
}

/* The step whose weights a direct convolution prefetches: the matrix right after it, else the gate
 * of its block. */
static const struct step *later_row_step(const struct step *step)
{
    const struct step *end = net.steps + net.step_count;
    if (step + 1 < end && step[1].type != STEP_CONV)
        return step + 1;
    for (const struct step *next = step + 1; next < end && next <= step + 4; next++)
        if (next->type == STEP_GATE)
            return next;
    return NULL;
}

/* Sets the step's kernel, arguments and global size; parts are the blocks whose sums the next mean
 * reads. */
static void prepare(struct step *step, int candidate, int *parts)
{
    static const char *const names[] = {"weft_conv", "weft_winograd2", "weft_winograd4"};
    const int nr = 2 * net.device.vector_width;
    if (step->type == STEP_LINEAR) {
        const int pg = weft_cpu_linear_panels(&net.device, step->oc, step->k);
        if (step->kernels[0] == NULL)
            step->kernels[0] = weft_harness_kernel(net.linear, "weft_linear");
        step->kernel = step->kernels[0];
        weft_harness_args(step->kernel, "bbbbliffiiiifiiifb", net.sums, step->w[0], net.bias,
                          step->y, (size_t)step->k * 4, 1, 0., 0., 1, step->k, step->oc, *parts,
                          1. / step->pixels, step->oc, pg, 0, 0., net.bias);
        step->gx = ceil_div(ceil_div(step->oc, nr), pg);
        step->gy = 1;
        return;
    }
    if (step->type == STEP_GATE) {
        int pg, per_block;
        weft_cpu_gate_blocks(&net.device, step->k, step->oc, step->pixels, &pg, &per_block);
        const int blocks = ceil_div(step->pixels, per_block);
        if (step->kernels[0] == NULL)
            step->kernels[0] = weft_harness_kernel(net.linear, "weft_se_gate");
        step->kernel = step->kernels[0];
        weft_harness_args(step->kernel, "bbbbbbbbliiffiffiiiiii", net.hidden, step->w[0], net.bias,
                          step->x, step->res ? step->res : step->x, net.gates, step->y, net.sums,
                          (size_t)step->k * 4, step->flags, 3, 0., 0., 1, 0., 0., step->k, step->oc,
                          step->pixels, per_block, blocks, pg);
        if (step->flags & 4)
            *parts = blocks;
        step->gx = step->flags & 8 ? blocks : 1;
        step->gy = ceil_div(ceil_div(step->oc, nr), pg);
        return;
    }
    struct kind *kind = &net.kinds[step->kind];
    const struct weft_cpu_conv_shape *s = &kind->shape;
    const struct weft_cpu_conv_plan *p = &kind->candidates[candidate % kind->candidate_count].plan;
    const int pad = kind->gather == 1 ? 0 : s->kh / 2;
    cl_mem res = step->res ? step->res : step->x;
    if (step->flags & 4)
        *parts = p->blocks;
    if (step->kernels[p->method] == NULL)
        step->kernels[p->method] = weft_harness_kernel(
            p->method == WEFT_CPU_DIRECT ? net.conv : net.winograd, names[p->method]);
    step->kernel = step->kernels[p->method];
    step->gx = p->segments * p->blocks;
    step->gy = p->groups;
    if (p->method != WEFT_CPU_DIRECT) {
        weft_harness_args(step->kernel, "bbbbbbbliiffiiiiiiiiiiii", step->x, step->w[p->method],
                          net.bias, res, net.gates, step->y, net.sums, p->local_bytes, step->flags,
                          step->act, 0., 0., kind->ih, kind->ih, s->ic, s->oh, s->ow, s->oc, pad,
                          pad, s->oc, p->t_block, p->blocks, p->pg);
        return;
    }
    const struct step *later = kind->gather == 0 ? later_row_step(step) : NULL;
    const int later_lines = later ? ceil_div(later->k * ceil_div(later->oc, nr) * nr, 16) : 0;
    weft_harness_args(step->kernel, "bbbbbbbbiiffiiiiiiiiiiiiiiiiiiiiiiiiiiiifiiiiii", step->x,
                      step->w[0], net.bias, res, net.gates, step->y, net.sums,
                      later ? later->w[0] : net.scratch, step->flags, step->act, 0., 0., kind->ih,
                      kind->ih, s->ic, s->oh, s->ow, s->oc, s->kh, s->kw, s->sh, s->sw, 1, 1, pad,
                      pad, s->oc, p->seg_rows, p->mb, p->blocks, p->pg, p->tc, p->kc, kind->gather,
                      kind->gather ? 2 : later_lines, 2, 0, kind->ih, 1, kind->ih * kind->ih, 0., 0,
                      0, 0, 0, 0, 0);
}

static double run(int candidate)
{
    static cl_event events[STEPS_MAX];
    int parts = 1;
    const double start_us = now_us();
    for (int i = 0; i < net.step_count; i++) {
        if (!net.steps[i].is_ready || net.is_tuned)
            prepare(&net.steps[i], candidate, &parts);
        net.steps[i].is_ready = 1;
        events[i] = launch(&net.steps[i]);
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
        const int slot =
            step->type == STEP_CONV ? candidate % net.kinds[step->kind].candidate_count : 0;
        if ((double)(to - from) * 1e-3 < step->best_us[slot])
            step->best_us[slot] = (double)(to - from) * 1e-3;
    }
    return total_us;
}

static void build_net(int size, const int blocks[4], int is_tuned)
{
    const size_t largest = (size_t)size * (size_t)size * 16;
    float *zeros = calloc(8192, sizeof *zeros);
    for (int i = 0; i < 2; i++) {
        net.big[i] = random_weights(largest);
        net.small[i] = random_weights(largest);
    }
    net.sums = random_weights(1 << 20);
    net.hidden = random_weights(8192);
    net.gates = random_weights(8192);
    net.scratch = random_weights(1 << 24);
    net.logits = random_weights(8192);
    net.bias = weft_harness_buffer(&net.h, zeros, 8192);
    free(zeros);

    add_conv("stem 1", size, 3, 32, 3, 2, 2, 0, 1, net.big[0], NULL, net.small[0], is_tuned);
    int side = ceil_div(size, 2);
    add_conv("stem 2", side, 32, 32, 3, 1, 0, 0, 1, net.small[0], NULL, net.small[1], is_tuned);
    add_conv("stem 3", side, 32, 64, 3, 1, 0, 0, 1, net.small[1], NULL, net.big[1], is_tuned);
    add_conv("stem 4", side, 64, 64, 3, 2, 0, 0, 1, net.big[1], NULL, net.big[0], is_tuned);
    side = ceil_div(side, 2);
    int channels = 64, at = 0;
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < blocks[stage]; block++) {
            const int planes = 64 << stage, stride = block == 0 && stage > 0 ? 2 : 1,
                      out = ceil_div(side, stride);
            cl_mem in = net.big[at], t = net.big[1 - at];
            char name[32];
            const char *first = block == 0 ? "first " : "";
            snprintf(name, sizeof name, "%d %s1x1", stage + 1, first);
            add_conv(name, side, channels, planes, 1, 1, 0, 0, 1, in, NULL, net.small[0], is_tuned);
            snprintf(name, sizeof name, "%d %s3x3", stage + 1, stride == 2 ? first : "");
            add_conv(name, side, planes, planes, 3, stride, 0, 0, 1, net.small[0], NULL,
                     net.small[1], is_tuned);
            snprintf(name, sizeof name, "%d 1x1 out", stage + 1);
            add_conv(name, out, planes, 4 * planes, 1, 1, 0, 4, 0, net.small[1], NULL, t, is_tuned);
            add_row_step(STEP_LINEAR, 4 * planes, planes, out * out, 0, net.hidden, NULL);
            if (block == 0) {
                add_row_step(STEP_GATE, planes, 4 * planes, out * out, 16, t, NULL);
                snprintf(name, sizeof name, "%d shortcut", stage + 1);
                add_conv(name, side, channels, 4 * planes, 1, stride, stride == 2, 3, 1, in, t, t,
                         is_tuned);
            } else {
                const int is_last = stage == 3 && block == blocks[3] - 1;
                add_row_step(STEP_GATE, planes, 4 * planes, out * out, 9 | (is_last ? 4 : 0), t,
                             in);
            }
            channels = 4 * planes;
            side = out;
            at = 1 - at;
        }
    add_row_step(STEP_LINEAR, channels, 1000, side * side, 0, net.logits, NULL);
}

static void describe(const struct weft_cpu_conv_plan *p)
{
    if (p->method == WEFT_CPU_DIRECT)
        printf("direct mb %3d tc %d kc %4d pg %2d wg %3d", p->mb, p->tc, p->kc, p->pg,
               p->segments * p->blocks * p->groups);
    else
        printf("F%d t %2d pg %2d wg %3d            ", p->method == WEFT_CPU_WINOGRAD2 ? 2 : 4,
               p->t_block, p->pg, p->blocks * p->groups);
}

/* Mean over the kind's steps of each step's best time. */
static double kind_us(int kind, int candidate)
{
    double sum = 0;
    for (int i = 0; i < net.step_count; i++)
        if (net.steps[i].type == STEP_CONV && net.steps[i].kind == kind)
            sum += net.steps[i].best_us[candidate];
    return sum / net.kinds[kind].instances;
}

static void print_table(void)
{
    double total_us = 0;
    printf("%-12s %2s %28s  %-44s %8s %8s %6s %6s\n", "layer", "x", "shape", "plan", "us",
           "GFLOP/s", "% peak", "model");
    for (int i = 0; i < net.kind_count; i++) {
        const struct kind *kind = &net.kinds[i];
        const struct weft_cpu_conv_shape *s = &kind->shape;
        const double flops =
            2.0 * s->oh * s->ow * s->oc * s->ic * (kind->gather == 1 ? 1 : s->kh * s->kw);
        char shape[40];
        snprintf(shape, sizeof shape, "%dx%d %d->%d %dx%d/%d", s->oh, s->ow, s->ic, s->oc, s->kh,
                 s->kw, s->sh);
        printf("%-12s %2d %28s  ", kind->name, kind->instances, shape);
        describe(&kind->candidates[0].plan);
        const double us = kind_us(i, 0);
        printf("  %8.1f %8.1f %6.1f %6.0f\n", us, flops / us * 1e-3,
               flops / us * 1e8 / net.device.peak_flops, kind->candidates[0].plan.expected_s * 1e6);
        total_us += us * kind->instances;
        if (kind->candidate_count == 1)
            continue;
        for (int place = 0; place < 5; place++) {
            int best = 0;
            for (int c = 1; c < kind->candidate_count; c++)
                if (kind->candidates[c].best_us > 0 &&
                    (best == 0 || kind_us(i, c) < kind_us(i, best)))
                    best = c;
            if (best == 0)
                break;
            printf("%44s", "");
            describe(&kind->candidates[best].plan);
            printf("  %8.1f\n", kind_us(i, best));
            net.kinds[i].candidates[best].best_us = 0;
        }
    }
    double row_us = 0, gate_us = 0;
    for (int i = 0; i < net.step_count; i++)
        if (net.steps[i].type != STEP_CONV)
            *(net.steps[i].type == STEP_LINEAR ? &row_us : &gate_us) += net.steps[i].best_us[0];
    printf(
        "convolutions %.0f us, rows times matrices %.0f us, gates %.0f us, sum of steps %.0f us\n",
        total_us, row_us, gate_us, total_us + row_us + gate_us);
    for (int i = 0; i < net.step_count; i++)
        if (net.steps[i].type != STEP_CONV)
            printf("  %s %d->%d pixels %d flags %d: %.1f us\n",
                   net.steps[i].type == STEP_LINEAR ? "linear" : "gate", net.steps[i].k,
                   net.steps[i].oc, net.steps[i].pixels, net.steps[i].flags,
                   net.steps[i].best_us[0]);
}

int main(int argc, char **argv)
{
    int blocks[4] = {3, 4, 6, 3};
    const int size = argc > 1 ? atoi(argv[1]) : 160;
    for (int i = 0; i < 4 && argc > 2 + i; i++)
        blocks[i] = atoi(argv[2 + i]);
    int repetitions = argc > 6 ? atoi(argv[6]) : 50;
    const int is_tuned = argc > 7;
    repetitions = repetitions < 1 ? 1 : repetitions > 1000 ? 1000 : repetitions;
    if (!weft_harness_open(&net.h))
        return 1;
    clReleaseCommandQueue(net.h.queue);
    net.h.queue =
        clCreateCommandQueue(net.h.context, net.h.device, CL_QUEUE_PROFILING_ENABLE, NULL);
    cl_uint threads = 1;
    clGetDeviceInfo(net.h.device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof threads, &threads, NULL);
    weft_cpu_device_init(&net.device, net.h.vector_width, (int)threads);
    net.device.local_bytes = net.h.local_bytes;
    net.is_tuned = is_tuned;
    net.conv = weft_harness_build(&net.h, "conv.cl");
    net.winograd = weft_harness_build(&net.h, "winograd.cl");
    net.linear = weft_harness_build(&net.h, "linear.cl");
    build_net(size, blocks, is_tuned);

    const double cold_us = run(0);
    double best_us = 1e30, runs_us[1000];
    int most = 1;
    for (int i = 0; i < net.kind_count; i++)
        most = net.kinds[i].candidate_count > most ? net.kinds[i].candidate_count : most;
    for (int r = 0; r < repetitions; r++) {
        for (int c = 1; c < most && is_tuned; c++)
            run(c);
        const double us = run(0);
        best_us = us < best_us ? us : best_us;
        int at = r; /* kept sorted, for the median */
        for (; at > 0 && runs_us[at - 1] > us; at--)
            runs_us[at] = runs_us[at - 1];
        runs_us[at] = us;
    }
    print_table();
    printf(
        "%d steps, first run (with the kernels' compilation) %.0f ms, best run %.2f ms, median %.2f ms\n",
        net.step_count, cold_us * 1e-3, best_us * 1e-3, runs_us[repetitions / 2] * 1e-3);
    weft_harness_close(&net.h);
    return 0;
}
