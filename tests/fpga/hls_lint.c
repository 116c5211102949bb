/* SPDX-License-Identifier: Apache-2.0 */
/* See hls_lint.h. */
#include "tests/fpga/hls_lint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fpga/hls_tokens.h"

enum { FUNCTIONS_MAX = 256 };

struct lint {
    const struct token *list;
    const char *top;
    hls_lint_report *report;
    void *context;
    int findings;
    const struct token *functions[FUNCTIONS_MAX]; /* names of the definitions so far */
    int function_count;
};

static void find(struct lint *lint, const char *rule, const struct token *at)
{
    lint->findings++;
    lint->report(lint->context, rule, at->line);
}

static int is_one_of(const struct token *token, const char *const *words)
{
    for (; *words != NULL; words++)
        if (hls_token_is(token, *words))
            return 1;
    return 0;
}

static int is_type(const struct token *t)
{
    static const char *const types[] = {"void", "char",   "short",    "int",
                                        "long", "signed", "unsigned", NULL};
    if (t->kind != TOKEN_WORD)
        return 0;
    return is_one_of(t, types) ||
           (t->length > 2 && strncmp(t->text + t->length - 2, "_t", 2) == 0) ||
           (strncmp(t->text, "weft_", 5) == 0 && t->length >= 7 && t->length <= 8 &&
            strchr("su", t->text[5]) != NULL && isdigit((unsigned char)t->text[6]));
}

static int is_constant_name(const struct token *t)
{
    for (size_t i = 0; i < t->length; i++)
        if (islower((unsigned char)t->text[i]))
            return 0;
    return t->kind == TOKEN_WORD;
}

/* ---- words and numbers ---- */

static void check_words(struct lint *lint)
{
    static const struct {
        const char *rule, *words[12]; /* NULL ends them */
    } rules[] = {
        {"heap", {"malloc", "calloc", "realloc", "free", "alloca"}},
        {"io", {"printf", "fprintf", "puts", "fopen", "exit", "abort", "system", "assert"}},
        {"goto", {"goto", "setjmp", "longjmp"}},
        {"float", {"float", "double", "half", "_Complex"}},
        {"cxx",
         {"class", "template", "typename", "namespace", "new", "delete", "operator", "this",
          "virtual", "using", "::"}},
        {"variadic", {"...", "va_list"}},
    };
    for (const struct token *t = lint->list; t->kind != TOKEN_END; t++) {
        for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++)
            if (t->kind != TOKEN_DIRECTIVE && is_one_of(t, rules[r].words))
                find(lint, rules[r].rule, t);
        if (t->kind == TOKEN_WORD && strncmp(t->text, "ap_", 3) == 0)
            find(lint, "cxx", t);
        int is_hex = hls_token_has(t, "x") || hls_token_has(t, "X");
        if (t->kind == TOKEN_NUMBER &&
            (hls_token_has(t, ".") ||
             (!is_hex && (hls_token_has(t, "e") || hls_token_has(t, "f")))))
            find(lint, "float", t);
        if (t->kind == TOKEN_DIRECTIVE && hls_token_has(t, "include") &&
            !hls_token_has(t, "<stdint.h>"))
            find(lint, "include", t);
    }
}

/* ---- pointers and arrays ---- */

static void check_pointers(struct lint *lint)
{
    for (const struct token *t = lint->list; t->kind != TOKEN_END; t++) {
        const struct token *next = t + 1;
        if (hls_token_is(t, "*")) {
            while (hls_token_is(next, "const") || hls_token_is(next, "restrict"))
                next++;
            if (hls_token_is(next, "*"))
                find(lint, "pointer-to-pointer", t);
            /* In a cast and in the type of a parameter without a name. */
            if (hls_token_is(next, ")"))
                find(lint, "pointer-cast", t);
            /* `T *name[...]`: an array of pointers, or a pointer to arrays as a parameter. */
            if (t > lint->list && is_type(t - 1) && next->kind == TOKEN_WORD &&
                hls_token_is(next + 1, "["))
                find(lint, "pointer-to-pointer", t);
        }
        if (hls_token_is(t, "(") && hls_token_is(next, "*") && next[1].kind == TOKEN_WORD &&
            hls_token_is(next + 2, ")") && hls_token_is(next + 3, "("))
            find(lint, "function-pointer", t);
    }
}

/* `type name[size]...`: sizes of numbers and constants alone. */
static void check_array_sizes(struct lint *lint)
{
    for (const struct token *t = lint->list; t->kind != TOKEN_END; t++) {
        if (!is_type(t) || t[1].kind != TOKEN_WORD || !hls_token_is(t + 2, "["))
            continue;
        for (const struct token *s = t + 2; hls_token_is(s, "[");) {
            int is_constant = !hls_token_is(s + 1, "]");
            for (s++; s->kind != TOKEN_END && !hls_token_is(s, "]"); s++)
                is_constant = is_constant && (s->kind != TOKEN_WORD || is_constant_name(s));
            if (!is_constant)
                find(lint, "array-size", t);
            s += s->kind != TOKEN_END;
        }
    }
}

/* ---- functions ---- */

static const struct token *skip_group(const struct token *open, const char *opens,
                                      const char *closes)
{
    int depth = 0;
    for (; open->kind != TOKEN_END; open++) {
        depth += hls_token_is(open, opens) - hls_token_is(open, closes);
        if (depth == 0)
            return open;
    }
    return open;
}

static int is_defined(const struct lint *lint, const struct token *name)
{
    for (int i = 0; i < lint->function_count; i++)
        if (lint->functions[i]->length == name->length &&
            strncmp(lint->functions[i]->text, name->text, name->length) == 0)
            return 1;
    return 0;
}

static void check_calls(struct lint *lint, const struct token *from, const struct token *to)
{
    static const char *const not_calls[] = {"if",     "for",    "while", "switch",
                                            "return", "sizeof", NULL};
    for (const struct token *t = from; t < to; t++)
        if (t->kind == TOKEN_WORD && hls_token_is(t + 1, "(") && !is_one_of(t, not_calls) &&
            !is_defined(lint, t))
            find(lint, "recursion", t);
}

/* Whether a pragma in the top function's body is about this argument. */
static int has_interface(const struct token *body, const struct token *end,
                         const struct token *name)
{
    char wanted[64] = "port=";
    size_t length = name->length < 50 ? name->length : 50;
    memcpy(wanted + 5, name->text, length);
    wanted[5 + length] = ' ';
    for (; body < end; body++)
        if (body->kind == TOKEN_DIRECTIVE && hls_token_has(body, "HLS INTERFACE") &&
            hls_token_has(body, wanted))
            return 1;
    return 0;
}

static int is_aggregated(const struct token *body, const struct token *end,
                         const struct token *name)
{
    char wanted[64] = "AGGREGATE variable=";
    size_t length = name->length < 40 ? name->length : 40, start = strlen(wanted);
    memcpy(wanted + start, name->text, length);
    wanted[start + length] = ' ';
    for (; body < end; body++)
        if (body->kind == TOKEN_DIRECTIVE && hls_token_has(body, wanted))
            return 1;
    return 0;
}

/* Arguments between the parentheses of the top function. */
static void check_top(struct lint *lint, const struct token *open, const struct token *close,
                      const struct token *end)
{
    for (const struct token *t = open + 1; t < close; t++) {
        int is_word = hls_token_is(t, "struct") && hls_token_is(t + 2, "*") &&
                      is_aggregated(close, end, t + 3);
        if (hls_token_is(t, "[") || (hls_token_is(t, "struct") && !is_word) ||
            hls_token_is(t, "union"))
            find(lint, "top", t);
        if ((hls_token_is(t + 1, ",") || t + 1 == close) && !has_interface(close, end, t))
            find(lint, "interface", t);
    }
    struct token result = {.kind = TOKEN_WORD, .text = "return", .length = 6};
    if (!has_interface(close, end, &result))
        find(lint, "interface", open);
}

/* Definitions at file scope, in order. */
static void check_functions(struct lint *lint)
{
    const struct token *start = lint->list; /* of the declaration */
    for (const struct token *t = lint->list; t->kind != TOKEN_END; t++) {
        if (t->depth != 0 || t->kind == TOKEN_DIRECTIVE || hls_token_is(t, ";")) {
            start = t + 1;
            continue;
        }
        if (t->kind != TOKEN_WORD || !hls_token_is(t + 1, "("))
            continue;
        const struct token *close = skip_group(t + 1, "(", ")");
        if (hls_token_is(close + 1, ";"))
            find(lint, "recursion", t);
        if (!hls_token_is(close + 1, "{"))
            continue;
        const struct token *end = skip_group(close + 1, "{", "}");
        if (hls_token_is(t, lint->top))
            check_top(lint, t + 1, close, end);
        else if (!hls_token_is(start, "static") && !hls_token_is(start, "WEFT_INT_FN"))
            find(lint, "top", t);
        check_calls(lint, close + 2, end);
        if (lint->function_count < FUNCTIONS_MAX)
            lint->functions[lint->function_count++] = t;
        t = end;
        start = t + 1;
    }
}

static void check_globals(struct lint *lint)
{
    const struct token *start = lint->list;
    for (const struct token *t = lint->list; t->kind != TOKEN_END; t++) {
        if (t->depth == 1 && hls_token_is(t, "}") && !hls_token_is(t + 1, ";"))
            start = t + 1; /* behind a function */
        if (t->depth != 0)
            continue;
        if (hls_token_is(t, ";")) {
            static const char *const harmless[] = {"typedef", "struct", "enum", ";", NULL};
            int is_constant = 0, is_function = 0;
            for (const struct token *s = start; s < t; s++) {
                is_constant = is_constant || hls_token_is(s, "const");
                is_function = is_function || hls_token_is(s, "(");
            }
            if (!is_constant && !is_function && !is_one_of(start, harmless))
                find(lint, "global", start);
        }
        if (hls_token_is(t, ";") || t->kind == TOKEN_DIRECTIVE)
            start = t + 1;
    }
}

/* ---- loops ---- */

/* A statement of a dataflow region: a declaration, or a call whose result nobody takes. */
static int is_dataflow_statement(const struct token *t)
{
    return is_type(t) || hls_token_is(t, "const") || hls_token_is(t, "struct") ||
           (t->kind == TOKEN_WORD && hls_token_is(t + 1, "(") && !hls_token_is(t, "if") &&
            !hls_token_is(t, "for") && !hls_token_is(t, "while") && !hls_token_is(t, "switch"));
}

static void check_dataflow(struct lint *lint, const struct token *open)
{
    const struct token *end = skip_group(open, "{", "}");
    int is_start = 1;
    for (const struct token *t = open + 1; t < end; t++) {
        if (t->kind == TOKEN_DIRECTIVE)
            continue;
        if (is_start && !is_dataflow_statement(t))
            find(lint, "dataflow", t);
        is_start = hls_token_is(t, ";") || hls_token_is(t, "{") || hls_token_is(t, "}");
    }
}

/* How often a word stands in a region outside of declarations and pragmas. */
static int uses_of(const struct token *from, const struct token *end, const struct token *name)
{
    int uses = 0;
    for (const struct token *t = from; t < end; t++)
        uses += t->kind == TOKEN_WORD && t->length == name->length &&
                strncmp(t->text, name->text, name->length) == 0;
    return uses - 1;
}

/* An array between two processes is written by one and read by one. */
static void check_handing(struct lint *lint, const struct token *open)
{
    const struct token *end = skip_group(open, "{", "}");
    for (const struct token *t = open + 1; t < end; t++)
        if (is_type(t) && t[1].kind == TOKEN_WORD && hls_token_is(t + 2, "[") &&
            uses_of(open, end, t + 1) != 2)
            find(lint, "dataflow", t);
}

static void check_loops(struct lint *lint)
{
    for (const struct token *t = lint->list; t->kind != TOKEN_END; t++) {
        if (!hls_token_is(t, "for") && !hls_token_is(t, "while"))
            continue;
        const struct token *open = skip_group(t + 1, "(", ")") + 1;
        const struct token *pragma = open + 1;
        if (!hls_token_is(open, "{") || pragma->kind != TOKEN_DIRECTIVE ||
            !hls_token_has(pragma, "#pragma HLS"))
            find(lint, "loop", t);
        for (; pragma->kind == TOKEN_DIRECTIVE; pragma++)
            if (hls_token_has(pragma, "HLS DATAFLOW")) {
                check_dataflow(lint, open);
                check_handing(lint, open);
            }
    }
}

int hls_lint(const char *text, const char *top, hls_lint_report *report, void *context)
{
    struct token *list = hls_tokens_read(text);
    if (list == NULL)
        return -1;
    struct lint lint = {.list = list, .top = top, .report = report, .context = context};
    check_words(&lint);
    check_pointers(&lint);
    check_array_sizes(&lint);
    check_functions(&lint);
    check_globals(&lint);
    check_loops(&lint);
    free(list);
    return lint.findings;
}
