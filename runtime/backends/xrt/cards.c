/* SPDX-License-Identifier: Apache-2.0 */
/* See cards.h. Must not know about: packages, XRT's API. */
#include "runtime/backends/xrt/cards.h"

#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, DEVICE_BYTES = 1024, LINE_BYTES = 256 };

/* ---- the driver's files ---- */

/* The first line of a file without its end; false when there is none. */
static bool read_line(const char *path, char out[LINE_BYTES])
{
    FILE *file = fopen(path, "r");
    bool is_read = file != NULL && fgets(out, LINE_BYTES, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (is_read)
        out[strcspn(out, "\r\n")] = '\0';
    return is_read && out[0] != '\0';
}

static bool read_entry(const char device[DEVICE_BYTES], const char *entry, char out[LINE_BYTES])
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", device, entry);
    return read_line(path, out);
}

/* The card's memory of itself is a device below it: "rom.u.25344". */
static bool read_shell(const char *device, char out[LINE_BYTES])
{
    DIR *folder = opendir(device);
    bool is_found = false;
    for (const struct dirent *entry;
         folder != NULL && !is_found && (entry = readdir(folder)) != NULL;) {
        char path[PATH_BYTES];
        if (strncmp(entry->d_name, "rom.", 4) != 0 ||
            snprintf(path, sizeof path, "%s/%s/VBNV", device, entry->d_name) >= (int)sizeof path)
            continue;
        is_found = read_line(path, out);
    }
    if (folder != NULL)
        closedir(folder);
    return is_found;
}

/* 32 hexadecimal digits, with dashes or without. */
static bool read_uuid(const char *text, uint8_t out[XRT_UUID_BYTES])
{
    size_t digits = 0;
    memset(out, 0, XRT_UUID_BYTES);
    for (; *text != '\0' && digits < 2 * XRT_UUID_BYTES; text++) {
        const char hex[] = "0123456789abcdef";
        const char *at = *text == '-' ? NULL : strchr(hex, *text | 0x20);
        if (*text == '-')
            continue;
        if (at == NULL)
            break;
        out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | (at - hex));
        digits++;
    }
    return digits == 2 * XRT_UUID_BYTES;
}

static void read_interfaces(const char *device, xrt_card_info *card)
{
    char path[PATH_BYTES], line[LINE_BYTES];
    snprintf(path, sizeof path, "%s/interface_uuids", device);
    FILE *file = fopen(path, "r");
    while (file != NULL && card->interface_count < XRT_INTERFACES &&
           fgets(line, sizeof line, file) != NULL)
        card->interface_count += read_uuid(line, card->interfaces[card->interface_count]);
    if (file != NULL)
        fclose(file);
}

/* False when the PCIe function is no card that XRT's user driver has. */
static bool read_card(const char *folder, const char *bdf, xrt_card_info *out)
{
    char device[DEVICE_BYTES], line[LINE_BYTES];
    *out = (xrt_card_info){.shell = ""};
    if (snprintf(device, sizeof device, "%s/%s", folder, bdf) >= (int)sizeof device ||
        strlen(bdf) >= sizeof out->bdf || !read_entry(device, "user_pf", line))
        return false;
    memcpy(out->bdf, bdf, strlen(bdf) + 1);
    if (read_shell(device, line))
        snprintf(out->shell, sizeof out->shell, "%.*s", XRT_NAME_BYTES - 1, line);
    out->is_ready = read_entry(device, "ready", line) && strtoul(line, NULL, 0) == 1;
    if (!out->is_ready)
        snprintf(out->why_not, sizeof out->why_not,
                 "the driver says that card %s is not ready: xbutil examine -d %s, or xbutil reset",
                 bdf, bdf);
    if (read_entry(device, "dev_offline", line) && strtoul(line, NULL, 0) != 0) {
        out->is_ready = false;
        snprintf(out->why_not, sizeof out->why_not, "card %s is offline: xbutil reset -d %s", bdf,
                 bdf);
    }
    read_interfaces(device, out);
    return true;
}

static int by_address(const void *a, const void *b)
{
    return strcmp(((const xrt_card_info *)a)->bdf, ((const xrt_card_info *)b)->bdf);
}

static size_t find_cards(const char *folder, xrt_card_info out[XRT_MAX_CARDS])
{
    DIR *open_folder = opendir(folder);
    size_t count = 0;
    for (const struct dirent *entry;
         open_folder != NULL && count < XRT_MAX_CARDS && (entry = readdir(open_folder)) != NULL;)
        if (entry->d_name[0] != '.')
            count += read_card(folder, entry->d_name, &out[count]);
    if (open_folder != NULL)
        closedir(open_folder);
    qsort(out, count, sizeof *out, by_address);
    return count;
}

bool weft__xrt_unit_status(const char *folder, const char *bdf, const char *unit,
                           uint32_t *out_status)
{
    char path[PATH_BYTES], line[LINE_BYTES];
    bool is_found = false;
    if (bdf[0] == '\0')
        return false;
    snprintf(path, sizeof path, "%s/%s/kds_custat_raw", folder, bdf);
    FILE *file = fopen(path, "r");
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
        /* "slot,index,kernel:unit,address,status,uses", or without the slot */
        const char *at = strstr(line, unit);
        size_t length = strlen(unit);
        if (at == NULL || at == line || at[-1] != ',' || at[length] != ',')
            continue;
        const char *status = strchr(at + length + 1, ',');
        is_found = status != NULL;
        *out_status = is_found ? (uint32_t)strtoul(status + 1, NULL, 0) : 0;
    }
    if (file != NULL)
        fclose(file);
    return is_found;
}

/* ---- emulated cards ---- */

/* XRT's emulation looks for the file in EMCONFIG_PATH, else beside the program. */
static json_t *read_configuration(void)
{
    const char *folder = getenv("EMCONFIG_PATH");
    char path[PATH_BYTES];
    if (folder != NULL && folder[0] != '\0') {
        snprintf(path, sizeof path, "%s/emconfig.json", folder);
        return json_load_file(path, 0, NULL);
    }
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "/emconfig.json");
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *name = strrchr(path, '/');
    if (name == NULL)
        return NULL;
    memcpy(name, "/emconfig.json", sizeof "/emconfig.json");
    return json_load_file(path, 0, NULL);
}

static size_t number_of(const json_t *value)
{
    const char *text = json_string_value(value);
    return json_is_integer(value) ? (size_t)json_integer_value(value)
                                  : (text == NULL ? 1 : (size_t)strtoul(text, NULL, 10));
}

static size_t find_emulated(xrt_card_info out[XRT_MAX_CARDS])
{
    json_t *root = read_configuration();
    size_t count = 0, b, d;
    json_t *board, *device;
    json_array_foreach(json_object_get(json_object_get(root, "Platform"), "Boards"), b, board)
    {
        json_array_foreach(json_object_get(board, "Devices"), d, device)
        {
            const char *name = json_string_value(json_object_get(device, "Name"));
            const char *interface = json_string_value(json_object_get(device, "InterfaceUUID"));
            size_t copies = number_of(json_object_get(device, "NumDevices"));
            for (; copies > 0 && count < XRT_MAX_CARDS; copies--, count++) {
                out[count] = (xrt_card_info){.is_ready = true, .index = (unsigned int)count};
                snprintf(out[count].shell, XRT_NAME_BYTES, "%s", name == NULL ? "" : name);
                if (interface != NULL)
                    out[count].interface_count = read_uuid(interface, out[count].interfaces[0]);
            }
        }
    }
    json_decref(root);
    if (count > 0)
        return count;
    /* Then XRT makes one up. */
    out[0] = (xrt_card_info){.is_ready = true};
    return 1;
}

size_t weft__xrt_cards_find(xrt_mode mode, const char *folder, xrt_card_info out[XRT_MAX_CARDS])
{
    switch (mode) {
    case XRT_MODE_CARD: return find_cards(folder, out);
    case XRT_MODE_SW_EMU:
    case XRT_MODE_HW_EMU: return find_emulated(out);
    case XRT_MODE_NOOP: out[0] = (xrt_card_info){.shell = "", .is_ready = true}; return 1;
    case XRT_MODE_UNKNOWN: break;
    }
    return 0;
}

const xrt_card_info *weft__xrt_cards_ready(const xrt_card_info *cards, size_t count, size_t number)
{
    for (size_t i = 0; i < count; i++)
        if (cards[i].is_ready && number-- == 0)
            return &cards[i];
    return NULL;
}
