/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every backend: results, several requests, callbacks, time-outs, values, times,
 * wrong arguments, order of destruction, lack of memory. What only one backend has (the kernel
 * cache) is in test_opencl.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runtime/network.h"
#include "weft/softcard.h"

/* Sums of 16 numbers below 64 in f32, in another order than the expectation's. */
static const float SUM_TOLERANCE = 1e-5f;
enum { SECOND_NS = 1000000000 };

static char folder[] = "/tmp/weft-test-XXXXXX";
static char network_path[64], pair_path[64], chain_path[64];
/* Where a session looks for them. */
static char network_bitstream[64], pair_bitstream[64], chain_bitstream[64];
/* The engine's HLS C is compiled once: a run of the C compiler for each of a hundred sessions takes
 * minutes. */
static char cache_folder[64];
static const char *backend; /* of the suite's present round */
static weft_diag *diag;

static weft_package *open_network(void)
{
    weft_package *package = NULL;
    assert_int_equal(weft_package_open(network_path, diag, &package), WEFT_OK);
    return package;
}

static weft_session_params params_default(void)
{
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = backend;
    params.cache_dir = strcmp(backend, "engine-hls") == 0 ? cache_folder : "";
    return params;
}

static void show_errors(void)
{
    char text[2048];
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        print_message("%s", text);
    }
}

static weft_session *create_session(weft_package *package, const weft_session_params *params)
{
    weft_session *session = NULL;
    if (weft_session_create(package, params, diag, &session) != WEFT_OK) {
        show_errors();
        fail_msg("no session");
    }
    return session;
}

static weft_request *create_request(weft_session *session)
{
    weft_request *request = NULL;
    if (weft_request_create(session, diag, &request) != WEFT_OK) {
        show_errors();
        fail_msg("no request");
    }
    return request;
}

/* A session over the network, of which the package was closed already: the session keeps it. */
static weft_session *network_session(const weft_session_params *params)
{
    weft_package *package = open_network();
    weft_session *session = create_session(package, params);
    weft_package_close(package);
    return session;
}

static void fill_inputs(weft_request *request, int seed)
{
    for (size_t i = 0; i < 2; i++) {
        float *input = weft_request_get_input(request, i);
        for (int e = 0; e < NETWORK_ELEMS; e++)
            input[e] = (float)((e * 37 + seed * 11 + (int)i * 5) % 41) - 20.0f;
    }
}

static void check_outputs(weft_request *request)
{
    float b[NETWORK_ELEMS], m[NETWORK_CHANNELS], y[NETWORK_ELEMS], z[NETWORK_ELEMS];
    network_expect(weft_request_get_input(request, 0), weft_request_get_input(request, 1), b, m, y,
                   z);
    const float *got_y = weft_request_get_output(request, 0),
                *got_z = weft_request_get_output(request, 1);
    for (size_t i = 0; i < NETWORK_ELEMS; i++) {
        assert_true(fabsf(got_y[i] - y[i]) <= SUM_TOLERANCE * 64);
        assert_true(got_z[i] == z[i]);
    }
}

/* The same of a request for one of the pair's schedules. */
static void check_pair(weft_request *request, size_t schedule)
{
    float b[NETWORK_ELEMS], m[NETWORK_CHANNELS], y[NETWORK_ELEMS], z[NETWORK_ELEMS];
    network_expect(weft_request_get_input(request, 0), weft_request_get_input(request, 1), b, m, y,
                   z);
    const float *got_z = weft_request_get_output(request, 1);
    for (size_t i = 0; i < NETWORK_ELEMS; i++)
        assert_true(got_z[i] == (schedule == 0 ? z[i] : -z[i]));
}

static uint32_t last_error(void)
{
    size_t count = weft_diag_count(diag);
    return count == 0 ? 0 : weft_diag_get(diag, count - 1)->id;
}

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

/* ---- results ---- */

static void results_are_right_with_any_threads(void **state)
{
    (void)state;
    for (int32_t threads = 0; threads <= 2; threads++) {
        weft_session_params params = params_default();
        params.threads = threads;
        weft_session *session = network_session(&params);
        weft_request *request = create_request(session);
        for (int seed = 0; seed < 5; seed++) {
            fill_inputs(request, seed);
            assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
            check_outputs(request);
        }
        weft_load_info info;
        weft_session_get_load_info(session, &info);
        assert_string_equal(info.backend, backend);
        assert_true(info.load_ns > 0 && info.load_ns >= info.compile_ns);
        /* Only OpenCL devices are divided, and not cards. */
        if (strstr(backend, "opencl") != NULL && strncmp(backend, "xrt", 3) != 0 && threads > 0)
            assert_int_equal(info.threads, threads);
        weft_request_destroy(request);
        weft_session_destroy(session);
    }
}

static void ports_out_of_range_are_null(void **state)
{
    (void)state;
    weft_session_params params = params_default();
    weft_session *session = network_session(&params);
    weft_request *request = create_request(session);
    assert_null(weft_request_get_input(request, 2));
    assert_null(weft_request_get_output(request, 2));
    assert_int_equal((uintptr_t)weft_request_get_input(request, 0) % 64, 0);
    weft_request_destroy(request);
    weft_session_destroy(session);
}

static void several_requests_are_in_flight(void **state)
{
    (void)state;
    enum { REQUESTS = 4, ROUNDS = 25 };
    weft_session_params params = params_default();
    weft_session *session = network_session(&params);
    weft_request *requests[REQUESTS];
    for (int i = 0; i < REQUESTS; i++)
        requests[i] = create_request(session);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < REQUESTS; i++) {
            fill_inputs(requests[i], round * REQUESTS + i);
            assert_int_equal(weft_request_submit(requests[i], NULL, NULL, diag), WEFT_OK);
        }
        for (int i = REQUESTS - 1; i >= 0; i--) {
            assert_int_equal(weft_request_wait(requests[i], 10 * (uint64_t)SECOND_NS, diag),
                             WEFT_OK);
            check_outputs(requests[i]);
        }
    }
    for (int i = 0; i < REQUESTS; i++)
        weft_request_destroy(requests[i]);
    weft_session_destroy(session);
}

typedef struct user_thread {
    weft_session *session;
    bool is_right;
} user_thread;

static void *use_session(void *argument)
{
    user_thread *user = argument;
    weft_request *request = NULL;
    user->is_right = weft_request_create(user->session, NULL, &request) == WEFT_OK;
    for (int seed = 0; seed < 20 && user->is_right; seed++) {
        float b[NETWORK_ELEMS], m[NETWORK_CHANNELS], y[NETWORK_ELEMS], z[NETWORK_ELEMS];
        fill_inputs(request, seed);
        user->is_right = weft_request_run(request, 0, NULL) == WEFT_OK;
        network_expect(weft_request_get_input(request, 0), weft_request_get_input(request, 1), b, m,
                       y, z);
        user->is_right =
            user->is_right && memcmp(weft_request_get_output(request, 1), z, sizeof z) == 0;
    }
    weft_request_destroy(request);
    return NULL;
}

static void a_session_is_shared_by_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    weft_session_params params = params_default();
    user_thread users[THREADS];
    pthread_t threads[THREADS];
    weft_session *session = network_session(&params);
    for (int i = 0; i < THREADS; i++) {
        users[i] = (user_thread){session, false};
        assert_int_equal(pthread_create(&threads[i], NULL, use_session, &users[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(users[i].is_right);
    }
    weft_session_destroy(session);
}

/* ---- several schedules ---- */

static weft_session *pair_session(size_t schedule)
{
    weft_package *package = NULL;
    weft_session_params params = params_default();
    params.schedule = schedule;
    params.profile = true;
    params.keep_values = true;
    assert_int_equal(weft_package_open(pair_path, diag, &package), WEFT_OK);
    weft_session *session = create_session(package, &params);
    weft_package_close(package);
    return session;
}

static void a_session_runs_every_schedule(void **state)
{
    (void)state;
    enum { REQUESTS = 4, ROUNDS = 5 };
    weft_session *session = pair_session(WEFT_EVERY_SCHEDULE);
    weft_request *requests[REQUESTS];
    for (size_t i = 0; i < REQUESTS; i++)
        assert_int_equal(weft_request_create_for(session, i % 2, diag, &requests[i]), WEFT_OK);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < REQUESTS; i++) {
            fill_inputs(requests[i], round * REQUESTS + i);
            assert_int_equal(weft_request_submit(requests[i], NULL, NULL, diag), WEFT_OK);
        }
        for (size_t i = 0; i < REQUESTS; i++) {
            assert_int_equal(weft_request_wait(requests[i], 10 * (uint64_t)SECOND_NS, diag),
                             WEFT_OK);
            check_pair(requests[i], i % 2);
        }
    }
    const weft_step_time *times = NULL;
    float value[NETWORK_ELEMS];
    assert_int_equal(weft_request_get_times(requests[1], &times), 5);
    assert_int_equal(weft_request_get_value(requests[1], VALUE_FLAT, value, sizeof value, diag),
                     WEFT_OK);
    for (int i = 0; i < REQUESTS; i++)
        weft_request_destroy(requests[i]);
    weft_session_destroy(session);
}

/* Kernels are built and weights sent once, however many schedules use them. */
static void schedules_share_what_is_loaded(void **state)
{
    (void)state;
    weft_load_info one, every;
    weft_session *session = pair_session(1);
    weft_session_get_load_info(session, &one);
    weft_session_destroy(session);
    session = pair_session(WEFT_EVERY_SCHEDULE);
    weft_session_get_load_info(session, &every);
    assert_int_equal(every.programs_built + every.programs_from_cache,
                     one.programs_built + one.programs_from_cache);
    assert_int_equal(every.threads, one.threads);
    assert_string_equal(every.timed_by, one.timed_by);
    weft_session_destroy(session);
}

static void a_request_is_for_a_schedule_that_is_loaded(void **state)
{
    (void)state;
    weft_request *request = NULL;
    weft_session *session = pair_session(1);
    request = create_request(session);
    fill_inputs(request, 3);
    assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
    check_pair(request, 1);
    weft_request_destroy(request);
    assert_int_equal(weft_request_create_for(session, 0, diag, &request), WEFT_USAGE);
    assert_int_equal(last_error(), 407);
    assert_null(request);
    weft_session_destroy(session);
    session = pair_session(WEFT_EVERY_SCHEDULE);
    assert_int_equal(weft_request_create_for(session, 2, diag, &request), WEFT_USAGE);
    assert_int_equal(last_error(), 407);
    request = create_request(session); /* of the first */
    fill_inputs(request, 4);
    assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
    check_pair(request, 0);
    weft_request_destroy(request);
    weft_session_destroy(session);
}

/* ---- callbacks, waiting ---- */

typedef struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int calls, wanted;
    weft_status status;
} counter;

/* Submits again until the wanted number of runs is reached. */
static void count_and_repeat(void *user, weft_request *request, weft_status status)
{
    counter *count = user;
    pthread_mutex_lock(&count->lock);
    count->calls++;
    if (status != WEFT_OK)
        count->status = status;
    bool is_last = count->calls == count->wanted;
    pthread_mutex_unlock(&count->lock);
    if (!is_last && weft_request_submit(request, count_and_repeat, count, NULL) != WEFT_OK)
        abort();
    if (is_last) {
        pthread_mutex_lock(&count->lock);
        pthread_cond_signal(&count->changed);
        pthread_mutex_unlock(&count->lock);
    }
}

static void a_callback_is_called_once_and_may_submit(void **state)
{
    (void)state;
    weft_session_params params = params_default();
    weft_session *session = network_session(&params);
    weft_request *request = create_request(session);
    fill_inputs(request, 3);
    counter count = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 30, WEFT_OK};
    assert_int_equal(weft_request_submit(request, count_and_repeat, &count, diag), WEFT_OK);
    pthread_mutex_lock(&count.lock);
    while (count.calls < count.wanted)
        pthread_cond_wait(&count.changed, &count.lock);
    pthread_mutex_unlock(&count.lock);
    assert_int_equal(weft_request_wait(request, 0, diag), WEFT_OK);
    assert_int_equal(count.calls, 30);
    assert_int_equal(count.status, WEFT_OK);
    check_outputs(request);
    count.wanted = 31;
    assert_int_equal(weft_request_submit(request, count_and_repeat, &count, diag), WEFT_OK);
    weft_request_destroy(request); /* waits for the run and its callback */
    assert_int_equal(count.calls, 31);
    weft_session_destroy(session);
}

static weft_request *chain_request(weft_session **out_session)
{
    weft_session_params params = params_default();
    weft_package *package = NULL;
    assert_int_equal(weft_package_open(chain_path, diag, &package), WEFT_OK);
    *out_session = create_session(package, &params);
    weft_package_close(package);
    weft_request *request = create_request(*out_session);
    return request;
}

static void a_bounded_wait_leaves_the_run_going(void **state)
{
    (void)state;
    weft_session *session = NULL;
    weft_request *request = chain_request(&session);
    assert_int_equal(weft_request_wait(request, 0, diag), WEFT_USAGE); /* never submitted */
    assert_int_equal(last_error(), 421);
    assert_int_equal(weft_request_run(request, 1000, diag), WEFT_TIMEOUT);
    assert_int_equal(last_error(), 422);
    assert_int_equal(weft_request_submit(request, NULL, NULL, diag), WEFT_USAGE);
    assert_int_equal(last_error(), 420);
    assert_int_equal(weft_request_run(request, 0, diag), WEFT_USAGE);
    assert_int_equal(weft_request_wait(request, 0, diag), WEFT_OK);
    const float *y = weft_request_get_output(request, 0);
    assert_true(fabsf(y[CHAIN_ELEMS - 1] - 0.659046f) <
                1e-5f); /* the fixed point of the sigmoid, where 24 of them end */
    weft_request_destroy(request);
    weft_session_destroy(session);
}

static void destroying_waits_for_the_run(void **state)
{
    (void)state;
    weft_session *session = NULL;
    weft_request *request = chain_request(&session);
    counter count = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 1, WEFT_OK};
    assert_int_equal(weft_request_submit(request, count_and_repeat, &count, diag), WEFT_OK);
    weft_session_destroy(session); /* the request keeps it */
    weft_request_destroy(request);
    assert_int_equal(count.calls, 1);
    weft_request_destroy(NULL);
    weft_session_destroy(NULL);
}

/* ---- values and times ---- */

static void values_can_be_read_when_they_are_kept(void **state)
{
    (void)state;
    weft_session_params params = params_default();
    params.keep_values = true;
    weft_session *session = network_session(&params);
    weft_request *request = create_request(session);
    float b[NETWORK_ELEMS], m[NETWORK_CHANNELS], y[NETWORK_ELEMS], z[NETWORK_ELEMS],
        got[NETWORK_ELEMS];
    assert_int_equal(weft_request_get_value(request, VALUE_B, got, sizeof got, diag),
                     WEFT_USAGE); /* no run yet */
    fill_inputs(request, 9);
    assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
    check_outputs(request);
    const float *x = weft_request_get_input(request, 0);
    network_expect(x, weft_request_get_input(request, 1), b, m, y, z);
    assert_int_equal(weft_request_get_value(request, VALUE_A, got, sizeof got, diag),
                     WEFT_OK); /* would be overwritten otherwise */
    for (size_t i = 0; i < NETWORK_ELEMS; i++)
        assert_true(got[i] == x[i] + network_w(i));
    assert_int_equal(weft_request_get_value(request, VALUE_FLAT, got, sizeof got, diag), WEFT_OK);
    assert_memory_equal(got, b, sizeof b);
    assert_int_equal(weft_request_get_value(request, VALUE_M, got, sizeof m, diag), WEFT_OK);
    for (size_t c = 0; c < NETWORK_CHANNELS; c++)
        assert_true(fabsf(got[c] - m[c]) <= SUM_TOLERANCE * 64);
    assert_int_equal(weft_request_get_value(request, VALUE_X, got, sizeof got, diag), WEFT_OK);
    assert_memory_equal(got, x, sizeof got);
    assert_int_equal(weft_request_get_value(request, VALUE_Z, got, sizeof got, diag), WEFT_OK);
    assert_memory_equal(got, z, sizeof z);
    assert_int_equal(weft_request_get_value(request, VALUE_W, got, sizeof got, diag), WEFT_OK);
    assert_true(got[5] == network_w(5));
    int64_t axes[2];
    assert_int_equal(weft_request_get_value(request, VALUE_AXES, axes, sizeof axes, diag), WEFT_OK);
    assert_int_equal(axes[1], 2);
    assert_int_equal(weft_request_get_value(request, VALUE_B, got, sizeof got - 1, diag),
                     WEFT_USAGE);
    assert_int_equal(last_error(), 424);
    assert_int_equal(weft_request_get_value(request, VALUE_COUNT, got, sizeof got, diag),
                     WEFT_USAGE);
    weft_request_destroy(request);
    weft_session_destroy(session);
}

static void values_cannot_be_read_when_they_share_memory(void **state)
{
    (void)state;
    weft_session_params params = params_default();
    weft_session *session = network_session(&params);
    weft_request *request = create_request(session);
    float got[NETWORK_ELEMS];
    fill_inputs(request, 1);
    assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
    assert_int_equal(weft_request_get_value(request, VALUE_B, got, sizeof got, diag), WEFT_USAGE);
    assert_int_equal(weft_request_get_value(request, VALUE_Y, got, sizeof got, diag), WEFT_OK);
    weft_request_destroy(request);
    weft_session_destroy(session);
}

static void times_follow_the_schedule(void **state)
{
    (void)state;
    weft_session_params params = params_default();
    params.profile = true;
    weft_session *session = network_session(&params);
    weft_request *request = create_request(session);
    const weft_step_time *times = NULL;
    assert_int_equal(weft_request_get_times(request, &times), 0);
    for (int run = 0; run < 3; run++) {
        fill_inputs(request, run);
        assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
        check_outputs(request);
        assert_int_equal(weft_request_get_times(request, &times), 5);
        for (size_t i = 0; i < 5; i++) {
            assert_true(times[i].queued_ns <= times[i].start_ns &&
                        times[i].start_ns <= times[i].end_ns);
            assert_true(times[i].end_ns < 60 * (uint64_t)SECOND_NS);
            assert_true(i == 0 || times[i].start_ns >= times[i - 1].end_ns);
        }
        assert_true(times[4].end_ns > 0);
    }
    weft_request_destroy(request);
    weft_session_destroy(session);
    params.profile = false;
    session = network_session(&params);
    request = create_request(session);
    assert_int_equal(weft_request_run(request, 0, diag), WEFT_OK);
    assert_int_equal(weft_request_get_times(request, &times), 0);
    assert_null(times);
    weft_request_destroy(request);
    weft_session_destroy(session);
}

/* ---- wrong use, lack of memory ---- */

static void refuse(const weft_session_params *params, weft_status status, uint32_t id)
{
    weft_package *package = open_network();
    weft_session *session = NULL;
    assert_int_equal(weft_session_create(package, params, diag, &session), status);
    assert_null(session);
    assert_int_equal(last_error(), id);
    weft_package_close(package);
}

static void wrong_parameters_are_refused(void **state)
{
    (void)state;
    weft_session_params params = params_default();
    params.size = 8;
    refuse(&params, WEFT_USAGE, 405);
    params = params_default();
    params.backend = "opnecl";
    refuse(&params, WEFT_USAGE, 400);
    const weft_diag_entry *entry = weft_diag_get(diag, weft_diag_count(diag) - 1);
    assert_string_equal(entry->fields[WEFT_DIAG_EXPECTED],
                        "one of: opencl, ref, engine-opencl, engine-hls, xrt, xrt-opencl");
    assert_string_equal(entry->fields[WEFT_DIAG_TRY], "opencl");
    params = params_default();
    params.schedule = 1;
    refuse(&params, WEFT_USAGE, 407);
    params = params_default();
    params.threads = -1;
    refuse(&params, WEFT_USAGE, 406);
    params = params_default();
    params.device = 99;
    refuse(&params, WEFT_USAGE, 403);
    params.device = -1;
    refuse(&params, WEFT_USAGE, 403);
}

static void lack_of_memory_is_survived(void **state)
{
    (void)state;
    weft_session_params params = params_default();
    params.schedule = WEFT_EVERY_SCHEDULE;
    weft_package *package = NULL;
    assert_int_equal(weft_package_open(pair_path, diag, &package), WEFT_OK);
    bool has_run = false;
    size_t failures = 0;
    for (size_t n = 1; !has_run; n++) {
        weft_session *session = NULL;
        weft_request *request = NULL;
        weft_arena_fail_after(n);
        weft_status status = weft_session_create(package, &params, NULL, &session);
        if (status == WEFT_OK)
            status = weft_request_create_for(session, 1, NULL, &request);
        weft_arena_fail_after(0);
        assert_true(status == WEFT_OK || status == WEFT_NO_MEMORY);
        failures += status == WEFT_NO_MEMORY;
        has_run = status == WEFT_OK && weft_request_run(request, 0, diag) == WEFT_OK;
        weft_request_destroy(request);
        weft_session_destroy(session);
    }
    assert_true(failures >= 4);
    weft_package_close(package);
}

static bool is_usable(const char *name)
{
    weft_device_list *list = NULL;
    bool answer = false;
    /* PoCL and its compiler are not built for sanitizers. */
    if (strstr(name, "opencl") != NULL && getenv("WEFT_TEST_REF_ONLY") != NULL) {
        print_message("skipped: %s: WEFT_TEST_REF_ONLY is set\n", name);
        return false;
    }
    if (weft_device_list_create(NULL, &list) != WEFT_OK)
        return false;
    for (size_t i = 0; i < weft_device_list_count(list); i++) {
        const weft_device_info *info = weft_device_list_get(list, i);
        if (strcmp(info->backend, name) == 0 && info->usable)
            answer = true;
        else if (strcmp(info->backend, name) == 0)
            print_message("skipped: %s: %s\n", name, info->why_not);
    }
    weft_device_list_destroy(list);
    return answer;
}

static void remove_folder(const char *path)
{
    DIR *open_folder = opendir(path);
    char file[512];
    for (const struct dirent *entry;
         open_folder != NULL && (entry = readdir(open_folder)) != NULL;) {
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        unlink(file);
    }
    if (open_folder != NULL)
        closedir(open_folder);
    rmdir(path);
}

static bool build_bitstreams(void)
{
    snprintf(network_bitstream, sizeof network_bitstream, "%s/network.xclbin", folder);
    snprintf(pair_bitstream, sizeof pair_bitstream, "%s/pair.xclbin", folder);
    snprintf(chain_bitstream, sizeof chain_bitstream, "%s/chain.xclbin", folder);
    return weft_softcard_build(network_path, network_bitstream, NULL, NULL) == WEFT_OK &&
           weft_softcard_build(pair_path, pair_bitstream, NULL, NULL) == WEFT_OK &&
           weft_softcard_build(chain_path, chain_bitstream, NULL, NULL) == WEFT_OK;
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        TEST(results_are_right_with_any_threads),
        TEST(ports_out_of_range_are_null),
        TEST(several_requests_are_in_flight),
        TEST(a_session_is_shared_by_threads),
        TEST(a_session_runs_every_schedule),
        TEST(schedules_share_what_is_loaded),
        TEST(a_request_is_for_a_schedule_that_is_loaded),
        TEST(a_callback_is_called_once_and_may_submit),
        TEST(a_bounded_wait_leaves_the_run_going),
        TEST(destroying_waits_for_the_run),
        TEST(values_can_be_read_when_they_are_kept),
        TEST(values_cannot_be_read_when_they_share_memory),
        TEST(times_follow_the_schedule),
        TEST(wrong_parameters_are_refused),
        TEST(lack_of_memory_is_survived),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(network_path, sizeof network_path, "%s/network.weft", folder);
    snprintf(pair_path, sizeof pair_path, "%s/pair.weft", folder);
    snprintf(chain_path, sizeof chain_path, "%s/chain.weft", folder);
    snprintf(cache_folder, sizeof cache_folder, "%s/cache", folder);
    network_write(network_path, NULL);
    network_write(pair_path, &(network_options){.has_two_schedules = true});
    chain_write(chain_path);
    int failed = 0;
    /* With a card there must be bitstreams: under `weft softcard`, which XRT calls sw_emu. */
    const char *mode = getenv("XCL_EMULATION_MODE");
    bool has_card = mode != NULL && strcmp(mode, "sw_emu") == 0 && build_bitstreams();
    static const char *const backends[] = {"ref",        "opencl", "engine-opencl",
                                           "engine-hls", "xrt",    "xrt-opencl"};
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        backend = backends[i];
        /* A card is tested by itself: the others are without one. */
        if (is_usable(backend) && has_card == (strncmp(backend, "xrt", 3) == 0))
            failed += cmocka_run_group_tests_name(backend, tests, NULL, NULL);
    }
    unlink(network_path);
    unlink(pair_path);
    unlink(chain_path);
    unlink(network_bitstream);
    unlink(pair_bitstream);
    unlink(chain_bitstream);
    remove_folder(cache_folder);
    rmdir(folder);
    return failed;
}
