API_SRC := compiler/api/model.c compiler/api/card.c compiler/api/copy.c compiler/api/compile.c compiler/api/group.c compiler/api/tables.c
