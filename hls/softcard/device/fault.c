/* SPDX-License-Identifier: Apache-2.0 */
/* See fault.h. */
#include "hls/softcard/device/fault.h"

#include <stdlib.h>
#include <string.h>

bool fault_read(const char *text, card_fault *out)
{
    static const char *const kinds[] = {"", "hang", "crash", "vanish", "nomem"};
    out->kind = FAULT_NONE;
    atomic_init(&out->left, 0);
    if (text == NULL || text[0] == '\0')
        return true;
    size_t length = strcspn(text, ":");
    for (size_t i = 1; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i]) == length && strncmp(kinds[i], text, length) == 0)
            out->kind = (card_fault_kind)i;
    char *end = NULL;
    long left = text[length] == ':' ? strtol(text + length + 1, &end, 10) : 0;
    if (out->kind == FAULT_NONE || left < 0 ||
        (text[length] == ':' && (end == text + length + 1 || *end != '\0')))
        return false;
    atomic_init(&out->left, left);
    return true;
}

bool fault_strikes(card_fault *fault, card_fault_kind kind)
{
    return fault->kind == kind && atomic_fetch_sub(&fault->left, 1) <= 0;
}
