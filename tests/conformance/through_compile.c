/* SPDX-License-Identifier: Apache-2.0 */
/* The long way: the case is compiled to a package by the public compiler API, and the package is
 * run by the public runtime API on one backend. Knows nothing of passes, plans or backends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/conformance/through.h"
#include "weft/compiler.h"
#include "weft/runtime.h"

/* No case needs seconds; a run that never ends must still end the test. */
static const uint64_t RUN_TIMEOUT_NS = UINT64_C(60000000000);

const char *through_backend_missing(const char *backend)
{
    static char why[256];
    weft_device_list *list = NULL;
    if (strcmp(backend, "ref") != 0 && getenv("WEFT_TEST_REF_ONLY"))
        return "WEFT_TEST_REF_ONLY is set";
    if (weft_device_list_create(NULL, &list) != WEFT_OK)
        return "out of memory";
    bool is_usable = false;
    snprintf(why, sizeof why, "no device of backend %s", backend);
    for (size_t i = 0; i < weft_device_list_count(list); i++) {
        const weft_device_info *device = weft_device_list_get(list, i);
        if (strcmp(device->backend, backend) != 0)
            continue;
        is_usable = is_usable || device->usable;
        if (!device->usable && device->why_not)
            snprintf(why, sizeof why, "%s", device->why_not);
    }
    weft_device_list_destroy(list);
    return is_usable ? NULL : why;
}

static weft_status compile(const onnx_case *test, const char *path, int level, weft_diag *diag)
{
    weft_input_shape shapes[16];
    weft_model_params params = WEFT_MODEL_PARAMS_DEFAULT;
    params.path = test->name;
    params.data = test->model;
    params.data_bytes = test->model_bytes;
    params.shapes = shapes;
    for (size_t i = 0; i < test->input_count && i < sizeof shapes / sizeof *shapes; i++) {
        const weft_shape *shape = &test->inputs[i].shape;
        shapes[i] = (weft_input_shape){.input = test->input_names[i], .rank = shape->rank};
        memcpy(shapes[i].dims, shape->dims, sizeof shape->dims);
        params.shape_count = i + 1;
    }
    weft_model *model = NULL;
    weft_status status = weft_model_open(&params, diag, &model);
    if (status != WEFT_OK)
        return status;
    weft_compile_params compile_params = WEFT_COMPILE_PARAMS_DEFAULT;
    compile_params.level = level;
    compile_params.verify_passes = true;
    status = weft_compile(&model, 1, &compile_params, path, diag, NULL);
    weft_model_close(model);
    return status;
}

static weft_status run_request(weft_session *session, const weft_package *package,
                               const through_tensors *tensors, weft_diag *diag)
{
    weft_request *request = NULL;
    weft_status status = weft_request_create(session, diag, &request);
    if (status != WEFT_OK)
        return status;
    weft_tensor_info info;
    size_t bytes = 0;
    for (size_t i = 0; i < tensors->input_count; i++) {
        weft_package_get_input(package, 0, i, &info);
        weft_shape_bytes(&tensors->inputs[i].shape, tensors->inputs[i].dtype, &bytes);
        if (info.size_bytes != bytes)
            status = WEFT_MISMATCH;
        else
            memcpy(weft_request_get_input(request, i), tensors->inputs[i].data, bytes);
    }
    if (status == WEFT_OK)
        status = weft_request_run(request, RUN_TIMEOUT_NS, diag);
    for (size_t i = 0; i < tensors->output_count && status == WEFT_OK; i++) {
        weft_package_get_output(package, 0, i, &info);
        weft_shape_bytes(&tensors->outputs[i].shape, tensors->outputs[i].dtype, &bytes);
        if (info.size_bytes != bytes)
            status = WEFT_MISMATCH;
        else
            memcpy(tensors->outputs[i].data, weft_request_get_output(request, i), bytes);
    }
    weft_request_destroy(request);
    return status;
}

static weft_status run_package(const char *path, const char *backend, const char *cache_dir,
                               const through_tensors *tensors, weft_diag *diag)
{
    weft_package *package = NULL;
    weft_session *session = NULL;
    weft_status status = weft_package_open(path, diag, &package);
    if (status != WEFT_OK)
        return status;
    weft_package_info info;
    weft_schedule_info schedule;
    weft_package_get_info(package, &info);
    weft_package_get_schedule(package, 0, &schedule);
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = backend;
    params.cache_dir = cache_dir;
    if (info.schedule_count != 1 || schedule.input_count != tensors->input_count ||
        schedule.output_count != tensors->output_count)
        status = WEFT_MISMATCH;
    else
        status = weft_session_create(package, &params, diag, &session);
    if (status == WEFT_OK)
        status = run_request(session, package, tensors, diag);
    weft_session_destroy(session);
    weft_package_close(package);
    return status;
}

weft_status through_compile(const through_way *way, const char *folder, const onnx_case *test,
                            const through_tensors *tensors, weft_diag *diag)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/case.weft", folder);
    weft_status status = compile(test, path, way->level, diag);
    if (status == WEFT_OK)
        status = run_package(path, way->backend, folder, tensors, diag);
    unlink(path);
    return status;
}
