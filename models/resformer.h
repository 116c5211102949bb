/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ResFormer (Tian et al., 2022, arXiv 2212.00776).
 * Knows nothing about files or printing.
 */
#ifndef WEFT_MODELS_RESFORMER_H
#define WEFT_MODELS_RESFORMER_H

#include "models/family.h"

extern const weft_family weft_resformer_family;

#endif
