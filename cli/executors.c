/* SPDX-License-Identifier: Apache-2.0 */
/* Backends side by side; see executors.h. Must not know about: what is compared. */
#include <stdlib.h>
#include <string.h>

#include "cli/executors.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/report.h"

/* The names, from the list or from the devices of this machine. */
typedef struct wanted_backends {
    size_t count;
    struct {
        char *name;
        char *why_not; /* no usable device: the reason of the last one */
    } items[WEFT_CLI_MAX_EXECUTORS];
} wanted_backends;

static void wanted_finish(wanted_backends *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        free(wanted->items[i].name);
        free(wanted->items[i].why_not);
    }
}

static weft_status add_wanted(weft_cli *cli, wanted_backends *wanted, const char *name,
                              size_t length, size_t *out_index)
{
    size_t i = 0;
    while (i < wanted->count && (strncmp(wanted->items[i].name, name, length) != 0 ||
                                 wanted->items[i].name[length] != '\0'))
        i++;
    *out_index = i;
    if (i < wanted->count)
        return WEFT_OK;
    if (i == WEFT_CLI_MAX_EXECUTORS)
        return weft_cli_error(&cli->errors, WEFT_CLI_E_OPTION_VALUE,
                              "--against takes at most %d backends", WEFT_CLI_MAX_EXECUTORS);
    wanted->items[i].name = weft_cli_strndup(name, length);
    wanted->items[i].why_not = NULL;
    wanted->count++;
    return WEFT_OK;
}

static weft_status wanted_from_devices(weft_cli *cli, wanted_backends *wanted)
{
    weft_device_list *devices = NULL;
    weft_status status = weft_device_list_create(cli->diag, &devices);
    for (size_t i = 0; status == WEFT_OK && i < weft_device_list_count(devices); i++) {
        const weft_device_info *device = weft_device_list_get(devices, i);
        size_t known = wanted->count, index = 0;
        status = add_wanted(cli, wanted, device->backend, strlen(device->backend), &index);
        if (status != WEFT_OK)
            break;
        bool is_new = index == known;
        if (device->usable) {
            free(wanted->items[index].why_not);
            wanted->items[index].why_not = NULL;
        } else if (is_new) {
            wanted->items[index].why_not =
                weft_cli_strdup(device->why_not == NULL ? "no usable device" : device->why_not);
        }
    }
    weft_device_list_destroy(devices);
    return status;
}

static weft_status wanted_from_list(weft_cli *cli, wanted_backends *wanted, const char *list)
{
    weft_status status = WEFT_OK;
    for (const char *at = list; status == WEFT_OK;) {
        size_t length = strcspn(at, ","), index = 0;
        if (length == 0)
            return weft_cli_error(&cli->errors, WEFT_CLI_E_OPTION_VALUE,
                                  "--against %s: a name is empty", list);
        status = add_wanted(cli, wanted, at, length, &index);
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    return status;
}

static void skip(weft_cli_executors *executors, const char *backend, const char *why)
{
    struct weft_cli_skipped_executor *one = &executors->skipped[executors->skipped_count++];
    *one = (struct weft_cli_skipped_executor){weft_cli_strdup(backend), weft_cli_strdup(why)};
}

/* Loads a backend. With may_skip, a package that has nothing for it is no error: it is skipped,
 * which is what *out_loaded says. */
static weft_status load(weft_cli *cli, weft_package *package, const weft_session_params *params,
                        bool may_skip, weft_cli_executors *executors, bool *out_loaded)
{
    struct weft_cli_executor *one = &executors->items[executors->count];
    weft_diag *main_diag = cli->diag, *diag = NULL;
    *out_loaded = false;
    weft_status status = weft_diag_create(&diag);
    if (status != WEFT_OK)
        return weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for messages");
    one->backend = weft_cli_strdup(params->backend);
    executors->count++;
    weft_cli_report_flush(cli);
    size_t printed = cli->diag_printed;
    cli->diag = diag;
    cli->diag_printed = 0;
    status = weft_cli_engine_create(cli, package, params, &one->engine);
    *out_loaded = status == WEFT_OK;
    enum { XRT_BUSY = 723 }; /* an emulated card that the backend before has */
    const weft_diag_entry *why = weft_diag_count(diag) > 0 ? weft_diag_get(diag, 0) : NULL;
    bool is_skipped = may_skip && why != NULL &&
                      (status == WEFT_UNSUPPORTED || (status != WEFT_OK && why->id == XRT_BUSY));
    if (is_skipped) {
        skip(executors, params->backend, weft_diag_get(diag, 0)->summary);
        free(one->backend);
        weft_cli_engine_finish(&one->engine);
        *one = (struct weft_cli_executor){0};
        executors->count--;
        status = WEFT_OK;
    } else {
        weft_cli_report_flush(cli);
    }
    cli->diag = main_diag;
    cli->diag_printed = printed;
    weft_diag_destroy(diag);
    return status;
}

/* ---- cards ---- */

static bool is_on_card(const struct weft_cli_executor *executor)
{
    weft_load_info load;
    weft_session_get_load_info(executor->engine.session, &load);
    return strcmp(load.timed_by, "device") != 0;
}

/* Copies every value and closes the engine, so that the next session may have the card. */
static weft_status keep_values(weft_cli *cli, weft_package *package, size_t schedule,
                               struct weft_cli_executor *one)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    one->kept = weft_cli_alloc_array(info.value_count + 1, sizeof *one->kept);
    one->kept_count = info.value_count;
    for (size_t i = 0; i < info.value_count; i++) {
        weft_value_info value;
        weft_package_get_value(package, schedule, i, &value);
        size_t bytes = (size_t)value.tensor.size_bytes;
        one->kept[i] = weft_cli_try_alloc(bytes);
        if (one->kept[i] == NULL)
            return weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY,
                                  "no memory to keep what %s computed", one->backend);
        if (weft_request_get_value(one->engine.request, i, one->kept[i], bytes, NULL) != WEFT_OK) {
            free(one->kept[i]);
            one->kept[i] = NULL;
        }
    }
    weft_cli_engine_finish(&one->engine);
    return WEFT_OK;
}

bool weft_cli_executor_read(const struct weft_cli_executor *executor, size_t value, void *out,
                            size_t bytes)
{
    if (executor->kept == NULL)
        return weft_request_get_value(executor->engine.request, value, out, bytes, NULL) == WEFT_OK;
    if (value >= executor->kept_count || executor->kept[value] == NULL)
        return false;
    memcpy(out, executor->kept[value], bytes);
    return true;
}

const struct weft_cli_executor *weft_cli_executors_open(const weft_cli_executors *executors)
{
    for (size_t i = 0; i < executors->count; i++)
        if (executors->items[i].kept == NULL)
            return &executors->items[i];
    return NULL;
}

/* ---- all of them ---- */

weft_status weft_cli_executors_run(weft_cli *cli, weft_package *package, const char *list,
                                   const weft_cli_inputs *inputs, weft_cli_executors *out_executors)
{
    wanted_backends wanted = {0};
    bool is_all = strcmp(list, "all") == 0;
    *out_executors = (weft_cli_executors){0};
    weft_session_params params = weft_cli_session_params(cli, inputs->schedule);
    params.keep_values = true;
    weft_status status =
        is_all ? wanted_from_devices(cli, &wanted) : wanted_from_list(cli, &wanted, list);
    for (size_t i = 0; status == WEFT_OK && i < wanted.count; i++) {
        bool is_loaded = false;
        if (wanted.items[i].why_not != NULL) {
            skip(out_executors, wanted.items[i].name, wanted.items[i].why_not);
            continue;
        }
        params.backend = wanted.items[i].name;
        if (out_executors->count > 0 && is_on_card(&out_executors->items[out_executors->count - 1]))
            status = keep_values(cli, package, inputs->schedule,
                                 &out_executors->items[out_executors->count - 1]);
        if (status != WEFT_OK)
            break;
        weft_cli_progress(cli, (int)i + 1, (int)wanted.count + 1, params.backend);
        status = load(cli, package, &params, is_all, out_executors, &is_loaded);
        if (!is_loaded)
            continue;
        struct weft_cli_executor *one = &out_executors->items[out_executors->count - 1];
        one->description = weft_cli_engine_describe(&one->engine);
        weft_cli_engine_set_inputs(&one->engine, inputs);
        status = weft_request_run(one->engine.request, 0, cli->diag);
    }
    weft_cli_progress_end(cli);
    if (status == WEFT_OK && out_executors->count < 2) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_REFERENCE,
                                "%zu backend%s ran: there is nothing to compare with",
                                out_executors->count, out_executors->count == 1 ? "" : "s");
        char *why = weft_cli_strdup("");
        for (size_t i = 0; i < out_executors->skipped_count; i++) {
            char *longer =
                weft_cli_printf("%s%s%s: %s", why, i == 0 ? "" : "; ",
                                out_executors->skipped[i].backend, out_executors->skipped[i].why);
            free(why);
            why = longer;
        }
        if (why[0] != '\0')
            weft_cli_error_field(&cli->errors, WEFT_DIAG_WHY, "%s", why);
        free(why);
    }
    wanted_finish(&wanted);
    return status;
}

void weft_cli_executors_finish(weft_cli_executors *executors)
{
    for (size_t i = 0; i < executors->count; i++) {
        free(executors->items[i].backend);
        free(executors->items[i].description);
        weft_cli_engine_finish(&executors->items[i].engine);
        for (size_t v = 0; v < executors->items[i].kept_count; v++)
            free(executors->items[i].kept[v]);
        free(executors->items[i].kept);
    }
    for (size_t i = 0; i < executors->skipped_count; i++) {
        free(executors->skipped[i].backend);
        free(executors->skipped[i].why);
    }
    *executors = (weft_cli_executors){0};
}
