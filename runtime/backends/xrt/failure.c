/* SPDX-License-Identifier: Apache-2.0 */
/* See xrt_backend.h. Must not know about: XRT's API. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/backends/xrt/xrt_backend.h"

bool weft__xrt_failed(xrt_failure *failure, weft_error_id id, const char *summary, ...)
{
    va_list args;
    if (failure->id != 0)
        return false;
    *failure = (xrt_failure){.id = id};
    va_start(args, summary);
    vsnprintf(failure->summary, sizeof failure->summary, summary, args);
    va_end(args);
    return false;
}

bool weft__xrt_call_failed(xrt_failure *failure, weft_error_id otherwise, const char *call,
                           int code)
{
    int number = errno;
    if (code != 0 && code != -1) /* an error number of the system, negative or not */
        number = code < 0 ? -code : code;
    if (number == EBUSY)
        weft__xrt_failed(failure, WEFT_E_XRT_BUSY, "another process uses the card");
    else if (number == ENOMEM)
        weft__xrt_failed(failure, WEFT_E_XRT_CARD_MEMORY, "the card's memory is full");
    else if (otherwise == WEFT_E_XRT_LOAD)
        weft__xrt_failed(failure, otherwise, "XRT cannot load the bitstream");
    else
        weft__xrt_failed(failure, otherwise, "%s failed", call);
    if (number != 0)
        snprintf(failure->found, sizeof failure->found, "%s: error %d, %s", call, number,
                 strerror(number));
    else
        snprintf(failure->found, sizeof failure->found, "%s gave %d", call, code);
    return false;
}

static const char *advice(weft_error_id id)
{
    switch (id) {
    case WEFT_E_XRT_BUSY:
        return "end the other process (xbutil examine), or choose another card with --device";
    case WEFT_E_XRT_CARD_MEMORY: return "fewer requests, a smaller batch, or another plan";
    case WEFT_E_XRT_NO_ANSWER:
    case WEFT_E_XRT_TIMEOUT:
    case WEFT_E_XRT_UNIT:
    case WEFT_E_XRT_LOST: return "close the session and open it again; on a card: xbutil reset";
    default: return NULL;
    }
}

weft_status weft__xrt_failure_report(const xrt_failure *failure, const char *file, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, failure->id, "%s", failure->summary);
    const char *try = advice(failure->id);
    if (file != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", file);
    if (failure->expected[0] != '\0')
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s", failure->expected);
    if (failure->found[0] != '\0')
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", failure->found);
    if (failure->why[0] != '\0')
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", failure->why);
    if (try != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s", try);
    return status;
}
