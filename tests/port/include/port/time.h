/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PORT_TIME_H
#define PORT_TIME_H
static inline void cpu_relax(void)
{
}
#endif
