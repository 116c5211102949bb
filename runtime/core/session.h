/* SPDX-License-Identifier: Apache-2.0 */
/* What session.c, request.c and explain.c share. Must not know about: any one backend. */
#ifndef WEFT_RUNTIME_CORE_SESSION_H
#define WEFT_RUNTIME_CORE_SESSION_H

#include <stdatomic.h>

#include "runtime/backends/backend.h"

struct weft_session {
    atomic_size_t references; /* the caller's, and one per request */
    weft_package *package;
    const weft_backend *backend;
    const weft_package_view *view;
    size_t first_schedule, schedule_count; /* that are loaded */
    bool profile, keep_values;
    char *cache_dir; /* NULL: keep nothing */
    char *bitstream; /* beside the package; NULL: named by the caller, or the package has no path */
    void **impls;    /* the backend's session of each schedule */
    uint64_t load_ns;
};

void weft__session_unref(weft_session *session);
const weft_session *weft__request_session(const weft_request *request);
const weft_schedule *weft__request_schedule(const weft_request *request);

#endif
