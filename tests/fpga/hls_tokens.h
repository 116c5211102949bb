/* SPDX-License-Identifier: Apache-2.0 */
/* C text as a list of tokens for the lint of generated HLS C: words, numbers, punctuation, and one
 * token for each preprocessor line. Comments and the contents of literals are left out. Knows no
 * rule. */
#ifndef WEFT_TESTS_FPGA_HLS_TOKENS_H
#define WEFT_TESTS_FPGA_HLS_TOKENS_H

#include <stddef.h>

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_MARK, TOKEN_LITERAL, TOKEN_DIRECTIVE };

struct token {
    enum token_kind kind;
    const char *text; /* in the source */
    size_t length;
    int line;
    int depth; /* of braces, before this token */
};

/* Tokens of a text, one of kind END last; freed by the caller. NULL when there is no memory. */
struct token *hls_tokens_read(const char *text);

/* Whether the token is exactly this text. */
int hls_token_is(const struct token *token, const char *text);
/* Whether the token's text contains this one. */
int hls_token_has(const struct token *token, const char *text);

#endif
