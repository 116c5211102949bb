/* SPDX-License-Identifier: Apache-2.0 */
/* Example inputs for calibration; see samples.h. Must not know about: sessions, quantisation. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/input_data.h"
#include "cli/memory.h"
#include "cli/samples.h"
#include "cli/text.h"

/* Enough for ranges to settle, and some seconds of work. */
enum { DEFAULT_RANDOM_COUNT = 64 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* ---- a folder ---- */

static bool is_data_file(const char *name)
{
    static const char *const endings[] = {".npy", ".png", ".jpg", ".jpeg"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (name[0] != '.' && weft_cli_ends_with(name, endings[i]))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static weft_status list_folder(weft_cli *cli, const char *path, weft_cli_samples *samples)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        weft_status status =
            weft_cli_error(&cli->errors, WEFT_CLI_E_FILE_READ, "cannot read %s", path);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_WHY, "%s", strerror(errno));
        return status;
    }
    char *text = weft_cli_strdup("files");
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!is_data_file(entry->d_name))
            continue;
        samples->files =
            weft_cli_realloc_array(samples->files, samples->file_count + 1, sizeof *samples->files);
        samples->files[samples->file_count++] = weft_cli_strdup(entry->d_name);
    }
    closedir(folder);
    if (samples->file_count > 0)
        qsort(samples->files, samples->file_count, sizeof *samples->files, by_name);
    for (size_t i = 0; i < samples->file_count; i++) {
        char *longer = weft_cli_printf("%s %s", text, samples->files[i]);
        free(text);
        text = longer;
    }
    samples->name = text;
    samples->folder = weft_cli_strdup(path);
    samples->available = samples->file_count;
    if (samples->file_count > 0)
        return WEFT_OK;
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_CALIBRATION, "%s holds no sample", path);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED,
                         "files that end with .png, .jpg, .jpeg or .npy");
    return status;
}

/* ---- npy ---- */

/* The rank of a sample without the leading 1 that a batch of one adds. */
static bool has_shape(const weft_npy *npy, const weft_tensor_info *tensor, int skip)
{
    return npy->rank == tensor->rank - skip &&
           memcmp(npy->dims, tensor->dims + skip, (size_t)npy->rank * sizeof npy->dims[0]) == 0;
}

static weft_status npy_error(weft_cli *cli, const char *path, const weft_npy *npy,
                             const weft_tensor_info *tensor, const char *expected)
{
    char found[WEFT_CLI_SHAPE_TEXT];
    bool is_type = strcmp(npy->dtype, tensor->dtype) != 0;
    weft_status status =
        weft_cli_error(&cli->errors, is_type ? WEFT_CLI_E_NPY_DTYPE : WEFT_CLI_E_NPY_SHAPE,
                       "%s does not fit input %s", path, tensor->name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TENSOR, "%s", tensor->name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "%s of shape %s", tensor->dtype,
                         expected);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s of shape %s", npy->dtype,
                         weft_cli_format_shape(npy->rank, npy->dims, found));
    return status;
}

/* Samples of one file lie along its first dimension, as many at once as the model's batch. */
static weft_status open_npy(weft_cli *cli, const char *path, const weft_tensor_info *input,
                            weft_cli_samples *samples)
{
    weft_status status = weft_npy_read(path, &cli->errors, &samples->npy);
    if (status != WEFT_OK)
        return status;
    const weft_npy *npy = &samples->npy;
    char shape[WEFT_CLI_SHAPE_TEXT], *expected = NULL;
    int64_t batch = input->rank > 0 ? input->dims[0] : 1;
    bool fits = strcmp(npy->dtype, input->dtype) == 0 && npy->rank == input->rank && npy->rank > 0;
    for (int i = 1; fits && i < npy->rank; i++)
        fits = npy->dims[i] == input->dims[i];
    if (!fits || npy->dims[0] % batch != 0) {
        weft_cli_format_shape(input->rank, input->dims, shape);
        expected = weft_cli_printf("%s, or more along the first dimension%s", shape,
                                   batch > 1 ? " (a multiple)" : "");
        status = npy_error(cli, path, npy, input, expected);
        free(expected);
        return status;
    }
    samples->name = weft_cli_printf("npy %s %s", base_name(path),
                                    weft_cli_format_shape(npy->rank, npy->dims, shape));
    samples->available = (size_t)(npy->dims[0] / batch);
    if (samples->available > 0)
        return WEFT_OK;
    return weft_cli_error(&cli->errors, WEFT_CLI_E_CALIBRATION, "%s holds no sample", path);
}

/* ---- all of them ---- */

static weft_status open_random(weft_cli *cli, const char *what, weft_cli_samples *samples)
{
    char *end = NULL;
    errno = 0;
    samples->seed = what[6] == ':' ? strtoull(what + 7, &end, 10) : 0;
    if (what[6] == ':' && (end == what + 7 || *end != '\0' || errno == ERANGE || what[7] == '-')) {
        weft_status status =
            weft_cli_error(&cli->errors, WEFT_CLI_E_OPTION_VALUE, "--data %s has no seed", what);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "a whole number after random:");
        return status;
    }
    samples->available = SIZE_MAX;
    samples->name = weft_cli_printf("random:%llu", (unsigned long long)samples->seed);
    return WEFT_OK;
}

static weft_status set_count(weft_cli *cli, weft_cli_samples *samples)
{
    bool is_random = samples->available == SIZE_MAX;
    size_t fallback = is_random ? DEFAULT_RANDOM_COUNT : samples->available;
    samples->count = (size_t)weft_cli_args_int(&cli->args, "count", (long)fallback);
    if (samples->count <= samples->available)
        return WEFT_OK;
    weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_CALIBRATION,
                                        "--count %zu is more than there are", samples->count);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%zu samples", samples->available);
    return status;
}

weft_status weft_cli_samples_open(weft_cli *cli, const weft_tensor_info *inputs, size_t input_count,
                                  weft_cli_samples *out_samples)
{
    const char *what = weft_cli_args_text(&cli->args, "data", NULL);
    struct stat info;
    weft_status status;
    *out_samples = (weft_cli_samples){0};
    if (what == NULL) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_CALIBRATION, "there is no --data");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "DIR, FILE.npy or random[:SEED]");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                             "--data random for a first look; pictures of the real kind for use");
        return status;
    }
    if (strcmp(what, "random") == 0 || strncmp(what, "random:", 7) == 0) {
        status = open_random(cli, what, out_samples);
    } else if (input_count != 1) {
        status =
            weft_cli_error(&cli->errors, WEFT_CLI_E_OPTION_VALUE,
                           "files are data for models of one input; this one has %zu", input_count);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "--data random");
    } else if (stat(what, &info) == 0 && S_ISDIR(info.st_mode)) {
        status = list_folder(cli, what, out_samples);
    } else {
        status = open_npy(cli, what, inputs, out_samples);
    }
    return status == WEFT_OK ? set_count(cli, out_samples) : status;
}

static weft_status get_file(weft_cli *cli, const weft_cli_samples *samples, size_t index,
                            const weft_tensor_info *tensor, void *out)
{
    char *path = weft_cli_printf("%s/%s", samples->folder, samples->files[index]);
    weft_cli_file_data data = {0};
    weft_status status = weft_cli_file_data_read(path, &cli->errors, &data);
    if (status == WEFT_OK && data.kind == WEFT_CLI_FILE_IMAGE) {
        status = weft_cli_input_from_image(cli, path, &data.image, tensor, out);
    } else if (status == WEFT_OK) {
        bool has_batch = tensor->rank > 0 && tensor->dims[0] == 1;
        if (strcmp(data.npy.dtype, tensor->dtype) == 0 &&
            (has_shape(&data.npy, tensor, 0) || (has_batch && has_shape(&data.npy, tensor, 1)))) {
            memcpy(out, data.npy.data, (size_t)tensor->size_bytes);
        } else {
            char shape[WEFT_CLI_SHAPE_TEXT];
            status = npy_error(cli, path, &data.npy, tensor,
                               weft_cli_format_shape(tensor->rank, tensor->dims, shape));
        }
    }
    weft_cli_file_data_finish(&data);
    free(path);
    return status;
}

weft_status weft_cli_samples_get(weft_cli *cli, const weft_cli_samples *samples, size_t index,
                                 const weft_tensor_info *tensor, size_t input, void *out)
{
    if (samples->folder != NULL)
        return get_file(cli, samples, index, tensor, out);
    if (samples->npy.data != NULL) {
        memcpy(out, (const uint8_t *)samples->npy.data + index * (size_t)tensor->size_bytes,
               (size_t)tensor->size_bytes);
        return WEFT_OK;
    }
    /* Seeds of samples and inputs lie far apart, so that no stream is another one shifted. */
    uint64_t seed = samples->seed + ((uint64_t)index << 20) + ((uint64_t)input << 52);
    return weft_cli_input_generate(cli, "random", seed, tensor, out);
}

void weft_cli_samples_finish(weft_cli_samples *samples)
{
    for (size_t i = 0; i < samples->file_count; i++)
        free(samples->files[i]);
    free(samples->files);
    free(samples->folder);
    free(samples->name);
    weft_npy_finish(&samples->npy);
    *samples = (weft_cli_samples){0};
}
