# SPDX-License-Identifier: Apache-2.0
# Sources of compiler/card, relative to the repository root: boards, resources, timing, planning for cards.
CARD_SRC := $(addprefix compiler/card/,board.c board_check.c board_read.c bound.c describe.c network.c pack.c place.c plan.c resources.c tiles.c times.c timing.c work.c)
CARD_SRC += $(addprefix compiler/card/,flow.c cycles.c cycles_window.c cycles_stream.c published.c published_nets.c)
CARD_SRC += $(addprefix compiler/card/,dram.c simulate.c simulate_flow.c simulate_memory.c simulate_stream.c simulate_window.c)
