/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of the schedule -> the program that the engine reads: offsets are known once there is
 * memory for a run. Must not know about: who executes it. */
#include <inttypes.h>
#include <string.h>

#include "compiler/package/engine_params.h"
#include "kernels/fpga/check.h"
#include "kernels/fpga/engine.h"
#include "runtime/backends/engine/engine_backend.h"

/* The engine's offsets are s32. */
static const uint64_t ADDRESS_LIMIT = INT32_MAX;

size_t weft__engine_program_bytes(const engine_session *session)
{
    return (size_t)session->descriptor_count * WEFT_D_WORDS * sizeof(uint32_t);
}

static weft_status too_large(const char *what, uint64_t bytes, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_ENGINE_ADDRESS, "%s are too large for the engine", what);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "at most %" PRIu64 " bytes", ADDRESS_LIMIT);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%" PRIu64 " bytes", bytes);
    return status;
}

static uint32_t resolve(const engine_session *session, const weft_run_memory *memory,
                        const weft_arg *word)
{
    if (word->kind == WEFT_ARG_BLOB)
        return (uint32_t)session->view->manifest->blobs[word->index].offset_bytes +
               (uint32_t)word->i;
    if (word->kind == WEFT_ARG_SCRATCH)
        return (uint32_t)word->offset_bytes + (uint32_t)word->i;
    if (word->kind != WEFT_ARG_VALUE)
        return (uint32_t)word->i;
    int32_t owner = weft__storage_owner(session->schedule, word->index);
    return (uint32_t)memory->arena_offsets[owner] + (uint32_t)word->i;
}

/* Whether the descriptors are for the engine of kernels/fpga. Another engine has a layout of its
 * own, which only it can check. */
static bool is_weft_engine(const weft_manifest *manifest)
{
    const weft_program *program = &manifest->programs[manifest->engine.opencl_program];
    return program->kernel_count > 0 && strcmp(program->kernels[0], WEFT_ENGINE_KERNEL) == 0;
}

/* weft's engine is asked for nothing that reads or writes where it must not, whatever the package
 * says. */
static weft_status check_program(const engine_session *session, const weft_run_memory *memory,
                                 const uint32_t *words, weft_diag *diag)
{
    weft_engine_params params = weft_engine_params_read(&session->view->manifest->engine);
    /* Sections of a package are whole pages, and so are whole words. */
    uint64_t word = WEFT_ENGINE_PORT_MAX;
    uint64_t weights_bytes = (session->view->weights_bytes + word - 1) / word * word;
    const weft_descriptor_memory memories = {session->view->weights, weights_bytes,
                                             memory->arena_bytes};
    const char *wrong = weft_engine_params_are_valid(&params) ? NULL : "its numbers are impossible";
    for (size_t s = 0; s < session->schedule->step_count; s++) {
        const weft_step *step = &session->schedule->steps[s];
        for (size_t d = 0; d < step->descriptor_count; d++, words += WEFT_D_WORDS) {
            if (wrong == NULL)
                wrong = weft_descriptor_check(words, &params, &memories);
            if (wrong == NULL)
                continue;
            weft_status status =
                weft_diag_error(diag, WEFT_E_ENGINE_DESCRIPTOR,
                                "descriptor %zu of step %s cannot be executed", d, step->name);
            weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", wrong);
            return status;
        }
    }
    return WEFT_OK;
}

weft_status weft__engine_program_write(const engine_session *session, const weft_run_memory *memory,
                                       uint32_t *out_words, weft_diag *diag)
{
    if (session->view->weights_bytes > ADDRESS_LIMIT)
        return too_large("the weights", session->view->weights_bytes, diag);
    if (memory->arena_bytes > ADDRESS_LIMIT)
        return too_large("the values of a run", memory->arena_bytes, diag);
    const uint32_t *words = out_words;
    memset(out_words, 0, weft__engine_program_bytes(session));
    for (size_t s = 0; s < session->schedule->step_count; s++) {
        const weft_step *step = &session->schedule->steps[s];
        for (size_t d = 0; d < step->descriptor_count; d++, out_words += WEFT_D_WORDS)
            for (size_t i = 0; i < step->descriptors[d].word_count; i++)
                out_words[i] = resolve(session, memory, &step->descriptors[d].words[i]);
    }
    return is_weft_engine(session->view->manifest) ? check_program(session, memory, words, diag)
                                                   : WEFT_OK;
}
