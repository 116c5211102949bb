/* SPDX-License-Identifier: Apache-2.0 */
/* kernels/cpu/attention.cl against plain loops, through OpenCL: any number of queries, keys and
 * channels, heads that share keys, operands inside wider rows, chunks and panels of every size, a
 * residual, masks that leave some queries no key, and scores that grow from chunk to chunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "tests/kernels/check.h"
#include "tests/kernels/cl_harness.h"
#include "tests/kernels/naive.h"

static struct cl_harness harness;
static int is_open;

static int rounds(int count)
{
    return harness.is_slow ? count / 8 + 1 : count;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* Where an operand lies: rows of `row` floats, the heads' channels from `offset` on, `step` apart.
 */
struct place {
    int row, offset, step;
};

struct attention {
    int images, n, m, heads, sharing, depth, channels, pg, kc, has_residual, has_mask;
    int mask_image, mask_head; /* in floats; 0: one for all */
    float scale;
    struct place q, k, v;
};

/* Heads one after the other, perhaps with room before, between and behind. */
static struct place random_place(int heads, int size)
{
    struct place p = {.offset = weft_naive_between(0, 5), .step = size + weft_naive_between(0, 3)};
    p.row = p.offset + heads * p.step + weft_naive_between(0, 5);
    return p;
}

static void naive_attention(const struct attention *a, const float *q, const float *k,
                            const float *v, const float *residual, const float *mask, double *y)
{
    double *p = weft_check_doubles((size_t)a->m);
    for (int b = 0; b < a->images; b++)
        for (int h = 0; h < a->heads; h++)
            for (int i = 0; i < a->n; i++) {
                const float *qi = q + (b * a->n + i) * a->q.row + a->q.offset + h * a->q.step;
                double most = -HUGE_VAL, sum = 0;
                for (int j = 0; j < a->m; j++) {
                    const float *kj =
                        k + (b * a->m + j) * a->k.row + a->k.offset + h / a->sharing * a->k.step;
                    p[j] = 0;
                    for (int c = 0; c < a->depth; c++)
                        p[j] += (double)qi[c] * (double)kj[c];
                    p[j] *= (double)a->scale;
                    if (a->has_mask)
                        p[j] += (double)mask[b * a->mask_image + h * a->mask_head + j * a->n + i];
                    most = p[j] > most ? p[j] : most;
                }
                for (int j = 0; j < a->m; j++)
                    sum += p[j] = exp(p[j] - most);
                const int at = ((b * a->n + i) * a->heads + h) * a->channels;
                for (int c = 0; c < a->channels; c++) {
                    double out = 0;
                    for (int j = 0; j < a->m; j++)
                        out += p[j] * (double)v[(b * a->m + j) * a->v.row + a->v.offset +
                                                h / a->sharing * a->v.step + c];
                    y[at + c] = (most > -HUGE_VAL ? out / sum : 0) +
                                (a->has_residual ? (double)residual[at + c] : 0);
                }
            }
    free(p);
}

static void run(cl_kernel kernel, const struct attention *a, const float *q, const float *k,
                const float *v, const char *what)
{
    const int nr = 2 * harness.vector_width, y_row = a->heads * a->channels;
    const size_t count = (size_t)(a->images * a->n * y_row);
    const size_t mask_count = a->has_mask
                                  ? (size_t)(a->n * a->m * (a->mask_image > 0 ? a->images : 1) *
                                             (a->mask_head > 0 ? a->heads : 1))
                                  : 1;
    float *residual = weft_naive_array(count), *mask = weft_naive_array(mask_count);
    for (size_t i = 0; i < mask_count; i++)
        mask[i] = mask[i] < 0.2f ? -HUGE_VALF : mask[i]; /* more than half */
    double *want = weft_check_doubles(count);
    naive_attention(a, q, k, v, residual, mask, want);
    cl_mem qb = weft_harness_buffer(&harness, q, (size_t)(a->images * a->n * a->q.row)),
           kb = weft_harness_buffer(&harness, k, (size_t)(a->images * a->m * a->k.row)),
           vb = weft_harness_buffer(&harness, v, (size_t)(a->images * a->m * a->v.row));
    /* y is the residual: it works in place. */
    cl_mem yb = weft_harness_buffer(&harness, residual, count),
           mb = weft_harness_buffer(&harness, mask, mask_count);
    const int blocks = ceil_div(a->n, a->pg * nr);
    const size_t local =
        (size_t)(nr * (a->pg * (a->depth + a->channels + 2) + a->kc)) * sizeof(float);
    weft_harness_args(kernel, "bbbbbbliiiiiiifiiiiiiiiiiiiii", qb, kb, vb, yb, mb, yb, local,
                      a->has_residual + 2 * a->has_mask, a->n, a->m, a->heads, a->sharing, a->depth,
                      a->channels, (double)a->scale, a->q.row, a->q.offset, a->q.step, a->k.row,
                      a->k.offset, a->k.step, a->v.row, a->v.offset, a->v.step, a->mask_image,
                      a->mask_head, a->pg, blocks, a->kc);
    weft_harness_launch(&harness, kernel, (size_t)(a->images * a->heads * blocks), 1);
    weft_check_close(&harness, yb, want, count, what);
    clReleaseMemObject(qb), clReleaseMemObject(kb), clReleaseMemObject(vb), clReleaseMemObject(yb);
    clReleaseMemObject(mb);
    free(residual), free(mask), free(want);
}

static void run_random(cl_kernel kernel, const struct attention *a)
{
    float *q = weft_naive_array((size_t)(a->images * a->n * a->q.row)),
          *k = weft_naive_array((size_t)(a->images * a->m * a->k.row)),
          *v = weft_naive_array((size_t)(a->images * a->m * a->v.row));
    run(kernel, a, q, k, v, "attention");
    free(q), free(k), free(v);
}

static cl_kernel open_kernel(cl_program *program)
{
    *program = weft_harness_build(&harness, "attention.cl");
    return weft_harness_kernel(*program, "weft_attention");
}

static void any_shape_matches(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program;
    cl_kernel kernel = open_kernel(&program);
    for (int i = 0; i < rounds(120); i++) {
        const int kv_heads = weft_naive_between(1, 2);
        struct attention a = {.images = weft_naive_between(1, 2),
                              .n = weft_naive_between(1, 70),
                              .m = weft_naive_between(1, 70),
                              .sharing = weft_naive_between(1, 3),
                              .depth = weft_naive_between(1, 40),
                              .channels = weft_naive_between(1, 40),
                              .pg = weft_naive_between(1, 3),
                              .kc = weft_naive_between(1, 40),
                              .has_residual = weft_naive_between(0, 1),
                              .has_mask = weft_naive_between(0, 1),
                              .scale = 0.7f};
        a.heads = kv_heads * a.sharing;
        a.mask_head = weft_naive_between(0, 1) * a.n * a.m;
        a.mask_image = weft_naive_between(0, 1) * a.n * a.m * (a.mask_head > 0 ? a.heads : 1);
        a.q = random_place(a.heads, a.depth);
        a.k = random_place(kv_heads, a.depth);
        a.v = random_place(kv_heads, a.channels);
        run_random(kernel, &a);
    }
    clReleaseKernel(kernel), clReleaseProgram(program);
}

/* Queries, keys and values of vision transformers: slices of one product. */
static void shapes_of_networks_match(void **state)
{
    (void)state;
    if (!is_open || harness.is_slow)
        skip();
    static const int shapes[][3] = {
        {197, 6, 64}, {257, 3, 32}, {65, 5, 48}, {17, 11, 64}, {1, 4, 64}};
    cl_program program;
    cl_kernel kernel = open_kernel(&program);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const int n = shapes[i][0], heads = shapes[i][1], size = shapes[i][2],
                  row = 3 * heads * size;
        struct attention a = {.images = 1,
                              .n = n,
                              .m = n,
                              .heads = heads,
                              .sharing = 1,
                              .depth = size,
                              .channels = size,
                              .pg = 1,
                              .kc = 96,
                              .scale = 1 / sqrtf((float)size),
                              .q = {row, 0, size},
                              .k = {row, heads * size, size},
                              .v = {row, 2 * heads * size, size}};
        run_random(kernel, &a);
    }
    clReleaseKernel(kernel), clReleaseProgram(program);
}

/* Each chunk's scores exceed those before it by far, or fall far below: what was summed up is
 * scaled to almost nothing, or what follows adds almost nothing. */
static void scores_may_grow_and_fall(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    cl_program program;
    cl_kernel kernel = open_kernel(&program);
    for (int sign = -1; sign <= 1; sign += 2) {
        enum { N = 5, M = 60, D = 4 };
        struct attention a = {.images = 1,
                              .n = N,
                              .m = M,
                              .heads = 1,
                              .sharing = 1,
                              .depth = D,
                              .channels = D,
                              .pg = 1,
                              .kc = 8,
                              .scale = 1,
                              .q = {D, 0, D},
                              .k = {D, 0, D},
                              .v = {D, 0, D}};
        float *q = weft_naive_array(N * D), *k = weft_naive_array(M * D),
              *v = weft_naive_array(M * D);
        for (int i = 0; i < N; i++)
            q[i * D] = 1;
        for (int j = 0; j < M; j++)
            k[j * D] = (float)(sign * j * (j % 8 == 0 ? 12 : 3));
        run(kernel, &a, q, k, v, "attention with far scores");
        free(q), free(k), free(v);
    }
    clReleaseKernel(kernel), clReleaseProgram(program);
}

/* A NaN among the keys reaches every query of its head and image, one among the queries its own
 * row; nothing else. */
static void nan_stays_where_it_belongs(void **state)
{
    (void)state;
    if (!is_open)
        skip();
    enum { N = 20, M = 30, HEADS = 2, D = 6, ROW = HEADS * D, PG = 1, KC = 7 };
    cl_program program;
    cl_kernel kernel = open_kernel(&program);
    const int nr = 2 * harness.vector_width, blocks = ceil_div(N, nr);
    const size_t local = (size_t)(nr * (2 * D + 2 + KC)) * sizeof(float);
    for (int side = 0; side < 2; side++) {
        float *q = weft_naive_array(N * ROW), *k = weft_naive_array(M * ROW),
              *v = weft_naive_array(M * ROW), got[N * ROW];
        *(side == 0 ? q + 11 * ROW + 2 : k + 12 * ROW + 2) = NAN; /* of head 0 */
        cl_mem qb = weft_harness_buffer(&harness, q, N * ROW),
               kb = weft_harness_buffer(&harness, k, M * ROW),
               vb = weft_harness_buffer(&harness, v, M * ROW),
               yb = weft_harness_buffer(&harness, NULL, N * ROW);
        weft_harness_args(kernel, "bbbbbbliiiiiiifiiiiiiiiiiiiii", qb, kb, vb, yb, yb, yb, local, 0,
                          N, M, HEADS, 1, D, D, 1.0, ROW, 0, D, ROW, 0, D, ROW, 0, D, 0, 0, PG,
                          blocks, KC);
        weft_harness_launch(&harness, kernel, (size_t)(HEADS * blocks), 1);
        weft_harness_read(&harness, yb, got, N * ROW);
        for (int i = 0; i < N * ROW; i++) {
            const int is_nan = i % ROW < D && (side == 1 || i / ROW == 11);
            if ((isnan(got[i]) != 0) != is_nan)
                fail_msg("side %d: element %d is %g", side, i, (double)got[i]);
        }
        clReleaseMemObject(qb), clReleaseMemObject(kb), clReleaseMemObject(vb),
            clReleaseMemObject(yb);
        free(q), free(k), free(v);
    }
    clReleaseKernel(kernel), clReleaseProgram(program);
}

static int set_up(void **state)
{
    (void)state;
    is_open = weft_harness_open(&harness);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (is_open)
        weft_harness_close(&harness);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_shape_matches),
        cmocka_unit_test(shapes_of_networks_match),
        cmocka_unit_test(scores_may_grow_and_fall),
        cmocka_unit_test(nan_stays_where_it_belongs),
    };
    return cmocka_run_group_tests_name("cpu attention", tests, set_up, tear_down);
}
