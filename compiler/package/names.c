/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the manifest for enums. Must not know about: JSON. */
#include <string.h>

#include "compiler/package/internal.h"

static const char *const places[] = {"input", "output", "arena", "constant", "alias"};
static const char *const packings[] = {"plain", "panel", "winograd", "dot"};
static const char *const bounds[] = {"compute", "memory", "launch"};
static const char *const languages[] = {"opencl", "hls-c"};
_Static_assert(sizeof places / sizeof places[0] == WEFT_PLACE_COUNT, "one word per place");
_Static_assert(sizeof packings / sizeof packings[0] == WEFT_PACK_COUNT, "one word per packing");
_Static_assert(sizeof bounds / sizeof bounds[0] == WEFT_BOUND_COUNT, "one word per bound");
_Static_assert(sizeof languages / sizeof languages[0] == WEFT_LANGUAGE_COUNT,
               "one word per language");

static int find(const char *const *words, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

const char *weft__place_name(weft_place place)
{
    return (unsigned)place < WEFT_PLACE_COUNT ? places[place] : NULL;
}

const char *weft__packing_name(weft_packing packing)
{
    return (unsigned)packing < WEFT_PACK_COUNT ? packings[packing] : NULL;
}

const char *weft__bound_name(weft_bound bound)
{
    return (unsigned)bound < WEFT_BOUND_COUNT ? bounds[bound] : NULL;
}

const char *weft__language_name(weft_language language)
{
    return (unsigned)language < WEFT_LANGUAGE_COUNT ? languages[language] : NULL;
}

int weft__place_find(const char *name)
{
    return find(places, WEFT_PLACE_COUNT, name);
}

int weft__packing_find(const char *name)
{
    return find(packings, WEFT_PACK_COUNT, name);
}

int weft__bound_find(const char *name)
{
    return find(bounds, WEFT_BOUND_COUNT, name);
}

int weft__language_find(const char *name)
{
    return find(languages, WEFT_LANGUAGE_COUNT, name);
}
