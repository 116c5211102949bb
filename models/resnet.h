/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ResNet (He et al., 2015, arXiv 1512.03385) in torchvision's form, and in the two others that
 * speeds are published for. Knows nothing about files or printing.
 */
#ifndef WEFT_MODELS_RESNET_H
#define WEFT_MODELS_RESNET_H

#include "models/family.h"

extern const weft_family weft_resnet_family;

#endif
