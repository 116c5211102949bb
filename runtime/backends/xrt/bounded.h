/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that may never return, with a bound on the wait. Must not know about: XRT. */
#ifndef WEFT_RUNTIME_BACKENDS_XRT_BOUNDED_H
#define WEFT_RUNTIME_BACKENDS_XRT_BOUNDED_H

#include <stdbool.h>
#include <stdint.h>

/* Runs work(argument) in a thread of its own and waits at most bound_ns. True when it returned.
 * Otherwise the thread is left behind: everything that work touches must live on, and when it
 * returns after all, late(argument) is called in that thread. Without a thread to be had it runs in
 * the caller's, unbounded. */
bool weft__xrt_bounded(void (*work)(void *argument), void (*late)(void *argument), void *argument,
                       uint64_t bound_ns);

#endif
