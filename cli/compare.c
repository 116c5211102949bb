/* SPDX-License-Identifier: Apache-2.0 */
/* The values of two requests side by side; see compare.h. */
#include "cli/compare.h"

#include <stdlib.h>

#include "cli/memory.h"
#include "cli/text.h"

static size_t element_count(const weft_tensor_info *tensor)
{
    size_t bytes = weft_cli_dtype_bytes(tensor->dtype);
    return bytes == 0 ? 0 : (size_t)tensor->size_bytes / bytes;
}

void weft_cli_compare_output(weft_cli_verdict *verdict, const weft_tensor_info *tensor,
                             const void *actual, const void *reference)
{
    weft_cli_verdict_add(
        verdict, -1, "output", tensor,
        weft_cli_values_compare(tensor->dtype, actual, reference, element_count(tensor)));
}

/* Compares value `index` of both requests. A value that one backend never makes (fused away) is
 * counted as skipped. */
static weft_status add_value(weft_cli *cli, weft_cli_verdict *verdict, const weft_package *package,
                             size_t schedule, size_t step, int32_t index,
                             const weft_cli_engine *actual, const weft_cli_engine *reference)
{
    weft_step_info info;
    weft_value_info value;
    weft_package_get_step(package, schedule, step, &info);
    weft_package_get_value(package, schedule, (size_t)index, &value);
    size_t bytes = (size_t)value.tensor.size_bytes;
    void *a = weft_cli_try_alloc(bytes), *r = weft_cli_try_alloc(bytes);
    weft_status status = WEFT_OK;
    if (a == NULL || r == NULL)
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory to compare %s",
                                value.tensor.name);
    else if (weft_request_get_value(actual->request, (size_t)index, a, bytes, NULL) == WEFT_OK &&
             weft_request_get_value(reference->request, (size_t)index, r, bytes, NULL) == WEFT_OK)
        weft_cli_verdict_add(
            verdict, (long)step, info.op, &value.tensor,
            weft_cli_values_compare(value.tensor.dtype, a, r, element_count(&value.tensor)));
    else
        verdict->skipped++;
    free(a);
    free(r);
    return status;
}

weft_status weft_cli_compare_engines(weft_cli *cli, const weft_package *package, size_t schedule,
                                     const weft_cli_engine *actual,
                                     const weft_cli_engine *reference, weft_cli_verdict *verdict)
{
    weft_schedule_info info;
    weft_status status = WEFT_OK;
    weft_package_get_schedule(package, schedule, &info);
    for (size_t i = 0; i < info.output_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_output(package, schedule, i, &tensor);
        weft_cli_compare_output(verdict, &tensor, weft_request_get_output(actual->request, i),
                                weft_request_get_output(reference->request, i));
    }
    for (size_t step = 0; status == WEFT_OK && step < info.step_count; step++) {
        weft_step_info step_info;
        weft_package_get_step(package, schedule, step, &step_info);
        for (size_t k = 0; status == WEFT_OK && k < step_info.output_count; k++)
            if (step_info.outputs[k] >= 0)
                status = add_value(cli, verdict, package, schedule, step, step_info.outputs[k],
                                   actual, reference);
    }
    return status;
}
