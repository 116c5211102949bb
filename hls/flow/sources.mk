# SPDX-License-Identifier: Apache-2.0
# Sources of hls/flow, relative to the repository root: bitstreams by the vendor's tools.
FLOW_SRC := $(addprefix hls/flow/,choose.c config.c create.c csynth.c failure.c folder.c predict.c process.c release.c report.c \
              results.c run.c state.c steps.c timing.c tool.c utilisation.c)
