/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_print.h. Works line by line. */
#include "compiler/codegen/engine_print.h"

#include <stdio.h>
#include <string.h>

#include "compiler/codegen/embedded.h"
#include "compiler/codegen/engine_markers.h"
#include "compiler/codegen/engine_numbers.h"

/* In the order of the text; a file that a parameter asks for is there where that is not 0. */
static const struct {
    const char *name, *condition;
} bodies[] = {{"weft_int.h", NULL},        {"weft_int_row.h", "WEFT_NORMS"},
              {"descriptor.h", NULL},      {"memory.body", NULL},
              {"job.body", NULL},          {"source.body", NULL},
              {"weights.body", NULL},      {"product.body", "WEFT_B_BYTES"},
              {"sum.body", NULL},          {"values.body", NULL},
              {"norm.body", "WEFT_NORMS"}, {"finish.body", NULL},
              {"engine.body", NULL}};

static const char *embedded_text(const char *name)
{
    for (const weft_embedded_file *file = weft_fpga_sources; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0)
            return file->text;
    WEFT_ASSERT(false && "the engine names a file that is not embedded");
    return NULL;
}

/* ---- lines ---- */

/* Copies a line with GLOBAL and KERNEL said in the dialect; continuation lines of a parameter list
 * stay where they are. */
static void translate_words(const weft__engine_printer *pr, const char *line, size_t length,
                            char *out, size_t size)
{
    static const struct {
        const char *word, *in_dialect[WEFT_DIALECT_COUNT];
    } words[] = {{"GLOBAL ", {"__global ", ""}},
                 {"KERNEL ", {"__kernel __attribute__((reqd_work_group_size(1, 1, 1)))\n", ""}}};
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        const char *text = NULL;
        for (size_t w = 0; w < sizeof words / sizeof words[0] && text == NULL; w++) {
            size_t word_length = strlen(words[w].word);
            if (strncmp(line + i, words[w].word, word_length) == 0) {
                text = words[w].in_dialect[pr->dialect];
                i += word_length;
            }
        }
        size_t count = text != NULL ? strlen(text) : 1;
        WEFT_ASSERT(used + count < size);
        memcpy(out + used, text != NULL ? text : line + i++, count);
        used += count;
    }
    out[used] = '\0';
}

/* Text between "@" and the end of the line, or of the comment that hides a marker from C. */
static bool marker_text(const char *start, size_t length, char *out, size_t size)
{
    static const char opens[] = "/* @", closes[] = " */";
    size_t spaces = strspn(start, " "), end = length;
    if (spaces + sizeof opens < length && strncmp(start + spaces, opens, sizeof opens - 1) == 0) {
        spaces += sizeof opens - 2;
        end -= sizeof closes - 1;
    }
    if (spaces >= length || start[spaces] != '@')
        return false;
    WEFT_ASSERT(end - spaces <= size);
    memcpy(out, start + spaces + 1, end - spaces - 1);
    out[end - spaces - 1] = '\0';
    return true;
}

/* "if NUMBER", "else", "end": lines that only some engines have. False: another marker. */
static bool take_condition(weft__engine_printer *pr, const char *text)
{
    if (strncmp(text, "if ", 3) == 0)
        pr->is_skipping = weft__engine_number_of(pr->params, text + 3) == 0;
    else if (strcmp(text, "else") == 0)
        pr->is_skipping = !pr->is_skipping;
    else if (strcmp(text, "end") == 0)
        pr->is_skipping = false;
    else
        return false;
    return true;
}

static void print_line(weft__engine_printer *pr, const char *start, size_t length)
{
    char line[LINE_MAX_CHARS] = "", text[LINE_MAX_CHARS];
    size_t spaces = strspn(start, " ");
    if (marker_text(start, length, text, sizeof text)) {
        if (!take_condition(pr, text) && !pr->is_skipping)
            weft__engine_take_marker(pr, text);
        return;
    }
    /* Everything is in one text already. */
    if (pr->is_skipping || strncmp(start, "#include \"kernels/", 18) == 0)
        return;
    translate_words(pr, start, length, line, sizeof line);
    size_t end = strlen(line);
    if (pr->pending_count == 0 || end == 0) {
        weft_text_printf(&pr->out, "%s\n", line);
        return;
    }
    char last = line[end - 1];
    bool is_interface = weft__engine_is_marker(&pr->pending[0], "interface");
    if (is_interface || weft__engine_is_marker(&pr->pending[0], "inline") ||
        weft__engine_is_marker(&pr->pending[0], "multipliers")) {
        weft_text_printf(&pr->out, "%s\n", line);
        if (last != '{')
            return;
        if (is_interface)
            weft__engine_print_interface(pr);
        else
            weft__engine_print_function_marker(pr, &pr->pending[0]);
    } else if (last == '{') {
        weft__engine_print_loop(pr, line, spaces);
    } else {
        WEFT_ASSERT(last == ';' && "a marker stands before neither a loop nor an array");
        weft__engine_print_array(pr, line, spaces);
    }
    pr->pending_count = 0;
}

/* All lines of an embedded file but its licence tag. */
static void print_file(weft__engine_printer *pr, const char *name)
{
    const char *text = embedded_text(name);
    if (strncmp(text, "/* SPDX", 7) == 0)
        text += strcspn(text, "\n") + 1;
    weft_text_add(&pr->out, "\n");
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        print_line(pr, text, length);
        text += length + (text[length] == '\n');
    }
    WEFT_ASSERT(pr->pending_count == 0 && !pr->is_skipping);
}

static void print_header(weft__engine_printer *pr)
{
    const weft_engine_params *p = pr->params;
    bool is_hls = pr->dialect == WEFT_DIALECT_HLS_C;
    weft_text_printf(&pr->out,
                     "/* SPDX-License-Identifier: Apache-2.0 */\n"
                     "/* Engine \"%s\" in %s, printed by weft; do not edit.\n"
                     " * Matrix array of %d pixels x %d channels x %d: %d products per cycle on %d "
                     "DSPs; words of %d bytes.\n"
                     " * On chip: %lld bytes of arrays, most of them twice (ping-pong). */\n",
                     p->name, is_hls ? "HLS C (C99)" : "OpenCL C 1.2", p->rows, p->cols, p->simd,
                     p->rows * p->cols * p->simd, p->rows * p->cols * p->simd / 2, p->port,
                     (long long)weft_engine_storage_bytes(p));
    if (is_hls)
        weft_text_add(
            &pr->out,
            "/* Compilers for CPUs need not know the pragmas; a rule that the engine applies in\n"
            " * parts is not called. */\n"
            "#pragma GCC diagnostic ignored \"-Wunknown-pragmas\"\n"
            "#pragma GCC diagnostic ignored \"-Wunused-function\"\n\n");
    else
        weft_text_add(&pr->out,
                      "/* Compilers for CPUs need not know the attributes, and vectorise loops\n"
                      " * better than copies of their bodies. */\n"
                      "#ifdef __clang__\n"
                      "#pragma clang diagnostic ignored \"-Wunknown-attributes\"\n"
                      "#endif\n"
                      "#ifdef __xilinx__\n"
                      "#define WEFT_UNROLL(n) __attribute__((opencl_unroll_hint(n)))\n"
                      "#else\n"
                      "#define WEFT_UNROLL(n)\n"
                      "#endif\n\n");
    weft__engine_number list[WEFT_ENGINE_NUMBERS_MAX];
    size_t count = weft__engine_numbers(p, list);
    for (size_t i = 0; i < count; i++)
        if (list[i].value != 0)
            weft_text_printf(&pr->out, "#define %s %d /* %s */\n", list[i].name, list[i].value,
                             list[i].doc);
    weft_text_add(&pr->out, "/* Two products per multiplier; 0 computes the same sums plainly. */\n"
                            "#ifndef WEFT_PACKED\n"
                            "#define WEFT_PACKED 1\n"
                            "#endif\n");
}

const char *weft_engine_print(weft_arena *arena, const weft_engine_params *params,
                              weft_dialect dialect)
{
    weft__engine_printer pr = {.params = params, .dialect = dialect};
    WEFT_ASSERT(weft_engine_params_are_valid(params));
    weft_text_init(&pr.out, arena);
    print_header(&pr);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (bodies[i].condition == NULL || weft__engine_number_of(params, bodies[i].condition) != 0)
            print_file(&pr, bodies[i].name);
    return pr.out.data;
}
