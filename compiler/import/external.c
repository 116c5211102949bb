/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors whose data lies in files beside the model. Each file is mapped once and stays mapped as
 * long as the arena. Must not know about: what the tensors are for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/import/importer.h"

/* One per location, in the importer's map. */
typedef struct external_file {
    weft_status status; /* of opening it; an error is reported once */
    weft_file_map map;
} external_file;

typedef struct place {
    const char *location;
    size_t offset_bytes;
    size_t length_bytes;
    bool has_length;
} place;

static void set_context(weft_importer *importer, const char *what, const char *location)
{
    weft_diag_field_set(importer->diag, WEFT_DIAG_TENSOR, "%s", what);
    weft_diag_field_set(importer->diag, WEFT_DIAG_AT, "%s", location);
}

static bool parse_size(const char *text, size_t *out_size)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > SIZE_MAX)
        return false;
    *out_size = (size_t)value;
    return true;
}

static bool read_place(weft_importer *importer, const Onnx__TensorProto *proto, const char *what,
                       place *out_place)
{
    *out_place = (place){0};
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = weft_import_text(proto->external_data[i]->key);
        const char *value = weft_import_text(proto->external_data[i]->value);
        bool is_offset = strcmp(key, "offset") == 0, is_length = strcmp(key, "length") == 0;
        if (strcmp(key, "location") == 0)
            out_place->location = value;
        out_place->has_length |= is_length;
        if ((is_offset || is_length) &&
            !parse_size(value, is_offset ? &out_place->offset_bytes : &out_place->length_bytes)) {
            weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_EXTERNAL_RANGE,
                                                       "the %s of external data is no number: %s",
                                                       key, what));
            weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "%s", value);
            return false;
        }
    }
    return true;
}

/* NULL when the location is allowed. */
static const char *why_not_allowed(const weft_importer *importer, const char *location)
{
    if (location == NULL || *location == '\0')
        return "no location is given";
    if (importer->params->path == NULL)
        return "a model given as bytes has no folder to look in";
    if (*location == '/')
        return "it is an absolute path";
    for (const char *part = location; part != NULL; part = strchr(part, '/')) {
        part += *part == '/' ? 1 : 0;
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return "it leaves the model's folder";
    }
    return NULL;
}

void weft_import_close_map(void *map)
{
    weft_file_map_close(map);
}

/* The file at location, opened when it is asked for first. Its status tells whether it could be;
 * errors are reported then. */
static const external_file *open_file(weft_importer *importer, const char *location,
                                      const char *what)
{
    external_file *file = weft_map_get(&importer->files, location);
    if (file != NULL)
        return file;
    file = WEFT_NEW(importer->arena, external_file);
    weft_map_put(&importer->files, location, file);
    weft_arena_defer(importer->arena, weft_import_close_map,
                     &file->map); /* attached while there is nothing to lose */
    const char *path = importer->params->path;
    const char *slash = strrchr(path, '/');
    const char *full = weft_arena_printf(
        importer->arena, "%.*s%s", slash == NULL ? 0 : (int)(slash + 1 - path), path, location);
    if (access(full, F_OK) != 0) {
        file->status = weft_diag_error(importer->diag, WEFT_E_EXTERNAL_MISSING,
                                       "a file with weights is missing: %s", full);
        weft_diag_field_set(importer->diag, WEFT_DIAG_TENSOR, "%s", what);
        weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "copy %s into the folder of the model",
                            location);
    } else {
        file->status = weft_file_map_open(full, &file->map, importer->diag);
    }
    weft_import_note(importer, file->status);
    return file;
}

const uint8_t *weft_import_external(weft_importer *importer, const Onnx__TensorProto *proto,
                                    const char *what, size_t expected_bytes)
{
    weft_diag *diag = importer->diag;
    place at;
    if (!read_place(importer, proto, what, &at))
        return NULL;
    const char *why = why_not_allowed(importer, at.location);
    if (why != NULL) {
        weft_import_note(importer,
                         weft_diag_error(diag, WEFT_E_EXTERNAL_PATH,
                                         "the place of external data is not allowed: %s", what));
        set_context(importer, what, weft_import_text(at.location));
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
        return NULL;
    }
    if (at.has_length && at.length_bytes != expected_bytes) {
        weft_import_note(importer,
                         weft_diag_error(diag, WEFT_E_EXTERNAL_RANGE,
                                         "external data has another length than %s", what));
        set_context(importer, what, at.location);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%zu bytes", expected_bytes);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu bytes", at.length_bytes);
        return NULL;
    }
    const external_file *file = open_file(importer, at.location, what);
    if (file->status != WEFT_OK)
        return NULL;
    size_t size = file->map.size_bytes;
    if (at.offset_bytes > size || size - at.offset_bytes < expected_bytes) {
        weft_import_note(importer, weft_diag_error(diag, WEFT_E_EXTERNAL_RANGE,
                                                   "external data ends before %s does", what));
        set_context(importer, what, at.location);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%zu bytes at offset %zu", expected_bytes,
                            at.offset_bytes);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "a file of %zu bytes", size);
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "copy the file that belongs to this model");
        return NULL;
    }
    static const uint8_t none; /* an empty tensor of an empty, hence unmapped, file */
    return file->map.data == NULL ? &none : file->map.data + at.offset_bytes;
}
