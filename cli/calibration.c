/* SPDX-License-Identifier: Apache-2.0 */
/* See calibration.h. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/calibration.h"
#include "cli/memory.h"
#include "cli/shape.h"
#include "cli/text.h"

enum { RANDOM_SAMPLES = 64 };
/* Seeds of the generator: so far apart that samples and inputs do not meet. */
enum { SEED_STEP = 1 << 24, INPUT_STEP = 64 };

static bool is_data_file(const char *name)
{
    static const char *const endings[] = {".npy", ".png", ".PNG", ".jpg", ".jpeg", ".JPG", ".JPEG"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (name[0] != '.' && weft_cli_ends_with(name, endings[i]))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static weft_status refuse(weft_cli *cli, const char *what, const char *found)
{
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_CALIBRATION, "no calibration data in %s", what);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED,
                         "a folder with .npy, .png or .jpg files, an npy file, or random[:SEED]");
    weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s", found);
    return status;
}

static weft_status list_files(weft_cli *cli, weft_cli_calibration *data)
{
    DIR *folder = opendir(data->what);
    if (folder == NULL)
        return refuse(cli, data->what, "a folder that cannot be read");
    size_t capacity = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!is_data_file(entry->d_name))
            continue;
        if (data->file_count == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            char **files = weft_cli_alloc_array(capacity, sizeof *files);
            if (data->file_count > 0)
                memcpy(files, data->files, data->file_count * sizeof *files);
            free(data->files);
            data->files = files;
        }
        data->files[data->file_count++] = weft_cli_printf("%s/%s", data->what, entry->d_name);
    }
    closedir(folder);
    if (data->file_count == 0)
        return refuse(cli, data->what, "no such file");
    qsort(data->files, data->file_count, sizeof *data->files, by_name);
    data->sample_count = data->file_count;
    return WEFT_OK;
}

static bool fits(const int64_t *dims, int rank, const weft_tensor_info *tensor, int first)
{
    return rank == tensor->rank - first &&
           memcmp(dims, tensor->dims + first, (size_t)rank * sizeof *dims) == 0;
}

static weft_status wrong_shape(weft_cli *cli, const char *path, const weft_npy *npy,
                               const weft_tensor_info *tensor)
{
    char expected[WEFT_CLI_SHAPE_TEXT], found[WEFT_CLI_SHAPE_TEXT];
    weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_NPY_SHAPE,
                                        "%s does not fit input %s", path, tensor->name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED,
                         "%s %s, or several of them along the first dimension", tensor->dtype,
                         weft_cli_format_shape(tensor->rank, tensor->dims, expected));
    weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s %s", npy->dtype,
                         weft_cli_format_shape(npy->rank, npy->dims, found));
    return status;
}

static weft_status open_array(weft_cli *cli, const weft_tensor_info *tensor,
                              weft_cli_calibration *data)
{
    weft_status status = weft_cli_file_data_read(data->what, &cli->errors, &data->array);
    if (status != WEFT_OK)
        return status;
    if (data->array.kind != WEFT_CLI_FILE_NPY) { /* one picture */
        data->sample_count = 1;
        return WEFT_OK;
    }
    const weft_npy *npy = &data->array.npy;
    bool is_batch = npy->rank == tensor->rank && tensor->rank > 0 &&
                    npy->dims[0] % tensor->dims[0] == 0 && npy->dims[0] > 0 &&
                    fits(npy->dims + 1, npy->rank - 1, tensor, 1);
    if (!is_batch || strcmp(npy->dtype, tensor->dtype) != 0)
        return wrong_shape(cli, data->what, npy, tensor);
    data->sample_count = (size_t)(npy->dims[0] / tensor->dims[0]);
    return WEFT_OK;
}

weft_status weft_cli_calibration_open(weft_cli *cli, const weft_tensor_info *inputs,
                                      size_t input_count, size_t count,
                                      weft_cli_calibration *out_calibration)
{
    weft_cli_calibration *data = out_calibration;
    *data = (weft_cli_calibration){.what = weft_cli_args_text(&cli->args, "data", "random")};
    if (strcmp(data->what, "random") == 0 || strncmp(data->what, "random:", 7) == 0) {
        char *end = NULL;
        data->is_random = true;
        data->seed = data->what[6] == ':' ? strtoull(data->what + 7, &end, 10) : 0;
        if (data->what[6] == ':' && (end == data->what + 7 || *end != '\0'))
            return refuse(cli, data->what, "no whole number after random:");
        data->sample_count = count > 0 ? count : RANDOM_SAMPLES;
        return WEFT_OK;
    }
    if (input_count != 1) {
        weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_CALIBRATION,
                                            "the model has %zu inputs", input_count);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "one, for --data %s", data->what);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "--data random:SEED");
        return status;
    }
    struct stat info;
    weft_status status;
    if (stat(data->what, &info) != 0)
        status = refuse(cli, data->what, "nothing of this name");
    else if (S_ISDIR(info.st_mode))
        status = list_files(cli, data);
    else
        status = open_array(cli, &inputs[0], data);
    if (count > 0 && count < data->sample_count)
        data->sample_count = count;
    return status;
}

static weft_status read_file(weft_cli *cli, const char *path, const weft_cli_file_data *file,
                             const weft_tensor_info *tensor, void *out)
{
    if (file->kind != WEFT_CLI_FILE_NPY)
        return weft_cli_input_from_image(cli, path, &file->image, tensor, out);
    const weft_npy *npy = &file->npy;
    bool is_whole =
        fits(npy->dims, npy->rank, tensor, 0) ||
        (tensor->rank > 0 && tensor->dims[0] == 1 && fits(npy->dims, npy->rank, tensor, 1));
    if (!is_whole || strcmp(npy->dtype, tensor->dtype) != 0)
        return wrong_shape(cli, path, npy, tensor);
    memcpy(out, npy->data, (size_t)tensor->size_bytes);
    return WEFT_OK;
}

weft_status weft_cli_calibration_read(weft_cli *cli, const weft_cli_calibration *calibration,
                                      size_t index, size_t input, const weft_tensor_info *tensor,
                                      void *out)
{
    if (calibration->is_random)
        return weft_cli_input_generate(
            cli, "random", calibration->seed * SEED_STEP + index * INPUT_STEP + input, tensor, out);
    if (calibration->file_count > 0) {
        weft_cli_file_data file = {0};
        const char *path = calibration->files[index];
        weft_status status = weft_cli_file_data_read(path, &cli->errors, &file);
        if (status == WEFT_OK)
            status = read_file(cli, path, &file, tensor, out);
        weft_cli_file_data_finish(&file);
        return status;
    }
    if (calibration->array.kind != WEFT_CLI_FILE_NPY)
        return read_file(cli, calibration->what, &calibration->array, tensor, out);
    const uint8_t *from = calibration->array.npy.data;
    memcpy(out, from + index * (size_t)tensor->size_bytes, (size_t)tensor->size_bytes);
    return WEFT_OK;
}

void weft_cli_calibration_finish(weft_cli_calibration *calibration)
{
    for (size_t i = 0; i < calibration->file_count; i++)
        free(calibration->files[i]);
    free(calibration->files);
    weft_cli_file_data_finish(&calibration->array);
    *calibration = (weft_cli_calibration){0};
}
