/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the package loader. Hashes would stop every mutation, so the harness makes them right
 * again. Two kinds of input: a whole file, when it starts with 'W': header, table and sections as
 * they come; the text of a manifest, when it starts with '{': put into a package whose other
 * sections are fixed. What opens is asked every question, and loaded by the reference backend,
 * which infers each step again. Nothing is run. Must not know about: the writer. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "compiler/package/format.h"
#include "weft/runtime.h"

enum {
    PAGE = 4096,
    HEADER = 64,
    ENTRY = 64,
    MAX_SECTIONS = 16,
    ALIGN = 128,
    MAX_INPUT_BYTES = 1 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void put(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static size_t round_up(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

static void seal(uint8_t *bytes, size_t size)
{
    if (size < HEADER)
        return;
    uint64_t count = get(bytes + 12, 4);
    uint8_t hashes[MAX_SECTIONS * 8] = {0};
    for (size_t i = 0; i < count && i < MAX_SECTIONS && HEADER + (i + 1) * ENTRY <= size; i++) {
        uint8_t *entry = bytes + HEADER + i * ENTRY;
        uint64_t offset = get(entry + 24, 8), padded = get(entry + 40, 8);
        if (offset <= size && padded <= size - offset)
            put(entry + 48, XXH3_64bits(bytes + offset, (size_t)padded), 8);
        memcpy(hashes + 8 * i, entry + 48, 8);
    }
    if (count <= MAX_SECTIONS && round_up(HEADER + (size_t)count * ENTRY) <= size) {
        put(bytes + 24,
            XXH3_64bits(bytes + HEADER, round_up(HEADER + (size_t)count * ENTRY) - HEADER), 8);
        put(bytes + 32, XXH3_64bits(hashes, (size_t)count * 8), 8);
    }
    put(bytes + 56, XXH3_64bits(bytes, 56), 8);
}

static uint8_t *allocate(size_t size)
{
    void *memory = NULL;
    if (posix_memalign(&memory, ALIGN, size > 0 ? size : 1) != 0)
        return NULL;
    memset(memory, 0, size);
    return memory;
}

/* manifest | 512 bytes of kernels (64 texts of 7 letters) | 2048 of weights | 1024 of plain | no
 * graph. Weights and plain hold the 64-bit integers 1 2 3 4 5 6 7 0 1 2 ..., so that steps find
 * axes and sizes in them. */
static uint8_t *wrap_manifest(const uint8_t *text, size_t text_bytes, size_t *out_size)
{
    static const char *const names[] = {"manifest", "kernels", "weights", "plain", "graph"};
    const size_t sizes[] = {text_bytes, 512, 2048, 1024, 0};
    size_t total = PAGE, offset = PAGE;
    for (int i = 0; i < 5; i++)
        total += round_up(sizes[i]);
    uint8_t *bytes = allocate(total);
    if (bytes == NULL)
        return NULL;
    memcpy(bytes, "WEFTPKG", 8);
    put(bytes + 8, WEFT_PACKAGE_VERSION, 4);
    put(bytes + 12, 5, 4);
    put(bytes + 16, total, 8);
    for (int i = 0; i < 5; i++) {
        uint8_t *entry = bytes + HEADER + i * ENTRY;
        memcpy(entry, names[i], strlen(names[i]));
        put(entry + 24, offset, 8);
        put(entry + 32, sizes[i], 8);
        put(entry + 40, round_up(sizes[i]), 8);
        if (i == 0)
            memcpy(bytes + offset, text, text_bytes);
        for (size_t at = 0; i == 1 && at < sizes[i]; at++)
            bytes[offset + at] = at % 8 == 7 ? 0 : 'k';
        for (size_t at = 0; i > 1 && at < sizes[i]; at++)
            bytes[offset + at] = (uint8_t)(at % 8 == 0 ? (at / 8 + 1) % 8 : 0);
        offset += round_up(sizes[i]);
    }
    *out_size = total;
    return bytes;
}

static size_t touch(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

/* Reads everything that the questions give out, so that a sanitizer sees a wild pointer. */
static size_t ask_about_schedule(const weft_package *package, size_t s)
{
    weft_schedule_info schedule;
    weft_tensor_info tensor;
    weft_value_info value;
    weft_step_info step;
    weft_launch_info launch;
    weft_word_info words[64];
    size_t sum = 0;
    weft_package_get_schedule(package, s, &schedule);
    for (size_t i = 0; i < schedule.input_count; i++) {
        weft_package_get_input(package, s, i, &tensor);
        sum += touch(tensor.name) + touch(tensor.dtype);
    }
    for (size_t i = 0; i < schedule.output_count; i++) {
        weft_package_get_output(package, s, i, &tensor);
        sum += touch(tensor.name) + touch(tensor.dtype);
    }
    for (size_t i = 0; i < schedule.value_count; i++) {
        weft_package_get_value(package, s, i, &value);
        sum += touch(value.tensor.name) + touch(value.place);
        if (value.alias_of >= 0)
            weft_package_get_value(package, s, (size_t)value.alias_of, &value);
    }
    for (size_t i = 0; i < schedule.step_count; i++) {
        weft_package_get_step(package, s, i, &step);
        sum += touch(step.name) + touch(step.op) + touch(step.attrs) + touch(step.program) +
               touch(step.kernel) + touch(step.bound);
        for (size_t k = 0; k < step.source_count; k++)
            sum += touch(step.sources[k]);
        for (size_t l = 0; l < step.launch_count; l++) {
            weft_package_get_launch(package, s, i, l, &launch);
            sum += touch(launch.kernel) + touch(launch.tile);
        }
        for (size_t d = 0; weft_package_get_descriptor(package, s, i, d, words); d++)
            for (size_t w = 0; w < 64; w++)
                if (words[w].value >= 0) {
                    weft_package_get_value(package, s, (size_t)words[w].value, &value);
                    sum += touch(value.tensor.name);
                }
    }
    return sum;
}

/* A schedule is found by its own shapes, and by nothing that no schedule has. */
static void find(const weft_package *package, size_t s)
{
    weft_schedule_info schedule;
    weft_input_shape shapes[4];
    size_t found = 0;
    weft_package_get_schedule(package, s, &schedule);
    if (schedule.input_count == 0 || schedule.input_count > 4)
        return;
    for (size_t i = 0; i < schedule.input_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_input(package, s, i, &tensor);
        shapes[i] = (weft_input_shape){.input = tensor.name, .rank = tensor.rank};
        memcpy(shapes[i].dims, tensor.dims, sizeof tensor.dims);
        for (size_t k = 0; k < i; k++)
            if (strcmp(shapes[k].input, tensor.name) == 0)
                return; /* inputs of one name cannot be told apart */
    }
    if (weft_package_find_schedule(package, shapes, schedule.input_count, NULL, &found) !=
            WEFT_OK ||
        found != s)
        abort();
    shapes[0].rank = 8;
    for (int i = 0; i < 8; i++)
        shapes[0].dims[i] = INT64_MAX;
    if (weft_package_find_schedule(package, shapes, 1, NULL, &found) == WEFT_OK)
        abort();
}

static size_t ask(const weft_package *package)
{
    weft_package_info info;
    weft_program_info program;
    weft_section_info section;
    weft_package_engine engine;
    size_t sum = 0;
    int64_t number;
    weft_package_get_engine(package, &engine);
    for (size_t i = 0; i < engine.parameter_count; i++)
        sum += touch(weft_package_get_engine_parameter(package, i, &number));
    if (engine.name != NULL) {
        weft_package_get_program(package, engine.opencl_program, &program);
        sum += touch(engine.name) + touch(program.source);
        weft_package_get_program(package, engine.hls_program, &program);
        sum += touch(program.source) + touch(program.language);
    }
    weft_package_get_info(package, &info);
    for (size_t i = 0; i < info.section_count; i++) {
        weft_package_get_section(package, i, &section);
        sum += touch(section.name) + (section.size_bytes > 0 ? *(const uint8_t *)section.data : 0);
    }
    for (size_t i = 0; i < info.program_count; i++) {
        weft_package_get_program(package, i, &program);
        sum += touch(program.source) + touch(program.options);
    }
    for (size_t i = 0; i < info.schedule_count; i++) {
        sum += ask_about_schedule(package, i);
        find(package, i);
    }
    return sum;
}

static void load(weft_package *package, weft_diag *diag)
{
    enum { FEW = 4 };
    weft_package_info info;
    weft_package_get_info(package, &info);
    for (size_t i = 0; i <= info.schedule_count && i <= FEW; i++) {
        weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
        weft_session *session = NULL;
        params.backend = "ref";
        params.schedule = i < info.schedule_count && i < FEW ? i : WEFT_EVERY_SCHEDULE;
        if (params.schedule == WEFT_EVERY_SCHEDULE && info.schedule_count > FEW)
            continue;
        if (weft_session_create(package, &params, diag, &session) != WEFT_OK &&
            weft_diag_error_count(diag) == 0)
            abort(); /* a refusal without a word */
        weft_session_destroy(session);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    weft_diag *diag = NULL;
    weft_package *package = NULL;
    uint8_t *bytes = NULL;
    size_t size = size_bytes;
    if (size_bytes > MAX_INPUT_BYTES || weft_diag_create(&diag) != WEFT_OK)
        return 0;
    if (size_bytes > 0 && data[0] == '{') {
        bytes = wrap_manifest(data, size_bytes, &size);
    } else if ((bytes = allocate(size_bytes)) != NULL && size_bytes > 0) {
        memcpy(bytes, data, size_bytes);
    }
    if (bytes != NULL) {
        seal(bytes, size);
        weft_status status = weft_package_open_memory(bytes, size, diag, &package);
        if (status == WEFT_OK) {
            volatile size_t sum = ask(package);
            (void)sum;
            load(package, diag);
        } else if (weft_diag_error_count(diag) == 0 || status == WEFT_INTERNAL) {
            abort();
        }
    }
    weft_package_close(package);
    weft_diag_destroy(diag);
    free(bytes);
    return 0;
}
