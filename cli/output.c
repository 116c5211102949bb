/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments that name outputs; see output.h. Must not know about: devices. */
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/output.h"

static weft_status name_error(weft_cli *cli, const char *name, size_t length,
                              const weft_package *package, size_t schedule, size_t count)
{
    char *list = weft_cli_strdup("");
    for (size_t i = 0; i < count; i++) {
        weft_tensor_info tensor;
        weft_package_get_output(package, schedule, i, &tensor);
        char *longer = weft_cli_printf("%s%s%s", list, i == 0 ? "" : ", ", tensor.name);
        free(list);
        list = longer;
    }
    weft_status status =
        name == NULL
            ? weft_cli_error(&cli->errors, WEFT_CLI_E_OUTPUT_NAME,
                             "an output file without a name, but the model has %zu outputs", count)
            : weft_cli_error(&cli->errors, WEFT_CLI_E_OUTPUT_NAME, "the model has no output %.*s",
                             (int)length, name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "%s", list);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "NAME=@file.npy");
    free(list);
    return status;
}

static bool is_taken(const weft_cli_outputs *outputs, const char *file)
{
    if (strncmp(file, "/dev/", 5) == 0) /* any number of answers may go there */
        return false;
    for (size_t i = 0; i < outputs->count; i++)
        if (outputs->files[i] != NULL && strcmp(outputs->files[i], file) == 0)
            return true;
    return false;
}

weft_status weft_cli_outputs_parse(weft_cli *cli, const char *option, const weft_package *package,
                                   size_t schedule, weft_cli_outputs *out_outputs)
{
    weft_schedule_info info;
    weft_status first = WEFT_OK;
    const char *text = NULL;
    weft_package_get_schedule(package, schedule, &info);
    *out_outputs = (weft_cli_outputs){info.output_count,
                                      weft_cli_alloc_array(info.output_count, sizeof(char *))};
    for (size_t i = 0; (text = weft_cli_args_list(&cli->args, option, i)) != NULL; i++) {
        const char *at = strstr(text, "=@");
        const char *name = at == NULL ? NULL : text;
        const char *file = at == NULL ? text + (text[0] == '@' ? 1 : 0) : at + 2;
        size_t length = at == NULL ? 0 : (size_t)(at - text), found = info.output_count;
        for (size_t k = 0; k < info.output_count; k++) {
            weft_tensor_info tensor;
            weft_package_get_output(package, schedule, k, &tensor);
            if (name == NULL
                    ? info.output_count == 1
                    : strlen(tensor.name) == length && memcmp(tensor.name, name, length) == 0)
                found = k;
        }
        weft_status status = WEFT_OK;
        if (file[0] == '\0') {
            status = weft_cli_error(&cli->errors, WEFT_CLI_E_BINDING_SYNTAX,
                                    "--%s %s cannot be read", option, text);
            weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "NAME=@file.npy");
        } else if (found == info.output_count) {
            status = name_error(cli, name, length, package, schedule, info.output_count);
        } else if (out_outputs->files[found] != NULL || is_taken(out_outputs, file)) {
            status = weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                                    "--%s %s: an output or its file is named twice", option, text);
        } else {
            out_outputs->files[found] = file;
        }
        first = first == WEFT_OK ? status : first;
    }
    return first;
}

void weft_cli_outputs_finish(weft_cli_outputs *outputs)
{
    free(outputs->files);
    *outputs = (weft_cli_outputs){0};
}
