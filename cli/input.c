/* SPDX-License-Identifier: Apache-2.0 */
/* Data for the inputs of a package; see input.h. Must not know about: devices, sessions. */
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/input.h"
#include "cli/input_data.h"
#include "cli/memory.h"
#include "cli/npy.h"
#include "cli/schedule.h"
#include "cli/text.h"

/* One --input argument with its file read. */
typedef struct source {
    weft_cli_binding binding;
    weft_cli_file_data file;
    bool is_used;
} source;

static bool is_value(const char *text)
{
    return text[0] == '@' || strcmp(text, "zeros") == 0 || strcmp(text, "ones") == 0 ||
           (strncmp(text, "random", 6) == 0 && (text[6] == '\0' || text[6] == ':'));
}

bool weft_cli_binding_parse(const char *text, weft_cli_binding *out_binding)
{
    *out_binding = (weft_cli_binding){NULL, text};
    if (is_value(text))
        return text[0] != '@' || text[1] != '\0';
    /* The name itself may hold '=': take the first one that a value follows. */
    for (const char *at = strchr(text, '='); at != NULL; at = strchr(at + 1, '='))
        if (at > text && is_value(at + 1) && strcmp(at + 1, "@") != 0) {
            *out_binding = (weft_cli_binding){weft_cli_strndup(text, (size_t)(at - text)), at + 1};
            return true;
        }
    return false;
}

static weft_status read_sources(weft_cli *cli, source *sources, size_t count)
{
    weft_status first = WEFT_OK;
    for (size_t i = 0; i < count; i++) {
        const char *text = weft_cli_args_list(&cli->args, "input", i);
        weft_status status = WEFT_OK;
        if (!weft_cli_binding_parse(text, &sources[i].binding)) {
            status = weft_cli_error(&cli->errors, WEFT_CLI_E_BINDING_SYNTAX,
                                    "--input %s cannot be read", text);
            weft_cli_error_field(
                &cli->errors, WEFT_DIAG_EXPECTED,
                "NAME=@file.npy, NAME=@picture.png, NAME=random[:SEED], NAME=zeros or NAME=ones");
        } else if (sources[i].binding.value[0] == '@') {
            status = weft_cli_file_data_read(sources[i].binding.value + 1, &cli->errors,
                                             &sources[i].file);
        }
        first = first == WEFT_OK ? status : first;
    }
    return first;
}

static bool is_same_shape(const weft_npy *npy, const weft_tensor_info *tensor)
{
    return npy->rank == tensor->rank &&
           memcmp(npy->dims, tensor->dims, (size_t)npy->rank * sizeof npy->dims[0]) == 0;
}

static source *find_source(source *sources, size_t count, const char *name, size_t input_count)
{
    for (size_t i = 0; i < count; i++) {
        const char *given = sources[i].binding.name;
        if (given == NULL ? input_count == 1 : strcmp(given, name) == 0)
            return &sources[i];
    }
    return NULL;
}

/* Whether the npy files among the sources fit this schedule. */
static bool schedule_fits(const weft_package *package, size_t schedule, source *sources,
                          size_t count)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    for (size_t i = 0; i < info.input_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_input(package, schedule, i, &tensor);
        const source *from = find_source(sources, count, tensor.name, info.input_count);
        if (from != NULL && from->file.kind == WEFT_CLI_FILE_NPY &&
            !is_same_shape(&from->file.npy, &tensor))
            return false;
    }
    return true;
}

/* Options choose before npy files do. */
static weft_status choose_schedule(weft_cli *cli, const weft_package *package, source *sources,
                                   size_t count, weft_cli_inputs *inputs)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    weft_status status =
        weft_cli_schedule_choose(cli, package, &inputs->is_chosen, &inputs->schedule);
    if (status != WEFT_OK || inputs->is_chosen)
        return status;
    for (size_t i = 0; i < count; i++)
        inputs->is_chosen = inputs->is_chosen || sources[i].file.kind == WEFT_CLI_FILE_NPY;
    for (size_t i = 0; inputs->is_chosen && i < info.schedule_count; i++)
        if (schedule_fits(package, i, sources, count)) {
            inputs->schedule = i;
            break;
        }
    return WEFT_OK;
}

/* Whether some schedule takes the array as this input. */
static bool fits_some_schedule(const weft_package *package, const char *name, const weft_npy *npy)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    for (size_t schedule = 0; schedule < info.schedule_count; schedule++) {
        weft_schedule_info schedule_info;
        weft_package_get_schedule(package, schedule, &schedule_info);
        for (size_t i = 0; i < schedule_info.input_count; i++) {
            weft_tensor_info tensor;
            weft_package_get_input(package, schedule, i, &tensor);
            if (strcmp(tensor.name, name) == 0 && is_same_shape(npy, &tensor))
                return true;
        }
    }
    return false;
}

/* "1x3x160x160" of every schedule, for messages. */
static char *shapes_of_input(const weft_package *package, const char *name)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    char *list = weft_cli_strdup("");
    for (size_t schedule = 0; schedule < info.schedule_count; schedule++) {
        weft_schedule_info schedule_info;
        weft_package_get_schedule(package, schedule, &schedule_info);
        for (size_t i = 0; i < schedule_info.input_count; i++) {
            weft_tensor_info tensor;
            weft_package_get_input(package, schedule, i, &tensor);
            if (strcmp(tensor.name, name) != 0)
                continue;
            char shape[WEFT_CLI_SHAPE_TEXT];
            char *longer = weft_cli_printf("%s%s%s", list, list[0] == '\0' ? "" : " or ",
                                           weft_cli_format_shape(tensor.rank, tensor.dims, shape));
            free(list);
            list = longer;
        }
    }
    return list;
}

static weft_status take_npy(weft_cli *cli, const weft_package *package, source *from,
                            struct weft_cli_input *item)
{
    weft_npy *npy = &from->file.npy;
    const char *path = from->binding.value + 1;
    weft_status status = WEFT_OK;
    if (strcmp(npy->dtype, item->tensor.dtype) != 0) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_NPY_DTYPE, "%s does not fit input %s",
                                path, item->tensor.name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TENSOR, "%s", item->tensor.name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "elements of %s",
                             item->tensor.dtype);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s", npy->dtype);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                             "numpy.save(file, array.astype('%s')) converts explicitly",
                             weft_npy_numpy_name(item->tensor.dtype));
    } else if (!is_same_shape(npy, &item->tensor)) {
        char found[WEFT_CLI_SHAPE_TEXT];
        char *shapes = shapes_of_input(package, item->tensor.name);
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_NPY_SHAPE, "%s does not fit input %s",
                                path, item->tensor.name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TENSOR, "%s", item->tensor.name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "shape %s", shapes);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "shape %s",
                             weft_cli_format_shape(npy->rank, npy->dims, found));
        bool has_schedule = fits_some_schedule(package, item->tensor.name, npy);
        if (has_schedule)
            weft_cli_error_field(&cli->errors, WEFT_DIAG_WHY,
                                 "that is the shape of another schedule, and --shape, --schedule "
                                 "or the other inputs choose this one");
        if (has_schedule)
            weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft inspect %s",
                                 cli->args.operands[0]);
        else if (npy->rank == item->tensor.rank)
            weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                                 "weft compile MODEL.onnx --shape %s=%s", item->tensor.name, found);
        else
            weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "reshape the array");
        free(shapes);
    } else {
        item->data = npy->data;
        npy->data = NULL;
    }
    return status;
}

static weft_status load_item(weft_cli *cli, const weft_package *package, source *from, size_t index,
                             struct weft_cli_input *item)
{
    if (from != NULL && from->file.kind == WEFT_CLI_FILE_NPY)
        return take_npy(cli, package, from, item);
    item->data = weft_cli_try_alloc((size_t)item->tensor.size_bytes);
    if (item->data == NULL)
        return weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for input %s",
                              item->tensor.name);
    if (from != NULL && from->file.kind == WEFT_CLI_FILE_IMAGE)
        return weft_cli_input_from_image(cli, from->binding.value + 1, &from->file.image,
                                         &item->tensor, item->data);
    return weft_cli_input_generate(cli, item->origin,
                                   (uint64_t)weft_cli_args_int(&cli->args, "seed", 0) + index,
                                   &item->tensor, item->data);
}

static weft_status check_names(weft_cli *cli, const weft_package *package, size_t schedule,
                               source *sources, size_t count)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count; i++) {
        if (sources[i].is_used)
            continue;
        const char *name = sources[i].binding.name;
        if (name == NULL)
            status = weft_cli_error(&cli->errors, WEFT_CLI_E_INPUT_NAME,
                                    info.input_count == 1
                                        ? "the only input is given twice"
                                        : "--input without a name, but the model has %zu inputs",
                                    info.input_count);
        else
            status = weft_cli_error(&cli->errors, WEFT_CLI_E_INPUT_NAME,
                                    find_source(sources, i, name, 0) != NULL
                                        ? "input %s is given twice"
                                        : "the model has no input %s",
                                    name);
        for (size_t k = 0; k < info.input_count; k++) {
            weft_tensor_info tensor;
            weft_package_get_input(package, schedule, k, &tensor);
            const char *before =
                k == 0 ? "" : cli->errors.entries[cli->errors.count - 1].fields[WEFT_DIAG_EXPECTED];
            char *list = weft_cli_printf("%s%s%s", before, k == 0 ? "" : ", ", tensor.name);
            weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "%s", list);
            free(list);
        }
    }
    return status;
}

static weft_status load_all(weft_cli *cli, const weft_package *package, bool fill_absent,
                            source *sources, size_t source_count, weft_cli_inputs *inputs)
{
    weft_status first = WEFT_OK;
    for (size_t i = 0; i < inputs->count; i++) {
        struct weft_cli_input *item = &inputs->items[i];
        weft_package_get_input(package, inputs->schedule, i, &item->tensor);
        source *from = find_source(sources, source_count, item->tensor.name, inputs->count);
        if (from == NULL && !fill_absent) {
            weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_INPUT_MISSING,
                                                "input %s has no data", item->tensor.name);
            weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                                 "--input %s=@file.npy, or --input %s=random", item->tensor.name,
                                 item->tensor.name);
            first = first == WEFT_OK ? status : first;
            continue;
        }
        const char *value = from == NULL ? "random" : from->binding.value;
        item->origin = weft_cli_strdup(value[0] == '@' ? value + 1 : value);
        if (from != NULL)
            from->is_used = true;
        weft_status status = load_item(cli, package, from, i, item);
        first = first == WEFT_OK ? status : first;
    }
    weft_status names = check_names(cli, package, inputs->schedule, sources, source_count);
    return first == WEFT_OK ? names : first;
}

/* schedule NULL: the one that is chosen. */
static weft_status load_inputs(weft_cli *cli, const weft_package *package, const size_t *schedule,
                               bool fill_absent, weft_cli_inputs *out_inputs)
{
    *out_inputs = (weft_cli_inputs){0};
    size_t count = 0;
    while (weft_cli_args_list(&cli->args, "input", count) != NULL)
        count++;
    source *sources = weft_cli_alloc_array(count, sizeof *sources);
    weft_status status = read_sources(cli, sources, count);
    if (status == WEFT_OK && schedule == NULL)
        status = choose_schedule(cli, package, sources, count, out_inputs);
    if (schedule != NULL)
        out_inputs->schedule = *schedule;
    if (status == WEFT_OK) {
        weft_schedule_info info;
        weft_package_get_schedule(package, out_inputs->schedule, &info);
        out_inputs->count = info.input_count;
        out_inputs->items = weft_cli_alloc_array(info.input_count, sizeof *out_inputs->items);
        status = load_all(cli, package, fill_absent, sources, count, out_inputs);
    }
    for (size_t i = 0; i < count; i++) {
        free(sources[i].binding.name);
        weft_cli_file_data_finish(&sources[i].file);
    }
    free(sources);
    return status;
}

weft_status weft_cli_inputs_load(weft_cli *cli, const weft_package *package, bool fill_absent,
                                 weft_cli_inputs *out_inputs)
{
    return load_inputs(cli, package, NULL, fill_absent, out_inputs);
}

weft_status weft_cli_inputs_load_for(weft_cli *cli, const weft_package *package, size_t schedule,
                                     bool fill_absent, weft_cli_inputs *out_inputs)
{
    return load_inputs(cli, package, &schedule, fill_absent, out_inputs);
}

void weft_cli_inputs_finish(weft_cli_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        free(inputs->items[i].data);
        free(inputs->items[i].origin);
    }
    free(inputs->items);
    *inputs = (weft_cli_inputs){0};
}
