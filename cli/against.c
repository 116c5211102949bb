/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing the values of executors; see against.h. Must not know about: what is printed. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cli/against.h"
#include "cli/memory.h"
#include "cli/text.h"
#include "cli/values.h"

/* The dense bytes of one value, one block per executor that has it; NULL for the others. */
typedef struct value_copies {
    void *bytes[WEFT_CLI_MAX_EXECUTORS];
} value_copies;

static bool is_float(const char *dtype)
{
    return dtype[0] == 'f' || strcmp(dtype, "bf16") == 0;
}

static void release(value_copies *copies)
{
    for (size_t i = 0; i < WEFT_CLI_MAX_EXECUTORS; i++)
        free(copies->bytes[i]);
}

static weft_status fetch(weft_cli *cli, const weft_cli_against *against,
                         const weft_tensor_info *tensor, weft_cli_against_row *row,
                         value_copies *copies)
{
    size_t bytes = (size_t)tensor->size_bytes;
    for (size_t i = 0; i < against->executors->count; i++) {
        copies->bytes[i] = weft_cli_try_alloc(bytes);
        if (copies->bytes[i] == NULL)
            return weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory to compare %s",
                                  tensor->name);
        row->has[i] = weft_cli_executor_read(&against->executors->items[i], (size_t)row->value,
                                             copies->bytes[i], bytes);
        if (row->has[i]) {
            row->hash[i] = XXH3_64bits(copies->bytes[i], bytes);
        } else {
            free(copies->bytes[i]);
            copies->bytes[i] = NULL;
        }
    }
    return WEFT_OK;
}

/* Sets the row's account of a difference between `first` and `other`. */
static void find_element(weft_cli_against_row *row, const weft_tensor_info *tensor,
                         const value_copies *copies, size_t first, size_t other, size_t element)
{
    row->agreement = WEFT_CLI_DIFFERENT;
    row->first = first;
    row->other = other;
    row->element = element;
    row->first_value = weft_cli_value_get(tensor->dtype, copies->bytes[first], element);
    row->other_value = weft_cli_value_get(tensor->dtype, copies->bytes[other], element);
    size_t size = weft_cli_dtype_bytes(tensor->dtype);
    const char *a = copies->bytes[first], *b = copies->bytes[other];
    for (size_t i = 0; i < (size_t)tensor->size_bytes / size; i++)
        row->count += memcmp(a + i * size, b + i * size, size) != 0;
}

static size_t first_different(const weft_tensor_info *tensor, const char *a, const char *b)
{
    size_t size = weft_cli_dtype_bytes(tensor->dtype), i = 0;
    while (memcmp(a + i * size, b + i * size, size) == 0)
        i++;
    return i;
}

static void judge(const weft_cli_against *against, const weft_tensor_info *tensor,
                  const value_copies *copies, weft_cli_against_row *row)
{
    size_t first = 0, count = against->executors->count;
    while (first < count && copies->bytes[first] == NULL)
        first++;
    row->agreement = WEFT_CLI_ALONE;
    for (size_t i = first + 1; i < count; i++) {
        if (copies->bytes[i] == NULL)
            continue;
        if (row->agreement == WEFT_CLI_ALONE)
            row->agreement = WEFT_CLI_EQUAL;
        if (row->hash[i] == row->hash[first] || row->agreement == WEFT_CLI_DIFFERENT)
            continue;
        size_t elements = (size_t)tensor->size_bytes / weft_cli_dtype_bytes(tensor->dtype);
        if (!is_float(tensor->dtype)) {
            find_element(row, tensor, copies, first, i,
                         first_different(tensor, copies->bytes[first], copies->bytes[i]));
            continue;
        }
        weft_cli_comparison comparison = weft_cli_values_compare(tensor->dtype, copies->bytes[i],
                                                                 copies->bytes[first], elements);
        row->relative = comparison.relative > row->relative ? comparison.relative : row->relative;
        if (comparison.relative <= against->tolerance)
            row->agreement = WEFT_CLI_CLOSE;
        else
            find_element(row, tensor, copies, first, i, comparison.worst);
    }
}

static weft_status add_row(weft_cli *cli, weft_cli_against *against, size_t step, size_t output,
                           int32_t value)
{
    weft_value_info info;
    value_copies copies = {0};
    weft_package_get_value(against->package, against->schedule, (size_t)value, &info);
    against->rows =
        weft_cli_realloc_array(against->rows, against->count + 1, sizeof *against->rows);
    weft_cli_against_row *row = &against->rows[against->count++];
    *row = (weft_cli_against_row){.step = step, .output = output, .value = value};
    weft_status status = fetch(cli, against, &info.tensor, row, &copies);
    if (status == WEFT_OK)
        judge(against, &info.tensor, &copies, row);
    release(&copies);
    return status;
}

weft_status weft_cli_against_compare(weft_cli *cli, const weft_package *package, size_t schedule,
                                     const weft_cli_executors *executors, double tolerance,
                                     weft_cli_against *out_against)
{
    weft_schedule_info info;
    weft_status status = WEFT_OK;
    weft_package_get_schedule(package, schedule, &info);
    *out_against = (weft_cli_against){.package = package,
                                      .schedule = schedule,
                                      .executors = executors,
                                      .tolerance = tolerance,
                                      .step_count = info.step_count};
    for (size_t i = 0; status == WEFT_OK && i < info.step_count; i++) {
        weft_step_info step;
        size_t from = out_against->count, different = 0, close = 0, shown = 0;
        weft_package_get_step(package, schedule, i, &step);
        for (size_t k = 0; status == WEFT_OK && k < step.output_count; k++)
            if (step.outputs[k] >= 0)
                status = add_row(cli, out_against, i, k, step.outputs[k]);
        for (size_t k = from; k < out_against->count; k++) {
            different += out_against->rows[k].agreement == WEFT_CLI_DIFFERENT;
            close += out_against->rows[k].agreement == WEFT_CLI_CLOSE;
            shown += out_against->rows[k].agreement != WEFT_CLI_ALONE;
        }
        out_against->agreed_steps += shown > 0 && different == 0;
        out_against->close_steps += close > 0 && different == 0;
        out_against->alone_steps += shown == 0;
    }
    return status;
}

const weft_cli_against_row *weft_cli_against_first(const weft_cli_against *against)
{
    for (size_t i = 0; i < against->count; i++)
        if (against->rows[i].agreement == WEFT_CLI_DIFFERENT)
            return &against->rows[i];
    return NULL;
}

bool weft_cli_against_passes(const weft_cli_against *against)
{
    return weft_cli_against_first(against) == NULL && against->agreed_steps > 0;
}

void weft_cli_against_finish(weft_cli_against *against)
{
    free(against->rows);
    *against = (weft_cli_against){0};
}
