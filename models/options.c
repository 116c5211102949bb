/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option parsing; see options.h. Knows nothing about models.
 */
#include "models/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "models/report.h"

#define TEXT_BYTES 256
#define MAX_OPTIONS 32

static const weft_option *find(const weft_option_tables *tables, const char *word, size_t length)
{
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < tables->counts[t]; i++) {
            const weft_option *row = &tables->rows[t][i];
            if (strlen(row->name) == length && strncmp(row->name, word, length) == 0)
                return row;
            if (row->alias && strlen(row->alias) == length &&
                strncmp(row->alias, word, length) == 0)
                return row;
        }
    }
    return NULL;
}

static int report_unknown(const weft_option_tables *tables, const char *word, size_t length,
                          const char *command, FILE *errors)
{
    const char *names[MAX_OPTIONS];
    char typed[TEXT_BYTES], advice[TEXT_BYTES];
    size_t count = 0;
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < tables->counts[t] && count < MAX_OPTIONS; i++)
            names[count++] = tables->rows[t][i].name;
    snprintf(typed, sizeof typed, "%.*s", (int)(length < TEXT_BYTES ? length : TEXT_BYTES - 1),
             word);
    const char *nearest = weft_report_nearest(typed, names, count);
    if (nearest)
        snprintf(advice, sizeof advice, "%s, or %s --help for all options", nearest, command);
    else
        snprintf(advice, sizeof advice, "%s --help for all options", command);
    return weft_report_error(errors, WEFT_REPORT_OPTION, typed, NULL, advice);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *at = choices; length > 0; at++) {
        size_t word = strcspn(at, "|");
        if (word == length && strncmp(at, value, length) == 0)
            return true;
        at += word;
        if (*at == '\0')
            break;
    }
    return false;
}

/* Names end up in files, logs and generated comments: visible ASCII without quotes or backslashes.
 */
static bool is_tensor_name(const char *value)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";
    size_t length = strlen(value);
    return length > 0 && length <= TEXT_BYTES / 2 && strspn(value, allowed) == length;
}

/* Decimal digits only, unlike strtoull's white space, signs and prefixes. */
static bool parse_number(const char *value, uint64_t *out_number)
{
    char *end;
    if (*value == '\0' || strspn(value, "0123456789") != strlen(value))
        return false;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    *out_number = (uint64_t)number;
    return errno == 0 && *end == '\0' && number <= UINT64_MAX;
}

/* A whole number as the row wants it. */
static bool is_allowed(const weft_option *row, uint64_t number)
{
    return number >= (uint64_t)row->min && number <= (uint64_t)row->max &&
           (row->multiple == 0 || number % (uint64_t)row->multiple == 0);
}

/* What an int's row expects, in words. */
static void describe_int(const weft_option *row, char *expected)
{
    int length = snprintf(expected, TEXT_BYTES, "a whole number from %" PRId64 " to %" PRId64,
                          row->min, row->max);
    if (row->multiple > 0)
        snprintf(expected + length, TEXT_BYTES - (size_t)length, ", a multiple of %" PRId64,
                 row->multiple);
}

/* Stores the value; false when it is not accepted, with what would be in `expected`. */
static bool store(const weft_option *row, const char *value, char *target, char *expected)
{
    uint64_t number;
    switch (row->kind) {
    case WEFT_OPTION_FLAG: break;
    case WEFT_OPTION_INT:
        describe_int(row, expected);
        if (!parse_number(value, &number) || !is_allowed(row, number))
            return false;
        memcpy(target, &(int64_t){(int64_t)number}, sizeof(int64_t));
        return true;
    case WEFT_OPTION_SEED:
        snprintf(expected, TEXT_BYTES, "a whole number below 2^64");
        if (!parse_number(value, &number))
            return false;
        memcpy(target, &number, sizeof number);
        return true;
    case WEFT_OPTION_CHOICE:
        snprintf(expected, TEXT_BYTES, "one of %s", row->choices);
        if (!is_choice(row->choices, value))
            return false;
        memcpy(target, &value, sizeof value);
        return true;
    case WEFT_OPTION_NAME:
        snprintf(expected, TEXT_BYTES, "1 to %d of the characters A-Z a-z 0-9 _ . : / -",
                 TEXT_BYTES / 2);
        if (!is_tensor_name(value))
            return false;
        memcpy(target, &value, sizeof value);
        return true;
    case WEFT_OPTION_PATH:
    case WEFT_OPTION_TEXT:
        snprintf(expected, TEXT_BYTES, row->kind == WEFT_OPTION_PATH ? "a file name" : "a text");
        if (*value == '\0')
            return false;
        memcpy(target, &value, sizeof value);
        return true;
    }
    return true;
}

int weft_options_parse(const weft_option_tables *tables, int argc, char **argv, void *target,
                       const char *command, FILE *errors)
{
    char expected[TEXT_BYTES] = "", subject[TEXT_BYTES], why[TEXT_BYTES + 16];
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0')
            return weft_report_error(errors, WEFT_REPORT_ARGUMENT, word, "all settings are options",
                                     NULL);
        size_t length = strcspn(word, "=");
        const char *value = word[length] == '=' ? word + length + 1 : NULL;
        const weft_option *row = find(tables, word, length);
        if (!row)
            return report_unknown(tables, word, length, command, errors);
        char *field = (char *)target + row->offset;
        if (row->kind == WEFT_OPTION_FLAG) {
            if (value)
                return weft_report_error(errors, WEFT_REPORT_UNWANTED_VALUE, word, NULL, row->name);
            memcpy(field, &(bool){true}, sizeof(bool));
            continue;
        }
        if (!value && i + 1 < argc)
            value = argv[++i];
        if (!value)
            return weft_report_error(errors, WEFT_REPORT_NO_VALUE, row->name, row->help, NULL);
        if (!store(row, value, field, expected)) {
            snprintf(subject, sizeof subject, "%s %.*s", row->name, TEXT_BYTES / 2, value);
            snprintf(why, sizeof why, "expected %s", expected);
            return weft_report_error(errors, WEFT_REPORT_VALUE, subject, why, NULL);
        }
    }
    return 0;
}

void weft_options_print(const weft_option_tables *tables, FILE *to)
{
    for (size_t t = 2; t-- > 0;) { /* a family's own first */
        for (size_t i = 0; i < tables->counts[t]; i++) {
            const weft_option *row = &tables->rows[t][i];
            char left[TEXT_BYTES];
            snprintf(left, sizeof left, "%s%s%s%s%s", row->alias ? row->alias : "",
                     row->alias ? ", " : "", row->name, row->metavar ? " " : "",
                     row->metavar ? row->metavar : "");
            fprintf(to, "  %-24s %s\n", left, row->help);
            if (row->choices)
                fprintf(to, "  %-24s %s\n", "", row->choices);
        }
    }
}
