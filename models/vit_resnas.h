/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ViT-Res and ViT-ResNAS (Liao et al., 2021, arXiv 2109.00642), and any sub-network of their search
 * space. Knows nothing about files or printing.
 */
#ifndef WEFT_MODELS_VIT_RESNAS_H
#define WEFT_MODELS_VIT_RESNAS_H

#include "models/family.h"

extern const weft_family weft_vit_resnas_family;

#endif
