/* SPDX-License-Identifier: GPL-2.0 */
/* The entry functions of format skew, for the test of formats. */
#define IOPT_FMT   skew
#define IOPT_FMT_H "tests/port/iopt/fmt-skew.h"
#include "probe.h"
