/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_markers.h. */
#include "compiler/codegen/engine_markers.h"

#include <string.h>

#include "compiler/codegen/engine_numbers.h"

void weft__engine_take_marker(weft__engine_printer *pr, const char *text)
{
    WEFT_ASSERT(pr->pending_count < PENDING_MAX);
    weft__engine_marker *m = &pr->pending[pr->pending_count++];
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

bool weft__engine_is_marker(const weft__engine_marker *m, const char *name)
{
    return strcmp(m->words[0], name) == 0;
}

static void add_indent(weft__engine_printer *pr, size_t spaces)
{
    weft_text_printf(&pr->out, "%*s", (int)spaces, "");
}

/* An attribute in front of a loop, or a pragma inside it. */
static void print_loop_marker(weft__engine_printer *pr, const weft__engine_marker *m, size_t spaces)
{
    bool is_hls = pr->dialect == WEFT_DIALECT_HLS_C;
    if (weft__engine_is_marker(
            m, "independent")) { /* the source says why; OpenCL C has no word for it */
        if (is_hls) {
            add_indent(pr, spaces);
            weft_text_printf(&pr->out, "#pragma HLS DEPENDENCE variable=%s inter false\n",
                             m->words[1]);
        }
        return;
    }
    int32_t first = m->count > 1 ? weft__engine_number_of(pr->params, m->words[1]) : 0;
    add_indent(pr, spaces);
    if (weft__engine_is_marker(m, "pipeline"))
        weft_text_printf(&pr->out,
                         is_hls ? "#pragma HLS PIPELINE II=%d\n"
                                : "__attribute__((xcl_pipeline_loop(%d)))\n",
                         first);
    else if (weft__engine_is_marker(m, "unroll") && is_hls)
        weft_text_printf(&pr->out, "#pragma HLS UNROLL factor=%d\n", first);
    else if (weft__engine_is_marker(m, "unroll"))
        weft_text_printf(&pr->out, "WEFT_UNROLL(%d)\n", first);
    else if (weft__engine_is_marker(m, "tripcount"))
        weft_text_printf(&pr->out,
                         is_hls ? "#pragma HLS LOOP_TRIPCOUNT min=%d max=%d\n"
                                : "__attribute__((xcl_loop_tripcount(%d, %d)))\n",
                         first, weft__engine_number_of(pr->params, m->words[2]));
    else if (weft__engine_is_marker(m, "dataflow"))
        weft_text_add(&pr->out,
                      is_hls ? "#pragma HLS DATAFLOW\n" : "__attribute__((xcl_dataflow))\n");
    else
        WEFT_ASSERT(false && "unknown marker before a loop");
}

void weft__engine_print_loop(weft__engine_printer *pr, const char *line, size_t spaces)
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
static void print_array_marker(weft__engine_printer *pr, const weft__engine_marker *m,
                               const char *name, size_t spaces)
{
    bool is_hls = pr->dialect == WEFT_DIALECT_HLS_C;
    bool is_partition = weft__engine_is_marker(m, "partition"),
         is_reshape = weft__engine_is_marker(m, "reshape");
    WEFT_ASSERT(is_partition || is_reshape || weft__engine_is_marker(m, "buffers"));
    for (size_t i = is_partition ? 2 : 1; i < m->count; i++) {
        int32_t n = weft__engine_number_of(pr->params, m->words[i]);
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

void weft__engine_print_array(weft__engine_printer *pr, const char *line, size_t spaces)
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
static void print_memory_port(weft__engine_printer *pr, const char *name, const char *bundle,
                              int32_t bits)
{
    weft_text_printf(&pr->out,
                     "#pragma HLS INTERFACE m_axi port=%s offset=slave bundle=gmem_%s "
                     "num_read_outstanding=64 num_write_outstanding=64 max_read_burst_length=4 "
                     "max_write_burst_length=4 max_widen_bitwidth=%d\n",
                     name, bundle, bits);
}

void weft__engine_print_interface(weft__engine_printer *pr)
{
    if (pr->dialect != WEFT_DIALECT_HLS_C)
        return;
    for (size_t i = 0; i < pr->pending_count; i++) {
        const weft__engine_marker *m = &pr->pending[i];
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
void weft__engine_print_function_marker(weft__engine_printer *pr, const weft__engine_marker *m)
{
    bool is_inline = weft__engine_is_marker(m, "inline");
    WEFT_ASSERT(is_inline || weft__engine_is_marker(m, "multipliers"));
    if (pr->dialect != WEFT_DIALECT_HLS_C)
        return;
    if (is_inline)
        weft_text_add(&pr->out, "#pragma HLS INLINE\n");
    else
        weft_text_printf(&pr->out,
                         "#pragma HLS INLINE off\n"
                         "#pragma HLS ALLOCATION operation instances=mul limit=%d\n",
                         weft__engine_number_of(pr->params, m->words[1]));
}
