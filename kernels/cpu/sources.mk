# SPDX-License-Identifier: Apache-2.0
# What kernels/cpu gives to the build: C sources for the compiler library, OpenCL C texts to embed in it.
KERNELS_CPU_SRC := kernels/cpu/pack.c kernels/cpu/tile_rule.c kernels/cpu/qpack.c kernels/cpu/qtile_rule.c
KERNELS_CPU_CL := kernels/cpu/common.cl kernels/cpu/conv.cl kernels/cpu/winograd.cl kernels/cpu/linear.cl \
	kernels/cpu/depthwise.cl kernels/cpu/pool.cl kernels/cpu/eltwise.cl kernels/cpu/move.cl kernels/cpu/reduce.cl kernels/cpu/matmul.cl \
	kernels/cpu/norm.cl kernels/cpu/resample.cl
