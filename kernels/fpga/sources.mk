KERNELS_FPGA_SRC := kernels/fpga/check.c kernels/fpga/check_attention.c kernels/fpga/engine.c
