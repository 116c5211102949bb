/* SPDX-License-Identifier: Apache-2.0 */
/* What a work folder remembers: per step a hash of everything it depended on, a hash of what it
 * made, and its time. A step whose record does not fit runs again, so a lost or damaged state.json
 * costs time and nothing else. Must not know about: what the steps are. */
#define _DEFAULT_SOURCE 1 /* flock; includes POSIX.1-2008 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "hls/flow/internal.h"

enum { PATH_BYTES = 4096 };
static const char schema[] = "weft.flow/1";

flow_hash weft__build_hash_bytes(const void *data, size_t size_bytes)
{
    flow_hash hash;
    XXH128_hash_t value = XXH3_128bits(data, size_bytes);
    snprintf(hash.text, sizeof hash.text, "%016" PRIx64 "%016" PRIx64, (uint64_t)value.high64,
             (uint64_t)value.low64);
    return hash;
}

flow_hash weft__build_hash_file(const char *path)
{
    weft_file_map map;
    flow_hash hash = {.text = ""};
    if (weft_file_map_open(path, &map, NULL) != WEFT_OK)
        return hash;
    hash =
        weft__build_hash_bytes(map.data == NULL ? (const uint8_t *)"" : map.data, map.size_bytes);
    weft_file_map_close(&map);
    return hash;
}

/* ---- records ---- */

static bool state_path(const char *work, char out[PATH_BYTES])
{
    int length = snprintf(out, PATH_BYTES, "%s/state.json", work);
    return length > 0 && length < PATH_BYTES;
}

/* The steps of state.json, as a new object; empty when it is absent or not ours. */
static json_t *load(const char *work)
{
    char path[PATH_BYTES];
    json_t *root =
        state_path(work, path) ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *found = json_string_value(json_object_get(root, "schema"));
    json_t *steps = json_object_get(root, "steps");
    json_t *result = found != NULL && strcmp(found, schema) == 0 && json_is_object(steps)
                         ? json_incref(steps)
                         : json_object();
    json_decref(root);
    return result;
}

static void take_hash(const json_t *step, const char *key, flow_hash *out)
{
    const char *text = json_string_value(json_object_get(step, key));
    if (text != NULL && strlen(text) < sizeof out->text)
        snprintf(out->text, sizeof out->text, "%s", text);
}

flow_record weft__build_state_get(const char *work, const char *step)
{
    flow_record record = {.seconds = 0};
    json_t *steps = load(work);
    const json_t *found = json_object_get(steps, step);
    take_hash(found, "key", &record.key);
    take_hash(found, "output", &record.output);
    record.seconds = json_number_value(json_object_get(found, "seconds"));
    json_decref(steps);
    return record;
}

weft_status weft__build_state_set(const char *work, const char *step, const flow_record *record,
                                  weft_diag *diag)
{
    char path[PATH_BYTES];
    weft_file_writer *writer = NULL;
    json_t *root = json_object(), *steps = load(work), *entry = json_object();
    json_object_set_new(entry, "key", json_string(record->key.text));
    json_object_set_new(entry, "output", json_string(record->output.text));
    json_object_set_new(entry, "seconds", json_real(record->seconds));
    json_object_set_new(steps, step, entry);
    json_object_set_new(root, "schema", json_string(schema));
    json_object_set_new(root, "steps", steps);
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    weft_status status = text == NULL || !state_path(work, path)
                             ? weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory")
                             : weft_file_writer_open(path, &writer, diag);
    if (status == WEFT_OK) {
        weft_file_writer_add(writer, text, strlen(text));
        status = weft_file_writer_commit(writer, diag);
    }
    free(text);
    return status;
}

/* ---- the folder ---- */

/* A folder with files in it and no state.json is somebody else's. */
static bool is_foreign(const char *work)
{
    char path[PATH_BYTES];
    size_t count = 0;
    DIR *stream = opendir(work);
    if (stream == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count > 0 && state_path(work, path) && !weft__build_is_file(path);
}

static weft_status unusable(const char *work, const char *why, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_WORK, "%s cannot be the folder of a build", work);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "--work with an empty or a new folder");
    return status;
}

static weft_status busy(const char *work, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_BUSY, "another build is at work in %s", work);
    weft_diag_field_set(diag, WEFT_DIAG_WHY,
                        "its lock is held by a weft build, or by a program that one left running");
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "wait for it (fuser %s/lock names it), or --work",
                        work);
    return status;
}

weft_status weft__build_work_open(const char *work, weft_diag *diag, int *out_lock)
{
    char path[PATH_BYTES];
    struct stat info;
    *out_lock = -1;
    weft_file_make_folders(work);
    if (stat(work, &info) != 0 || !S_ISDIR(info.st_mode))
        return unusable(work, "it is not a folder and cannot be made one", diag);
    if (is_foreign(work))
        return unusable(work, "it holds files, and no state.json of an earlier build", diag);
    if (snprintf(path, sizeof path, "%s/lock", work) >= (int)sizeof path)
        return unusable(work, "its path is too long", diag);
    flow_record nothing = {.seconds = 0};
    weft_status status = WEFT_OK;
    if (state_path(work, path) && !weft__build_is_file(path))
        status = weft__build_state_set(work, "begin", &nothing, diag);
    if (status != WEFT_OK)
        return status;
    snprintf(path, sizeof path, "%s/lock", work);
    *out_lock = open(path, O_RDWR | O_CREAT, 0644); /* programs that are started inherit it */
    if (*out_lock < 0)
        return unusable(work, "its file lock cannot be written", diag);
    if (flock(*out_lock, LOCK_EX | LOCK_NB) == 0)
        return WEFT_OK;
    close(*out_lock);
    *out_lock = -1;
    return busy(work, diag);
}
