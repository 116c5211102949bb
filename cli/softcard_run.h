/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command under a software card. Must not know about: options, how the card is made. */
#ifndef WEFT_CLI_SOFTCARD_RUN_H
#define WEFT_CLI_SOFTCARD_RUN_H

#include <stdbool.h>

#include "weft/softcard.h"

typedef struct weft_cli_softcard_end {
    int exit_code; /* as a shell counts: 128 + n when ended by signal n; 127 or 126: not started */
    int error;     /* errno of what went wrong before the command ran; 0: it ran */
    int signal;    /* that ended it; 0: none */
    bool is_from_us; /* the signal was one that this program was sent and passed on */
} weft_cli_softcard_end;

/* From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT do not end this program; they end the command.
 * Called before there is a folder, which has to be removed in the end. */
void weft_cli_softcard_catch(void);

/* The command (ends with NULL, found in PATH) gets a process group of its own, so that XRT, which
 * ends the group of a host whose device process dies, ends nothing else; at a terminal it is the
 * foreground group. Caught signals are passed on to it. When it ends, what is
 * left of its group is killed. When this program is killed meanwhile, the group is ended and,
 * unless is_kept, the card's folder removed all the same: by a process that does nothing else. */
weft_cli_softcard_end weft_cli_softcard_run(weft_softcard *softcard, const char *const *command,
                                            bool is_kept);

#endif
