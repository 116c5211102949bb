/* SPDX-License-Identifier: Apache-2.0 */
/* What generated HLS C must not contain, because a high-level synthesis compiler for C refuses it
 * or makes slow hardware of it silently. Each rule has a name:
 *
 *   heap, io, goto       calls that have no hardware
 *   float                floating-point types and numbers (the contract is in integers)
 *   include              any header but stdint.h
 *   cxx                  words of C++ and its arbitrary-precision types
 *   pointer-to-pointer, function-pointer, pointer-cast, variadic
 *   array-size           a size that is not made of numbers and constants
 *   recursion            a call to a function that is not complete yet, or a prototype
 *   global               a variable at file scope that is not constant
 *   top                  a function besides the top function that is not static; an argument of the
 *                        top function that is neither a scalar nor a pointer to scalars or to
 *                        structures that a pragma aggregates
 *   interface            an argument of the top function without its pragma
 *   loop                 a loop whose body does not start with a pragma
 *   dataflow             a dataflow loop with more in it than declarations and calls, or an array
 * of such a loop that is not handed to exactly two processes
 *
 * Works on tokens: it knows the subset of C that the printer writes, not all of C. */
#ifndef WEFT_TESTS_FPGA_HLS_LINT_H
#define WEFT_TESTS_FPGA_HLS_LINT_H

/* Called for each finding. */
typedef void hls_lint_report(void *context, const char *rule, int line);

/* The number of findings in `text`, whose top function is `top`; -1 without memory. */
int hls_lint(const char *text, const char *top, hls_lint_report *report, void *context);

#endif
