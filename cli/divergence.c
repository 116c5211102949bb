/* SPDX-License-Identifier: Apache-2.0 */
/* Explaining and cutting out the first difference; see divergence.h. Must not know about: how
 * layers are compared. */
#include <stdlib.h>
#include <string.h>

#include "cli/divergence.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/npy.h"
#include "cli/text.h"

weft_explanation *weft_cli_divergence_explain(weft_cli *cli, const weft_cli_against *against,
                                              const weft_cli_against_row *row)
{
    weft_explanation *explanation = NULL;
    /* The steps before this one agree, so any executor's operands will do. */
    weft_request_explain(weft_cli_executors_open(against->executors)->engine.request, row->step,
                         row->output, row->element, cli->diag, &explanation);
    return explanation;
}

void weft_cli_divergence_print(FILE *out, const weft_explanation *explanation)
{
    for (size_t i = 0; i < weft_explanation_count(explanation); i++)
        fprintf(out, "  %-10s %s\n", weft_explanation_name(explanation, i),
                weft_explanation_text(explanation, i));
}

/* The index in the whole package of a value of the cut one: names are the same in both. */
static bool find_value(const weft_cli_against *against, const char *name, size_t *out_index)
{
    weft_schedule_info info;
    weft_package_get_schedule(against->package, against->schedule, &info);
    for (size_t i = 0; i < info.value_count; i++) {
        weft_value_info value;
        weft_package_get_value(against->package, against->schedule, i, &value);
        if (strcmp(value.tensor.name, name) == 0) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static weft_status write_input(weft_cli *cli, const weft_cli_against *against,
                               const weft_tensor_info *tensor, const char *file)
{
    size_t index = 0, bytes = (size_t)tensor->size_bytes;
    void *data = weft_cli_try_alloc(bytes);
    weft_status status = WEFT_OK;
    if (data == NULL)
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for %s", file);
    else if (!find_value(against, tensor->name, &index))
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_INPUT_NAME,
                                "the package has no value %s to write", tensor->name);
    else
        status = weft_request_get_value(weft_cli_executors_open(against->executors)->engine.request,
                                        index, data, bytes, cli->diag);
    if (status == WEFT_OK)
        status =
            weft_npy_write(file, tensor->dtype, tensor->rank, tensor->dims, data, &cli->errors);
    free(data);
    return status;
}

static void add_to(char **text, const char *more)
{
    char *joined = weft_cli_printf("%s%s", *text, more);
    free(*text);
    *text = joined;
}

weft_status weft_cli_divergence_reduce(weft_cli *cli, const weft_cli_against *against,
                                       const weft_cli_against_row *row, const char *path,
                                       char **out_command)
{
    const weft_cli_executors *executors = against->executors;
    weft_package *cut = NULL;
    weft_schedule_info info;
    *out_command = NULL;
    weft_status status =
        weft_package_cut(against->package, against->schedule, row->step, path, cli->diag);
    if (status == WEFT_OK)
        status = weft_package_open(path, cli->diag, &cut);
    if (status != WEFT_OK)
        return status;
    weft_package_get_schedule(cut, 0, &info);
    char *command =
        weft_cli_printf("weft verify %s --against %s,%s", path,
                        executors->items[row->first].backend, executors->items[row->other].backend);
    for (size_t i = 0; status == WEFT_OK && i < info.input_count; i++) {
        weft_tensor_info tensor;
        char name[WEFT_CLI_NAME_TEXT];
        weft_package_get_input(cut, 0, i, &tensor);
        char *ending = weft_cli_printf(".in%zu.npy", i);
        char *file = weft_cli_with_ending(path, ending);
        status = write_input(cli, against, &tensor, file);
        char *option =
            weft_cli_printf(" --input '%s=@%s'", weft_cli_format_name(tensor.name, name), file);
        add_to(&command, option);
        free(option);
        free(file);
        free(ending);
    }
    weft_package_close(cut);
    if (status == WEFT_OK)
        *out_command = command;
    else
        free(command);
    return status;
}
