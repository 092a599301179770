/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included by the compiler before everything else in the freestanding build: the
 * image is linked once and has no other objects to talk to, so that references
 * need no indirection through a global offset table. No include guard: pragma.
 */
#pragma GCC visibility push(hidden)
