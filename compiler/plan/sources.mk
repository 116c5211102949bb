PLAN_SRC := $(addprefix compiler/plan/,target.c values.c arena.c deps.c prefetch.c cost.c blobs.c forms.c launch.c kernels_conv.c kernels_qconv.c kernels_qwindow.c \
    kernels_qattention.c kernels_qeltwise.c kernels_qrows.c \
    kernels_linear.c kernels_matmul.c kernels_tokens.c kernels_plain.c kernels_reduce.c kernels_move.c kernels_resample.c plan.c plan_json.c \
    boxes.c engine.c engine_tile.c engine_window.c engine_stream.c engine_rows.c engine_product.c engine_attention.c)
