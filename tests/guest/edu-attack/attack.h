/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the module know of each other: one speaks Linux, the
 * other the toolstack's half of Xen's ABI, and their headers do not mix. */
#ifndef EDU_ATTACK_H
#define EDU_ATTACK_H

#include <linux/types.h>

/* A hypercall by number; 0 or more, or -errno. Process context. */
long attack_hypercall(unsigned int nr, unsigned long a1, unsigned long a2,
                      unsigned long a3, unsigned long a4);

/*
 * A domain that never runs, with one page of memory, of which it grants Dom0
 * everything. *mfn: that page. Returns 0 or -errno.
 */
int domain_create(uint64_t *mfn);
/* It dies, whatever Dom0 has mapped. */
int domain_kill(void);
/*
 * Dom0's page at va gives way to the domain's page: mapped by the grant (and
 * read-only if ro), or as a foreign page without one (its machine address is
 * then in the page table entry at pte_ma).
 */
int domain_grant_map(void *va, bool ro);
int domain_grant_unmap(void *va);
int domain_foreign_map(uint64_t pte_ma, uint64_t mfn);

/* One frame of ours for another, which will be *mfn and has number pfn. */
int frame_exchange(uint64_t *mfn, uint64_t pfn);

/* The address of va's page table entry as the hypervisor wants it, or 0. */
uint64_t attack_pte_of(void *va);
/* A page whose mapping may be replaced while a command runs, and restored. */
void *attack_window(void);
int attack_window_restore(void);

#endif
