# SPDX-License-Identifier: Apache-2.0
# Sources of compiler/passes, relative to the repository root.
PASSES_SRC := \
    compiler/passes/absorb_input_layout.c \
    compiler/passes/attention.c \
    compiler/passes/channels_last.c \
    compiler/passes/cleanup.c \
    compiler/passes/epilogue.c \
    compiler/passes/fold_batchnorm.c \
    compiler/passes/fold_constants.c \
    compiler/passes/fuse_attention.c \
    compiler/passes/fuse_attention_quantized.c \
    compiler/passes/fuse_conv.c \
    compiler/passes/fuse_conv_shape.c \
    compiler/passes/fuse_gelu.c \
    compiler/passes/fuse_global_mean.c \
    compiler/passes/fuse_layer_norm.c \
    compiler/passes/fuse_linear.c \
    compiler/passes/fuse_quantized.c \
    compiler/passes/fuse_quantized_table.c \
    compiler/passes/fuse_quantized_unary.c \
    compiler/passes/fuse_quantized_views.c \
    compiler/passes/fuse_squeeze_excite.c \
    compiler/passes/fuse_token_conv.c \
    compiler/passes/hoist_rows.c \
    compiler/passes/layout.c \
    compiler/passes/lower_matmul.c \
    compiler/passes/lower_quantized.c \
    compiler/passes/lower_quantized_binary.c \
    compiler/passes/lower_quantized_channels.c \
    compiler/passes/lower_quantized_codes.c \
    compiler/passes/lower_quantized_numbers.c \
    compiler/passes/lower_quantized_pool.c \
    compiler/passes/lower_quantized_product.c \
    compiler/passes/lower_quantized_rows.c \
    compiler/passes/merge_pad.c \
    compiler/passes/passes.c \
    compiler/passes/rewrite.c \
    compiler/passes/rewrite_constant.c \
    compiler/passes/simplify.c \
    compiler/passes/simplify_arithmetic.c \
    compiler/passes/sink_rules.c \
    compiler/passes/sink_transposes.c \
    compiler/passes/sink_views.c \
    compiler/passes/split_sums.c \
    compiler/passes/split_variadic.c \
    compiler/passes/trace.c \
    compiler/passes/views.c
