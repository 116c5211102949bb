/* SPDX-License-Identifier: Apache-2.0 */
/* What only the OpenCL backend has: the kernel cache, kernels that do not build, packages for other
 * vectors, no platform at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/network.h"

static char folder[] = "/tmp/weft-test-XXXXXX";
static char package_path[64], cache_path[64];
static const char *program_path;

static weft_status create(const char *cache_dir, weft_diag *diag, weft_package **out_package,
                          weft_session **out_session)
{
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = "opencl";
    params.cache_dir = cache_dir;
    assert_int_equal(weft_package_open(package_path, diag, out_package), WEFT_OK);
    return weft_session_create(*out_package, &params, diag, out_session);
}

static void run_once(weft_session *session)
{
    float b[NETWORK_ELEMS], m[NETWORK_CHANNELS], y[NETWORK_ELEMS], z[NETWORK_ELEMS];
    weft_request *request = NULL;
    assert_int_equal(weft_request_create(session, NULL, &request), WEFT_OK);
    float *x = weft_request_get_input(request, 0);
    for (int i = 0; i < NETWORK_ELEMS; i++)
        x[i] = (float)(i % 7);
    assert_int_equal(weft_request_run(request, 0, NULL), WEFT_OK);
    network_expect(x, weft_request_get_input(request, 1), b, m, y, z);
    assert_memory_equal(weft_request_get_output(request, 1), z, sizeof z);
    weft_request_destroy(request);
}

static weft_load_info load_and_run(const char *cache_dir)
{
    weft_package *package = NULL;
    weft_session *session = NULL;
    weft_load_info info;
    assert_int_equal(create(cache_dir, NULL, &package, &session), WEFT_OK);
    weft_session_get_load_info(session, &info);
    run_once(session);
    weft_session_destroy(session);
    weft_package_close(package);
    info.note = info.device = NULL; /* they went with the session */
    return info;
}

/* Calls visit for each file of the cache; returns how many there are. */
static size_t each_cache_file(void (*visit)(const char *path))
{
    size_t count = 0;
    DIR *open_folder = opendir(cache_path);
    if (open_folder == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, sizeof path, "%s/%s", cache_path, entry->d_name);
        if (visit != NULL)
            visit(path);
    }
    closedir(open_folder);
    return count;
}

static void damage(const char *path)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, -5, SEEK_END);
    int byte = fgetc(file);
    fseek(file, -5, SEEK_END);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void cut(const char *path)
{
    assert_int_equal(truncate(path, 40), 0);
}

static void empty(const char *path)
{
    assert_int_equal(truncate(path, 0), 0);
}

static void erase(const char *path)
{
    unlink(path);
}

static void programs_are_kept(void **state)
{
    (void)state;
    network_write(package_path, NULL);
    weft_load_info cold = load_and_run(cache_path);
    assert_int_equal(cold.programs_built, 1);
    assert_int_equal(cold.programs_from_cache, 0);
    assert_int_equal(each_cache_file(NULL), 1);
    weft_load_info warm = load_and_run(cache_path);
    assert_int_equal(warm.programs_built, 0);
    assert_int_equal(warm.programs_from_cache, 1);
    print_message("# load cold %.1f ms, warm %.1f ms\n", (double)cold.load_ns / 1e6,
                  (double)warm.load_ns / 1e6);
}

static void damaged_entries_are_rebuilt(void **state)
{
    (void)state;
    void (*const harms[])(const char *) = {damage, cut, empty, erase};
    network_write(package_path, NULL);
    load_and_run(cache_path);
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        assert_int_equal(each_cache_file(harms[i]), 1);
        weft_load_info again = load_and_run(cache_path);
        assert_int_equal(again.programs_built, 1);
        assert_int_equal(again.programs_from_cache, 0);
        assert_int_equal(load_and_run(cache_path).programs_from_cache, 1);
    }
}

static void another_source_is_another_entry(void **state)
{
    (void)state;
    network_write(package_path, &(network_options){.extra_source = "/* one more line */\n"});
    assert_int_equal(load_and_run(cache_path).programs_built, 1);
    assert_int_equal(each_cache_file(NULL), 2);
}

static void nothing_is_kept_when_asked_so(void **state)
{
    (void)state;
    each_cache_file(erase);
    network_write(package_path, NULL);
    assert_int_equal(load_and_run("").programs_built, 1);
    assert_int_equal(each_cache_file(NULL), 0);
    /* A folder that cannot be made is no reason to fail. */
    assert_int_equal(load_and_run("/proc/no/such/folder").programs_built, 1);
}

static void a_kernel_that_does_not_build_is_reported(void **state)
{
    (void)state;
    weft_diag *diag = NULL;
    weft_package *package = NULL;
    weft_session *session = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    network_write(package_path, &(network_options){.extra_source = "this_is_no_type x;\n"});
    assert_int_equal(create(cache_path, diag, &package, &session), WEFT_DEVICE);
    assert_null(session);
    const weft_diag_entry *entry = weft_diag_get(diag, 0);
    assert_int_equal(entry->id, 408);
    assert_non_null(strstr(entry->summary, "test_program"));
    assert_non_null(strstr(entry->fields[WEFT_DIAG_WHY], "this_is_no_type"));
    assert_int_equal(each_cache_file(NULL), 0);
    weft_package_close(package);
    weft_diag_destroy(diag);
}

static void wider_vectors_are_noted(void **state)
{
    (void)state;
    static const char *const targets[] = {"cpu-generic", "cpu-avx2", "cpu-avx512",
                                          "cpu-avx512-vnni"};
    for (size_t i = 0; i < 4; i++) {
        weft_package *package = NULL;
        weft_session *session = NULL;
        weft_load_info info;
        weft_device_list *list = NULL;
        network_write(package_path, &(network_options){.target = targets[i]});
        assert_int_equal(create(cache_path, NULL, &package, &session), WEFT_OK);
        weft_session_get_load_info(session, &info);
        assert_int_equal(weft_device_list_create(NULL, &list), WEFT_OK);
        bool is_same = strcmp(weft_device_list_get(list, 0)->target, targets[i]) == 0;
        assert_true(is_same == (info.note == NULL));
        if (!is_same)
            assert_non_null(strstr(info.note, targets[i]));
        run_once(session); /* it runs all the same */
        weft_device_list_destroy(list);
        weft_session_destroy(session);
        weft_package_close(package);
    }
}

/* In a process of its own: the loader reads its folder once. */
static int without_platform(const char *path)
{
    weft_diag *diag = NULL;
    weft_package *package = NULL;
    weft_session *session = NULL;
    weft_device_list *list = NULL;
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    if (weft_diag_create(&diag) != WEFT_OK || weft_package_open(path, diag, &package) != WEFT_OK)
        return 2;
    if (weft_session_create(package, &params, diag, &session) != WEFT_DEVICE ||
        weft_diag_count(diag) != 1)
        return 3;
    const weft_diag_entry *entry = weft_diag_get(diag, 0);
    if (entry->id != 402 || strstr(entry->fields[WEFT_DIAG_AT], "/nowhere") == NULL ||
        strstr(entry->fields[WEFT_DIAG_TRY], "pocl-opencl-icd") == NULL)
        return 4;
    if (weft_device_list_create(diag, &list) != WEFT_OK || weft_device_list_count(list) < 4)
        return 5;
    const weft_device_info *opencl = weft_device_list_get(list, 0),
                           *ref = weft_device_list_get(list, 1);
    if (opencl->usable || strstr(opencl->why_not, "pocl-opencl-icd") == NULL || !ref->usable)
        return 6;
    weft_device_list_destroy(list);
    weft_package_close(package);
    weft_diag_destroy(diag);
    return 0;
}

static void no_platform_says_what_to_install(void **state)
{
    (void)state;
    network_write(package_path, NULL);
    pid_t child = fork();
    if (child == 0) {
        setenv("OCL_ICD_VENDORS", "/nowhere", 1);
        execl(program_path, program_path, "without-platform", package_path, (char *)NULL);
        _exit(100);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool is_usable(void)
{
    weft_device_list *list = NULL;
    if (weft_device_list_create(NULL, &list) != WEFT_OK)
        return false;
    const weft_device_info *first = weft_device_list_get(list, 0);
    bool answer = first->usable && strcmp(first->backend, "opencl") == 0;
    if (!answer)
        print_message("skipped: opencl: %s\n", first->why_not);
    weft_device_list_destroy(list);
    return answer;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return without_platform(argv[2]);
    program_path = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_kept),
        cmocka_unit_test(damaged_entries_are_rebuilt),
        cmocka_unit_test(another_source_is_another_entry),
        cmocka_unit_test(nothing_is_kept_when_asked_so),
        cmocka_unit_test(a_kernel_that_does_not_build_is_reported),
        cmocka_unit_test(wider_vectors_are_noted),
        cmocka_unit_test(no_platform_says_what_to_install),
    };
    if (getenv("WEFT_TEST_REF_ONLY") != NULL) {
        print_message("skipped: opencl: WEFT_TEST_REF_ONLY is set\n");
        return 0;
    }
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(package_path, sizeof package_path, "%s/network.weft", folder);
    snprintf(cache_path, sizeof cache_path, "%s/cache/kernels", folder);
    int failed = is_usable() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
    each_cache_file(erase);
    rmdir(cache_path);
    snprintf(cache_path, sizeof cache_path, "%s/cache", folder);
    rmdir(cache_path);
    unlink(package_path);
    rmdir(folder);
    return failed;
}
