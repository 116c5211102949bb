/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong with cards, under the real XRT with the software card: each fault is a named
 * error in bounded time, after which the card can be opened again where XRT allows it, and nothing
 * is left running. XRT ends or blocks its process when a card is gone, so every case runs in a
 * process of its own: this program, under `weft softcard`, with the case as its argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compiler/base/file.h"
#include "hls/softcard/xclbin.h"
#include "runtime/backends/xrt/xrt_backend.h"
#include "tests/runtime/network.h"
#include "weft/softcard.h"

static const double LAUNCH_TIMEOUT_S = 2;
/* Set-up of XRT, the launch's bound and what the backend grants other calls (10 s), on a machine
 * that does other things as well. */
enum { CASE_BOUND_S = 60, CARDS = 2 };

static char folder[] = "/tmp/weft-test-XXXXXX";
static char package_path[64], bitstream_path[64], other_path[64], log_path[64];

static void name_files(const char *in)
{
    snprintf(package_path, sizeof package_path, "%s/network.weft", in);
    snprintf(bitstream_path, sizeof bitstream_path, "%s/network.xclbin", in);
    snprintf(other_path, sizeof other_path, "%s/other.xclbin", in);
    snprintf(log_path, sizeof log_path, "%s/log", in);
}

/* ---- cases; they write what happens to standard output ---- */

static weft_diag *diag;

static void say_errors(void)
{
    static size_t said;
    char text[4096];
    for (; said < weft_diag_count(diag); said++) {
        weft_diag_format(weft_diag_get(diag, said), text, sizeof text);
        fputs(text, stdout);
    }
}

typedef struct opened {
    weft_session *session;
    weft_request *request;
} opened;

static weft_status open_card(const char *backend, int32_t device, const char *bitstream,
                             opened *out)
{
    weft_package *package = NULL;
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = backend;
    params.device = device;
    params.bitstream = bitstream;
    params.launch_timeout_ns = (uint64_t)(LAUNCH_TIMEOUT_S * 1e9);
    *out = (opened){0};
    weft_status status = weft_package_open(package_path, diag, &package);
    if (status == WEFT_OK)
        status = weft_session_create(package, &params, diag, &out->session);
    weft_package_close(package);
    if (status == WEFT_OK)
        status = weft_request_create(out->session, diag, &out->request);
    return status;
}

static void close_card(opened *o)
{
    weft_request_destroy(o->request);
    weft_session_destroy(o->session);
    *o = (opened){0};
}

/* Runs and compares; says "right" or what else happened. */
static bool run_once(const opened *o, int seed)
{
    float b[NETWORK_ELEMS], m[NETWORK_CHANNELS], y[NETWORK_ELEMS], z[NETWORK_ELEMS];
    float *x = weft_request_get_input(o->request, 0), *x2 = weft_request_get_input(o->request, 1);
    for (int i = 0; i < NETWORK_ELEMS; i++) {
        x[i] = (float)((i * 37 + seed) % 41) - 20.0f;
        x2[i] = (float)((i * 11 + seed) % 29);
    }
    network_expect(x, x2, b, m, y, z);
    weft_status status = weft_request_run(o->request, 0, diag);
    if (status != WEFT_OK) {
        printf("run: %s\n", weft_status_text(status));
        return false;
    }
    bool is_right = memcmp(weft_request_get_output(o->request, 1), z, sizeof z) == 0;
    puts(is_right ? "right" : "wrong");
    return is_right;
}

static void open_and_run(const char *backend, int32_t device, const char *bitstream)
{
    opened o;
    if (open_card(backend, device, bitstream, &o) == WEFT_OK) {
        run_once(&o, 1);
        if (!run_once(&o, 2))
            puts("end");
    }
    close_card(&o);
    say_errors();
    fflush(stdout);
}

/* A second session on the card; the first one goes on, and then the card is free. */
static void case_two_sessions(const char *backend)
{
    opened first, second;
    if (open_card(backend, 0, bitstream_path, &first) != WEFT_OK ||
        open_card(backend, 0, bitstream_path, &second) == WEFT_OK)
        puts("two sessions");
    close_card(&second);
    run_once(&first, 1);
    close_card(&first);
    open_and_run(backend, 0, bitstream_path);
}

/* The fault, and then the same card without it. */
static void fail_and_open_again(const char *backend, const char *fault)
{
    setenv("WEFT_SOFTCARD_FAULT", fault, 1);
    open_and_run(backend, 0, bitstream_path);
    unsetenv("WEFT_SOFTCARD_FAULT");
    puts("again");
    open_and_run(backend, 0, bitstream_path);
}

/* A bitstream with one thing changed. */
static void change(void (*edit)(weft_xclbin *))
{
    const weft_xclbin *read = NULL;
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || weft_xclbin_read(arena, bitstream_path, &read, diag) != WEFT_OK)
        return;
    weft_xclbin changed = *read;
    edit(&changed);
    if (weft_xclbin_write(&changed, other_path, diag) == WEFT_OK)
        open_and_run("xrt", 0, other_path);
    weft_arena_destroy(arena);
}

static void edit_platform(weft_xclbin *xclbin)
{
    xclbin->platform = "xilinx_u999_shell_1";
}

static void edit_bank(weft_xclbin *xclbin)
{
    static weft_xclbin_memory memories[2];
    memories[0] = xclbin->memories[0];
    memories[1] = (weft_xclbin_memory){"DDR[9]", true, 1 << 28, xclbin->memories[0].size_bytes};
    xclbin->memories = memories;
    xclbin->memory_count = 2;
    xclbin->units[0].banks[XRT_ARG_TARGET] = 1;
}

static void edit_interface(weft_xclbin *xclbin)
{
    memset(xclbin->shell_uuid, 0xcd, sizeof xclbin->shell_uuid);
}

static void edit_engine(weft_xclbin *xclbin)
{
    xclbin->notes = "{\"schema\":\"weft.bitstream/1\",\"engine\":\"0123456789abcdef\"}";
}

static void edit_mode(weft_xclbin *xclbin)
{
    xclbin->mode = WEFT_XCLBIN_HARDWARE;
}

static void case_truncated(void)
{
    weft_file_map map;
    weft_file_writer *writer = NULL;
    if (weft_file_map_open(bitstream_path, &map, diag) != WEFT_OK ||
        weft_file_writer_open(other_path, &writer, diag) != WEFT_OK)
        return;
    weft_file_writer_add(writer, map.data, map.size_bytes / 2);
    weft_file_writer_commit(writer, diag);
    weft_file_map_close(&map);
    open_and_run("xrt", 0, other_path);
}

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *open_folder = opendir(path);
    while (open_folder != NULL && readdir(open_folder) != NULL)
        count++;
    if (open_folder != NULL)
        closedir(open_folder);
    return count;
}

/* Files of the process must not grow from session to session, and threads by no more than the one
 * that XRT 2.13 leaves behind for each emulated device that is opened and closed. */
static void case_leaks(const char *backend)
{
    enum { WARM = 3, CYCLES = 12 };
    size_t threads = 0, files = 0;
    for (int i = 0; i < CYCLES; i++) {
        opened o;
        if (open_card(backend, 0, bitstream_path, &o) == WEFT_OK)
            run_once(&o, i);
        close_card(&o);
        if (i == WARM) {
            threads = count_entries("/proc/self/task");
            files = count_entries("/proc/self/fd");
        }
    }
    say_errors();
    printf("%zu threads after %d sessions, %zu after %d\n", threads - 2, WARM + 1,
           count_entries("/proc/self/task") - 2, CYCLES);
    printf("weft's threads %s, files %s\n",
           count_entries("/proc/self/task") < threads + CYCLES - WARM ? "same" : "more",
           count_entries("/proc/self/fd") <= files ? "same" : "more");
}

static int run_case(const char *name, const char *backend)
{
    if (weft_diag_create(&diag) != WEFT_OK)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(name, "good") == 0)
        open_and_run(backend, 0, bitstream_path);
    else if (strcmp(name, "second") == 0)
        open_and_run(backend, CARDS - 1, bitstream_path);
    else if (strcmp(name, "third") == 0)
        open_and_run(backend, CARDS, bitstream_path);
    else if (strcmp(name, "absent") == 0)
        open_and_run(backend, 0, other_path);
    else if (strcmp(name, "platform") == 0)
        change(edit_platform);
    else if (strcmp(name, "bank") == 0)
        change(edit_bank);
    else if (strcmp(name, "interface") == 0)
        change(edit_interface);
    else if (strcmp(name, "engine") == 0)
        change(edit_engine);
    else if (strcmp(name, "mode") == 0)
        change(edit_mode);
    else if (strcmp(name, "truncated") == 0)
        case_truncated();
    else if (strcmp(name, "sessions") == 0)
        case_two_sessions(backend);
    else if (strcmp(name, "leaks") == 0)
        case_leaks(backend);
    else if (strcmp(name, "vanish") == 0) {
        setenv("WEFT_SOFTCARD_FAULT", "vanish", 1);
        open_and_run(backend, 0, bitstream_path);
    } else {
        fail_and_open_again(backend, name);
    }
    fflush(stdout);
    _exit(0); /* with a card that is gone XRT's own handlers would wait for ever */
}

/* ---- the tests, which start them ---- */

static char said[1 << 16];
static double lasted_s;

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
}

/* A command that cases run under, a checker of memory (tests/leaks.sh); NULL: none. */
static const char *tool(void)
{
    return getenv("WEFT_TEST_TOOL");
}

static double case_bound_s(void)
{
    enum { SLOWER = 10 };
    return tool() == NULL ? CASE_BOUND_S : SLOWER * CASE_BOUND_S;
}

/* In a process group of its own, with what it says in the log, and in the folder of the card, which
 * goes away with all that XRT leaves behind there. */
static pid_t start(const char *name, const char *backend, const char *log)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    setpgid(0, 0);
    char program[512] = "";
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    const char *run_folder = getenv("SDACCEL_EM_RUN_DIR");
    if (length < 0 || run_folder == NULL || chdir(run_folder) != 0)
        _exit(126);
    int file = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    if (tool() == NULL)
        execl(program, "test_faults", name, backend, folder, (char *)NULL);
    else
        execl("/bin/sh", "sh", "-c", "exec $WEFT_TEST_TOOL \"$@\"", "sh", program, name, backend,
              folder, (char *)NULL);
    _exit(127);
}

/* True when it ended by itself and left no process of its group. */
static bool wait_for(pid_t child)
{
    double begin = now_s();
    int state = 0;
    pid_t ended = 0;
    while (ended == 0 && now_s() - begin < case_bound_s()) {
        ended = waitpid(child, &state, WNOHANG);
        nap();
    }
    lasted_s = now_s() - begin;
    for (int i = 0; ended == child && i < 100 && kill(-child, 0) == 0; i++)
        nap();
    bool is_left = kill(-child, 0) == 0;
    kill(-child, SIGKILL);
    if (ended == 0)
        waitpid(child, NULL, 0);
    return ended == child && WIFEXITED(state) && WEXITSTATUS(state) == 0 && !is_left;
}

static void read_log(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(said, 1, sizeof said - 1, file);
    said[length] = '\0';
    if (file != NULL)
        fclose(file);
}

static void run_here(const char *name, const char *backend)
{
    bool is_clean = wait_for(start(name, backend, log_path));
    read_log(log_path);
    if (!is_clean)
        fail_msg("case %s of %s did not end well after %.1f s:\n%s", name, backend, lasted_s, said);
}

static void expect_said(const char *text)
{
    if (strstr(said, text) == NULL)
        fail_msg("expected %s in:\n%s", text, said);
}

static void a_card_computes(void **state)
{
    run_here("good", *state);
    expect_said("right\nright\n");
}

static void several_cards(void **state)
{
    run_here("second", *state);
    expect_said("right\nright\n");
    run_here("third", *state);
    expect_said("error[E0403]");
    expect_said("0 to 1");
}

static void a_card_is_one_sessions(void **state)
{
    run_here("sessions", *state);
    expect_said("right\nright\nright\n");
    expect_said("error[E0723]");
    expect_said("another session of this process");
    assert_null(strstr(said, "two sessions"));
}

static void nothing_leaks(void **state)
{
    run_here("leaks", *state);
    expect_said("weft's threads same, files same\n");
}

static void wrong_bitstreams_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"absent", "error[E0704]"}, {"platform", "error[E0711]"},
                                           {"bank", "error[E0717]"},   {"engine", "error[E0714]"},
                                           {"mode", "error[E0710]"},   {"truncated", "error[E065"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unlink(other_path);
        run_here(cases[i][0], "xrt");
        expect_said(cases[i][1]);
        expect_said(other_path);
        assert_null(strstr(said, "right"));
        /* Before anything was loaded: the card's process was not started. */
        assert_true(lasted_s < LAUNCH_TIMEOUT_S + case_bound_s() / 2);
    }
}

static void another_interface_is_refused(void **state)
{
    (void)state;
    const char *old = getenv("EMCONFIG_PATH");
    char path[256], line[256], *keep = strdup(old);
    snprintf(path, sizeof path, "%s/emconfig.json", old);
    FILE *from = fopen(path, "r");
    assert_non_null(from);
    snprintf(path, sizeof path, "%s/emconfig.json", folder);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    while (fgets(line, sizeof line, from) != NULL) {
        char *at = strstr(line, "\"Name\"");
        bool is_device = at != NULL && strstr(line, "bank") == NULL && strstr(line, "[") == NULL;
        if (is_device)
            fprintf(to, "\"InterfaceUUID\": \"862c7020a250293e32036f19956669e5\",\n");
        fputs(line, to);
    }
    fclose(from);
    fclose(to);
    setenv("EMCONFIG_PATH", folder, 1);
    run_here("interface", "xrt");
    setenv("EMCONFIG_PATH", keep, 1);
    free(keep);
    unlink(path);
    expect_said("error[E0712]");
    expect_said("cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd, by the bitstream");
    expect_said("862c7020a250293e32036f19956669e5, on the card");
}

static void a_unit_hangs(void **state)
{
    run_here("hang", *state);
    expect_said("error[E0727]");
    expect_said("did not end in 2.0 s");
    expect_said("test_engine_1 busy for");
    expect_said("again\n");
}

static void a_unit_crashes(void **state)
{
    run_here("crash", *state);
    expect_said("error[E0727]");
    expect_said("test_engine_1 busy for");
    expect_said("again\n");
}

static void the_card_can_be_opened_again(void **state)
{
    (void)state;
    run_here("hang", "xrt");
    const char *again = strstr(said, "again\n");
    assert_non_null(again);
    if (strstr(again, "right\nright\n") == NULL)
        fail_msg("expected right results after it in:\n%s", said);
    run_here("crash:1", "xrt"); /* in the middle of a session */
    expect_said("right\n");
    again = strstr(said, "again\n");
    assert_non_null(again);
    if (strstr(again, "right\nright\n") == NULL)
        fail_msg("expected right results after it in:\n%s", said);
}

static void the_card_vanishes(void **state)
{
    run_here("vanish", *state);
    /* XRT's own API is stuck; its OpenCL does not notice, and the bound of the launch ends it. */
    expect_said(strcmp(*state, "xrt") == 0 ? "error[E0726]" : "error[E0727]");
    assert_true(lasted_s < case_bound_s() / 2);
}

static void the_card_has_no_memory(void **state)
{
    (void)state;
    run_here("nomem", "xrt");
    expect_said("error[E0725]");
    assert_null(strstr(said, "wrong"));
}

static void two_processes_at_once(void **state)
{
    char logs[2][80];
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        snprintf(logs[i], sizeof logs[i], "%s%d", log_path, i);
        children[i] = start("good", *state, logs[i]);
    }
    for (int i = 0; i < 2; i++) {
        bool is_clean = wait_for(children[i]);
        read_log(logs[i]);
        unlink(logs[i]);
        assert_true(is_clean);
        expect_said("right\nright\n");
    }
}

/* The emulation gives every process a card of its own; what the driver says when another process
 * has the card is a number. */
static void a_busy_card_is_named(void **state)
{
    (void)state;
    xrt_failure failure = {0};
    weft_diag *said_here = NULL;
    assert_int_equal(weft_diag_create(&said_here), WEFT_OK);
    weft__xrt_call_failed(&failure, WEFT_E_XRT_LOAD, "xrtDeviceLoadXclbinFile", -EBUSY);
    assert_int_equal(weft__xrt_failure_report(&failure, bitstream_path, said_here), WEFT_DEVICE);
    const weft_diag_entry *entry = weft_diag_get(said_here, 0);
    assert_int_equal(entry->id, 723);
    assert_string_equal(entry->fields[WEFT_DIAG_AT], bitstream_path);
    assert_non_null(strstr(entry->fields[WEFT_DIAG_FOUND], "xrtDeviceLoadXclbinFile: error 16"));
    weft_diag_destroy(said_here);
}

static void xrt_is_not_installed(void **state)
{
    setenv("WEFT_XRT_LIBRARY", "libno-such-xrt.so.2", 1);
    run_here("good", *state);
    unsetenv("WEFT_XRT_LIBRARY");
    expect_said("error[E0700]");
}

/* ---- start ---- */

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, NULL, NULL, (void *)(uintptr_t)backend                                        \
    }

static int test_backend(const char *backend)
{
    const struct CMUnitTest both[] = {
        TEST(a_card_computes),   TEST(several_cards),         TEST(a_card_is_one_sessions),
        TEST(nothing_leaks),     TEST(a_unit_hangs),          TEST(a_unit_crashes),
        TEST(the_card_vanishes), TEST(two_processes_at_once), TEST(xrt_is_not_installed)};
    const struct CMUnitTest native[] = {TEST(wrong_bitstreams_are_refused),
                                        TEST(another_interface_is_refused),
                                        TEST(the_card_can_be_opened_again),
                                        TEST(the_card_has_no_memory), TEST(a_busy_card_is_named)};
    int failed = cmocka_run_group_tests_name(backend, both, NULL, NULL);
    if (strcmp(backend, "xrt") == 0)
        failed += cmocka_run_group_tests_name("xrt alone", native, NULL, NULL);
    return failed;
}

static void enter_softcard(char *program)
{
    const char *build = getenv("WEFT_BUILD");
    char weft[512], devices[16];
    snprintf(weft, sizeof weft, "%s/weft", build == NULL ? "build" : build);
    snprintf(devices, sizeof devices, "%d", CARDS);
    char *words[] = {weft,    (char *)(uintptr_t) "softcard", (char *)(uintptr_t) "--devices",
                     devices, (char *)(uintptr_t) "--",       program,
                     NULL};
    execv(weft, words);
    fprintf(stderr, "%s: %s\n", weft, strerror(errno));
}

int main(int argc, char **argv)
{
    char why[XRT_WHY_BYTES];
    bool is_absent = false;
    if (argc == 4) {
        name_files(argv[3]);
        return run_case(argv[1], argv[2]);
    }
    if (getenv("WEFT_TEST_REF_ONLY") != NULL) {
        puts("skipped: XRT is not built for sanitizers");
        return 0;
    }
    if (!weft__xrt_is_ready(why, &is_absent) && is_absent) {
        puts("skipped: XRT is not installed (Debian: libxrt1)");
        return 0;
    }
    if (getenv("XCL_EMULATION_MODE") == NULL) {
        enter_softcard(argv[0]);
        return 1;
    }
    if (mkdtemp(folder) == NULL)
        return 1;
    name_files(folder);
    network_write(package_path, NULL);
    if (weft_diag_create(&diag) != WEFT_OK ||
        weft_softcard_build(package_path, bitstream_path, NULL, diag) != WEFT_OK) {
        say_errors();
        return 1;
    }
    int failed = test_backend("xrt");
#if WEFT_HAVE_OPENCL
    failed += test_backend("xrt-opencl");
#endif
    weft_diag_destroy(diag);
    unlink(package_path);
    unlink(bitstream_path);
    unlink(other_path);
    unlink(log_path);
    rmdir(folder);
    return failed;
}
