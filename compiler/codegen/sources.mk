CODEGEN_SRC := compiler/codegen/program.c compiler/codegen/engine_print.c
