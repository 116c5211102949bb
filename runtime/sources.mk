# SPDX-License-Identifier: Apache-2.0
# Sources of runtime: sessions and requests, and the backends behind one table. Depends on the package, the base, and, for the reference
# backend, on the operators and their reference kernels.
RUNTIME_SRC := runtime/core/constant.c runtime/core/device.c runtime/core/explain.c runtime/core/memory.c runtime/core/request.c \
               runtime/core/session.c runtime/backends/backends.c runtime/backends/stub.c runtime/backends/worker.c \
               runtime/backends/ref/meaning.c runtime/backends/ref/request.c runtime/backends/ref/session.c runtime/backends/ref/step.c \
               runtime/backends/engine/compiler.c runtime/backends/engine/hls.c runtime/backends/engine/load.c \
               runtime/backends/engine/program.c runtime/backends/engine/request.c \
               runtime/backends/xrt/api.c runtime/backends/xrt/bounded.c runtime/backends/xrt/card.c runtime/backends/xrt/cards.c runtime/backends/xrt/claim.c \
               runtime/backends/xrt/failure.c runtime/backends/xrt/lane.c runtime/backends/xrt/lane_run.c runtime/backends/xrt/match.c runtime/backends/xrt/native.c \
               runtime/backends/xrt/transfer.c runtime/backends/xrt/units.c runtime/backends/xrt/xrt.c
ifeq ($(HAVE_OPENCL),1)
RUNTIME_SRC += runtime/backends/opencl/cache.c runtime/backends/opencl/error.c runtime/backends/opencl/platform.c \
               runtime/backends/opencl/program.c runtime/backends/opencl/queue.c runtime/backends/opencl/request.c runtime/backends/opencl/session.c \
               runtime/backends/engine/opencl.c runtime/backends/xrt/opencl.c
endif
