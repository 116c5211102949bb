/* SPDX-License-Identifier: Apache-2.0 */
/* See program.h. */
#include "compiler/codegen/program.h"

#include <string.h>

#include "compiler/base/text.h"
#include "compiler/codegen/embedded.h"

static const weft_kernel_row rows[] = {
#define WEFT_KERNEL(id, name, files, kernels, doc) {name, files, kernels, doc},
#include "kernels/cpu/kernels.def"
#undef WEFT_KERNEL
};
_Static_assert(sizeof rows / sizeof rows[0] == WEFT_KERNEL_COUNT, "one row per family");

const weft_kernel_row *weft_kernel_get(weft_kernel_family family)
{
    return (size_t)family < WEFT_KERNEL_COUNT ? &rows[family] : NULL;
}

struct weft_program_set {
    weft_arena *arena;
    WEFT_VEC(weft_program_key) keys;
    WEFT_VEC(weft_program) programs;
};

weft_program_set *weft_program_set_create(weft_arena *arena)
{
    weft_program_set *set = WEFT_NEW(arena, weft_program_set);
    set->arena = arena;
    return set;
}

static const char *embedded_text(const char *name)
{
    for (const weft_embedded_file *file = weft_cpu_sources; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0)
            return file->text;
    WEFT_ASSERT(false && "a kernel family names a file that is not embedded");
    return NULL;
}

/* The texts of a row's files, separated by spaces, in that order. */
static void add_files(weft_text *source, const char *list)
{
    while (*list != '\0') {
        char name[32];
        size_t length = strcspn(list, " ");
        WEFT_ASSERT(length < sizeof name);
        memcpy(name, list, length);
        name[length] = '\0';
        weft_text_add(source, "\n");
        weft_text_add(source, embedded_text(name));
        list += length;
        list += strspn(list, " ");
    }
}

static void split_kernels(weft_arena *arena, const char *list, weft_program *program)
{
    WEFT_VEC(const char *) names = {NULL, 0, 0};
    while (*list != '\0') {
        size_t length = strcspn(list, " ");
        if (length > 0)
            WEFT_VEC_PUSH(arena, &names, weft_arena_strndup(arena, list, length));
        list += length;
        list += strspn(list, " ");
    }
    program->kernels = names.data;
    program->kernel_count = names.count;
}

static void write_source(weft_arena *arena, weft_program_key key, const weft_kernel_row *row,
                         weft_program *program)
{
    weft_text name, source;
    weft_text_init(&name, arena);
    weft_text_printf(&name, "%s_%s_v%d_%dx%d", row->name, key.dot > 0 ? "i8" : "f32",
                     key.vector_floats, key.tile_rows, 2 * key.vector_floats);
    if (key.dot > 0)
        weft_text_printf(&name, "x%d", key.dot);

    weft_text_init(&source, arena);
    weft_text_printf(&source, "/* %s: %s\n", name.data, row->doc);
    weft_text_printf(&source,
                     " * Register tile: %d rows x %d channels in vectors of %d floats. */\n",
                     key.tile_rows, 2 * key.vector_floats, key.vector_floats);
    weft_text_printf(&source, "#define WEFT_VW %d\n#define WEFT_MR %d\n", key.vector_floats,
                     key.tile_rows);
    if (key.dot > 0)
        weft_text_printf(&source, "#define WEFT_DOT %d\n", key.dot);
    weft_text_add(&source, "\n");
    weft_text_add(&source, embedded_text("common.cl"));
    add_files(&source, row->files);
    program->name = name.data;
    program->source = source.data;
    program->options = "-cl-std=CL1.2";
    split_kernels(arena, row->kernels, program);
}

void weft_program_set_use(weft_program_set *set, weft_program_key key, const char *kernel,
                          int32_t *out_program, int32_t *out_kernel)
{
    size_t index = 0;
    for (; index < set->keys.count; index++) {
        const weft_program_key *have = &set->keys.data[index];
        if (have->family == key.family && have->vector_floats == key.vector_floats &&
            have->tile_rows == key.tile_rows && have->dot == key.dot)
            break;
    }
    if (index == set->keys.count) {
        weft_program program = {0};
        write_source(set->arena, key, weft_kernel_get(key.family), &program);
        WEFT_VEC_PUSH(set->arena, &set->keys, key);
        WEFT_VEC_PUSH(set->arena, &set->programs, program);
    }
    const weft_program *program = &set->programs.data[index];
    for (size_t k = 0; k < program->kernel_count; k++) {
        if (strcmp(program->kernels[k], kernel) == 0) {
            *out_program = (int32_t)index;
            *out_kernel = (int32_t)k;
            return;
        }
    }
    WEFT_ASSERT(false && "the family's row does not list this kernel");
}

size_t weft_program_set_get(const weft_program_set *set, weft_program **out_programs)
{
    *out_programs = set->programs.data;
    return set->programs.count;
}
