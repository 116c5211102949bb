/* SPDX-License-Identifier: Apache-2.0 */
/* The rule that picks a convolution's kernel and blocks: every plan keeps the kernels' contract,
 * and the choices that measurements settled stay as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/cpu/tile_rule.h"
#include "tests/kernels/naive.h"

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static void check_contract(const struct weft_cpu_device *d, const struct weft_cpu_conv_shape *s)
{
    struct weft_cpu_conv_plan p;
    weft_cpu_conv_choose(d, s, &p);
    const int panels = ceil_div(s->oc, 2 * d->vector_width);
    assert_true(p.expected_s > 0);
    assert_in_range(p.pg, 1, panels);
    assert_int_equal(p.groups, ceil_div(panels, p.pg));
    if (p.method == WEFT_CPU_DIRECT) {
        const int row = s->is_gathered ? s->ic * s->kh * s->kw : s->ic;
        assert_int_equal(p.segments * p.seg_rows, s->n * s->oh * s->ow);
        assert_true(!s->has_sums || p.seg_rows == s->oh * s->ow);
        assert_in_range(p.mb, 1, 128);
        assert_int_equal(p.blocks, ceil_div(p.seg_rows, p.mb));
        assert_in_range(p.kc, 1, row);
        assert_true(p.tc == 1 || p.kc == row);
        assert_true(!s->is_gathered || p.tc == 1);
        assert_int_equal(p.scratch_elems,
                         s->is_gathered ? p.segments * p.blocks * p.groups * p.mb * row : 0);
    } else {
        const int m = p.method == WEFT_CPU_WINOGRAD2 ? 2 : 4;
        const int icp = ceil_div(s->ic, d->vector_width) * d->vector_width;
        assert_true(s->kh == 3 && s->kw == 3 && s->sh == 1 && s->sw == 1 && s->dh == 1 &&
                    s->dw == 1 && !s->is_gathered);
        assert_int_equal(p.blocks, ceil_div(ceil_div(s->oh, m) * ceil_div(s->ow, m), p.t_block));
        assert_int_equal(p.local_bytes,
                         4 * (m + 2) * (m + 2) * (p.t_block * (icp + 2 * d->vector_width) + 32));
        assert_true(p.local_bytes <= d->local_bytes);
    }
}

static void every_plan_keeps_the_contract(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct weft_cpu_device d;
        weft_cpu_device_init(&d, 4 << weft_naive_between(0, 2), weft_naive_between(1, 16));
        struct weft_cpu_conv_shape s = {.n = weft_naive_between(1, 4), .groups = 1};
        s.ic = weft_naive_between(1, 600);
        s.oc = weft_naive_between(1, 1200);
        s.oh = weft_naive_between(1, 60);
        s.ow = weft_naive_between(1, 60);
        s.kh = s.kw = 2 * weft_naive_between(0, 2) + 1;
        s.sh = s.sw = weft_naive_between(1, 2);
        s.dh = s.dw = weft_naive_between(1, 4) == 4 ? 2 : 1;
        s.has_sums = weft_naive_between(0, 1);
        s.is_gathered = weft_naive_between(0, 3) == 0;
        check_contract(&d, &s);
    }
}

static enum weft_cpu_method method_of(int side, int channels)
{
    struct weft_cpu_device d;
    struct weft_cpu_conv_plan p;
    const struct weft_cpu_conv_shape s = {1, channels, side, side, channels, 3, 3, 1,
                                          1, 1,        1,    1,    0,        0, 0};
    weft_cpu_device_init(&d, 8, 2);
    d.local_bytes = 512 << 10;
    weft_cpu_conv_choose(&d, &s, &p);
    return p.method;
}

/* Two Zen 3 cores: large maps gain most from F(4x4), at 10 x 10 its weights cost more than they
 * save, at 5 x 5 those of F(2x2) do too. */
static void methods_are_the_measured_ones(void **state)
{
    (void)state;
    assert_int_equal(method_of(80, 32), WEFT_CPU_WINOGRAD4);
    assert_int_equal(method_of(40, 64), WEFT_CPU_WINOGRAD4);
    assert_int_equal(method_of(20, 128), WEFT_CPU_WINOGRAD4);
    assert_int_equal(method_of(10, 256), WEFT_CPU_WINOGRAD2);
    assert_int_equal(method_of(5, 512), WEFT_CPU_DIRECT);
}

/* Several schedules may leave out a method's form of the weights. */
static void only_methods_that_are_allowed_are_chosen(void **state)
{
    (void)state;
    struct weft_cpu_device d;
    weft_cpu_device_init(&d, 8, 2);
    for (int side = 5; side <= 40; side += 5)
        for (unsigned methods = 1; methods < 8; methods++) {
            struct weft_cpu_conv_shape s = {.n = 1,
                                            .ic = 64,
                                            .oh = side,
                                            .ow = side,
                                            .oc = 64,
                                            .kh = 3,
                                            .kw = 3,
                                            .sh = 1,
                                            .sw = 1,
                                            .dh = 1,
                                            .dw = 1,
                                            .groups = 1,
                                            .methods = methods};
            struct weft_cpu_conv_plan p;
            weft_cpu_conv_choose(&d, &s, &p);
            assert_true(p.expected_s > 0);
            assert_true((methods & 1u << p.method) != 0);
            s.kh = 1; /* no Winograd: nothing is left when that is all there is */
            weft_cpu_conv_choose(&d, &s, &p);
            assert_true((p.expected_s > 0) == ((methods & 1u << WEFT_CPU_DIRECT) != 0));
        }
}

static void gates_and_rows_are_shared_out(void **state)
{
    (void)state;
    struct weft_cpu_device d;
    weft_cpu_device_init(&d, 8, 2);
    for (int oc = 1; oc < 4000; oc += 37) {
        int pg, pixels_per_block;
        weft_cpu_gate_blocks(&d, oc / 4 + 1, oc, 25, &pg, &pixels_per_block);
        assert_in_range(pg, 1, 32);
        assert_in_range(pixels_per_block, 1, 25);
        assert_in_range(weft_cpu_linear_panels(&d, oc, 2048), 1, ceil_div(oc, 16));
    }
}

/* Every query belongs to a panel, chunks cover the keys, and a block's panels, sums and scores fit
 * what the plan says; with several heads no thread is left without work. */
static void attention_is_shared_out(void **state)
{
    (void)state;
    struct weft_cpu_device d;
    for (int width = 4; width <= 16; width *= 2) {
        weft_cpu_device_init(&d, width, 2);
        for (int n = 1; n < 5000; n += n < 70 ? 1 : 331)
            for (int tasks = 1; tasks <= 12; tasks += 5) {
                struct weft_cpu_attention_plan p;
                weft_cpu_attention_blocks(&d, tasks, n, n, 64, 48, &p);
                assert_in_range(p.pg, 1, 4);
                assert_true(p.blocks * p.pg * 2 * width >= n);
                assert_true((p.blocks - 1) * p.pg * 2 * width < n);
                assert_in_range(p.kc, 1, 64);
                assert_int_equal(p.local_bytes,
                                 (size_t)(2 * width * (p.pg * (64 + 48 + 2) + p.kc)) * 4);
                assert_true(p.pg == 1 || tasks * p.blocks >= 8);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plan_keeps_the_contract),
        cmocka_unit_test(methods_are_the_measured_ones),
        cmocka_unit_test(only_methods_that_are_allowed_are_chosen),
        cmocka_unit_test(gates_and_rows_are_shared_out),
        cmocka_unit_test(attention_is_shared_out),
    };
    return cmocka_run_group_tests_name("cpu tile rule", tests, NULL, NULL);
}
