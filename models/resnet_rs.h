/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ResNet-RS (Bello et al., 2021, arXiv 2103.07579) in timm's form.
 * Knows nothing about files or printing.
 */
#ifndef WEFT_MODELS_RESNET_RS_H
#define WEFT_MODELS_RESNET_RS_H

#include "models/family.h"

extern const weft_family weft_resnet_rs_family;

#endif
