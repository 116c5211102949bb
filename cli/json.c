/* SPDX-License-Identifier: Apache-2.0 */
/* JSON answers by jansson; see json.h. Must not know about: what the answers say. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/memory.h"
#include "cli/text.h"

json_t *weft_cli_json_create(const char *schema)
{
    json_t *json = json_object();
    json_object_set_new(json, "schema", json_string(schema));
    json_object_set_new(json, "version", json_string(weft_version()));
    return json;
}

json_t *weft_cli_json_text(const char *text)
{
    if (text == NULL)
        return json_null();
    json_t *json = json_string(text);
    if (json != NULL)
        return json;
    char *ascii = weft_cli_strdup(text); /* not UTF-8: keep what is ASCII */
    for (char *at = ascii; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    json = json_string(ascii);
    free(ascii);
    return json;
}

json_t *weft_cli_json_dims(int rank, const int64_t *dims)
{
    json_t *json = json_array();
    for (int i = 0; i < rank; i++)
        json_array_append_new(json, json_integer(dims[i]));
    return json;
}

json_t *weft_cli_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *weft_cli_json_tensor(const weft_tensor_info *tensor)
{
    json_t *json = json_object();
    json_object_set_new(json, "name", weft_cli_json_text(tensor->name));
    json_object_set_new(json, "dtype", weft_cli_json_text(tensor->dtype));
    json_object_set_new(json, "shape", weft_cli_json_dims(tensor->rank, tensor->dims));
    return json;
}

json_t *weft_cli_json_hash(uint64_t hash)
{
    char text[WEFT_CLI_HASH_TEXT];
    return json_string(weft_cli_format_hash(hash, text));
}

json_t *weft_cli_json_diag_entry(const weft_diag_entry *entry)
{
    static const char *const severities[] = {"error", "warning", "note"};
    json_t *json = json_object();
    json_object_set_new(json, "severity", json_string(severities[entry->severity]));
    if (entry->id != 0) {
        char id[16];
        snprintf(id, sizeof id, "E%04u", (unsigned)entry->id);
        json_object_set_new(json, "id", json_string(id));
    }
    json_object_set_new(json, "summary", weft_cli_json_text(entry->summary));
    for (int field = 0; field < WEFT_DIAG_FIELD_COUNT; field++)
        if (entry->fields[field] != NULL)
            json_object_set_new(json, weft_diag_field_name((weft_diag_field)field),
                                weft_cli_json_text(entry->fields[field]));
    return json;
}

void weft_cli_json_print(json_t *json, FILE *out)
{
    json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    json_decref(json);
}
