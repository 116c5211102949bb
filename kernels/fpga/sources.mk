KERNELS_FPGA_SRC := kernels/fpga/engine.c
