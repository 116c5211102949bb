/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes shared by the compiler and the runtime library, one row each.
 * A status says what kind of thing went wrong; a weft_diag (weft/diag.h) says what, where and what
 * to try. */
#ifndef WEFT_STATUS_H
#define WEFT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, text, exit code of the command-line program). Numbers are stable: append only. */
#define WEFT_STATUS_LIST(X)                                                                        \
    X(OK, 0, "success", 0)                                                                         \
    X(MISMATCH, 1, "the comparison or check said no", 1)                                           \
    X(USAGE, 2, "wrong use of the interface", 2)                                                   \
    X(INVALID, 3, "the input is invalid", 3)                                                       \
    X(UNSUPPORTED, 4, "valid input that is not supported", 4)                                      \
    X(NO_FIT, 5, "does not fit the target", 5)                                                     \
    X(DEVICE, 6, "device or environment problem", 6)                                               \
    X(TOOL, 7, "an external tool failed", 7)                                                       \
    X(IO, 8, "a file could not be read or written", 3)                                             \
    X(NO_MEMORY, 9, "out of memory", 6)                                                            \
    X(TIMEOUT, 10, "a bounded wait ended without result", 6)                                       \
    X(CANCELLED, 11, "cancelled by the caller", 1)                                                 \
    X(INTERNAL, 12, "internal error, please report", 70)

typedef enum weft_status {
#define WEFT_STATUS_ENUM(name, number, text, exit_code) WEFT_##name = number,
    WEFT_STATUS_LIST(WEFT_STATUS_ENUM)
#undef WEFT_STATUS_ENUM
} weft_status;

/* Name ("INVALID"), one-line text, and documented exit code of a status. Static strings; any
 * thread. */
const char *weft_status_name(weft_status status);
const char *weft_status_text(weft_status status);
int weft_status_exit_code(weft_status status);

/* Version of the libraries, "MAJOR.MINOR.PATCH". Static string; any thread. */
const char *weft_version(void);

#ifdef __cplusplus
}
#endif
#endif
