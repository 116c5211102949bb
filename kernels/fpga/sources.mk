KERNELS_FPGA_SRC := kernels/fpga/check.c kernels/fpga/engine.c
