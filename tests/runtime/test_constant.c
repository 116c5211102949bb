/* SPDX-License-Identifier: Apache-2.0 */
/* Packed constants come back as they went in: each family of kernels/cpu/pack.h that uses packing
 * PANEL, odd sizes included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/pack.h"
#include "runtime/backends/backend.h"

typedef enum family { CONV, CONV_GATHERED, DEPTHWISE, LINEAR, LINEAR_AS_CONV } family;

static float *pack(family kind, const float *source, int oc, int kh, int kw, int ic, int panel,
                   size_t *out_bytes)
{
    size_t elems = kind == LINEAR ? weft_pack_linear_elems(oc, ic, panel)
                   : kind == DEPTHWISE
                       ? weft_pack_depthwise_elems(oc, ic, kh, kw, panel)
                       : weft_pack_conv_elems(oc, ic, kh, kw, panel, kind == CONV_GATHERED);
    assert_true(elems > 0);
    float *packed = malloc(elems * sizeof *packed);
    if (kind == LINEAR)
        weft_pack_linear(packed, source, oc, ic, panel, 0);
    else if (kind == DEPTHWISE)
        weft_pack_depthwise(packed, source, oc, ic, kh, kw, panel);
    else
        weft_pack_conv(packed, source, oc, ic, kh, kw, panel, kind == CONV_GATHERED);
    *out_bytes = elems * sizeof *packed;
    return packed;
}

static void check(family kind, int oc, int kh, int kw, int ic, int panel)
{
    size_t count = (size_t)(oc * kh * kw * ic), packed_bytes = 0;
    float *source = malloc(count * sizeof *source), *got = malloc(count * sizeof *got);
    for (size_t i = 0; i < count; i++) {
        source[i] = (float)(i + 1);
        got[i] = -1.0f;
    }
    float *packed = pack(kind, source, oc, kh, kw, ic, panel, &packed_bytes);
    weft_blob blob = {WEFT_PACK_PANEL, panel, 0, 0, packed_bytes};
    weft_manifest manifest = {.blobs = &blob, .blob_count = 1};
    weft_package_view view = {
        .manifest = &manifest, .weights = (const uint8_t *)packed, .weights_bytes = packed_bytes};
    weft_schedule_value value = {
        .dtype = WEFT_DTYPE_F32, .place = WEFT_PLACE_CONSTANT, .size_bytes = count * 4, .blob = 0};
    value.shape = kind == LINEAR || kind == LINEAR_AS_CONV ? (weft_shape){2, {oc, ic}}
                                                           : (weft_shape){4, {oc, kh, kw, ic}};
    assert_null(weft__constant_find(&view, &value));
    assert_true(weft__constant_is_readable(&view, &value));
    assert_true(weft__constant_unpack(&view, &value, got));
    assert_memory_equal(got, source, count * sizeof *source);
    blob.size_bytes = 4 * (count - 1); /* too small for the shape: nothing may be read */
    assert_false(weft__constant_is_readable(&view, &value));
    assert_false(weft__constant_unpack(&view, &value, got));
    free(packed);
    free(source);
    free(got);
}

static void convolutions_come_back(void **state)
{
    (void)state;
    check(CONV, 32, 3, 3, 16, 16);
    check(CONV, 33, 1, 1, 7, 16);
    check(CONV, 5, 5, 3, 24, 32);
    check(CONV_GATHERED, 24, 3, 3, 3, 16);
    check(CONV_GATHERED, 7, 7, 7, 3, 8);
}

static void depthwise_comes_back(void **state)
{
    (void)state;
    check(DEPTHWISE, 48, 3, 3, 1, 16);
    check(DEPTHWISE, 21, 5, 5, 2, 16);
}

static void linear_comes_back(void **state)
{
    (void)state;
    check(LINEAR, 1000, 1, 1, 48, 16);
    check(LINEAR, 3, 1, 1, 5, 32);
    check(LINEAR_AS_CONV, 256, 1, 1, 64, 16); /* many rows */
    check(LINEAR_AS_CONV, 10, 1, 1, 7, 32);
}

static void other_forms_do_not(void **state)
{
    (void)state;
    weft_blob blob = {WEFT_PACK_WINOGRAD, 16, 4, 0, 1 << 16};
    weft_manifest manifest = {.blobs = &blob, .blob_count = 1};
    weft_package_view view = {.manifest = &manifest};
    weft_schedule_value value = {.dtype = WEFT_DTYPE_F32,
                                 .shape = {4, {16, 3, 3, 16}},
                                 .place = WEFT_PLACE_CONSTANT,
                                 .blob = 0};
    assert_false(weft__constant_is_readable(&view, &value));
    value.blob = -1;
    assert_false(weft__constant_is_readable(&view, &value));
    blob.packing = WEFT_PACK_PANEL;
    value.blob = 0;
    value.shape.rank = 3; /* no family packs that */
    assert_false(weft__constant_is_readable(&view, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_come_back),
        cmocka_unit_test(depthwise_comes_back),
        cmocka_unit_test(linear_comes_back),
        cmocka_unit_test(other_forms_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
