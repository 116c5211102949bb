/* SPDX-License-Identifier: Apache-2.0 */
/* Releases as data, the texts of configuration files per release, failures in logs, the memory of a
 * work folder, and processes that are stopped. */
#define _XOPEN_SOURCE 700 /* mkdtemp; includes POSIX.1-2008 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* ---- releases ---- */

static void test_releases(void **state)
{
    (void)state;
    int year = 0, part = 0;
    assert_true(weft__build_release_read("2023.2 (64-bit)", &year, &part));
    assert_int_equal(year, 2023);
    assert_int_equal(part, 2);
    assert_false(weft__build_release_read("2023.22", &year, &part));
    assert_false(weft__build_release_read("2023", &year, &part));
    assert_false(weft__build_release_read("x2023.2", &year, &part));
    assert_false(weft__build_release_read("", &year, &part));
    for (size_t i = 1; i < weft__build_release_count; i++)
        assert_true(weft__build_release_compare(
                        weft__build_releases[i - 1].year, weft__build_releases[i - 1].part,
                        weft__build_releases[i].year, weft__build_releases[i].part) < 0);
    assert_null(weft__build_release_find(2019, 1));
    assert_int_equal(weft__build_release_find(2099, 1)->year, 2026);
    assert_false(weft__build_release_find(2022, 1)->has_hls_c);
    assert_true(weft__build_release_find(2022, 2)->has_hls_c);
    assert_true(weft__build_release_find(2023, 1)->has_opencl_c);
    assert_false(weft__build_release_find(2023, 2)->has_opencl_c);
    for (size_t i = 0; i < weft__build_release_count; i++) /* every release takes one of them */
        assert_true(weft__build_releases[i].has_hls_c || weft__build_releases[i].has_opencl_c);
}

/* ---- configuration ---- */

static weft_card_unit units[2] = {
    {"weft_engine_1", 0, {"HBM[0]", "HBM[1]", "HBM[2]", "HBM[3]", "HBM[4]"}},
    {"weft_engine_2", 1, {"HBM[8]", "HBM[9]", "DDR[1]", "DDR[1]", "DDR[1]"}}};
static weft_card card = {"u280", "xcu280-fsvh2892-2L-e", "p", 287.5, units, 2};

static const char *link_config(weft_arena *arena, int year, int part, weft_status *out_status)
{
    weft_text text;
    flow_design design = {.card = &card,
                          .kernel = "weft_engine",
                          .source = "weft_engine.c",
                          .platform = "p",
                          .clock_mhz = 287.5,
                          .target = WEFT_FLOW_HW_EMU};
    weft_text_init(&text, arena);
    *out_status =
        weft__build_link_config(&text, &design, weft__build_release_find(year, part), NULL);
    return text.data;
}

static const char places[] = "slr=weft_engine_1:SLR0\nslr=weft_engine_2:SLR1\n"
                             "sp=weft_engine_1.program:HBM[0]\nsp=weft_engine_1.weights:HBM[1]\n"
                             "sp=weft_engine_1.source:HBM[2]\nsp=weft_engine_1.second:HBM[3]\n"
                             "sp=weft_engine_1.target:HBM[4]\nsp=weft_engine_2.program:HBM[8]\n"
                             "sp=weft_engine_2.weights:HBM[9]\nsp=weft_engine_2.source:DDR[1]\n"
                             "sp=weft_engine_2.second:DDR[1]\nsp=weft_engine_2.target:DDR[1]\n";

static void test_link_config(void **state)
{
    weft_status status;
    const char *text = link_config(*state, 2021, 2, &status);
    assert_int_equal(status, WEFT_OK);
    assert_string_equal(text, weft_arena_printf(*state,
                                                "[connectivity]\nnk=weft_engine:2:weft_engine_1."
                                                "weft_engine_2\n%s",
                                                places));
    text = link_config(*state, 2022, 2, &status);
    assert_int_equal(status, WEFT_OK);
    assert_string_equal(text,
                        weft_arena_printf(*state, "[connectivity]\nnk=weft_engine:2\n%s", places));
    text = link_config(*state, 2024, 2, &status);
    assert_int_equal(status, WEFT_OK);
    assert_string_equal(text, weft_arena_printf(*state,
                                                "[connectivity]\nnk=weft_engine:2:weft_engine_1,"
                                                "weft_engine_2\n%s\n[clock]\nfreqHz=287500000:"
                                                "weft_engine_1,weft_engine_2\n",
                                                places));
}

/* Where the separator is not known only the linker's own names are safe. */
static void test_own_names(void **state)
{
    weft_status status;
    units[1].name = "second";
    link_config(*state, 2022, 2, &status);
    assert_int_equal(status, WEFT_UNSUPPORTED);
    const char *text = link_config(*state, 2024, 2, &status);
    assert_int_equal(status, WEFT_OK);
    assert_non_null(strstr(text, "nk=weft_engine:2:weft_engine_1,second\n"));
    units[1].name = "weft_engine_2";
}

static void test_clocks_as_text(void **state)
{
    assert_string_equal(weft__build_hertz(*state, 287.5), "287500000");
    assert_string_equal(weft__build_hertz(*state, 1000.0 / 3), "333333333");
    assert_string_equal(weft__build_megahertz(*state, 300), "300");
    assert_string_equal(weft__build_megahertz(*state, 287.5), "287.5");
    assert_string_equal(weft__build_megahertz(*state, 1000.0 / 3), "333.333");
}

/* ---- failures ---- */

static int rank(const char *line)
{
    return weft__build_failure_rank(line, strlen(line));
}

static void test_failure_ranks(void **state)
{
    (void)state;
    int last = rank("ERROR: [VPL 60-773] In 'x', caught Tcl error");
    assert_true(last > 0);
    assert_int_equal(rank("INFO: [v++ 60-586] Created x"), -1);
    assert_int_equal(rank("WARNING: [VPL 60-732] Link warning: No monitor points found"), -1);
    assert_int_equal(rank(""), -1);
    static const char *const causes[] = {
        "ERROR: [VPL 101-2] design did not meet timing - Design did not meet timing.",
        "ERROR: [VPL 30-640] Place Check : This design requires more DSP cells than are available",
        "ERROR: [VPL UTLZ-1] Resource utilization: DSP over-utilized in Pblock x",
        "ERROR: [VPL 30-99] Placer failed with error: 'x'",
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'",
        "rdiArgs.sh: line 309: 3801495 Killed                  \"$RDI_PROG\" \"$@\"",
        "ERROR: [v++ 60-1258] No valid platform was found that matches 'x'.",
        "Abnormal program termination (11)"};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        assert_in_range(rank(causes[i]), 0, last - 1);
}

/* ---- a work folder ---- */

static char *temporary(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/weft-flow-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_state(void **state)
{
    (void)state;
    char *work = temporary();
    flow_record record = {.key = weft__build_hash_bytes("a", 1),
                          .output = weft__build_hash_bytes("b", 1),
                          .seconds = 12.5};
    assert_string_equal(weft__build_state_get(work, "link").key.text, "");
    assert_int_equal(weft__build_state_set(work, "link", &record, NULL), WEFT_OK);
    flow_record other = {.seconds = 1};
    assert_int_equal(weft__build_state_set(work, "compile", &other, NULL), WEFT_OK);
    flow_record found = weft__build_state_get(work, "link");
    assert_string_equal(found.key.text, record.key.text);
    assert_string_equal(found.output.text, record.output.text);
    assert_true(found.seconds == 12.5);
    static const char *const damaged[] = {
        "",
        "{",
        "[]",
        "{\"schema\": \"weft.flow/1\"}",
        "{\"schema\": 1, \"steps\": {}}",
        "{\"schema\": \"weft.flow/1\", \"steps\": {\"link\": 3}}"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        put_file(work, "state.json", damaged[i]);
        assert_string_equal(weft__build_state_get(work, "link").key.text, "");
    }
    assert_true(weft__build_remove_folder(work));
    assert_int_equal(access(work, F_OK), -1);
}

static void test_work_folder(void **state)
{
    (void)state;
    char *work = temporary();
    int first = -1, second = -1;
    put_file(work, "letter.txt", "mine");
    assert_int_equal(weft__build_work_open(work, NULL, &first), WEFT_USAGE);
    assert_int_equal(first, -1);
    assert_true(weft__build_remove_folder(work));
    assert_int_equal(weft__build_work_open(work, NULL, &first), WEFT_OK);
    assert_int_equal(weft__build_work_open(work, NULL, &second), WEFT_DEVICE); /* locked */
    close(first);
    assert_int_equal(weft__build_work_open(work, NULL, &second), WEFT_OK);
    close(second);
    assert_true(weft__build_remove_folder(work));
}

/* Links lead out of the folder: neither looking nor removing goes through them. */
static void test_folders(void **state)
{
    weft_arena *arena = *state;
    char inside[128], outside[128], link_path[160];
    snprintf(outside, sizeof outside, "%s", temporary());
    snprintf(inside, sizeof inside, "%s", temporary());
    put_file(outside, "kernel_util_routed.rpt", "x");
    snprintf(link_path, sizeof link_path, "%s/away", inside);
    assert_int_equal(symlink(outside, link_path), 0);
    snprintf(link_path, sizeof link_path, "%s/deep", inside);
    assert_int_equal(mkdir(link_path, 0777), 0);
    put_file(link_path, "impl_1_kernel_util_routed.rpt", "y");
    flow_paths found = weft__build_find_files(arena, inside, "*kernel_util_routed.rpt");
    assert_int_equal(found.count, 1);
    assert_string_equal(weft__build_read_text(arena, found.items[0], 10), "y");
    assert_int_equal(weft__build_find_files(arena, inside, "kernel_util_routed.rpt").count, 0);
    assert_int_equal(weft__build_find_files(arena, "/nowhere/at/all", "*").count, 0);
    assert_true(weft__build_remove_folder(inside));
    assert_int_equal(weft__build_find_files(arena, outside, "*.rpt").count, 1);
    assert_true(weft__build_remove_folder(outside));
}

/* ---- processes ---- */

static bool go_on(void *user, double seconds)
{
    (void)user;
    return seconds < 60;
}

static bool stop_soon(void *user, double seconds)
{
    (void)user;
    return seconds < 0.3;
}

static int log_file(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = dup(fileno(file));
    fclose(file);
    return fd;
}

static void test_process(void **state)
{
    (void)state;
    char text[64] = "";
    int log = log_file();
    const char *const good[] = {"/bin/sh", "-c", "echo out; echo err >&2; pwd", NULL};
    flow_outcome outcome = weft__build_process(good, "/", log, go_on, NULL);
    assert_int_equal(outcome.end, FLOW_END_EXIT);
    assert_int_equal(outcome.code, 0);
    assert_true(pread(log, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "out\nerr\n/\n");
    const char *const bad[] = {"/bin/sh", "-c", "exit 3", NULL};
    outcome = weft__build_process(bad, NULL, log, go_on, NULL);
    assert_int_equal(outcome.end, FLOW_END_EXIT);
    assert_int_equal(outcome.code, 3);
    const char *const killed[] = {"/bin/sh", "-c", "kill -9 $$", NULL};
    outcome = weft__build_process(killed, NULL, log, go_on, NULL);
    assert_int_equal(outcome.end, FLOW_END_SIGNAL);
    assert_int_equal(outcome.code, SIGKILL);
    const char *const absent[] = {"/nowhere/v++", NULL};
    outcome = weft__build_process(absent, NULL, log, go_on, NULL);
    assert_int_equal(outcome.end, FLOW_END_START);
    assert_int_equal(outcome.code, ENOENT);
    outcome = weft__build_process(good, "/nowhere", log, go_on, NULL);
    assert_int_equal(outcome.end, FLOW_END_START);
    close(log);
}

/* Stopping ends what the program started, too. */
static void test_stop(void **state)
{
    (void)state;
    char text[32] = "";
    int log = log_file();
    const char *const words[] = {"/bin/sh", "-c", "sleep 300 & echo $!; wait", NULL};
    flow_outcome outcome = weft__build_process(words, NULL, log, stop_soon, NULL);
    assert_int_equal(outcome.end, FLOW_END_STOPPED);
    assert_true(outcome.seconds < 5);
    assert_true(pread(log, text, sizeof text - 1, 0) > 0);
    pid_t child = (pid_t)strtol(text, NULL, 10);
    assert_true(child > 1);
    bool is_gone = false;
    for (int i = 0; i < 100 && !is_gone; i++) { /* a zombie until init looks */
        char path[64], stat_text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
        FILE *file = fopen(path, "r");
        is_gone = file == NULL || (fgets(stat_text, sizeof stat_text, file) != NULL &&
                                   strstr(stat_text, ") Z ") != NULL);
        if (file != NULL)
            fclose(file);
        if (!is_gone)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_true(is_gone);
    close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_releases),
        cmocka_unit_test_setup_teardown(test_link_config, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_own_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clocks_as_text, set_up, tear_down),
        cmocka_unit_test(test_failure_ranks),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_work_folder),
        cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
