/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of reading a manifest share: manifest_read.c (all of it) and
 * manifest_read_step.c (one step). After a failure the reader says so and results are zero. */
#ifndef WEFT_PACKAGE_MANIFEST_READ_H
#define WEFT_PACKAGE_MANIFEST_READ_H

#include "compiler/package/json_reader.h"
#include "compiler/package/schedule.h"

/* Members "shape" and "dtype" of an object. */
void weft__read_shape(json_reader *reader, json_at *object, weft_shape *shape);
weft_dtype weft__read_dtype(json_reader *reader, json_at *object);
/* A word of a table; `find` gives a negative number for others. */
int weft__read_word(json_reader *reader, json_at *object, const char *key,
                    int (*find)(const char *), const char *expected);
/* Whether a value or step leaves out what is as in the schedule before; fails when nothing is there
 * at its index. */
bool weft__read_as_before(json_reader *reader, json_at *object, bool has_before);
/* Whether a member has to be read: also when it is missing and nothing before stands for it. */
bool weft__read_is_given(const json_at *object, bool as_before, const char *key);
/* before: the step of the schedule before, or NULL. */
void weft__read_step(json_reader *reader, json_at *at, const weft_step *before, weft_step *step);

#endif
