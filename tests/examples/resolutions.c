/* SPDX-License-Identifier: Apache-2.0 */
/* resolutions PACKAGE [HEIGHT WIDTH]: loads a package with all its schedules once, and runs one
 * request for each, or for the one that takes pictures of this size, on zeros. Kernels and weights
 * are there once, however many schedules use them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft/runtime.h"

static int failed(weft_diag *diag, weft_status status)
{
    char text[2048];
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        fputs(text, stderr);
    }
    weft_diag_destroy(diag);
    return weft_status_exit_code(status);
}

static void print_shape(const weft_tensor_info *tensor)
{
    printf("%s", tensor->name);
    for (int i = 0; i < tensor->rank; i++)
        printf("%c%lld", i == 0 ? ' ' : 'x', (long long)tensor->dims[i]);
}

static weft_status run_schedule(weft_package *package, weft_session *session, size_t schedule,
                                weft_diag *diag)
{
    weft_request *request = NULL;
    weft_tensor_info input, output;
    weft_status status = weft_request_create_for(session, schedule, diag, &request);
    if (status != WEFT_OK)
        return status;
    weft_package_get_input(package, schedule, 0, &input);
    weft_package_get_output(package, schedule, 0, &output);
    memset(weft_request_get_input(request, 0), 0, (size_t)input.size_bytes);
    status = weft_request_run(request, 0, diag);
    if (status == WEFT_OK) {
        printf("schedule %zu: ", schedule);
        print_shape(&input);
        printf(" -> ");
        print_shape(&output);
        printf(", first element %g\n", (double)*(const float *)weft_request_get_output(request, 0));
    }
    weft_request_destroy(request);
    return status;
}

int main(int argc, char **argv)
{
    weft_diag *diag = NULL;
    weft_package *package = NULL;
    weft_session *session = NULL;
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    weft_package_info info = {0};
    if ((argc != 2 && argc != 4) || weft_diag_create(&diag) != WEFT_OK)
        return 2;

    params.schedule = WEFT_EVERY_SCHEDULE;
    weft_status status = weft_package_open(argv[1], diag, &package);
    if (status == WEFT_OK)
        status = weft_session_create(package, &params, diag, &session);
    if (status == WEFT_OK)
        weft_package_get_info(package, &info);
    if (status == WEFT_OK && argc == 4) {
        const weft_input_shape picture = {
            .rank = 4, .dims = {-1, 3, strtoll(argv[2], NULL, 10), strtoll(argv[3], NULL, 10)}};
        size_t schedule = 0;
        status = weft_package_find_schedule(package, &picture, 1, diag, &schedule);
        if (status == WEFT_OK)
            status = run_schedule(package, session, schedule, diag);
    } else {
        for (size_t i = 0; status == WEFT_OK && i < info.schedule_count; i++)
            status = run_schedule(package, session, i, diag);
    }
    weft_session_destroy(session);
    weft_package_close(package);
    return failed(diag, status);
}
