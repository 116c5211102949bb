/* SPDX-License-Identifier: Apache-2.0 */
/* See hls_tokens.h. */
#include "tests/fpga/hls_tokens.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int hls_token_is(const struct token *token, const char *text)
{
    return strlen(text) == token->length && strncmp(token->text, text, token->length) == 0;
}

int hls_token_has(const struct token *token, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= token->length; i++)
        if (strncmp(token->text + i, text, length) == 0)
            return 1;
    return 0;
}

static int is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static size_t mark_length(const char *at)
{
    static const char *const marks[] = {"...", "::", "->", "++", "--", "<<", ">>",
                                        "<=",  ">=", "==", "!=", "&&", "||", "+=",
                                        "-=",  "*=", "/=", "%=", "&=", "|=", "^="};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strncmp(at, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    return 1;
}

static size_t literal_length(const char *at)
{
    size_t length = 1;
    while (at[length] != '\0' && at[length] != at[0])
        length += at[length] == '\\' && at[length + 1] != '\0' ? 2 : 1;
    return length + (at[length] != '\0');
}

/* A comment's or a space's length, 0 when there is none. */
static size_t blank_length(const char *at)
{
    if (isspace((unsigned char)*at))
        return 1;
    if (strncmp(at, "//", 2) == 0)
        return strcspn(at, "\n");
    if (strncmp(at, "/*", 2) != 0)
        return 0;
    const char *end = strstr(at + 2, "*/");
    return end != NULL ? (size_t)(end - at) + 2 : strlen(at);
}

/* A number with its suffix, points and exponent. */
static size_t number_length(const char *at)
{
    size_t length = 1;
    while (is_word(at[length]) || at[length] == '.' ||
           ((at[length] == '+' || at[length] == '-') && strchr("eEpP", at[length - 1]) != NULL &&
            at[1] != 'x'))
        length++;
    return length;
}

/* A directive ends with its line; a comment in it is not part of it. */
static size_t directive_length(const char *at)
{
    size_t length = strcspn(at, "\n");
    const char *comment = strstr(at, "/*");
    while (length > 0 && at[length - 1] == '\\')
        length += 1 + strcspn(at + length + 1, "\n");
    return comment != NULL && comment < at + length ? (size_t)(comment - at) : length;
}

static struct token next_token(const char *at)
{
    struct token token = {.text = at, .length = 1, .kind = TOKEN_MARK};
    if (*at == '\0') {
        token.kind = TOKEN_END;
        token.length = 0;
    } else if (*at == '#') {
        token.kind = TOKEN_DIRECTIVE;
        token.length = directive_length(at);
    } else if (*at == '"' || *at == '\'') {
        token.kind = TOKEN_LITERAL;
        token.length = literal_length(at);
    } else if (isdigit((unsigned char)*at) || (*at == '.' && isdigit((unsigned char)at[1]))) {
        token.kind = TOKEN_NUMBER;
        token.length = number_length(at);
    } else if (is_word(*at)) {
        token.kind = TOKEN_WORD;
        while (is_word(at[token.length]))
            token.length++;
    } else {
        token.length = mark_length(at);
    }
    return token;
}

struct token *hls_tokens_read(const char *text)
{
    struct token *list = malloc((strlen(text) + 1) * sizeof *list);
    size_t count = 0;
    int line = 1, depth = 0;
    for (const char *at = text; list != NULL;) {
        size_t blank = blank_length(at);
        struct token token = next_token(at);
        size_t length = blank > 0 ? blank : token.length;
        if (blank == 0) {
            token.line = line;
            token.depth = depth;
            list[count++] = token;
            if (token.kind == TOKEN_END)
                break;
            depth += hls_token_is(&token, "{") - hls_token_is(&token, "}");
        }
        for (size_t i = 0; i < length; i++)
            line += at[i] == '\n';
        at += length;
    }
    return list;
}
