/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a family of reference models gives to the program: its options, its published members and
 * the walk that adds its layers. A new family is one file with one weft_family, and one row in
 * main.c. Knows nothing about files or printing.
 */
#ifndef WEFT_MODELS_FAMILY_H
#define WEFT_MODELS_FAMILY_H

#include "models/cnn_layers.h"
#include "models/options.h"
#include "models/vit_config.h"

/* Largest input side: enough for any camera, and small enough that no product of sizes below comes
 * near 64 bits. */
#define WEFT_FAMILY_MAX_SIZE 16384

/* What a dynamic batch is called in the file. */
#define WEFT_FAMILY_BATCH_SYMBOL "batch"

/* Everything a command line can set. Strings are borrowed. */
typedef struct weft_family_params {
    const char *depth;     /* of a family whose members are told by it; else NULL */
    const char *variant;   /* of a family that has several: which layers have the strides, or which
                              member it is */
    const char *attention; /* of a transformer: how the heads' products are written */
    const char *config;    /* of a searched family: a network in its notation, or @ and a file */
    const weft_vit_config *network; /* what prepare made of it */
    int64_t size, batch, classes;
    int64_t opset; /* 0: the form's usual one */
    uint64_t seed;
    const char *form; /* "torchscript" or "dynamo" */
    bool folds_batch_norm, has_dynamic_batch;
    const char *input_name, *output_name;
    const char *path;
    bool counts, wants_json, wants_help;
} weft_family_params;

typedef struct weft_family {
    const char *name, *summary;
    const weft_option *options; /* offsets into weft_family_params */
    size_t option_count;
    const char *default_depth;   /* NULL: the variant tells the members */
    const char *default_variant; /* NULL: there are none */
    int64_t default_size;
    int dynamo_opset; /* of the torch.export based form when none is asked for; 0: as of the other
                       */
    size_t published_count;
    /* Sets depth or variant and size of a published member. */
    void (*get_published)(size_t index, weft_family_params *params);
    /* Checks what no option row can tell, and reads --config into *config, which the parameters
     * refer to from then on. 0, or the exit code of a printed error. NULL: nothing to do. */
    int (*prepare)(weft_family_params *params, weft_vit_config *config, FILE *errors);
    /* Adds the whole network to cnn->build and sets the graph's output. */
    void (*build)(weft_cnn *cnn, const weft_family_params *params);
} weft_family;

/* Checks what no option row can tell; see prepare above. Call it before weft_family_build when
 * parameters come from outside. */
int weft_family_prepare(const weft_family *family, weft_family_params *params,
                        weft_vit_config *config, FILE *errors);

/* The parameters of a command line without options. */
weft_family_params weft_family_defaults(const weft_family *family);

/*
 * The built graph, to be destroyed by the caller also when its status tells of a failure; NULL when
 * there is no memory at all. Without weights it is good for counting only.
 */
weft_build *weft_family_build(const weft_family *family, const weft_family_params *params,
                              bool with_weights);

#endif
