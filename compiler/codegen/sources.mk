CODEGEN_SRC := compiler/codegen/program.c
