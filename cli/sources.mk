# SPDX-License-Identifier: Apache-2.0
# Sources of the program `weft`, relative to the repository root. main.c alone has main; everything else links into tests too.
CLI_SRC := \
    cli/against.c \
    cli/against_print.c \
    cli/cli.c \
    cli/engine.c \
    cli/errors.c \
    cli/executors.c \
    cli/file.c cli/float_layers.c \
    cli/help.c \
    cli/image.c \
    cli/input.c \
    cli/input_data.c \
    cli/json.c \
    cli/layers.c \
    cli/listing.c \
    cli/load.c \
    cli/machine.c \
    cli/main.c \
    cli/manual.c \
    cli/memory.c \
    cli/model_summary.c \
    cli/name.c \
    cli/npy.c \
    cli/options.c \
    cli/output.c \
    cli/package_memory.c \
    cli/package_summary.c \
    cli/plan_summary.c \
    cli/pocl.c \
    cli/random.c \
    cli/report.c \
    cli/resample.c \
    cli/shape.c \
    cli/stats.c \
    cli/table.c \
    cli/text.c \
    cli/trace.c \
    cli/values.c \
    cli/verb_bench.c \
    cli/verb_check.c \
    cli/verb_compile.c \
    cli/verb_completion.c \
    cli/verb_devices.c \
    cli/verb_doctor.c \
    cli/verb_help.c \
    cli/verb_inspect.c \
    cli/verb_list.c \
    cli/verb_profile.c \
    cli/verb_run.c \
    cli/verb_verify.c \
    cli/verdict.c
