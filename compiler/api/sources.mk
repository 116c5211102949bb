API_SRC := compiler/api/model.c compiler/api/boards.c compiler/api/estimator.c compiler/api/estimate.c compiler/api/copy.c compiler/api/compile.c compiler/api/group.c compiler/api/tables.c
