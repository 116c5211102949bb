/* SPDX-License-Identifier: Apache-2.0 */
/* See package_engine.h. Words are shown by their numbers: kernels/fpga/descriptor.h has what they
 * mean for each kind. */
#include "cli/package_engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/table.h"
#include "cli/text.h"

enum { WORDS = 64, FIRST_WORD = 4 /* the first four have columns of their own */ };

static const char *kind_name(int32_t kind)
{
    static const char *const names[] = {"end",  "conv",   "grouped", "pool",
                                        "add",  "mul",    "table",   "move",
                                        "fill", "matmul", "softmax", "layer_norm"};
    return kind >= 0 && (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

static int64_t parameter(const weft_package *package, const char *name)
{
    int64_t number = 0;
    const char *have;
    for (size_t i = 0; (have = weft_package_get_engine_parameter(package, i, &number)) != NULL; i++)
        if (strcmp(have, name) == 0)
            return number;
    return 0;
}

/* "  card      u280 at 300 MHz: ..." and a line for each engine of it. */
static void print_card(FILE *out, const weft_package *package, const weft_schedule_info *info,
                       size_t schedule)
{
    weft_package_card card;
    char name[WEFT_CLI_NAME_TEXT];
    int64_t cycles = 0;
    weft_package_get_card(package, &card);
    if (card.board == NULL)
        return;
    for (size_t i = 0; i < info->step_count; i++) {
        weft_step_info step;
        weft_package_get_step(package, schedule, i, &step);
        cycles += step.cycles;
    }
    fprintf(out, "  %-9s %s at %.0f MHz, %zu engine%s: %" PRId64 " cycles, %.3f ms predicted\n",
            "card", weft_cli_format_name(card.board, name), card.clock_mhz, card.unit_count,
            card.unit_count == 1 ? "" : "s", cycles, (double)cycles / card.clock_mhz / 1e3);
    for (size_t i = 0; i < card.unit_count; i++) {
        weft_package_unit unit;
        weft_package_get_unit(package, i, &unit);
        fprintf(out, "  %-9s %s in SLR%d: program %s, weights %s, values %s\n", "", unit.name,
                (int)unit.slr, unit.banks[0], unit.banks[1], unit.banks[2]);
    }
}

static json_t *card_json(const weft_package *package)
{
    weft_package_card card;
    weft_package_get_card(package, &card);
    if (card.board == NULL)
        return json_null();
    json_t *json = json_object(), *units = json_array();
    json_object_set_new(json, "board", weft_cli_json_text(card.board));
    json_object_set_new(json, "part", weft_cli_json_text(card.part));
    json_object_set_new(json, "platform", weft_cli_json_text(card.platform));
    json_object_set_new(json, "clock_mhz", weft_cli_json_real(card.clock_mhz));
    for (size_t i = 0; i < card.unit_count; i++) {
        weft_package_unit unit;
        json_t *one = json_object(), *banks = json_array();
        weft_package_get_unit(package, i, &unit);
        for (int k = 0; k < WEFT_PACKAGE_CARD_PORTS; k++)
            json_array_append_new(banks, weft_cli_json_text(unit.banks[k]));
        json_object_set_new(one, "name", weft_cli_json_text(unit.name));
        json_object_set_new(one, "slr", json_integer(unit.slr));
        json_object_set_new(one, "banks", banks);
        json_array_append_new(units, one);
    }
    json_object_set_new(json, "units", units);
    return json;
}

void weft_cli_package_print_share(FILE *out, const weft_package *package, size_t schedule)
{
    weft_package_engine engine;
    weft_schedule_info info;
    char name[WEFT_CLI_NAME_TEXT];
    size_t steps = 0;
    weft_package_get_engine(package, &engine);
    if (engine.name == NULL)
        return;
    weft_package_get_schedule(package, schedule, &info);
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step;
        weft_package_get_step(package, schedule, i, &step);
        steps += step.descriptor_count > 0 ? 1 : 0;
    }
    fprintf(out,
            "  %-9s %s, %" PRId64 " x %" PRId64 " x %" PRId64
            ": %zu of %zu steps, the others run on the host\n",
            "engine", weft_cli_format_name(engine.name, name), parameter(package, "rows"),
            parameter(package, "columns"), parameter(package, "simd"), steps, info.step_count);
    print_card(out, package, &info, schedule);
}

json_t *weft_cli_package_engine_json(const weft_package *package)
{
    weft_package_engine engine;
    weft_package_get_engine(package, &engine);
    if (engine.name == NULL)
        return json_null();
    json_t *json = json_object(), *parameters = json_object();
    json_object_set_new(json, "name", weft_cli_json_text(engine.name));
    json_object_set_new(json, "version", json_integer(engine.version));
    for (size_t i = 0; i < engine.parameter_count; i++) {
        int64_t number = 0;
        const char *name = weft_package_get_engine_parameter(package, i, &number);
        json_object_set_new(parameters, name, json_integer(number));
    }
    json_object_set_new(json, "parameters", parameters);
    json_object_set_new(json, "card", card_json(package));
    return json;
}

/* "%conv1.2+128", "weights+4096", "17"; release with free. */
static char *word_text(const weft_package *package, size_t schedule, const weft_word_info *word)
{
    if (word->is_weights)
        return weft_cli_printf("weights+%" PRId32, word->number);
    if (word->value < 0)
        return weft_cli_printf("%" PRId32, word->number);
    weft_value_info value;
    char name[WEFT_CLI_NAME_TEXT];
    weft_package_get_value(package, schedule, (size_t)word->value, &value);
    weft_cli_format_name(value.tensor.name, name);
    return word->number == 0 ? weft_cli_printf("%%%s", name)
                             : weft_cli_printf("%%%s+%" PRId32, name, word->number);
}

static bool is_set(const weft_word_info *word)
{
    return word->value >= 0 || word->is_weights || word->number != 0;
}

static char *words_text(const weft_package *package, size_t schedule, const weft_word_info *words)
{
    char *text = weft_cli_strdup("");
    for (int i = FIRST_WORD; i < WORDS; i++) {
        if (!is_set(&words[i]))
            continue;
        char *word = word_text(package, schedule, &words[i]);
        char *longer = weft_cli_printf("%s%s%d=%s", text, text[0] == '\0' ? "" : " ", i, word);
        free(word);
        free(text);
        text = longer;
    }
    return text;
}

void weft_cli_package_print_descriptors(FILE *out, const weft_package *package, size_t schedule)
{
    weft_schedule_info info;
    weft_word_info words[WORDS];
    size_t number = 0;
    weft_package_engine engine;
    weft_package_get_engine(package, &engine);
    if (engine.name == NULL) {
        fprintf(out, "no engine: no step of this package was compiled for one\n");
        return;
    }
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "#", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "step", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "kind", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "flags", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "words", WEFT_CLI_TRUNC);
    weft_package_get_schedule(package, schedule, &info);
    for (size_t s = 0; s < info.step_count; s++)
        for (size_t d = 0; weft_package_get_descriptor(package, schedule, s, d, words); d++) {
            char *text = words_text(package, schedule, words);
            weft_cli_table_add_row(table);
            weft_cli_table_add_cell(table, "%zu", number++);
            weft_cli_table_add_cell(table, "%zu", s);
            weft_cli_table_add_cell(table, "%s", kind_name(words[0].number));
            weft_cli_table_add_cell(table, "%" PRId32, words[3].number);
            weft_cli_table_add_cell(table, "%s", text);
            free(text);
        }
    weft_cli_table_print(table, out);
}

static json_t *word_json(const weft_package *package, size_t schedule, const weft_word_info *word)
{
    if (word->value < 0 && !word->is_weights)
        return json_integer(word->number);
    json_t *json = json_object();
    if (word->is_weights) {
        json_object_set_new(json, "weights", json_integer(word->number));
        return json;
    }
    weft_value_info value;
    weft_package_get_value(package, schedule, (size_t)word->value, &value);
    json_object_set_new(json, "value", weft_cli_json_text(value.tensor.name));
    json_object_set_new(json, "plus", json_integer(word->number));
    return json;
}

json_t *weft_cli_package_descriptors_json(const weft_package *package, size_t schedule)
{
    weft_schedule_info info;
    weft_word_info words[WORDS];
    json_t *list = json_array();
    weft_package_get_schedule(package, schedule, &info);
    for (size_t s = 0; s < info.step_count; s++)
        for (size_t d = 0; weft_package_get_descriptor(package, schedule, s, d, words); d++) {
            json_t *json = json_object(), *numbers = json_array();
            for (int i = 0; i < WORDS; i++)
                json_array_append_new(numbers, word_json(package, schedule, &words[i]));
            json_object_set_new(json, "step", json_integer((json_int_t)s));
            json_object_set_new(json, "kind", json_string(kind_name(words[0].number)));
            json_object_set_new(json, "words", numbers);
            json_array_append_new(list, json);
        }
    return list;
}
