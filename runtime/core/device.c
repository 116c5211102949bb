/* SPDX-License-Identifier: Apache-2.0 */
/* The list of devices of all backends. Must not know about: any one backend. */
#include <stdlib.h>
#include <string.h>

#include "runtime/backends/backend.h"

struct weft_device_list {
    weft_device_info *entries;
    size_t count;
    char **strings; /* what the entries point to */
    size_t string_count;
};

enum { STRINGS_PER_ENTRY = 5 };

static const char *keep(weft_device_list *list, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    if (copy == NULL)
        return "";
    memcpy(copy, text, bytes);
    list->strings[list->string_count++] = copy;
    return copy;
}

void weft__device_list_add(weft_device_list *list, const weft_device_info *info)
{
    weft_device_info *entries = realloc(list->entries, (list->count + 1) * sizeof *entries);
    if (entries == NULL)
        return;
    list->entries = entries;
    char **strings =
        realloc(list->strings, (list->string_count + STRINGS_PER_ENTRY) * sizeof *strings);
    if (strings == NULL)
        return;
    list->strings = strings;
    weft_device_info *entry = &entries[list->count++];
    *entry = *info;
    entry->backend = keep(list, info->backend);
    entry->name = keep(list, info->name);
    entry->platform = keep(list, info->platform);
    entry->target = keep(list, info->target);
    entry->why_not = keep(list, info->why_not);
}

weft_status weft_device_list_create(weft_diag *diag, weft_device_list **out_list)
{
    *out_list = calloc(1, sizeof **out_list);
    if (*out_list == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while listing devices");
    for (size_t i = 0; weft_backends[i] != NULL; i++)
        weft_backends[i]->enumerate(*out_list);
    return WEFT_OK;
}

void weft_device_list_destroy(weft_device_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->string_count; i++)
        free(list->strings[i]);
    free(list->strings);
    free(list->entries);
    free(list);
}

size_t weft_device_list_count(const weft_device_list *list)
{
    return list->count;
}

const weft_device_info *weft_device_list_get(const weft_device_list *list, size_t index)
{
    return index < list->count ? &list->entries[index] : NULL;
}
