/* SPDX-License-Identifier: Apache-2.0 */
/* The text form's reader at the level of characters: blanks, comments, marks, words, strings,
 * numbers, types, and where errors are. Must not know about graphs or operators. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compiler/ir/infer.h"
#include "compiler/ir/text.h"

enum { SHOWN_BYTES = 24 }; /* of the text at an error */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static bool is_name_char(char c)
{
    return is_word_char(c) || c == '/' || c == '-';
}

weft_status weft_cursor_fail(const weft_cursor *cursor, weft_error_id id, size_t at,
                             const char *expected, const char *summary, ...)
{
    char text[256], shown[SHOWN_BYTES + 1];
    va_list args;
    va_start(args, summary);
    vsnprintf(text, sizeof text, summary, args);
    va_end(args);
    size_t line = 1, column = 1, count = 0;
    for (size_t i = 0; i < at && i < cursor->length; i++) {
        column = cursor->text[i] == '\n' ? 1 : column + 1;
        line += cursor->text[i] == '\n';
    }
    for (; count < SHOWN_BYTES && at + count < cursor->length && cursor->text[at + count] != '\n';
         count++) {
        char c = cursor->text[at + count];
        bool is_printable = c >= ' ' && c <= '~';
        shown[count] = '?';
        if (is_printable)
            shown[count] = c;
    }
    shown[count] = '\0';
    weft_status status = weft_diag_error(cursor->diag, id, "%s", text);
    weft_diag_field_set(cursor->diag, WEFT_DIAG_AT, "line %zu, column %zu", line, column);
    weft_diag_field_set(cursor->diag, WEFT_DIAG_EXPECTED, "%s", expected);
    weft_diag_field_set(cursor->diag, WEFT_DIAG_FOUND, "%s",
                        count > 0             ? shown
                        : at < cursor->length ? "end of line"
                                              : "end of text");
    weft_diag_field_set(cursor->diag, WEFT_DIAG_TRY, "see docs/ir.md for the grammar");
    return status;
}

void weft_cursor_skip(weft_cursor *cursor)
{
    while (cursor->at < cursor->length) {
        char c = cursor->text[cursor->at];
        if (c == '/' && cursor->length - cursor->at >= 2 && cursor->text[cursor->at + 1] == '/') {
            while (cursor->at < cursor->length && cursor->text[cursor->at] != '\n')
                cursor->at++;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            cursor->at++;
        } else {
            break;
        }
    }
}

bool weft_cursor_at_end(weft_cursor *cursor)
{
    weft_cursor_skip(cursor);
    return cursor->at == cursor->length;
}

bool weft_cursor_peek(weft_cursor *cursor, char mark)
{
    weft_cursor_skip(cursor);
    return cursor->at < cursor->length && cursor->text[cursor->at] == mark;
}

bool weft_cursor_accept(weft_cursor *cursor, char mark)
{
    bool there = weft_cursor_peek(cursor, mark);
    cursor->at += there;
    return there;
}

weft_status weft_cursor_expect(weft_cursor *cursor, char mark)
{
    if (weft_cursor_accept(cursor, mark))
        return WEFT_OK;
    char expected[] = {'\'', mark, '\'', '\0'};
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, cursor->at, expected, "%s is missing",
                            expected);
}

static size_t word_length(const weft_cursor *cursor)
{
    size_t length = 0;
    while (cursor->at + length < cursor->length && is_word_char(cursor->text[cursor->at + length]))
        length++;
    return length;
}

bool weft_cursor_accept_word(weft_cursor *cursor, const char *word)
{
    weft_cursor_skip(cursor);
    size_t length = word_length(cursor);
    if (length != strlen(word) || memcmp(cursor->text + cursor->at, word, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

weft_status weft_cursor_expect_word(weft_cursor *cursor, const char *word)
{
    if (weft_cursor_accept_word(cursor, word))
        return WEFT_OK;
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, cursor->at, word, "the word %s is missing",
                            word);
}

weft_status weft_cursor_word(weft_cursor *cursor, const char *what, const char **out_word)
{
    weft_cursor_skip(cursor);
    size_t length = word_length(cursor);
    *out_word = NULL;
    if (length == 0)
        return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, cursor->at, what, "%s is missing",
                                what);
    *out_word = weft_arena_strndup(cursor->arena, cursor->text + cursor->at, length);
    cursor->at += length;
    return WEFT_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character behind a backslash at cursor->at; moves past it. False when it is no escape. */
static bool read_escape(weft_cursor *cursor, char *out)
{
    size_t left = cursor->length - cursor->at;
    if (left == 0)
        return false;
    char c = cursor->text[cursor->at];
    if (c == 'x' && left >= 3) {
        int high = hex_digit(cursor->text[cursor->at + 1]);
        int low = hex_digit(cursor->text[cursor->at + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return false;
        uint8_t byte = (uint8_t)(high * 16 + low);
        memcpy(out, &byte, 1);
        cursor->at += 3;
        return true;
    }
    if (c != '\\' && c != '"' && c != 'n' && c != 't')
        return false;
    *out = c;
    if (c == 'n')
        *out = '\n';
    if (c == 't')
        *out = '\t';
    cursor->at++;
    return true;
}

weft_status weft_cursor_string(weft_cursor *cursor, const char **out_string)
{
    *out_string = NULL;
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '"'));
    size_t start = cursor->at - 1, length = 0;
    size_t end = cursor->at;
    while (end < cursor->length && cursor->text[end] != '"' && cursor->text[end] != '\n')
        end += cursor->text[end] == '\\' && end + 1 < cursor->length ? 2 : 1;
    char *string =
        weft_arena_alloc(cursor->arena, end - cursor->at + 1); /* escapes only make it shorter */
    while (cursor->at < cursor->length) {
        char c = cursor->text[cursor->at++];
        if (c == '"') {
            string[length] = '\0';
            *out_string = string;
            return WEFT_OK;
        }
        size_t at = cursor->at - 1;
        if (c == '\n' || c == '\0')
            break;
        if (c == '\\' && !read_escape(cursor, &c))
            return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, at,
                                    "\\\\ \\\" \\n \\t or \\x01 to \\xff",
                                    "an escape is not known");
        string[length++] = c;
    }
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, start, "a closing quote on the same line",
                            "a string is not closed");
}

weft_status weft_cursor_name(weft_cursor *cursor, const char **out_name)
{
    const char *name = "";
    *out_name = NULL;
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '%'));
    size_t start = cursor->at, length = 0;
    if (start < cursor->length && cursor->text[start] == '"') {
        WEFT_INFER_TRY(weft_cursor_string(cursor, &name));
    } else {
        while (start + length < cursor->length && is_name_char(cursor->text[start + length]))
            length++;
        name = weft_arena_strndup(cursor->arena, cursor->text + start, length);
        cursor->at += length;
    }
    *out_name = name;
    if (name && *name)
        return WEFT_OK;
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, start, "a name", "a name is empty");
}

weft_status weft_cursor_number(weft_cursor *cursor, char *out_text)
{
    weft_cursor_skip(cursor);
    size_t length = 0;
    while (cursor->at + length < cursor->length) {
        char c = cursor->text[cursor->at + length];
        if (!is_word_char(c) && c != '-' && c != '+')
            break;
        length++;
    }
    if (length == 0 || length >= WEFT_NUMBER_TEXT)
        return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, cursor->at, "a number",
                                "a number is missing");
    memcpy(out_text, cursor->text + cursor->at, length);
    out_text[length] = '\0';
    cursor->at += length;
    return WEFT_OK;
}

weft_status weft_cursor_int(weft_cursor *cursor, int64_t *out_value)
{
    char number[WEFT_NUMBER_TEXT];
    weft_cursor_skip(cursor);
    size_t at = cursor->at;
    *out_value = 0;
    WEFT_INFER_TRY(weft_cursor_number(cursor, number));
    if (weft_number_parse(WEFT_DTYPE_I64, number, out_value, 0))
        return WEFT_OK;
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, at, "an integer",
                            "%s is no integer of 64 bits", number);
}

/* One dimension: digits only, so that the 'x' behind it is left alone. */
static weft_status read_dim(weft_cursor *cursor, int64_t *out_dim)
{
    size_t start = cursor->at;
    int64_t dim = 0;
    while (cursor->at < cursor->length && cursor->text[cursor->at] >= '0' &&
           cursor->text[cursor->at] <= '9') {
        if (!weft_mul_i64(dim, 10, &dim) ||
            !weft_add_i64(dim, cursor->text[cursor->at] - '0', &dim))
            return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, start, "a dimension",
                                    "a dimension is too large");
        cursor->at++;
    }
    *out_dim = dim;
    if (cursor->at > start)
        return WEFT_OK;
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, start, "a dimension",
                            "a dimension is missing");
}

weft_status weft_cursor_type(weft_cursor *cursor, weft_dtype *out_dtype, weft_shape *out_shape)
{
    const char *word;
    weft_cursor_skip(cursor);
    size_t start = cursor->at;
    *out_shape = (weft_shape){.rank = 0};
    WEFT_INFER_TRY(weft_cursor_word(cursor, "an element type", &word));
    *out_dtype = weft_dtype_from_name(word);
    if (*out_dtype == WEFT_DTYPE_NONE)
        return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, start,
                                "an element type such as f32 or i64",
                                "the element type is not known");
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '['));
    if (weft_cursor_accept(cursor, ']'))
        return WEFT_OK;
    do {
        if (out_shape->rank == WEFT_MAX_RANK)
            return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, start, "at most 8 dimensions",
                                    "the shape has too many dimensions");
        WEFT_INFER_TRY(read_dim(cursor, &out_shape->dims[out_shape->rank++]));
    } while (cursor->at < cursor->length && cursor->text[cursor->at] == 'x' && ++cursor->at);
    return weft_cursor_expect(cursor, ']');
}
