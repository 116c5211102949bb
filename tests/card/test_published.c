/* SPDX-License-Identifier: Apache-2.0 */
/* The cycle model against published speeds: the errors that docs/estimate.md promises, and that its
 * memories are those of our boards. Must not know how a point is predicted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "compiler/card/board.h"
#include "weft/published.h"

/* What a plan is to be trusted with before synthesis. */
static const double MEDIAN_ERROR = 0.15, WORST_ERROR = 0.35;
enum { LEAST_POINTS = 10 };

static void assert_near(double found, double expected)
{
    if (fabs(found - expected) > 1e-9 * fabs(expected))
        fail_msg("expected %.9g, found %.9g", expected, found);
}

static void test_errors(void **state)
{
    (void)state;
    double worst = 0;
    assert_true(weft_published_count() >= LEAST_POINTS);
    for (size_t i = 0; i < weft_published_count(); i++) {
        weft_published_point p = weft_published_get(i);
        assert_near(p.predicted_fps, p.engines * p.clock_mhz * 1e6 / p.cycles);
        assert_near(p.error, (p.predicted_fps - p.fps) / p.fps);
        assert_true(p.array_cycles < p.cycles);
        worst = fmax(worst, fabs(p.error));
    }
    weft_published_summary summary = weft_published_summarise();
    assert_near(summary.worst_error, worst);
    assert_true(summary.median_error <= MEDIAN_ERROR);
    assert_true(summary.worst_error <= WORST_ERROR);
}

/* Half of the errors are at most the median. */
static void test_median(void **state)
{
    (void)state;
    weft_published_summary summary = weft_published_summarise();
    size_t below = 0, above = 0, count = weft_published_count();
    for (size_t i = 0; i < count; i++) {
        double error = fabs(weft_published_get(i).error);
        below += error <= summary.median_error;
        above += error >= summary.median_error;
    }
    assert_true(2 * below >= count && 2 * above >= count);
}

/* The same network, design and board at another clock or with another number of engines scales as
 * its array, or less where memory is the limit. */
static void test_scaling(void **state)
{
    (void)state;
    for (size_t i = 0; i < weft_published_count(); i++)
        for (size_t k = 0; k < weft_published_count(); k++) {
            weft_published_point a = weft_published_get(i), b = weft_published_get(k);
            if (strcmp(a.network, b.network) != 0 || strcmp(a.design, b.design) != 0 ||
                strcmp(a.design, "DPUCAHX8H") != 0)
                continue;
            assert_int_equal(a.macs, b.macs);
            assert_near(a.array_cycles, b.array_cycles);
            if (a.clock_mhz <= b.clock_mhz)
                assert_true(a.cycles <= b.cycles); /* memory is faster per cycle */
        }
}

/* No second set of memory figures: they are those of the board's file. */
static void test_boards(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    for (size_t i = 0; i < weft_published_memory_count(); i++) {
        weft_published_memory m = weft_published_memory_get(i);
        const weft_board *board;
        assert_int_equal(weft_board_open(arena, m.like, &board, NULL), WEFT_OK);
        int k = 0;
        while (k < board->memory_count && strcmp(board->memories[k].tag, m.tag) != 0)
            k++;
        if (k == board->memory_count)
            fail_msg("%s has no memory %s", m.like, m.tag);
        assert_near(board->memories[k].bank_gbytes, m.bank_gbytes);
        assert_near(board->memories[k].efficiency, m.efficiency);
        assert_near(board->memories[k].latency_ns, m.latency_ns);
        assert_true(m.banks <= board->memories[k].banks);
    }
    weft_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_boards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
