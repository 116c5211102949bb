/* SPDX-License-Identifier: Apache-2.0 */
/* The account of one element of a step: its operands come from a finished run on any backend, the
 * arithmetic from the step's meaning. Must not know about: any one backend. */
#include <inttypes.h>
#include <string.h>

#include "compiler/base/text.h"
#include "kernels/ref/explain.h"
#include "kernels/ref/quant.h"
#include "runtime/core/session.h"

struct weft_explanation {
    weft_arena *arena;
    weft_ref_account account;
};

static weft_op find_op(weft_arena *arena, const char *text)
{
    const char *dot = strchr(text, '.');
    return dot == NULL
               ? weft_op_find("", text)
               : weft_op_find(weft_arena_strndup(arena, text, (size_t)(dot - text)), dot + 1);
}

/* The reference backend checks the meaning of every step of a package before it takes it. */
static weft_status check_meaning(weft_request *request, weft_diag *diag)
{
    const weft_session *session = weft__request_session(request);
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    weft_session *checked = NULL;
    params.backend = "ref";
    params.cache_dir = "";
    params.schedule =
        (size_t)(weft__request_schedule(request) - session->view->manifest->schedules);
    weft_status status = weft_session_create(session->package, &params, diag, &checked);
    weft_session_destroy(checked);
    return status;
}

static weft_status load_tensor(weft_request *request, weft_arena *arena, int32_t index,
                               bool has_data, weft_tensor **out_tensor, weft_diag *diag)
{
    size_t bytes = 0;
    *out_tensor = NULL;
    if (index < 0)
        return WEFT_OK;
    const weft_schedule_value *value = &weft__request_schedule(request)->values[index];
    weft_shape_bytes(&value->shape, value->dtype, &bytes);
    weft_tensor *tensor = WEFT_NEW(arena, weft_tensor);
    *tensor = (weft_tensor){value->dtype, value->shape, weft_arena_alloc(arena, bytes)};
    *out_tensor = tensor;
    return has_data ? weft_request_get_value(request, (size_t)index, tensor->data, bytes, diag)
                    : WEFT_OK;
}

/* What the reference kernel makes of the same operands. */
static void add_result(weft_explanation *e, const weft_tensor *tensor, uint64_t element)
{
    const char *text = NULL;
    int64_t at = (int64_t)element;
    if (weft_ref_q_is_8bit(tensor))
        text = weft_arena_printf(e->arena, "%" PRId32, weft_ref_q_get(tensor, at));
    else if (tensor->dtype == WEFT_DTYPE_F32)
        text = weft_arena_printf(e->arena, "%.9g", (double)((const float *)tensor->data)[at]);
    else if (tensor->dtype == WEFT_DTYPE_I32)
        text = weft_arena_printf(e->arena, "%" PRId32, ((const int32_t *)tensor->data)[at]);
    if (text != NULL)
        WEFT_VEC_PUSH(e->arena, &e->account.lines, (weft_ref_line){"reference", text});
}

static weft_status explain(weft_explanation *e, weft_request *request, size_t index, size_t output,
                           uint64_t element, weft_diag *diag)
{
    const weft_step *step = &weft__request_schedule(request)->steps[index];
    weft_tensor **inputs = WEFT_NEW_ARRAY(e->arena, weft_tensor *, step->input_count),
                **outputs = WEFT_NEW_ARRAY(e->arena, weft_tensor *, step->output_count);
    weft_op op = find_op(e->arena, step->op);
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < step->input_count; i++)
        status = load_tensor(request, e->arena, step->inputs[i], true, &inputs[i], diag);
    for (size_t i = 0; status == WEFT_OK && i < step->output_count; i++)
        status = load_tensor(request, e->arena, step->outputs[i], false, &outputs[i], diag);
    if (status != WEFT_OK)
        return status;
    weft_ref_call call = {.attrs = &step->attrs,
                          .inputs = (const weft_tensor *const *)inputs,
                          .input_count = step->input_count,
                          .outputs = outputs,
                          .output_count = step->output_count};
    status = weft_op_get(op)->ref(&call);
    if (status != WEFT_OK)
        return weft_diag_error(diag, WEFT_E_RUNTIME_MEANING, "step %s cannot be explained: %s",
                               step->name, weft_status_text(status));
    weft_ref_explain(op, &call, output, (int64_t)element, &e->account);
    add_result(e, outputs[output], element);
    return WEFT_OK;
}

/* Whether the step has this output and the output this element. */
static weft_status check_place(const weft_schedule *schedule, size_t step, size_t output,
                               uint64_t element, weft_diag *diag)
{
    int64_t elements = 0;
    if (step < schedule->step_count && output < schedule->steps[step].output_count &&
        schedule->steps[step].outputs[output] >= 0)
        weft_shape_elems(&schedule->values[schedule->steps[step].outputs[output]].shape, &elements);
    return element < (uint64_t)elements
               ? WEFT_OK
               : weft_diag_error(diag, WEFT_E_REQUEST_VALUE,
                                 "output %zu of step %zu has no such element", output, step);
}

weft_status weft_request_explain(weft_request *request, size_t step, size_t output,
                                 uint64_t element, weft_diag *diag,
                                 weft_explanation **out_explanation)
{
    *out_explanation = NULL;
    weft_status status = check_place(weft__request_schedule(request), step, output, element, diag);
    if (status == WEFT_OK)
        status = check_meaning(request, diag);
    if (status != WEFT_OK)
        return status;
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while explaining a value");
    }
    weft_explanation *e = WEFT_NEW(arena, weft_explanation);
    *e = (weft_explanation){.arena = arena, .account = {.arena = arena}};
    status = explain(e, request, step, output, element, diag);
    if (status == WEFT_OK)
        *out_explanation = e;
    else
        weft_arena_destroy(arena);
    return status;
}

size_t weft_explanation_count(const weft_explanation *explanation)
{
    return explanation->account.lines.count;
}

const char *weft_explanation_name(const weft_explanation *explanation, size_t index)
{
    return explanation->account.lines.data[index].name;
}

const char *weft_explanation_text(const weft_explanation *explanation, size_t index)
{
    return explanation->account.lines.data[index].text;
}

void weft_explanation_destroy(weft_explanation *explanation)
{
    if (explanation != NULL)
        weft_arena_destroy(explanation->arena);
}
