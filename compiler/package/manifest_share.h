/* SPDX-License-Identifier: Apache-2.0 */
/* What the schedules of a package have in common is written once. */
#ifndef WEFT_PACKAGE_MANIFEST_SHARE_H
#define WEFT_PACKAGE_MANIFEST_SHARE_H

#include <jansson.h>
#include <stdbool.h>

/* Member of a value or step: what it leaves out is as in the schedule before, at the same index. */
#define WEFT__AS_BEFORE "as_before"

/* Leaves that out of a manifest's schedules. False when out of memory. */
bool weft__manifest_share(json_t *schedules);

#endif
