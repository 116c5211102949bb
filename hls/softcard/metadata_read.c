/* SPDX-License-Identifier: Apache-2.0 */
/* EMBEDDED_METADATA -> kernels, arguments, units. Must not know about: containers, devices. */
#include <stdlib.h>
#include <string.h>

#include "compiler/base/text.h"
#include "hls/softcard/metadata.h"

/* More than any kernel or card has. */
enum { MAX_KERNELS = 256, MAX_ARGUMENTS = 1024, MAX_UNITS = 1024, GLOBAL = 1, CONSTANT = 2 };

typedef WEFT_VEC(metadata_kernel) kernel_list;
typedef WEFT_VEC(weft_xclbin_argument) argument_list;
typedef WEFT_VEC(metadata_unit) unit_list;

/* A tag: what stands between < and >. */
typedef struct tag {
    const char *begin, *end;
    bool is_closed; /* </name> or <name ... /> */
} tag;

typedef struct reader {
    weft_arena *arena;
    const char *at, *end;
    const char *wrong;
    kernel_list kernels;
    argument_list arguments; /* of the kernel being read */
    unit_list units;
    const char *kernel, *instance; /* NULL: outside of one */
} reader;

/* ---- tags ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Comments and declarations are passed over: nothing in them looks like a kernel's tag, because
 * they begin with ! or ?. */
static bool next_tag(reader *r, tag *out)
{
    const char *begin = r->at < r->end ? memchr(r->at, '<', (size_t)(r->end - r->at)) : NULL;
    if (begin == NULL)
        return false;
    char quote = '\0';
    for (const char *c = ++begin; c < r->end; c++) {
        if (quote != '\0') {
            if (*c == quote)
                quote = '\0';
        } else if (*c == '"' || *c == '\'') {
            quote = *c;
        } else if (*c == '>') {
            *out = (tag){begin, c, *begin == '/' || (c > begin && c[-1] == '/')};
            r->at = c + 1;
            return true;
        }
    }
    r->wrong = "a tag does not end";
    return false;
}

static bool is_named(const tag *t, const char *name)
{
    size_t length = strlen(name);
    return (size_t)(t->end - t->begin) >= length && memcmp(t->begin, name, length) == 0 &&
           (t->begin + length == t->end || is_blank(t->begin[length]) || t->begin[length] == '/');
}

static const char *unescape(reader *r, const char *text, size_t length)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    char *out = weft_arena_strndup(r->arena, text, length);
    size_t used = 0;
    for (const char *c = out; *c != '\0'; used++) {
        out[used] = *c++;
        for (size_t i = 0; c[-1] == '&' && i < sizeof entities / sizeof entities[0]; i++) {
            size_t bytes = strlen(entities[i].name);
            if (strncmp(c - 1, entities[i].name, bytes) != 0)
                continue;
            out[used] = entities[i].c;
            c += bytes - 1;
            break;
        }
    }
    out[used] = '\0';
    return out;
}

/* The attribute's value; NULL when the tag has none of this name. */
static const char *attribute(reader *r, const tag *t, const char *name)
{
    const char *c = t->begin;
    while (c < t->end && !is_blank(*c))
        c++;
    while (c < t->end) {
        while (c < t->end && is_blank(*c))
            c++;
        const char *begin = c;
        while (c < t->end && *c != '=' && !is_blank(*c))
            c++;
        size_t length = (size_t)(c - begin);
        while (c < t->end && (is_blank(*c) || *c == '='))
            c++;
        if (c == t->end || (*c != '"' && *c != '\''))
            continue;
        const char *value = c + 1;
        const char *close = value < t->end ? memchr(value, *c, (size_t)(t->end - value)) : NULL;
        if (close == NULL)
            return NULL;
        if (length == strlen(name) && memcmp(begin, name, length) == 0)
            return unescape(r, value, (size_t)(close - value));
        c = close + 1;
    }
    return NULL;
}

static uint64_t number(reader *r, const tag *t, const char *name, uint64_t most)
{
    const char *text = attribute(r, t, name);
    char *end = NULL;
    uint64_t value = text == NULL || text[0] == '-' ? 0 : strtoull(text, &end, 0);
    if (end != NULL && end != text && *end == '\0' && value <= most)
        return value;
    if (r->wrong == NULL)
        r->wrong = weft_arena_printf(r->arena,
                                     "attribute %s of a tag %.*s is not a number below "
                                     "its limit",
                                     name, (int)strcspn(t->begin, " \t\r\n/>"), t->begin);
    return 0;
}

static const char *text_of(reader *r, const tag *t, const char *name)
{
    const char *text = attribute(r, t, name);
    if (text != NULL && text[0] != '\0')
        return text;
    if (r->wrong == NULL)
        r->wrong = weft_arena_printf(r->arena, "a tag %.*s has no attribute %s",
                                     (int)strcspn(t->begin, " \t\r\n/>"), t->begin, name);
    return "";
}

/* ---- what the tags mean ---- */

static void end_kernel(reader *r)
{
    for (size_t i = 0; i < r->arguments.count && r->wrong == NULL; i++)
        if (r->arguments.data[i].name == NULL)
            r->wrong = weft_arena_printf(r->arena, "kernel %s has no argument %zu", r->kernel, i);
    metadata_kernel kernel = {r->kernel, r->arguments.data, r->arguments.count, r->units.data,
                              r->units.count};
    WEFT_VEC_PUSH(r->arena, &r->kernels, kernel);
    r->kernel = NULL;
}

static void begin_kernel(reader *r, const tag *t)
{
    r->kernel = text_of(r, t, "name");
    r->arguments = (argument_list){0};
    r->units = (unit_list){0};
    if (r->kernels.count == MAX_KERNELS)
        r->wrong = "there are too many kernels";
    if (t->is_closed)
        end_kernel(r);
}

/* Arguments without a number are hidden ones of OpenCL kernels: nobody sets them. */
static void read_argument(reader *r, const tag *t)
{
    const char *id = attribute(r, t, "id");
    if (id == NULL || id[0] == '\0')
        return;
    size_t index = (size_t)number(r, t, "id", MAX_ARGUMENTS - 1);
    uint64_t space = number(r, t, "addressQualifier", UINT8_MAX);
    weft_xclbin_argument argument = {.name = text_of(r, t, "name"),
                                     .is_pointer = space == GLOBAL || space == CONSTANT,
                                     .size_bytes = (uint32_t)number(r, t, "size", UINT16_MAX),
                                     .offset =
                                         (uint32_t)number(r, t, "offset", UINT32_MAX - UINT16_MAX)};
    while (r->arguments.count <= index)
        WEFT_VEC_PUSH(r->arena, &r->arguments, (weft_xclbin_argument){0});
    if (r->arguments.data[index].name != NULL && r->wrong == NULL)
        r->wrong =
            weft_arena_printf(r->arena, "kernel %s has argument %zu twice", r->kernel, index);
    r->arguments.data[index] = argument;
}

static void read_unit(reader *r, const tag *t)
{
    metadata_unit unit = {r->instance, number(r, t, "base", UINT64_MAX)};
    if (r->units.count == MAX_UNITS)
        r->wrong = "there are too many compute units";
    else
        WEFT_VEC_PUSH(r->arena, &r->units, unit);
}

static void read_tag(reader *r, const tag *t)
{
    if (is_named(t, "kernel")) {
        if (r->kernel != NULL)
            r->wrong = "a kernel lies in a kernel";
        else
            begin_kernel(r, t);
    } else if (r->kernel == NULL) {
        return;
    } else if (is_named(t, "/kernel")) {
        end_kernel(r);
    } else if (is_named(t, "arg")) {
        read_argument(r, t);
    } else if (is_named(t, "instance")) {
        r->instance = text_of(r, t, "name");
    } else if (is_named(t, "addrRemap") && r->instance != NULL) {
        read_unit(r, t);
        r->instance = NULL;
    }
}

const char *weft__metadata_read(weft_arena *arena, const char *text, size_t length, metadata *out)
{
    reader r = {.arena = arena, .at = text, .end = text + length};
    tag t;
    *out = (metadata){0};
    while (r.wrong == NULL && next_tag(&r, &t))
        read_tag(&r, &t);
    if (r.wrong == NULL && r.kernel != NULL)
        r.wrong = weft_arena_printf(arena, "kernel %s does not end", r.kernel);
    if (r.wrong == NULL && r.kernels.count == 0)
        r.wrong = "there is no kernel";
    if (r.wrong == NULL)
        *out = (metadata){r.kernels.data, r.kernels.count};
    return r.wrong;
}
