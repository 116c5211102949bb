/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels for tests of the software card, with the signature vadd(a, b, c, n): sums, or a crash. */
void vadd(const unsigned *a, const unsigned *b, unsigned *c, unsigned n);

void vadd(const unsigned *a, const unsigned *b, unsigned *c, unsigned n)
{
#ifdef CRASHES
    c = (unsigned *)8;
#endif
    for (unsigned i = 0; i < n; i++)
        c[i] = a[i] + b[i];
}
