/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before all else by "make coverage": functions keep their one body,
 * so that a branch is counted once and not once for each place it went to.
 */
#ifndef TESTS_PORT_COVERAGE_H
#define TESTS_PORT_COVERAGE_H

#include <xen/compiler.h>

#undef always_inline
#define always_inline inline

#endif
