/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_print.h. Works line by line: loop markers wait for the line that opens the loop, array
 * markers for the declaration, interface markers for the kernel. In OpenCL C attributes stand in
 * front, in HLS C pragmas stand inside. */
#include "compiler/codegen/engine_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/base/text.h"
#include "compiler/codegen/embedded.h"

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

enum { PENDING_MAX = 8, LINE_MAX_CHARS = 256, WORDS_MAX = 8, TARGET_CHARS = 80 };

typedef struct marker {
    char words[WORDS_MAX][32];
    size_t count;
} marker;

typedef struct printer {
    weft_text out;
    const weft_engine_params *params;
    weft_dialect dialect;
    marker pending[PENDING_MAX];
    size_t pending_count;
    bool is_skipping; /* between @if of what the engine does not have and @else or @end */
} printer;

static const char *embedded_text(const char *name)
{
    for (const weft_embedded_file *file = weft_fpga_sources; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0)
            return file->text;
    WEFT_ASSERT(false && "the engine names a file that is not embedded");
    return NULL;
}

/* ---- parameters ---- */

typedef struct parameter {
    const char *name, *doc;
    int32_t value;
} parameter;
enum { PARAMETERS_MAX = 32 };

/* Rows of an array of the engine (kernels/fpga/engine.h), and its banks. */
static weft_engine_array array_of(const weft_engine_params *p, const char *name)
{
    weft_engine_array list[WEFT_ENGINE_ARRAYS_MAX];
    size_t count = weft_engine_arrays(p, list), i = 0;
    while (i < count && strcmp(list[i].name, name) != 0)
        i++;
    WEFT_ASSERT(i < count && "the engine has no such array");
    return list[i];
}

static size_t list_parameters(const weft_engine_params *p, parameter out[PARAMETERS_MAX])
{
    const parameter list[] = {
        {"WEFT_ROWS", "pixels of the matrix array", p->rows},
        {"WEFT_COLS", "output channels of the matrix array", p->cols},
        {"WEFT_SIMD", "depth of the matrix array", p->simd},
        {"WEFT_LANES", "channels at a time of the vector unit and the epilogue", p->lanes},
        {"WEFT_X_BYTES", "buffer of patches", p->x_bytes},
        {"WEFT_W_BYTES", "buffer of filters", p->w_bytes},
        {"WEFT_SUMS", "sums of a tile", p->sums},
        {"WEFT_LANE_BYTES", "buffers of the vector unit", p->lane_bytes},
        {"WEFT_LINE", "channels of a tile at most", p->line},
        {"WEFT_PIECE", "elements of a piece of a stream", p->piece},
        {"WEFT_PORT", "bytes of a word of memory", p->port},
        {"WEFT_COUNT_ROWS", "counts of an average pool at most", WEFT_ENGINE_COUNT_ROWS},
        /* What follows from them, counted in one place: kernels/fpga/engine.c. */
        {"WEFT_BANKS", "memories of a line", array_of(p, "values").banks},
        {"WEFT_X_BANKS", "memories of the patches", array_of(p, "x_words").banks},
        {"WEFT_W_BANKS", "memories of the filters", array_of(p, "w_words").banks},
        {"WEFT_LANE_ROWS", "rows of the vector unit's line", array_of(p, "x_lanes").depth},
        {"WEFT_TILE_ROWS", "rows of a tile's line", array_of(p, "values").depth},
        {"WEFT_LINE_ROWS", "rows of a line of means", array_of(p, "means").depth},
        {"WEFT_PIECE_ROWS", "rows of a piece's line", array_of(p, "addend").depth},
        {"WEFT_ROW_WORDS", "words of a row that is kept", array_of(p, "a_row").depth},
        {"WEFT_VECTOR_ROWS", "rows of a line of s32", array_of(p, "bias").depth},
        {"WEFT_LINE_BLOCKS", "blocks of lanes in a line", array_of(p, "totals").depth},
        {"WEFT_B_BYTES", "buffer of operand b of products of two activations", p->b_bytes},
        {"WEFT_NORMS", "softmax and LayerNorm", p->norms},
        {"WEFT_EXPS", "exponentials of a softmax", p->norms * WEFT_ENGINE_EXPS},
        {"WEFT_NORM_STAGES", "cycles from the sums of a row to its factor",
         p->norms * WEFT_ENGINE_NORM_STAGES},
        {"WEFT_NORM_ROWS", "rows of a tile or of a piece",
         p->norms != 0 ? array_of(p, "highest").depth : 0}};
    size_t count = sizeof list / sizeof list[0];
    memcpy(out, list, sizeof list);
    return count;
}

/* A parameter or descriptor constant by name, or a number. */
static int32_t atom(const printer *pr, const char *word, size_t length)
{
    parameter list[PARAMETERS_MAX];
    size_t count = list_parameters(pr->params, list);
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i].name) == length && strncmp(word, list[i].name, length) == 0)
            return list[i].value;
    const weft_engine_params *p = pr->params;
    const struct {
        const char *name;
        int32_t value;
    } derived[] = {{"WEFT_D_DIMS", WEFT_D_DIMS},
                   {"WEFT_X_WORDS", p->x_bytes / (p->rows * p->simd)},
                   {"WEFT_W_WORDS", p->w_bytes / (p->cols * p->simd)},
                   {"WEFT_B_WORDS", p->b_bytes / (p->cols * p->simd)},
                   {"WEFT_SECOND_BUFFERS", array_of(p, "residual").copies},
                   {"WEFT_PARTS", p->port / 8}};
    for (size_t i = 0; i < sizeof derived / sizeof derived[0]; i++)
        if (strlen(derived[i].name) == length && strncmp(word, derived[i].name, length) == 0)
            return derived[i].value;
    WEFT_ASSERT(word[0] >= '0' && word[0] <= '9' && "a marker has an unknown number");
    return (int32_t)strtol(word, NULL, 10);
}

static int32_t number(const printer *pr, const char *word)
{
    size_t length = strcspn(word, "/");
    int32_t value = atom(pr, word, length);
    return word[length] == '/' ? value / atom(pr, word + length + 1, strlen(word + length + 1))
                               : value;
}

/* ---- markers ---- */

static void take_marker(printer *pr, const char *text)
{
    WEFT_ASSERT(pr->pending_count < PENDING_MAX);
    marker *m = &pr->pending[pr->pending_count++];
    m->count = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        WEFT_ASSERT(m->count < WORDS_MAX && length < sizeof m->words[0]);
        memcpy(m->words[m->count], text, length);
        m->words[m->count++][length] = '\0';
        text += length;
        text += strspn(text, " ");
    }
}

static bool is_marker(const marker *m, const char *name)
{
    return strcmp(m->words[0], name) == 0;
}

static void add_indent(printer *pr, size_t spaces)
{
    weft_text_printf(&pr->out, "%*s", (int)spaces, "");
}

/* An attribute in front of a loop, or a pragma inside it. */
static void print_loop_marker(printer *pr, const marker *m, size_t spaces)
{
    bool is_hls = pr->dialect == WEFT_DIALECT_HLS_C;
    if (is_marker(m, "independent")) { /* the source says why; OpenCL C has no word for it */
        if (is_hls) {
            add_indent(pr, spaces);
            weft_text_printf(&pr->out, "#pragma HLS DEPENDENCE variable=%s inter false\n",
                             m->words[1]);
        }
        return;
    }
    int32_t first = m->count > 1 ? number(pr, m->words[1]) : 0;
    add_indent(pr, spaces);
    if (is_marker(m, "pipeline"))
        weft_text_printf(&pr->out,
                         is_hls ? "#pragma HLS PIPELINE II=%d\n"
                                : "__attribute__((xcl_pipeline_loop(%d)))\n",
                         first);
    else if (is_marker(m, "unroll") && is_hls)
        weft_text_printf(&pr->out, "#pragma HLS UNROLL factor=%d\n", first);
    else if (is_marker(m, "unroll"))
        weft_text_printf(&pr->out, "WEFT_UNROLL(%d)\n", first);
    else if (is_marker(m, "tripcount"))
        weft_text_printf(&pr->out,
                         is_hls ? "#pragma HLS LOOP_TRIPCOUNT min=%d max=%d\n"
                                : "__attribute__((xcl_loop_tripcount(%d, %d)))\n",
                         first, number(pr, m->words[2]));
    else if (is_marker(m, "dataflow"))
        weft_text_add(&pr->out,
                      is_hls ? "#pragma HLS DATAFLOW\n" : "__attribute__((xcl_dataflow))\n");
    else
        WEFT_ASSERT(false && "unknown marker before a loop");
}

static void print_loop(printer *pr, const char *line, size_t spaces)
{
    bool is_hls = pr->dialect == WEFT_DIALECT_HLS_C;
    if (is_hls)
        weft_text_printf(&pr->out, "%s\n", line);
    for (size_t i = 0; i < pr->pending_count; i++)
        print_loop_marker(pr, &pr->pending[i], is_hls ? spaces + 4 : spaces);
    if (!is_hls)
        weft_text_printf(&pr->out, "%s\n", line);
}

/* "    weft_u8 line[WEFT_LINE];" -> "line" */
static void array_name(const char *line, char *out, size_t size)
{
    size_t end = strcspn(line, "["), start = end;
    while (start > 0 && line[start - 1] != ' ')
        start--;
    WEFT_ASSERT(line[end] == '[' && end - start < size);
    memcpy(out, line + start, end - start);
    out[end - start] = '\0';
}

/* One dimension of an array as memories of their own, or as one wide element; more than two
 * buffers between two processes, which OpenCL C has no word for. */
static void print_array_marker(printer *pr, const marker *m, const char *name, size_t spaces)
{
    bool is_hls = pr->dialect == WEFT_DIALECT_HLS_C;
    bool is_partition = is_marker(m, "partition"), is_reshape = is_marker(m, "reshape");
    WEFT_ASSERT(is_partition || is_reshape || is_marker(m, "buffers"));
    for (size_t i = is_partition ? 2 : 1; i < m->count; i++) {
        int32_t n = number(pr, m->words[i]);
        if (!is_partition && !is_reshape && n == 2)
            continue; /* what there is without a word */
        if (!is_hls && !is_partition && !is_reshape)
            continue;
        add_indent(pr, spaces);
        if (is_partition || is_reshape)
            weft_text_printf(&pr->out,
                             is_hls ? "#pragma HLS ARRAY_%s variable=%s complete dim=%d\n"
                                    : "__attribute__((xcl_array_%s(complete, %s%d)))\n",
                             is_hls         ? is_partition ? "PARTITION" : "RESHAPE"
                             : is_partition ? "partition"
                                            : "reshape",
                             is_hls ? name : "", n);
        else
            weft_text_printf(&pr->out, "#pragma HLS STREAM variable=%s type=pipo depth=%d\n", name,
                             n);
    }
}

static void print_array(printer *pr, const char *line, size_t spaces)
{
    char name[32];
    bool is_hls = pr->dialect == WEFT_DIALECT_HLS_C;
    array_name(line, name, sizeof name);
    /* In OpenCL C attributes stand before the first value. */
    const char *start = strstr(line, " = ");
    size_t length = start != NULL ? (size_t)(start - line) : strlen(line) - 1;
    weft_text_add_bytes(&pr->out, line, is_hls ? strlen(line) : length);
    weft_text_add(&pr->out, "\n");
    for (size_t i = 0; i < pr->pending_count; i++)
        print_array_marker(pr, &pr->pending[i], name, is_hls ? spaces : spaces + 4);
    if (!is_hls) {
        add_indent(pr, spaces + 4);
        weft_text_printf(&pr->out, "%s\n", line + length + (start != NULL ? 1 : 0));
    }
}

/* Requests are for single words or short bursts; enough of them are on the way to hide the latency
 * of memory at a word per cycle. */
static void print_memory_port(printer *pr, const char *name, const char *bundle, int32_t bits)
{
    weft_text_printf(&pr->out,
                     "#pragma HLS INTERFACE m_axi port=%s offset=slave bundle=gmem_%s "
                     "num_read_outstanding=64 num_write_outstanding=64 max_read_burst_length=4 "
                     "max_write_burst_length=4 max_widen_bitwidth=%d\n",
                     name, bundle, bits);
}

static void print_interface(printer *pr)
{
    if (pr->dialect != WEFT_DIALECT_HLS_C)
        return;
    for (size_t i = 0; i < pr->pending_count; i++) {
        const marker *m = &pr->pending[i];
        bool is_words = strcmp(m->words[1], "words") == 0;
        bool is_beside = strcmp(m->words[1], "beside") == 0; /* PORT NAME: through PORT's master */
        for (size_t w = is_beside ? 3 : 2; w < m->count; w++) {
            if (is_words || is_beside)
                print_memory_port(pr, m->words[w], m->words[is_beside ? 2 : w],
                                  is_words ? 8 * pr->params->port : 32);
            if (is_words)
                weft_text_printf(&pr->out, "#pragma HLS AGGREGATE variable=%s compact=auto\n",
                                 m->words[w]);
            weft_text_printf(&pr->out, "#pragma HLS INTERFACE s_axilite port=%s bundle=control\n",
                             m->words[w]);
        }
    }
    weft_text_add(&pr->out, "#pragma HLS INTERFACE s_axilite port=return bundle=control\n");
}

/* A function that stands in its caller, or one whose products are made one after the other. */
static void print_function_marker(printer *pr, const marker *m)
{
    bool is_inline = is_marker(m, "inline");
    WEFT_ASSERT(is_inline || is_marker(m, "multipliers"));
    if (pr->dialect != WEFT_DIALECT_HLS_C)
        return;
    if (is_inline)
        weft_text_add(&pr->out, "#pragma HLS INLINE\n");
    else
        weft_text_printf(&pr->out,
                         "#pragma HLS INLINE off\n"
                         "#pragma HLS ALLOCATION operation instances=mul limit=%d\n",
                         number(pr, m->words[1]));
}

/* ---- lines ---- */

/* Copies a line with GLOBAL and KERNEL said in the dialect; continuation lines of a parameter list
 * stay where they are. */
static void translate_words(const printer *pr, const char *line, size_t length, char *out,
                            size_t size)
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
static bool take_condition(printer *pr, const char *text)
{
    if (strncmp(text, "if ", 3) == 0)
        pr->is_skipping = number(pr, text + 3) == 0;
    else if (strcmp(text, "else") == 0)
        pr->is_skipping = !pr->is_skipping;
    else if (strcmp(text, "end") == 0)
        pr->is_skipping = false;
    else
        return false;
    return true;
}

static void print_line(printer *pr, const char *start, size_t length)
{
    char line[LINE_MAX_CHARS] = "", text[LINE_MAX_CHARS];
    size_t spaces = strspn(start, " ");
    if (marker_text(start, length, text, sizeof text)) {
        if (!take_condition(pr, text) && !pr->is_skipping)
            take_marker(pr, text);
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
    bool is_interface = is_marker(&pr->pending[0], "interface");
    if (is_interface || is_marker(&pr->pending[0], "inline") ||
        is_marker(&pr->pending[0], "multipliers")) {
        weft_text_printf(&pr->out, "%s\n", line);
        if (last != '{')
            return;
        if (is_interface)
            print_interface(pr);
        else
            print_function_marker(pr, &pr->pending[0]);
    } else if (last == '{') {
        print_loop(pr, line, spaces);
    } else {
        WEFT_ASSERT(last == ';' && "a marker stands before neither a loop nor an array");
        print_array(pr, line, spaces);
    }
    pr->pending_count = 0;
}

/* All lines of an embedded file but its licence tag. */
static void print_file(printer *pr, const char *name)
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

static void print_header(printer *pr)
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
    parameter list[PARAMETERS_MAX];
    size_t count = list_parameters(p, list);
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
    printer pr = {.params = params, .dialect = dialect};
    WEFT_ASSERT(weft_engine_params_are_valid(params));
    weft_text_init(&pr.out, arena);
    print_header(&pr);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (bodies[i].condition == NULL || number(&pr, bodies[i].condition) != 0)
            print_file(&pr, bodies[i].name);
    return pr.out.data;
}
