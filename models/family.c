/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a family and its parameters to a built graph; see family.h. Knows nothing about files or
 * printing.
 */
#include "models/family.h"

#include <string.h>

#include "models/report.h"

weft_family_params weft_family_defaults(const weft_family *family)
{
    return (weft_family_params){
        .depth = family->default_depth,
        .variant = family->default_variant,
        .size = family->default_size,
        .batch = 1,
        .classes = 1000,
        .form = "torchscript",
        .attention = "plain",
        .input_name = "input",
        .output_name = "output",
    };
}

enum { USUAL_OPSET = 17, ATTENTION_OPSET = 23 };

/* The operator set that is asked for, or else the usual one. */
static int opset_of(const weft_family *family, const weft_family_params *params)
{
    if (params->opset > 0)
        return (int)params->opset;
    if (strcmp(params->attention, "operator") == 0)
        return ATTENTION_OPSET;
    bool is_dynamo = strcmp(params->form, "dynamo") == 0;
    return is_dynamo && family->dynamo_opset > 0 ? family->dynamo_opset : USUAL_OPSET;
}

int weft_family_prepare(const weft_family *family, weft_family_params *params,
                        weft_vit_config *config, FILE *errors)
{
    if (strcmp(params->attention, "operator") == 0 && opset_of(family, params) < ATTENTION_OPSET)
        return weft_report_error(errors, WEFT_REPORT_VALUE, "--attention operator",
                                 "ONNX has the operator since operator set 23", "--opset 23");
    return family->prepare ? family->prepare(params, config, errors) : 0;
}

weft_build *weft_family_build(const weft_family *family, const weft_family_params *params,
                              bool with_weights)
{
    bool is_dynamo = strcmp(params->form, "dynamo") == 0;
    weft_build *build = weft_build_create(family->name, opset_of(family, params), with_weights);
    if (!build)
        return NULL;
    weft_cnn cnn = {
        .build = build,
        .seed = params->seed,
        .form = is_dynamo ? WEFT_CNN_DYNAMO : WEFT_CNN_TORCHSCRIPT,
        .folds_batch_norm = params->folds_batch_norm,
        .mean_axes = WEFT_BUILD_NONE,
    };
    build->batch_symbol = params->has_dynamic_batch ? WEFT_FAMILY_BATCH_SYMBOL : NULL;
    build->lists_values = is_dynamo; /* the torch.export based exporter annotates every value */
    family->build(&cnn, params);
    return build;
}
