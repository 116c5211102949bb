/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers of the tools' reports on samples in the vendor's form, whole, cut and damaged. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hls/flow/internal.h"

static int set_up(void **state)
{
    *state = weft_arena_create();
    return *state == NULL;
}

static int tear_down(void **state)
{
    weft_arena_destroy(*state);
    return 0;
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * fabs(expected) + 1e-12))
        fail_msg("%.12g instead of %.12g", found, expected);
}

/* Exactly as long as the text, so that sanitizers see a read beyond it. */
static char *exact(const char *text, size_t length)
{
    char *copy = malloc(length == 0 ? 1 : length);
    memcpy(copy, text, length);
    return copy;
}

/* ---- high-level synthesis ---- */

static const char csynth[] =
    "<?xml version=\"1.0\"?>\n<profile>\n\n<ReportVersion>\n<Version>2022.2</Version>\n"
    "</ReportVersion>\n<UserAssignments>\n<unit>ns</unit>\n<Part>xcu280-fsvh2892-2L-e</Part>\n"
    "<TopModelName>weft_engine</TopModelName>\n<TargetClockPeriod>3.33</TargetClockPeriod>\n"
    "</UserAssignments>\n<PerformanceEstimates>\n<SummaryOfTimingAnalysis>\n<unit>ns</unit>\n"
    "<EstimatedClockPeriod>2.433</EstimatedClockPeriod>\n</SummaryOfTimingAnalysis>\n"
    "<SummaryOfLoopLatency><loop><Resources><LUT>7</LUT></Resources></loop></SummaryOfLoopLatency>\n"
    "</PerformanceEstimates>\n<AreaEstimates>\n<Resources>\n<BRAM_18K>643</BRAM_18K>\n"
    "<DSP>1104</DSP>\n<FF>251880</FF>\n<LUT>152345</LUT>\n<URAM>96</URAM>\n</Resources>\n"
    "<AvailableResources>\n<BRAM_18K>4032</BRAM_18K>\n<DSP>9024</DSP>\n<FF>2607360</FF>\n"
    "<LUT>1303680</LUT>\n<URAM>960</URAM>\n</AvailableResources>\n</AreaEstimates>\n<Empty/>\n"
    "</profile>\n";

static void test_csynth(void **state)
{
    flow_csynth report;
    assert_true(weft__build_csynth_parse(*state, csynth, strlen(csynth), &report));
    assert_string_equal(report.version, "2022.2");
    assert_string_equal(report.top, "weft_engine");
    assert_string_equal(report.part, "xcu280-fsvh2892-2L-e");
    near(report.target_ns, 3.33);
    near(report.estimated_ns, 2.433);
    near(report.used.of[FLOW_LUT], 152345); /* not the loop's */
    near(report.used.of[FLOW_FF], 251880);
    near(report.used.of[FLOW_DSP], 1104);
    near(report.used.of[FLOW_BRAM36], 321.5);
    near(report.used.of[FLOW_URAM], 96);
    near(report.available.of[FLOW_DSP], 9024);
    near(report.available.of[FLOW_BRAM36], 2016);
}

static void test_csynth_of_older_releases(void **state)
{
    static const char text[] =
        "<profile><AreaEstimates><Resources><BRAM_18K>2</BRAM_18K><DSP48E>5</DSP48E><FF>6</FF>"
        "<LUT>undef</LUT><LUT> 7 </LUT></Resources></AreaEstimates></profile>";
    flow_csynth report;
    assert_true(weft__build_csynth_parse(*state, text, strlen(text), &report));
    near(report.used.of[FLOW_DSP], 5);
    near(report.used.of[FLOW_LUT], 7);
    assert_true(isnan(report.used.of[FLOW_URAM]));
    assert_true(isnan(report.estimated_ns));
    assert_null(report.top);
}

static void test_csynth_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "<",
        "no report",
        "<html><AreaEstimates><Resources><LUT>7</LUT></Resources></AreaEstimates></html>",
        "<profile></profile></profile>",
        "<profile><AreaEstimates><Resources><LUT>-7</LUT></Resources></AreaEstimates></profile>",
        "<profile><AreaEstimates><Resources><LUT>nan</LUT></Resources></AreaEstimates></profile>",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"};
    flow_csynth report;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(weft__build_csynth_parse(*state, texts[i], strlen(texts[i]), &report));
}

/* ---- timing ---- */

#define BOX "----------------------------------------------------------------------------------\n"
static const char timing[] =
    "Timing Summary Report\n\n" BOX "| Design Timing Summary\n| ---------------------\n" BOX "\n"
    "    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      "
    "THS(ns)  THS Failing Endpoints\n"
    "    -------      -------  ---------------------  -------------------      -------      "
    "-------  ---------------------\n"
    "     -1.432   -18545.084                  24319              1893022        0.010        "
    "0.000                      0\n\n\nTiming constraints are not met.\n\n" BOX
    "| Clock Summary\n| -------------\n" BOX "\n"
    "Clock                          Waveform(ns)       Period(ns)      Frequency(MHz)\n"
    "-----                          ------------       ----------      --------------\n"
    "dma_ip_axi_aclk_1              {0.000 2.000}      4.000           250.000         \n"
    "  clk_kernel_00_unbuffered_net {0.000 1.667}      3.333           300.030         \n\n" BOX
    "| Intra Clock Table\n| -----------------\n" BOX "\n"
    "Clock                              WNS(ns)      TNS(ns)  TNS Failing Endpoints\n"
    "dma_ip_axi_aclk_1                    0.003        0.000      0   190233   0.010  0.000  0  "
    "190233   0.500  0.000  0  80111\n"
    "  clk_kernel_00_unbuffered_net      -1.432   -18545.084  24319  1500000   0.012  0.000  0  "
    "1500000  0.300  0.000  0  500000\n"
    "  quiet                                                                                    "
    "         2.500  0.000  0  10\n\n" BOX "| Inter Clock Table\n| -----------------\n" BOX
    "dma_ip_axi_aclk_1  x  -9.000  0 0 0 0 0 0\n";

static void test_timing(void **state)
{
    flow_timing found;
    assert_true(weft__build_timing_parse(*state, timing, strlen(timing), &found));
    near(found.slack_ns, -1.432);
    near(found.total_slack_ns, -18545.084);
    near(found.failing_endpoints, 24319);
    near(found.hold_slack_ns, 0.010);
    assert_int_equal(found.clock_count, 2);
    assert_string_equal(found.clocks[0].name, "dma_ip_axi_aclk_1");
    near(found.clocks[0].period_ns, 4);
    near(found.clocks[0].slack_ns, 0.003);
    assert_string_equal(found.clocks[1].name, "clk_kernel_00_unbuffered_net");
    near(found.clocks[1].period_ns, 3.333);
    near(found.clocks[1].slack_ns, -1.432);
}

static void test_timing_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "\n\n",
                                        "| Design Timing Summary\n",
                                        "  -1.432   -18545.084  24319  1893022  0.010\n",
                                        "| Design Timing Summary\n nan nan 1 2 nan\n",
                                        "| Design Timing Summary\n1 2\n"};
    flow_timing found;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(weft__build_timing_parse(*state, texts[i], strlen(texts[i]), &found));
}

static void test_more_clocks_than_kept(void **state)
{
    weft_text text;
    flow_timing found;
    weft_text_init(&text, *state);
    weft_text_add(&text, "| Design Timing Summary\n 0.1 0.0 0 10 0.1\n| Clock Summary\n");
    for (int i = 0; i < 3 * FLOW_CLOCKS; i++)
        weft_text_printf(&text, "clock_%d {0.000 1.000} 2.000 500.000\n", i);
    assert_true(weft__build_timing_parse(*state, text.data, text.length, &found));
    assert_int_equal(found.clock_count, FLOW_CLOCKS);
}

static void test_new_clock(void **state)
{
    (void)state;
    static const char text[] = "system:0:dma_ip_axi_aclk_1:250\nkernel:1:clk_kernel_01:500\n"
                               "kernel:0:clk_kernel_00_unbuffered_net:221.4\n";
    near(weft__build_new_clock_parse(text, strlen(text)), 221.4);
    assert_true(isnan(weft__build_new_clock_parse("", 0)));
    assert_true(isnan(weft__build_new_clock_parse("kernel:0:x", 10)));
    assert_true(isnan(weft__build_new_clock_parse("kernel:0:x:fast\n", 16)));
    assert_true(isnan(weft__build_new_clock_parse(":::\n::::\n", 9)));
}

/* ---- utilisation ---- */

static const char kernels[] =
    "+---------------------------+-------------------+------------------+\n"
    "| Name                      | LUT               | LUTAsMem         | REG               | BRAM "
    "          | URAM          | DSP            |\n"
    "+---------------------------+-------------------+------------------+\n"
    "| Platform                  |  153190 [ 11.75%] |  17282 [  2.92%] |  268446 [ 11.35%] |  314 [ "
    "14.54%] |  20 [  2.08%] |   10 [  0.15%] |\n"
    "| User Budget               | 1149530 [100.00%] | 574558 [100.00%] | 2096034 [100.00%] | 1846 "
    "[100.00%] | 940 [100.00%] | 6830 [100.00%] |\n"
    "|    Used Resources         |   69389 [  7.01%] |   7136 [  1.24%] |   91572 [  4.37%] | 87.5 [ "
    " 4.71%] |  10 [  1.06%] |  414 [  6.06%] |\n"
    "| weft_engine               |   69389 [  7.01%] |   7136 [  1.24%] |   91572 [  4.37%] | 87.5 [ "
    " 4.71%] |  10 [  1.06%] |  414 [  6.06%] |\n"
    "|    weft_engine_1          |   69389 [  7.01%] |   7136 [  1.24%] |   91572 [  4.37%] | 87.5 [ "
    " 4.71%] |  10 [  1.06%] |  414 [  6.06%] |\n"
    "+---------------------------+-------------------+------------------+\n";

static void test_kernel_table(void **state)
{
    flow_utilisation table;
    assert_true(weft__build_kernel_table_parse(*state, kernels, strlen(kernels), &table));
    assert_int_equal(table.row_count, 5);
    assert_string_equal(table.rows[2].name, "Used Resources");
    assert_string_equal(table.rows[4].name, "weft_engine_1");
    near(table.rows[4].used.of[FLOW_LUT], 69389);
    near(table.rows[4].used.of[FLOW_FF], 91572);
    near(table.rows[4].used.of[FLOW_BRAM36], 87.5);
    near(table.rows[4].used.of[FLOW_URAM], 10);
    near(table.rows[4].used.of[FLOW_DSP], 414);
    near(table.rows[1].used.of[FLOW_DSP], 6830);
    assert_false(weft__build_kernel_table_parse(*state, "", 0, &table));
    assert_false(weft__build_kernel_table_parse(*state, "| a | b |\n", 10, &table));
}

static const char slrs[] = "14. SLR CLB Logic and Dedicated Block Utilization\n"
                           "+--------------------+--------+--------+--------+--------+\n"
                           "|      Site Type     |  SLR0  |  SLR1  | SLR0 % | SLR1 % |\n"
                           "+--------------------+--------+--------+--------+--------+\n"
                           "| CLB                |  40680 |  50177 |  75.33 |  92.92 |\n"
                           "| CLB LUTs           | 185688 |  24459 |  42.98 |  <0.01 |\n"
                           "|   LUT as Logic     | 182063 | 211766 |  42.14 |  49.02 |\n"
                           "| CLB Registers      | 385162 | 387437 |  20.51 |  21.00 |\n"
                           "| Block RAM Tile     |  314.5 |      0 |  46.80 |   0.00 |\n"
                           "| URAM               |     96 |      0 |  30.00 |   0.00 |\n"
                           "| DSPs               |   1104 |    512 |  35.94 |  16.67 |\n"
                           "+--------------------+--------+--------+--------+--------+\n"
                           "15. SLR IO Utilization\n"
                           "| SLR | Used | DSPs |\n| Site Type | Used |\n| DSPs | 99999 |\n";

static void test_slr_table(void **state)
{
    (void)state;
    flow_slr_utilisation table;
    assert_true(weft__build_slr_table_parse(slrs, strlen(slrs), &table));
    assert_int_equal(table.slr_count, 2);
    near(table.used[0].of[FLOW_LUT], 185688);
    near(table.percent[0].of[FLOW_LUT], 42.98);
    near(table.used[1].of[FLOW_LUT], 24459);
    near(table.percent[1].of[FLOW_LUT], 0);
    near(table.used[0].of[FLOW_BRAM36], 314.5);
    near(table.used[1].of[FLOW_FF], 387437);
    near(table.used[0].of[FLOW_URAM], 96);
    near(table.used[1].of[FLOW_DSP], 512);
    near(table.percent[1].of[FLOW_DSP], 16.67);
    assert_false(weft__build_slr_table_parse("", 0, &table));
    assert_false(weft__build_slr_table_parse("| Site Type | Used |\n| DSPs | 1 |\n", 35, &table));
}

/* ---- all of them, cut everywhere ---- */

static void test_cut_reports(void **state)
{
    static const char *const texts[] = {csynth, timing, kernels, slrs};
    flow_csynth report;
    flow_timing found;
    flow_utilisation *table = malloc(sizeof *table);
    flow_slr_utilisation regions;
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        for (size_t length = 0; length <= strlen(texts[t]); length += 7) {
            char *cut = exact(texts[t], length);
            weft__build_csynth_parse(*state, cut, length, &report);
            weft__build_timing_parse(*state, cut, length, &found);
            weft__build_kernel_table_parse(*state, cut, length, table);
            weft__build_slr_table_parse(cut, length, &regions);
            weft__build_new_clock_parse(cut, length);
            assert_in_range(table->row_count, 0, FLOW_ROWS);
            assert_in_range(regions.slr_count, 0, FLOW_SLRS);
            free(cut);
        }
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_csynth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_csynth_of_older_releases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_csynth_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timing_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_clocks_than_kept, set_up, tear_down),
        cmocka_unit_test(test_new_clock),
        cmocka_unit_test_setup_teardown(test_kernel_table, set_up, tear_down),
        cmocka_unit_test(test_slr_table),
        cmocka_unit_test_setup_teardown(test_cut_reports, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
