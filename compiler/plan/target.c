/* SPDX-License-Identifier: Apache-2.0 */
/* The target table and the choice for this machine. */
#include "compiler/plan/target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compiler/base/text.h"

static const weft_target targets[] = {
#define WEFT_TARGET(id, name, vw, mr, dot, l1, l2, l3, local, peak, peak8, memory, launch, doc)    \
    {name, vw, mr, dot, l1, l2, l3, local, peak, peak8, memory, launch, doc},
#include "compiler/plan/targets.def"
#undef WEFT_TARGET
};

enum target_row {
#define WEFT_TARGET(id, ...) TARGET_##id,
#include "compiler/plan/targets.def"
#undef WEFT_TARGET
    TARGET_COUNT
};
_Static_assert(sizeof targets / sizeof targets[0] == TARGET_COUNT, "one row per target");

size_t weft_target_count(void)
{
    return TARGET_COUNT;
}

const weft_target *weft_target_get(size_t index)
{
    return index < TARGET_COUNT ? &targets[index] : NULL;
}

const weft_target *weft_target_here(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
        return __builtin_cpu_supports("avx512vnni") ? &targets[TARGET_AVX512_VNNI]
                                                    : &targets[TARGET_AVX512];
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &targets[TARGET_AVX2];
#endif
    return &targets[TARGET_GENERIC];
}

/* Local memory of a CPU device is what its L2 holds; an eighth stays for everything else. */
static void cut_to_this_machine(weft_target *target)
{
#ifdef _SC_LEVEL2_CACHE_SIZE
    int64_t l2_bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (l2_bytes > 0 && l2_bytes < target->l2_bytes) {
        target->l2_bytes = l2_bytes;
        if (target->local_bytes > l2_bytes - l2_bytes / 8)
            target->local_bytes = l2_bytes - l2_bytes / 8;
    }
#else
    (void)target;
#endif
}

weft_status weft_target_find(const char *name, weft_target *out_target, weft_diag *diag)
{
    if (name == NULL) {
        *out_target = *weft_target_here();
        cut_to_this_machine(out_target);
        return WEFT_OK;
    }
    const char *names[TARGET_COUNT];
    char list[256] = "";
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        if (strcmp(targets[i].name, name) == 0) {
            *out_target = targets[i];
            return WEFT_OK;
        }
        names[i] = targets[i].name;
        size_t used = strlen(list); /* names that no longer fit are cut off */
        snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    weft_status status = weft_diag_error(diag, WEFT_E_PLAN_TARGET, "unknown target: %s", name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "one of %s", list);
    const char *nearest = weft_nearest(name, names, TARGET_COUNT);
    if (nearest != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "--target %s", nearest);
    return status;
}
