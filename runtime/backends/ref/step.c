/* SPDX-License-Identifier: Apache-2.0 */
/* One step by its meaning: operands are collected, the plain C kernel of its operator is called.
 * Must not know about: threads, the order of steps. */
#include <stdlib.h>

#include "runtime/backends/ref/ref_backend.h"

/* The tensor behind a value of the schedule. NULL data: out of memory. A constant that had to be
 * unpacked is left in *out_unpacked. */
static weft_tensor tensor_of(const ref_runner *runner, int32_t index, void **out_unpacked)
{
    const ref_session *session = runner->session;
    const weft_schedule_value *value = &session->schedule->values[index];
    int32_t owner_index = weft__storage_owner(session->schedule, index);
    const weft_schedule_value *owner = &session->schedule->values[owner_index];
    weft_tensor tensor = {value->dtype, value->shape, runner->memory->storage[index]};
    if (owner->place != WEFT_PLACE_CONSTANT)
        return tensor;
    const void *elements = session->constants[owner_index];
    if (elements == NULL) {
        size_t bytes = 0;
        weft_shape_bytes(&owner->shape, owner->dtype, &bytes);
        *out_unpacked = malloc(bytes);
        if (*out_unpacked != NULL)
            weft__constant_unpack(session->view, owner, *out_unpacked);
        elements = *out_unpacked;
    }
    tensor.data = (void *)(uintptr_t)elements; /* kernels do not write inputs */
    return tensor;
}

weft_status weft__ref_run_step(ref_runner *runner, size_t index)
{
    const weft_step *step = &runner->session->schedule->steps[index];
    size_t count = step->input_count + step->output_count;
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count; i++) {
        int32_t value =
            i < step->input_count ? step->inputs[i] : step->outputs[i - step->input_count];
        runner->operands[i] = NULL;
        runner->unpacked[i] = NULL;
        if (value < 0)
            continue;
        runner->tensors[i] = tensor_of(runner, value, &runner->unpacked[i]);
        runner->operands[i] = &runner->tensors[i];
        if (runner->tensors[i].data == NULL)
            status = WEFT_NO_MEMORY;
    }
    weft_ref_call call = {.attrs = &step->attrs,
                          .inputs = (const weft_tensor *const *)runner->operands,
                          .input_count = step->input_count,
                          .outputs = runner->operands + step->input_count,
                          .output_count = step->output_count};
    if (status == WEFT_OK)
        status = runner->session->rows[index]->ref(&call);
    for (size_t i = 0; i < count; i++)
        free(runner->unpacked[i]);
    return status;
}

bool weft__ref_runner_init(ref_runner *runner, const ref_session *session,
                           const weft_run_memory *memory)
{
    *runner = (ref_runner){.session = session, .memory = memory};
    runner->tensors = calloc(session->widest + 1, sizeof *runner->tensors);
    runner->operands = calloc(session->widest + 1, sizeof(weft_tensor *));
    runner->unpacked = calloc(session->widest + 1, sizeof *runner->unpacked);
    return runner->tensors != NULL && runner->operands != NULL && runner->unpacked != NULL;
}

void weft__ref_runner_finish(ref_runner *runner)
{
    free(runner->tensors);
    free(runner->operands);
    free(runner->unpacked);
}
