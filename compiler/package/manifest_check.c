/* SPDX-License-Identifier: Apache-2.0 */
/* See manifest_check.h: all but the steps of a schedule. */
#include "compiler/package/manifest_check.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    MAX_PANEL = 1024,
    MAX_UNITS = 64, /* of XRT, per kernel and card */
    MAX_CLOCK_MHZ = 2000,
    MAX_SCHEDULES = 1024 /* each is compared with all before it */
};

bool weft__check_fail(const weft__check *c, const char *format, ...)
{
    if (c->schedule != NULL)
        weft_text_printf(c->reason, "schedules[%zu].", c->schedule_index);
    va_list args;
    va_start(args, format);
    weft_text_vprintf(c->reason, format, args);
    va_end(args);
    return false;
}

bool weft__check_range(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

static bool check_programs(const weft__check *c)
{
    for (size_t i = 0; i < c->manifest->program_count; i++) {
        const weft_program *program = &c->manifest->programs[i];
        if (program->name[0] == '\0' || program->source[0] == '\0' || program->kernel_count == 0)
            return weft__check_fail(c, "programs[%zu]: name, source and kernels must not be empty",
                                    i);
        for (size_t k = 0; k < program->kernel_count; k++)
            if (program->kernels[k][0] == '\0')
                return weft__check_fail(c, "programs[%zu].kernels[%zu]: must not be empty", i, k);
    }
    return true;
}

static bool check_blobs(const weft__check *c)
{
    for (size_t i = 0; i < c->manifest->blob_count; i++) {
        const weft_blob *blob = &c->manifest->blobs[i];
        if (blob->offset_bytes % WEFT_STORAGE_ALIGN != 0 || blob->size_bytes == 0 ||
            !weft__check_range(blob->offset_bytes, blob->size_bytes, c->limits->weights_bytes))
            return weft__check_fail(c,
                                    "blobs[%zu]: offset %" PRIu64 " and size %" PRIu64
                                    " do not lie in section weights of %" PRIu64 " bytes",
                                    i, blob->offset_bytes, blob->size_bytes,
                                    c->limits->weights_bytes);
        bool is_winograd = blob->packing == WEFT_PACK_WINOGRAD;
        if (blob->panel < 0 || blob->panel > MAX_PANEL ||
            (blob->panel == 0 && blob->packing != WEFT_PACK_PLAIN))
            return weft__check_fail(c, "blobs[%zu].panel: %" PRId32 " rows per panel", i,
                                    blob->panel);
        if (is_winograd ? blob->winograd != 2 && blob->winograd != 4 : blob->winograd != 0)
            return weft__check_fail(c, "blobs[%zu].winograd: %" PRId32, i, blob->winograd);
    }
    return true;
}

/* The dense form of a value fits its storage, or the partial sums do. */
static bool check_storage(const weft__check *c, size_t index)
{
    const weft_schedule_value *value = &c->schedule->values[index];
    size_t dense_bytes = 0;
    if (value->dtype <= WEFT_DTYPE_NONE || value->dtype >= WEFT_DTYPE_COUNT ||
        value->shape.rank < 0 || value->shape.rank > WEFT_MAX_RANK ||
        !weft_shape_bytes(&value->shape, value->dtype, &dense_bytes) ||
        dense_bytes > WEFT_CHECK_MAX_BYTES ||
        (dense_bytes == 0 && value->place != WEFT_PLACE_CONSTANT))
        return weft__check_fail(c, "values[%zu].shape: not a size that memory can have", index);
    uint64_t least = dense_bytes;
    if (value->partial_blocks != 0) {
        bool may_be = value->dtype == WEFT_DTYPE_F32 && value->shape.rank >= 2 &&
                      value->partial_count > 0 &&
                      (value->place == WEFT_PLACE_ARENA || value->place == WEFT_PLACE_ALIAS);
        if (!may_be || value->partial_blocks < 0 ||
            least > WEFT_CHECK_MAX_BYTES / (uint64_t)value->partial_blocks)
            return weft__check_fail(c, "values[%zu].partial_blocks: not possible for this value",
                                    index);
        least *= (uint64_t)value->partial_blocks;
    }
    if (value->size_bytes < least || value->size_bytes > WEFT_CHECK_MAX_BYTES)
        return weft__check_fail(
            c, "values[%zu].bytes: %" PRIu64 ", but at least %" PRIu64 " are needed", index,
            value->size_bytes, least);
    return true;
}

static bool check_place(const weft__check *c, size_t index)
{
    const weft_schedule *schedule = c->schedule;
    const weft_schedule_value *value = &schedule->values[index];
    bool is_aligned = value->offset_bytes % WEFT_STORAGE_ALIGN == 0;
    switch (value->place) {
    case WEFT_PLACE_ARENA:
        if (!is_aligned ||
            !weft__check_range(value->offset_bytes, value->size_bytes, schedule->arena_bytes))
            return weft__check_fail(
                c, "values[%zu].offset: does not lie in the arena of %" PRIu64 " bytes", index,
                schedule->arena_bytes);
        return true;
    case WEFT_PLACE_CONSTANT:
        if (value->has_plain &&
            (!is_aligned ||
             !weft__check_range(value->offset_bytes, value->size_bytes, c->limits->plain_bytes)))
            return weft__check_fail(
                c, "values[%zu].plain: does not lie in section plain of %" PRIu64 " bytes", index,
                c->limits->plain_bytes);
        if (value->blob < -1 ||
            (value->blob >= 0 && (size_t)value->blob >= c->manifest->blob_count))
            return weft__check_fail(c, "values[%zu].blob: there is no blob %" PRId32, index,
                                    value->blob);
        return true;
    case WEFT_PLACE_ALIAS: {
        if (value->alias_of < 0 || (size_t)value->alias_of >= schedule->value_count)
            return weft__check_fail(c, "values[%zu].alias_of: there is no value %" PRId32, index,
                                    value->alias_of);
        const weft_schedule_value *owner = &schedule->values[value->alias_of];
        size_t mine = 0, theirs = 0;
        /* all of the owner, or the front of it; sums over blocks have no front */
        bool is_inside = weft_shape_bytes(&value->shape, value->dtype, &mine) &&
                         weft_shape_bytes(&owner->shape, owner->dtype, &theirs) &&
                         (mine == theirs || (mine < theirs && owner->partial_blocks == 0));
        if (owner->place == WEFT_PLACE_ALIAS || value->size_bytes > owner->size_bytes ||
            value->dtype != owner->dtype || !is_inside)
            return weft__check_fail(
                c, "values[%zu].alias_of: value %" PRId32 " cannot own its storage", index,
                value->alias_of);
        if (value->partial_blocks != 0 && value->partial_blocks != owner->partial_blocks)
            return weft__check_fail(c, "values[%zu].partial_blocks: not those of its storage",
                                    index);
        return true;
    }
    case WEFT_PLACE_INPUT:
    case WEFT_PLACE_OUTPUT: {
        size_t dense_bytes = 0;
        weft_shape_bytes(&value->shape, value->dtype, &dense_bytes);
        return value->size_bytes == dense_bytes ||
               weft__check_fail(
                   c, "values[%zu].bytes: inputs and outputs are exactly as large as their shape",
                   index);
    }
    default: return weft__check_fail(c, "values[%zu].place: unknown", index);
    }
}

static bool check_values(const weft__check *c)
{
    const weft_schedule *schedule = c->schedule;
    if (schedule->value_count > INT32_MAX || schedule->step_count > INT32_MAX)
        return weft__check_fail(c, "values: too many");
    if (schedule->arena_bytes > WEFT_CHECK_MAX_BYTES || schedule->arena_unshared_bytes > INT64_MAX)
        return weft__check_fail(c, "arena_bytes: more than memory can have");
    for (size_t i = 0; i < schedule->value_count; i++) {
        const weft_schedule_value *value = &schedule->values[i];
        if (!check_storage(c, i) || !check_place(c, i))
            return false;
        int64_t end = (int64_t)schedule->step_count; /* outputs live until after the last step */
        if (value->first_step < -1 || value->last_step < -1 || value->first_step > end ||
            value->last_step > end)
            return weft__check_fail(c, "values[%zu]: its lifetime leaves the schedule", i);
    }
    return true;
}

static bool check_ports(const weft__check *c, const char *what, const int32_t *list, size_t count,
                        weft_place place)
{
    size_t placed = 0;
    for (size_t i = 0; i < c->schedule->value_count; i++)
        placed += c->schedule->values[i].place == place;
    if (placed != count)
        return weft__check_fail(c, "%s: %zu values have this place, but %zu are listed", what,
                                placed, count);
    for (size_t i = 0; i < count; i++) {
        if (list[i] < 0 || (size_t)list[i] >= c->schedule->value_count ||
            c->schedule->values[list[i]].place != place)
            return weft__check_fail(c, "%s[%zu]: %" PRId32 " is not such a value", what, i,
                                    list[i]);
        for (size_t j = 0; j < i; j++)
            if (list[j] == list[i])
                return weft__check_fail(c, "%s[%zu]: value %" PRId32 " comes twice", what, i,
                                        list[i]);
    }
    return true;
}

static bool check_engine_program(const weft__check *c, const char *what, int32_t index,
                                 weft_language language)
{
    if (index < 0 || (size_t)index >= c->manifest->program_count)
        return weft__check_fail(c, "engine.%s: there is no program %" PRId32, what, index);
    return c->manifest->programs[index].language == language ||
           weft__check_fail(c, "engine.%s: program %" PRId32 " is written in another language",
                            what, index);
}

static bool check_engine(const weft__check *c)
{
    const weft_engine *engine = &c->manifest->engine;
    if (engine->name == NULL)
        return true;
    if (engine->name[0] == '\0')
        return weft__check_fail(c, "engine.name: must not be empty");
    for (size_t i = 0; i < engine->parameters.count; i++)
        if (engine->parameters.data[i].kind != WEFT_ATTR_INT)
            return weft__check_fail(c, "engine.parameters: must be integers");
    return check_engine_program(c, "program_opencl", engine->opencl_program,
                                WEFT_LANGUAGE_OPENCL) &&
           check_engine_program(c, "program_hls", engine->hls_program, WEFT_LANGUAGE_HLS_C);
}

/* A name that v++, XRT and a shell take without quotes. */
static bool is_plain_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return name[0] != '\0' && name[strspn(name, letters)] == '\0' &&
           strchr("0123456789", name[0]) == NULL;
}

/* "HBM[4]": letters, and a number of at most three digits. */
static bool is_bank(const char *bank)
{
    size_t letters = strspn(bank, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *number = bank + letters + 1;
    if (letters == 0 || bank[letters] != '[')
        return false;
    size_t digits = strspn(number, "0123456789");
    return digits > 0 && digits <= 3 && strcmp(number + digits, "]") == 0;
}

static bool check_card(const weft__check *c)
{
    const weft_card *card = &c->manifest->card;
    if (card->board == NULL)
        return true;
    if (c->manifest->engine.name == NULL)
        return weft__check_fail(c, "card: the package has no engine");
    if (card->board[0] == '\0' || card->part == NULL ||
        (card->platform != NULL && card->platform[0] == '\0'))
        return weft__check_fail(c, "card: board and platform must not be empty");
    if (!isfinite(card->clock_mhz) || card->clock_mhz <= 0 || card->clock_mhz > MAX_CLOCK_MHZ)
        return weft__check_fail(c, "card.clock_mhz: not a clock");
    if (card->unit_count == 0 || card->unit_count > MAX_UNITS)
        return weft__check_fail(c, "card.units: %zu, but 1 to %d are possible", card->unit_count,
                                MAX_UNITS);
    for (size_t i = 0; i < card->unit_count; i++) {
        const weft_card_unit *unit = &card->units[i];
        if (!is_plain_name(unit->name))
            return weft__check_fail(c, "card.units[%zu].name: must be letters, digits and _", i);
        for (size_t k = 0; k < i; k++)
            if (strcmp(card->units[k].name, unit->name) == 0)
                return weft__check_fail(c, "card.units[%zu].name: %s comes twice", i, unit->name);
        if (unit->slr < 0 || unit->slr >= MAX_UNITS)
            return weft__check_fail(c, "card.units[%zu].slr: there is no region %" PRId32, i,
                                    unit->slr);
        for (int k = 0; k < WEFT_CARD_PORTS; k++)
            if (unit->banks[k] == NULL || !is_bank(unit->banks[k]))
                return weft__check_fail(c, "card.units[%zu].banks[%d]: not of the form HBM[4]", i,
                                        k);
    }
    return true;
}

static bool check_schedule(const weft__check *c)
{
    if (!check_values(c) ||
        !check_ports(c, "inputs", c->schedule->inputs, c->schedule->input_count,
                     WEFT_PLACE_INPUT) ||
        !check_ports(c, "outputs", c->schedule->outputs, c->schedule->output_count,
                     WEFT_PLACE_OUTPUT))
        return false;
    for (size_t i = 0; i < c->schedule->step_count; i++)
        if (!weft__check_step(c, i))
            return false;
    return true;
}

static const weft_schedule_value *port(const weft_schedule *schedule, bool is_input, size_t index)
{
    return &schedule->values[is_input ? schedule->inputs[index] : schedule->outputs[index]];
}

/* Names, types and ranks are those of the first schedule. */
static bool check_same_ports(const weft__check *c, bool is_input)
{
    const weft_schedule *first = &c->manifest->schedules[0];
    const char *what = is_input ? "inputs" : "outputs";
    size_t count = is_input ? c->schedule->input_count : c->schedule->output_count;
    size_t expected = is_input ? first->input_count : first->output_count;
    if (count != expected)
        return weft__check_fail(c, "%s: %zu, but the first schedule has %zu", what, count,
                                expected);
    for (size_t i = 0; i < count; i++) {
        const weft_schedule_value *a = port(first, is_input, i),
                                  *b = port(c->schedule, is_input, i);
        if (strcmp(a->name, b->name) != 0 || a->dtype != b->dtype || a->shape.rank != b->shape.rank)
            return weft__check_fail(
                c, "%s[%zu]: another name, type or rank than in the first schedule", what, i);
    }
    return true;
}

/* The shapes of the inputs choose the schedule. */
static bool check_is_chosen(const weft__check *c)
{
    for (size_t s = 0; s < c->schedule_index; s++) {
        const weft_schedule *other = &c->manifest->schedules[s];
        size_t same = 0;
        while (same < other->input_count && weft_shape_equal(&port(other, true, same)->shape,
                                                             &port(c->schedule, true, same)->shape))
            same++;
        if (same == other->input_count)
            return weft__check_fail(c, "inputs: schedule %zu takes the same shapes", s);
    }
    return true;
}

bool weft__manifest_check(const weft_manifest *manifest, const weft_manifest_limits *limits,
                          weft_text *out_reason)
{
    weft__check c = {manifest, limits, NULL, 0, out_reason};
    if (manifest->schedule_count == 0 || manifest->schedule_count > MAX_SCHEDULES)
        return weft__check_fail(&c, "schedules: %zu, but 1 to %d are possible",
                                manifest->schedule_count, MAX_SCHEDULES);
    if (manifest->program_count > INT32_MAX || manifest->blob_count > INT32_MAX)
        return weft__check_fail(&c, "programs: too many");
    if (!check_programs(&c) || !check_engine(&c) || !check_card(&c) || !check_blobs(&c))
        return false;
    for (size_t i = 0; i < manifest->schedule_count; i++) {
        c.schedule = &manifest->schedules[i];
        c.schedule_index = i;
        if (!check_schedule(&c) ||
            (i > 0 &&
             (!check_same_ports(&c, true) || !check_same_ports(&c, false) || !check_is_chosen(&c))))
            return false;
    }
    return true;
}
