/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a manifest: every index, offset and size against what it counts. The runtime relies
 * on them and checks nothing again. Must not know about: JSON, files. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "compiler/package/internal.h"

enum {
    MAX_PANEL = 1024,
    MAX_UNITS = 64, /* of XRT, per kernel and card */
    MAX_CLOCK_MHZ = 2000,
    MAX_SCHEDULES = 1024 /* each is compared with all before it */
};
/* A terabyte: more than a device has, and small enough that sums of two sizes cannot overflow. */
static const uint64_t MAX_BYTES = UINT64_C(1) << 40;

typedef struct check {
    const weft_manifest *manifest;
    const weft_manifest_limits *limits;
    const weft_schedule *schedule;
    size_t schedule_index;
    weft_text *reason;
} check;

static bool fail(const check *c, const char *format, ...) WEFT_PRINTF(2, 3);

static bool fail(const check *c, const char *format, ...)
{
    if (c->schedule != NULL)
        weft_text_printf(c->reason, "schedules[%zu].", c->schedule_index);
    va_list args;
    va_start(args, format);
    weft_text_vprintf(c->reason, format, args);
    va_end(args);
    return false;
}

static bool range_fits(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

static bool check_programs(const check *c)
{
    for (size_t i = 0; i < c->manifest->program_count; i++) {
        const weft_program *program = &c->manifest->programs[i];
        if (program->name[0] == '\0' || program->source[0] == '\0' || program->kernel_count == 0)
            return fail(c, "programs[%zu]: name, source and kernels must not be empty", i);
        for (size_t k = 0; k < program->kernel_count; k++)
            if (program->kernels[k][0] == '\0')
                return fail(c, "programs[%zu].kernels[%zu]: must not be empty", i, k);
    }
    return true;
}

static bool check_blobs(const check *c)
{
    for (size_t i = 0; i < c->manifest->blob_count; i++) {
        const weft_blob *blob = &c->manifest->blobs[i];
        if (blob->offset_bytes % WEFT_STORAGE_ALIGN != 0 || blob->size_bytes == 0 ||
            !range_fits(blob->offset_bytes, blob->size_bytes, c->limits->weights_bytes))
            return fail(c,
                        "blobs[%zu]: offset %" PRIu64 " and size %" PRIu64
                        " do not lie in section weights of %" PRIu64 " bytes",
                        i, blob->offset_bytes, blob->size_bytes, c->limits->weights_bytes);
        bool is_winograd = blob->packing == WEFT_PACK_WINOGRAD;
        if (blob->panel < 0 || blob->panel > MAX_PANEL ||
            (blob->panel == 0 && blob->packing != WEFT_PACK_PLAIN))
            return fail(c, "blobs[%zu].panel: %" PRId32 " rows per panel", i, blob->panel);
        if (is_winograd ? blob->winograd != 2 && blob->winograd != 4 : blob->winograd != 0)
            return fail(c, "blobs[%zu].winograd: %" PRId32, i, blob->winograd);
    }
    return true;
}

/* The dense form of a value fits its storage, or the partial sums do. */
static bool check_storage(const check *c, size_t index)
{
    const weft_schedule_value *value = &c->schedule->values[index];
    size_t dense_bytes = 0;
    if (value->dtype <= WEFT_DTYPE_NONE || value->dtype >= WEFT_DTYPE_COUNT ||
        value->shape.rank < 0 || value->shape.rank > WEFT_MAX_RANK ||
        !weft_shape_bytes(&value->shape, value->dtype, &dense_bytes) || dense_bytes > MAX_BYTES ||
        (dense_bytes == 0 && value->place != WEFT_PLACE_CONSTANT))
        return fail(c, "values[%zu].shape: not a size that memory can have", index);
    uint64_t least = dense_bytes;
    if (value->partial_blocks != 0) {
        bool may_be = value->dtype == WEFT_DTYPE_F32 && value->shape.rank >= 2 &&
                      value->partial_count > 0 &&
                      (value->place == WEFT_PLACE_ARENA || value->place == WEFT_PLACE_ALIAS);
        if (!may_be || value->partial_blocks < 0 ||
            least > MAX_BYTES / (uint64_t)value->partial_blocks)
            return fail(c, "values[%zu].partial_blocks: not possible for this value", index);
        least *= (uint64_t)value->partial_blocks;
    }
    if (value->size_bytes < least || value->size_bytes > MAX_BYTES)
        return fail(c, "values[%zu].bytes: %" PRIu64 ", but at least %" PRIu64 " are needed", index,
                    value->size_bytes, least);
    return true;
}

static bool check_place(const check *c, size_t index)
{
    const weft_schedule *schedule = c->schedule;
    const weft_schedule_value *value = &schedule->values[index];
    bool is_aligned = value->offset_bytes % WEFT_STORAGE_ALIGN == 0;
    switch (value->place) {
    case WEFT_PLACE_ARENA:
        if (!is_aligned ||
            !range_fits(value->offset_bytes, value->size_bytes, schedule->arena_bytes))
            return fail(c, "values[%zu].offset: does not lie in the arena of %" PRIu64 " bytes",
                        index, schedule->arena_bytes);
        return true;
    case WEFT_PLACE_CONSTANT:
        if (value->has_plain && (!is_aligned || !range_fits(value->offset_bytes, value->size_bytes,
                                                            c->limits->plain_bytes)))
            return fail(c, "values[%zu].plain: does not lie in section plain of %" PRIu64 " bytes",
                        index, c->limits->plain_bytes);
        if (value->blob < -1 ||
            (value->blob >= 0 && (size_t)value->blob >= c->manifest->blob_count))
            return fail(c, "values[%zu].blob: there is no blob %" PRId32, index, value->blob);
        return true;
    case WEFT_PLACE_ALIAS: {
        if (value->alias_of < 0 || (size_t)value->alias_of >= schedule->value_count)
            return fail(c, "values[%zu].alias_of: there is no value %" PRId32, index,
                        value->alias_of);
        const weft_schedule_value *owner = &schedule->values[value->alias_of];
        size_t mine = 0, theirs = 0;
        bool is_same = weft_shape_bytes(&value->shape, value->dtype, &mine) &&
                       weft_shape_bytes(&owner->shape, owner->dtype, &theirs) && mine == theirs;
        if (owner->place == WEFT_PLACE_ALIAS || value->size_bytes > owner->size_bytes ||
            value->dtype != owner->dtype || !is_same)
            return fail(c, "values[%zu].alias_of: value %" PRId32 " cannot own its storage", index,
                        value->alias_of);
        if (value->partial_blocks != 0 && value->partial_blocks != owner->partial_blocks)
            return fail(c, "values[%zu].partial_blocks: not those of its storage", index);
        return true;
    }
    case WEFT_PLACE_INPUT:
    case WEFT_PLACE_OUTPUT: {
        size_t dense_bytes = 0;
        weft_shape_bytes(&value->shape, value->dtype, &dense_bytes);
        return value->size_bytes == dense_bytes ||
               fail(c, "values[%zu].bytes: inputs and outputs are exactly as large as their shape",
                    index);
    }
    default: return fail(c, "values[%zu].place: unknown", index);
    }
}

static bool check_values(const check *c)
{
    const weft_schedule *schedule = c->schedule;
    if (schedule->value_count > INT32_MAX || schedule->step_count > INT32_MAX)
        return fail(c, "values: too many");
    if (schedule->arena_bytes > MAX_BYTES || schedule->arena_unshared_bytes > INT64_MAX)
        return fail(c, "arena_bytes: more than memory can have");
    for (size_t i = 0; i < schedule->value_count; i++) {
        const weft_schedule_value *value = &schedule->values[i];
        if (!check_storage(c, i) || !check_place(c, i))
            return false;
        int64_t end = (int64_t)schedule->step_count; /* outputs live until after the last step */
        if (value->first_step < -1 || value->last_step < -1 || value->first_step > end ||
            value->last_step > end)
            return fail(c, "values[%zu]: its lifetime leaves the schedule", i);
    }
    return true;
}

static bool check_ports(const check *c, const char *what, const int32_t *list, size_t count,
                        weft_place place)
{
    size_t placed = 0;
    for (size_t i = 0; i < c->schedule->value_count; i++)
        placed += c->schedule->values[i].place == place;
    if (placed != count)
        return fail(c, "%s: %zu values have this place, but %zu are listed", what, placed, count);
    for (size_t i = 0; i < count; i++) {
        if (list[i] < 0 || (size_t)list[i] >= c->schedule->value_count ||
            c->schedule->values[list[i]].place != place)
            return fail(c, "%s[%zu]: %" PRId32 " is not such a value", what, i, list[i]);
        for (size_t j = 0; j < i; j++)
            if (list[j] == list[i])
                return fail(c, "%s[%zu]: value %" PRId32 " comes twice", what, i, list[i]);
    }
    return true;
}

static bool check_value_list(const check *c, size_t step, const char *what, const int32_t *list,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] < -1 || (list[i] >= 0 && (size_t)list[i] >= c->schedule->value_count))
            return fail(c, "steps[%zu].%s[%zu]: there is no value %" PRId32, step, what, i,
                        list[i]);
    return true;
}

static bool check_arg(const check *c, size_t step, const weft_launch *launch, size_t index)
{
    const weft_arg *arg = &launch->args[index];
    switch (arg->kind) {
    case WEFT_ARG_VALUE: {
        if (arg->index < 0 || (size_t)arg->index >= c->schedule->value_count)
            return fail(c, "steps[%zu].launches[].args[%zu]: there is no value %" PRId32, step,
                        index, arg->index);
        const weft_schedule_value *value = &c->schedule->values[arg->index];
        if (value->place == WEFT_PLACE_ALIAS)
            value = &c->schedule->values[value->alias_of];
        return value->place != WEFT_PLACE_CONSTANT || (value->has_plain && value->size_bytes > 0) ||
               fail(c,
                    "steps[%zu].launches[].args[%zu]: constant %" PRId32
                    " has no plain form to point to",
                    step, index, arg->index);
    }
    case WEFT_ARG_BLOB:
        return (arg->index >= 0 && (size_t)arg->index < c->manifest->blob_count) ||
               fail(c, "steps[%zu].launches[].args[%zu]: there is no blob %" PRId32, step, index,
                    arg->index);
    case WEFT_ARG_LOCAL:
        return (arg->bytes > 0 && arg->bytes <= INT32_MAX) ||
               fail(c, "steps[%zu].launches[].args[%zu]: %" PRIu64 " bytes of local memory", step,
                    index, arg->bytes);
    case WEFT_ARG_SCRATCH:
        return (arg->offset_bytes % WEFT_STORAGE_ALIGN == 0 && arg->bytes > 0 &&
                range_fits(arg->offset_bytes, arg->bytes, c->schedule->arena_bytes)) ||
               fail(c, "steps[%zu].launches[].args[%zu]: scratch memory outside of the arena", step,
                    index);
    case WEFT_ARG_NULL:
    case WEFT_ARG_INT:
    case WEFT_ARG_FLOAT: return true;
    default: return fail(c, "steps[%zu].launches[].args[%zu]: unknown kind", step, index);
    }
}

/* Words are numbers, offsets of values that an arena can hold, of scratch memory or of blobs. */
static bool check_descriptor(const check *c, size_t step, size_t index)
{
    const weft_descriptor *descriptor = &c->schedule->steps[step].descriptors[index];
    if (descriptor->word_count == 0 || descriptor->word_count > WEFT_DESCRIPTOR_WORDS)
        return fail(c, "steps[%zu].descriptors[%zu]: %zu words, but 1 to %d are possible", step,
                    index, descriptor->word_count, WEFT_DESCRIPTOR_WORDS);
    for (size_t i = 0; i < descriptor->word_count; i++) {
        const weft_arg *word = &descriptor->words[i];
        bool is_value = word->kind == WEFT_ARG_VALUE, is_blob = word->kind == WEFT_ARG_BLOB;
        bool is_scratch = word->kind == WEFT_ARG_SCRATCH;
        if (!is_value && !is_blob && !is_scratch && word->kind != WEFT_ARG_INT)
            return fail(c, "steps[%zu].descriptors[%zu][%zu]: not a number, a value or a blob",
                        step, index, i);
        if (is_scratch && (word->offset_bytes % WEFT_STORAGE_ALIGN != 0 || word->bytes == 0 ||
                           word->i < 0 || (uint64_t)word->i >= word->bytes ||
                           !range_fits(word->offset_bytes, word->bytes, c->schedule->arena_bytes)))
            return fail(c, "steps[%zu].descriptors[%zu][%zu]: scratch memory outside of the arena",
                        step, index, i);
        size_t count = is_value ? c->schedule->value_count : c->manifest->blob_count;
        if ((is_value || is_blob) && (word->index < 0 || (size_t)word->index >= count))
            return fail(c, "steps[%zu].descriptors[%zu][%zu]: there is no %s %" PRId32, step, index,
                        i, is_value ? "value" : "blob", word->index);
        if (!is_value)
            continue;
        const weft_schedule_value *value = &c->schedule->values[word->index];
        if (value->place == WEFT_PLACE_ALIAS)
            value = &c->schedule->values[value->alias_of];
        if (value->place == WEFT_PLACE_CONSTANT)
            return fail(c, "steps[%zu].descriptors[%zu][%zu]: constant %" PRId32 " is not a blob",
                        step, index, i, word->index);
        if (word->i < 0 || (uint64_t)word->i >= value->size_bytes)
            return fail(
                c, "steps[%zu].descriptors[%zu][%zu]: byte %" PRId32 " is not in value %" PRId32,
                step, index, i, word->i, word->index);
    }
    return true;
}

static bool check_engine_program(const check *c, const char *what, int32_t index,
                                 weft_language language)
{
    if (index < 0 || (size_t)index >= c->manifest->program_count)
        return fail(c, "engine.%s: there is no program %" PRId32, what, index);
    return c->manifest->programs[index].language == language ||
           fail(c, "engine.%s: program %" PRId32 " is written in another language", what, index);
}

static bool check_engine(const check *c)
{
    const weft_engine *engine = &c->manifest->engine;
    if (engine->name == NULL)
        return true;
    if (engine->name[0] == '\0')
        return fail(c, "engine.name: must not be empty");
    for (size_t i = 0; i < engine->parameters.count; i++)
        if (engine->parameters.data[i].kind != WEFT_ATTR_INT)
            return fail(c, "engine.parameters: must be integers");
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

static bool check_card(const check *c)
{
    const weft_card *card = &c->manifest->card;
    if (card->board == NULL)
        return true;
    if (c->manifest->engine.name == NULL)
        return fail(c, "card: the package has no engine");
    if (card->board[0] == '\0' || card->part == NULL ||
        (card->platform != NULL && card->platform[0] == '\0'))
        return fail(c, "card: board and platform must not be empty");
    if (!isfinite(card->clock_mhz) || card->clock_mhz <= 0 || card->clock_mhz > MAX_CLOCK_MHZ)
        return fail(c, "card.clock_mhz: not a clock");
    if (card->unit_count == 0 || card->unit_count > MAX_UNITS)
        return fail(c, "card.units: %zu, but 1 to %d are possible", card->unit_count, MAX_UNITS);
    for (size_t i = 0; i < card->unit_count; i++) {
        const weft_card_unit *unit = &card->units[i];
        if (!is_plain_name(unit->name))
            return fail(c, "card.units[%zu].name: must be letters, digits and _", i);
        for (size_t k = 0; k < i; k++)
            if (strcmp(card->units[k].name, unit->name) == 0)
                return fail(c, "card.units[%zu].name: %s comes twice", i, unit->name);
        if (unit->slr < 0 || unit->slr >= MAX_UNITS)
            return fail(c, "card.units[%zu].slr: there is no region %" PRId32, i, unit->slr);
        for (int k = 0; k < WEFT_CARD_PORTS; k++)
            if (unit->banks[k] == NULL || !is_bank(unit->banks[k]))
                return fail(c, "card.units[%zu].banks[%d]: not of the form HBM[4]", i, k);
    }
    return true;
}

static bool check_launch(const check *c, size_t step, const weft_launch *launch)
{
    if (launch->program < 0 || (size_t)launch->program >= c->manifest->program_count)
        return fail(c, "steps[%zu].launches[].program: there is no program %" PRId32, step,
                    launch->program);
    if (launch->kernel < 0 ||
        (size_t)launch->kernel >= c->manifest->programs[launch->program].kernel_count)
        return fail(c, "steps[%zu].launches[].kernel: the program has no kernel %" PRId32, step,
                    launch->kernel);
    if (c->manifest->programs[launch->program].language != WEFT_LANGUAGE_OPENCL)
        return fail(c, "steps[%zu].launches[].program: program %" PRId32 " is not OpenCL C", step,
                    launch->program);
    uint64_t items = 1;
    for (int i = 0; i < 3; i++) {
        if (launch->local[i] == 0 || launch->global[i] == 0 || launch->global[i] > UINT32_MAX ||
            launch->global[i] % launch->local[i] != 0)
            return fail(
                c, "steps[%zu].launches[].global[%d]: not a positive multiple of the local size",
                step, i);
        if (items > MAX_BYTES / launch->global[i])
            return fail(c, "steps[%zu].launches[].global: too many work-items", step);
        items *= launch->global[i];
    }
    for (size_t i = 0; i < launch->arg_count; i++)
        if (!check_arg(c, step, launch, i))
            return false;
    return true;
}

static bool check_step(const check *c, size_t index)
{
    const weft_step *step = &c->schedule->steps[index];
    if (step->name[0] == '\0' || step->op[0] == '\0')
        return fail(c, "steps[%zu]: name and op must not be empty", index);
    if (!check_value_list(c, index, "inputs", step->inputs, step->input_count) ||
        !check_value_list(c, index, "outputs", step->outputs, step->output_count))
        return false;
    for (size_t i = 0; i < step->output_count; i++) {
        weft_place place =
            step->outputs[i] < 0 ? WEFT_PLACE_ARENA : c->schedule->values[step->outputs[i]].place;
        if (place == WEFT_PLACE_INPUT || place == WEFT_PLACE_CONSTANT)
            return fail(c, "steps[%zu].outputs[%zu]: inputs and constants are not written", index,
                        i);
    }
    for (size_t i = 0; i < step->dep_count; i++)
        if (step->deps[i] < 0 || (size_t)step->deps[i] >= index ||
            (i > 0 && step->deps[i] <= step->deps[i - 1]))
            return fail(c, "steps[%zu].deps[%zu]: must be earlier steps in ascending order", index,
                        i);
    if (!isfinite(step->cost.ideal_ns) || step->cost.ideal_ns < 0)
        return fail(c, "steps[%zu].cost.ideal_ns: not a time", index);
    if (step->cost.cycles < 0 || (step->cost.cycles > 0 && step->descriptor_count == 0))
        return fail(c, "steps[%zu].cost.cycles: only steps with descriptors have any", index);
    if (step->launch_count == 0 && step->descriptor_count == 0)
        return fail(c, "steps[%zu].launches: must not be empty without descriptors", index);
    if (step->descriptor_count > 0 && c->manifest->engine.name == NULL)
        return fail(c, "steps[%zu].descriptors: the package has no engine", index);
    for (size_t i = 0; i < step->descriptor_count; i++)
        if (!check_descriptor(c, index, i))
            return false;
    for (size_t i = 0; i < step->launch_count; i++)
        if (!check_launch(c, index, &step->launches[i]))
            return false;
    return true;
}

static bool check_schedule(const check *c)
{
    if (!check_values(c) ||
        !check_ports(c, "inputs", c->schedule->inputs, c->schedule->input_count,
                     WEFT_PLACE_INPUT) ||
        !check_ports(c, "outputs", c->schedule->outputs, c->schedule->output_count,
                     WEFT_PLACE_OUTPUT))
        return false;
    for (size_t i = 0; i < c->schedule->step_count; i++)
        if (!check_step(c, i))
            return false;
    return true;
}

static const weft_schedule_value *port(const weft_schedule *schedule, bool is_input, size_t index)
{
    return &schedule->values[is_input ? schedule->inputs[index] : schedule->outputs[index]];
}

/* Names, types and ranks are those of the first schedule. */
static bool check_same_ports(const check *c, bool is_input)
{
    const weft_schedule *first = &c->manifest->schedules[0];
    const char *what = is_input ? "inputs" : "outputs";
    size_t count = is_input ? c->schedule->input_count : c->schedule->output_count;
    size_t expected = is_input ? first->input_count : first->output_count;
    if (count != expected)
        return fail(c, "%s: %zu, but the first schedule has %zu", what, count, expected);
    for (size_t i = 0; i < count; i++) {
        const weft_schedule_value *a = port(first, is_input, i),
                                  *b = port(c->schedule, is_input, i);
        if (strcmp(a->name, b->name) != 0 || a->dtype != b->dtype || a->shape.rank != b->shape.rank)
            return fail(c, "%s[%zu]: another name, type or rank than in the first schedule", what,
                        i);
    }
    return true;
}

/* The shapes of the inputs choose the schedule. */
static bool check_is_chosen(const check *c)
{
    for (size_t s = 0; s < c->schedule_index; s++) {
        const weft_schedule *other = &c->manifest->schedules[s];
        size_t same = 0;
        while (same < other->input_count && weft_shape_equal(&port(other, true, same)->shape,
                                                             &port(c->schedule, true, same)->shape))
            same++;
        if (same == other->input_count)
            return fail(c, "inputs: schedule %zu takes the same shapes", s);
    }
    return true;
}

bool weft__manifest_check(const weft_manifest *manifest, const weft_manifest_limits *limits,
                          weft_text *out_reason)
{
    check c = {manifest, limits, NULL, 0, out_reason};
    if (manifest->schedule_count == 0 || manifest->schedule_count > MAX_SCHEDULES)
        return fail(&c, "schedules: %zu, but 1 to %d are possible", manifest->schedule_count,
                    MAX_SCHEDULES);
    if (manifest->program_count > INT32_MAX || manifest->blob_count > INT32_MAX)
        return fail(&c, "programs: too many");
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
