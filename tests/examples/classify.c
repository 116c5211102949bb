/* SPDX-License-Identifier: Apache-2.0 */
/* classify PACKAGE: loads a package, runs it once on zeros and prints the largest output. The whole
 * of the runtime API in one page. */
#include <stdio.h>
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

int main(int argc, char **argv)
{
    weft_diag *diag = NULL;
    weft_package *package = NULL;
    weft_session *session = NULL;
    weft_request *request = NULL;
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    weft_tensor_info input, output;
    if (argc != 2 || weft_diag_create(&diag) != WEFT_OK)
        return 2;

    weft_status status = weft_package_open(argv[1], diag, &package);
    if (status == WEFT_OK)
        status = weft_session_create(package, &params, diag, &session);
    if (status == WEFT_OK)
        status = weft_request_create(session, diag, &request);
    if (status == WEFT_OK) {
        weft_package_get_input(package, 0, 0, &input);
        weft_package_get_output(package, 0, 0, &output);
        memset(weft_request_get_input(request, 0), 0, input.size_bytes);
        status = weft_request_run(request, 0, diag);
    }
    if (status == WEFT_OK) {
        const float *values = weft_request_get_output(request, 0);
        size_t best = 0;
        for (size_t i = 1; i < output.size_bytes / sizeof *values; i++)
            best = values[i] > values[best] ? i : best;
        printf("%s[%zu] = %g\n", output.name, best, (double)values[best]);
    }
    weft_request_destroy(request);
    weft_session_destroy(session);
    weft_package_close(package);
    return failed(diag, status);
}
