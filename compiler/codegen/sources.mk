CODEGEN_SRC := compiler/codegen/program.c compiler/codegen/engine_markers.c compiler/codegen/engine_numbers.c compiler/codegen/engine_print.c
