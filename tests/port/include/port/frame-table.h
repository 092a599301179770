/* SPDX-License-Identifier: GPL-2.0 */
/* Hosted tests have no frame table; one that needs it defines these. */
#ifndef PORT_FRAME_TABLE_H
#define PORT_FRAME_TABLE_H

extern uint64_t *frame_m2p;

#endif
