/* SPDX-License-Identifier: Apache-2.0 */
/* --shape arguments; see shape.h. Must not know about: models. */
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/shape.h"

/* Dimensions above this are a typing slip, and their products would not fit anywhere. */
static const long long max_dimension = 1LL << 40;

/* One shape up to ',' or the end; NULL when it cannot be read, otherwise what follows. */
static const char *parse_dims(const char *text, weft_input_shape *shape)
{
    for (shape->rank = 0;; text++) {
        if (shape->rank == sizeof shape->dims / sizeof shape->dims[0])
            return NULL;
        if (*text == '?') {
            shape->dims[shape->rank++] = -1;
            text++;
        } else {
            char *end = NULL;
            long long value = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
            if (value < 1 || value > max_dimension)
                return NULL;
            shape->dims[shape->rank++] = value;
            text = end;
        }
        if (*text == ',' || *text == '\0')
            return text;
        if (*text != 'x')
            return NULL;
    }
}

static size_t count_shapes(const char *dims)
{
    size_t count = 1;
    for (; *dims != '\0'; dims++)
        count += *dims == ',' ? 1 : 0;
    return count;
}

static weft_status syntax_error(weft_cli *cli, const char *text)
{
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_SHAPE_SYNTAX, "--shape %s cannot be read", text);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED,
                         "NAME=1x3x160x160, `?` for a dimension the model has itself");
    return status;
}

/* Where the shapes of an argument begin; NULL when its name is missing and may not be. */
static const char *dims_of(const char *text, bool is_bare_allowed)
{
    const char *equals = strrchr(text, '=');
    if (equals == NULL)
        return is_bare_allowed ? text : NULL;
    return equals == text ? NULL : equals + 1;
}

static weft_status parse(weft_cli *cli, bool is_bare_allowed, weft_cli_shapes *out_shapes)
{
    *out_shapes = (weft_cli_shapes){.schedule_count = 1};
    const char *text = NULL;
    for (size_t i = 0; (text = weft_cli_args_list(&cli->args, "shape", i)) != NULL; i++) {
        const char *dims = dims_of(text, is_bare_allowed);
        if (dims == NULL)
            return syntax_error(cli, text);
        size_t count = count_shapes(dims);
        if (count > 1 && out_shapes->schedule_count > 1 && count != out_shapes->schedule_count) {
            weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_SHAPE_SYNTAX,
                                                "inputs have different numbers of shapes");
            weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "%zu shapes, or one",
                                 out_shapes->schedule_count);
            weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%zu in --shape %s", count, text);
            return status;
        }
        out_shapes->schedule_count = count > 1 ? count : out_shapes->schedule_count;
        out_shapes->input_count++;
    }
    out_shapes->items = weft_cli_alloc_array(out_shapes->schedule_count * out_shapes->input_count,
                                             sizeof *out_shapes->items);
    out_shapes->names = weft_cli_alloc_array(out_shapes->input_count, sizeof *out_shapes->names);
    for (size_t i = 0; i < out_shapes->input_count; i++) {
        text = weft_cli_args_list(&cli->args, "shape", i);
        const char *at = dims_of(text, is_bare_allowed);
        out_shapes->names[i] = at == text ? NULL : weft_cli_strndup(text, (size_t)(at - text - 1));
        weft_input_shape shape = {.input = out_shapes->names[i]};
        for (size_t schedule = 0; schedule < out_shapes->schedule_count; schedule++) {
            if (schedule == 0 || *at == ',') { /* one shape alone serves every schedule */
                at = parse_dims(schedule == 0 ? at : at + 1, &shape);
                if (at == NULL)
                    return syntax_error(cli, text);
            }
            out_shapes->items[schedule * out_shapes->input_count + i] = shape;
        }
    }
    return WEFT_OK;
}

weft_status weft_cli_shapes_parse(weft_cli *cli, weft_cli_shapes *out_shapes)
{
    return parse(cli, false, out_shapes);
}

weft_status weft_cli_shapes_parse_one(weft_cli *cli, weft_cli_shapes *out_shapes)
{
    weft_status status = parse(cli, true, out_shapes);
    if (status != WEFT_OK || out_shapes->schedule_count == 1)
        return status;
    status = weft_cli_error(&cli->errors, WEFT_CLI_E_SHAPE_SYNTAX,
                            "several shapes, but weft %s takes one schedule", cli->verb->name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "one shape per input");
    return status;
}

void weft_cli_shapes_finish(weft_cli_shapes *shapes)
{
    for (size_t i = 0; shapes->names != NULL && i < shapes->input_count; i++)
        free(shapes->names[i]);
    free(shapes->names);
    free(shapes->items);
    *shapes = (weft_cli_shapes){0};
}
