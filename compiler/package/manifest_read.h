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
void weft__read_step(json_reader *reader, json_at *at, weft_step *step);

#endif
