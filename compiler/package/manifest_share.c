/* SPDX-License-Identifier: Apache-2.0 */
/* See manifest_share.h. One network at several sizes has the same steps on the same constants, so
 * that most members of a schedule stand in the one before it already. Must not know about: what
 * members mean. */
#include "compiler/package/manifest_share.h"

/* A value or step that lacks a member of the one before stays whole: leaving out means the same. */
static bool share(json_t *before, json_t *mine)
{
    const char *key;
    json_t *value;
    void *next;
    size_t whole = json_object_size(mine);
    json_object_foreach(before, key, value)
    {
        if (json_object_get(mine, key) == NULL)
            return true;
    }
    json_object_foreach_safe(mine, next, key, value)
    {
        if (json_equal(value, json_object_get(before, key)))
            json_object_del(mine, key);
    }
    return json_object_size(mine) == whole ||
           json_object_set_new(mine, WEFT__AS_BEFORE, json_true()) == 0;
}

static bool share_list(const json_t *before, const json_t *mine, const char *list)
{
    const json_t *elements = json_object_get(mine, list), *theirs = json_object_get(before, list);
    for (size_t i = 0; i < json_array_size(elements) && i < json_array_size(theirs); i++)
        if (!share(json_array_get(theirs, i), json_array_get(elements, i)))
            return false;
    return true;
}

/* From the last one on, so that what comes before is whole. */
bool weft__manifest_share(json_t *schedules)
{
    for (size_t s = json_array_size(schedules); s > 1; s--) {
        const json_t *before = json_array_get(schedules, s - 2),
                     *mine = json_array_get(schedules, s - 1);
        if (!share_list(before, mine, "values") || !share_list(before, mine, "steps"))
            return false;
    }
    return true;
}
