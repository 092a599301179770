/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GDT and LDT of PV guests. A frame in use as a table holds a PGT_SEG reference,
 * so no guest can write to it; each CPU has a window in our half through which
 * the hardware sees the frames of the vCPU it runs.
 *
 * The frames of a vCPU change only by its own hypercalls or while it is not
 * running, so there is no lock. Spec: SDM vol 3A, 3.5.
 */
#include <xen/bug.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/printk.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/pagetable.h>
#include <asm/pv.h>
#include <asm/system.h>

#include "desc-check.h"

#define DESCS_PER_PAGE  512
#define WINDOW_LDT_PAGE 16 /* first window page of the LDT */
#define LDT_FRAMES      16
#define LDT_MAX_ENTRIES (LDT_FRAMES * DESCS_PER_PAGE)
#define LDT_DESC_TYPE   UINT64_C(0x0000820000000000) /* present LDT */

/* Entries of the LDT that each CPU's LDTR covers; the base never changes. */
static unsigned int ldtr_entries[MAX_CPUS];

static uint64_t window_va(unsigned int cpu)
{
    return GDT_WINDOW_START + ((uint64_t)cpu << GDT_WINDOW_SHIFT);
}

static void window_set(unsigned int cpu, uint64_t *l1, unsigned int page,
                       uint64_t pte)
{
    if (l1[page] != pte) {
        write_once(l1[page], pte);
        invlpg(window_va(cpu) + page * PAGE_SIZE);
    }
}

static uint64_t window_pte(mfn_t m)
{
    return pte_make(m, PTE_P | PTE_RW | PTE_A | PTE_D |
                           (boot_cpu.nx ? PTE_NX : 0));
}

void gdt_window_load(struct vcpu *v)
{
    const unsigned int cpu = smp_cpu_id();
    const unsigned int used = div_round_up(v->pv.gdt_entries, DESCS_PER_PAGE);
    uint64_t *l1 = gdt_window_l1(cpu);

    for (unsigned int i = 0; i < PV_GDT_FRAMES; i++) {
        window_set(cpu, l1, i, i < used ? window_pte(v->pv.gdt_frame[i]) : 0);
    }
}

static void ldtr_load(unsigned int cpu, unsigned int entries)
{
    const uint64_t base = window_va(cpu) + WINDOW_LDT_PAGE * PAGE_SIZE;
    const uint64_t limit = (uint64_t)entries * 8 - 1;
    uint64_t *desc = (uint64_t *)(window_va(cpu) + SEL_LDT);

    if (ldtr_entries[cpu] == entries) {
        return;
    }
    ldtr_entries[cpu] = entries;
    if (entries) {
        /* 16 bytes: limit and base are scattered as in the 80286. */
        write_once(desc[0],
                   LDT_DESC_TYPE | (limit & 0xffff) | (limit & 0xf0000) << 32 |
                       (base & 0xffffff) << 16 | (base & 0xff000000) << 32);
        write_once(desc[1], base >> 32);
    }
    __asm__ volatile("lldt %w0" ::"r"(entries ? SEL_LDT : 0) : "memory");
}

void ldt_window_load(struct vcpu *v)
{
    const unsigned int cpu = smp_cpu_id();
    uint64_t *l1 = gdt_window_l1(cpu);

    for (unsigned int i = 0; i < LDT_FRAMES; i++) {
        window_set(cpu, l1, WINDOW_LDT_PAGE + i,
                   i < v->pv.nr_ldt_frames ? window_pte(v->pv.ldt_frame[i])
                                           : 0);
    }
    ldtr_load(cpu, v->pv.ldt_entries);
}

uint64_t pv_code_descriptor(uint16_t sel)
{
    uint64_t page = (sel & 4 ? WINDOW_LDT_PAGE : 0) + (sel >> 12);
    const uint64_t *l1 = gdt_window_l1(smp_cpu_id());

    if (!(l1[page] & PTE_P)) {
        return 0;
    }
    return read_once(*(const uint64_t *)(window_va(smp_cpu_id()) +
                                         page * PAGE_SIZE + (sel & 0xff8)));
}

int pv_validate_seg_page(struct page_info *pg)
{
    uint64_t *desc = page_to_va(pg);

    for (unsigned int i = 0; i < DESCS_PER_PAGE; i++) {
        uint64_t d = desc[i];

        if (!desc_check(&d)) {
            log_guest(LOG_DEBUG,
                      "d%u: mfn %#lx: descriptor %u (%#lx) refused\n",
                      pg->owner, (unsigned long)page_to_mfn(pg).n, i,
                      (unsigned long)d);
            return -EINVAL;
        }
        if (d != desc[i]) {
            desc[i] = d;
        }
    }
    return 0;
}

static void put_frames(const mfn_t *frames, unsigned int nr)
{
    while (nr--) {
        page_put_and_type(mfn_to_page(frames[nr]));
    }
}

int pv_set_gdt(struct vcpu *v, const uint64_t *frames, unsigned int entries)
{
    const unsigned int nr = div_round_up(entries, DESCS_PER_PAGE);
    const unsigned int old_nr = div_round_up(v->pv.gdt_entries, DESCS_PER_PAGE);
    mfn_t fresh[PV_GDT_FRAMES];
    mfn_t old[PV_GDT_FRAMES];

    if (entries > PV_GDT_MAX_ENTRIES) {
        return -EINVAL;
    }
    for (unsigned int i = 0; i < nr; i++) {
        int rc;

        fresh[i] = MFN(frames[i]);
        rc = page_get_and_type(fresh[i], v->domain, PGT_SEG);
        if (rc) {
            put_frames(fresh, i);
            return rc == -ERESTART || rc == -ENOMEM ? rc : -EINVAL;
        }
    }
    for (unsigned int i = 0; i < PV_GDT_FRAMES; i++) {
        old[i] = v->pv.gdt_frame[i];
        v->pv.gdt_frame[i] = i < nr ? fresh[i] : MFN(0);
    }
    v->pv.gdt_entries = entries;
    if (v == current) {
        gdt_window_load(v);
    }
    /* Only now: the window must not show a frame without a reference. */
    put_frames(old, old_nr);
    return 0;
}

long do_set_gdt(struct hypercall_args *args)
{
    const unsigned int entries = (unsigned int)args->a[1];
    const unsigned int nr = div_round_up((uint64_t)entries, DESCS_PER_PAGE);
    uint64_t frames[PV_GDT_FRAMES];
    int rc;

    if (entries > PV_GDT_MAX_ENTRIES) {
        return -EINVAL;
    }
    if (guest_read(frames, args->a[0], nr * sizeof(frames[0]))) {
        return -EFAULT;
    }
    rc = pv_set_gdt(current, frames, entries);
    return rc == -ERESTART ? hypercall_continue(__HYPERVISOR_set_gdt, args)
                           : rc;
}

/* Frame behind a page of the LDT that is to be, with a PGT_SEG reference. */
static int ldt_frame_get(struct domain *d, uint64_t va, mfn_t *out)
{
    struct page_info *table;
    uint64_t *slot = pv_l1_slot_get(va, &table);
    uint64_t e;

    if (!slot) {
        return -EINVAL;
    }
    e = read_once(*slot);
    page_put_and_type(table);
    if (!(e & PTE_P)) {
        return -EINVAL;
    }
    *out = pte_mfn(e);
    return page_get_and_type(*out, d, PGT_SEG);
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
    const unsigned int nr = div_round_up((uint64_t)entries, DESCS_PER_PAGE);
    const unsigned int old_nr = v->pv.nr_ldt_frames;
    mfn_t fresh[LDT_FRAMES];
    mfn_t old[LDT_FRAMES];

    ASSERT(v == current);
    if (entries > LDT_MAX_ENTRIES ||
        (entries && !is_aligned(base, PAGE_SIZE))) {
        return -EINVAL;
    }
    for (unsigned int i = 0; i < nr; i++) {
        int rc = ldt_frame_get(v->domain, base + i * PAGE_SIZE, &fresh[i]);

        if (rc) {
            put_frames(fresh, i);
            return rc;
        }
    }
    for (unsigned int i = 0; i < LDT_FRAMES; i++) {
        old[i] = v->pv.ldt_frame[i];
        v->pv.ldt_frame[i] = i < nr ? fresh[i] : MFN(0);
    }
    v->pv.ldt_base = entries ? base : 0;
    v->pv.ldt_entries = entries;
    v->pv.nr_ldt_frames = nr;
    ldt_window_load(v);
    put_frames(old, old_nr);
    return 0;
}

void pv_release_descriptors(struct vcpu *v)
{
    const unsigned int nr = div_round_up(v->pv.gdt_entries, DESCS_PER_PAGE);

    put_frames(v->pv.gdt_frame, nr);
    v->pv.gdt_entries = 0;
    put_frames(v->pv.ldt_frame, v->pv.nr_ldt_frames);
    v->pv.nr_ldt_frames = 0;
    v->pv.ldt_entries = 0;
    v->pv.ldt_base = 0;
}

long do_update_descriptor(struct hypercall_args *args)
{
    struct domain *d = current->domain;
    const paddr_t pa = args->a[0];
    uint64_t desc = args->a[1];
    const mfn_t mfn = pa_to_mfn(pa);
    struct page_info *pg;
    uint64_t type;
    int rc;

    if (!is_aligned(pa, 8) || !mfn_valid(mfn) || !desc_check(&desc)) {
        return -EINVAL;
    }
    pg = mfn_to_page(mfn);
    if (!page_get(pg, d)) {
        return -EINVAL;
    }
    /* A table stays one; any other page must be writable for the guest. */
    type = read_once(pg->type);
    type = (type & PGT_TYPE) == PGT_SEG && type & PGT_COUNT ? PGT_SEG
                                                            : PGT_WRITABLE;
    rc = page_type_get(pg, type);
    if (rc == 0) {
        write_once(*(uint64_t *)pa_to_va(pa), desc);
        page_type_put(pg);
    }
    page_put(pg);
    return rc == -ERESTART
               ? hypercall_continue(__HYPERVISOR_update_descriptor, args)
               : rc;
}
