/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_numbers.h. */
#include "compiler/codegen/engine_numbers.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/base/error.h"
#include "kernels/fpga/descriptor.h"

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

size_t weft__engine_numbers(const weft_engine_params *p,
                            weft__engine_number out[WEFT_ENGINE_NUMBERS_MAX])
{
    const weft__engine_number list[] = {
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
static int32_t atom(const weft_engine_params *p, const char *word, size_t length)
{
    weft__engine_number list[WEFT_ENGINE_NUMBERS_MAX];
    size_t count = weft__engine_numbers(p, list);
    for (size_t i = 0; i < count; i++)
        if (strlen(list[i].name) == length && strncmp(word, list[i].name, length) == 0)
            return list[i].value;
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

int32_t weft__engine_number_of(const weft_engine_params *p, const char *word)
{
    size_t length = strcspn(word, "/");
    int32_t value = atom(p, word, length);
    return word[length] == '/' ? value / atom(p, word + length + 1, strlen(word + length + 1))
                               : value;
}
