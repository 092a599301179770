/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page-table writes without a hypercall: a guest kernel stores into one of its
 * L1 tables, which it has mapped read-only, and the fault carries the store out
 * as a checked update. The same for device pages that are read-only to guests,
 * where the store is dropped or, in PCI config space, filtered. Never from user
 * mode. No lock: the entry changes by compare-exchange.
 * Spec: SDM vol 3A, 4.7 "Page-Fault Exceptions".
 */
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/guest-access.h>
#include <xen/lib.h>
#include <xen/perf-counter.h>
#include <xen/rangeset.h>

#include <asm/current.h>
#include <asm/pagetable.h>
#include <asm/system.h>

#include "io-ports.h"
#include "mm-priv.h"
#include "pv-decode.h"

#define DR6_BS BIT64(14) /* single step. Spec: SDM vol 3B, 17.2.3 */

static uint64_t *reg_slot(struct cpu_user_regs *r, unsigned int nr)
{
    uint64_t *const slot[16] = {
        &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
        &r->r8,  &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
    };

    return slot[nr & 15];
}

/* The instruction may end at a page's end with nothing mapped after it. */
static unsigned int read_code(uint64_t rip, uint8_t *buf)
{
    const unsigned int in_page =
        (unsigned int)min_of(PAGE_SIZE - (rip & ~PAGE_MASK),
                             (uint64_t)DECODE_MAX_LEN);

    if (guest_read(buf, rip, in_page)) {
        return 0;
    }
    if (in_page < DECODE_MAX_LEN &&
        !guest_read(buf + in_page, rip + in_page, DECODE_MAX_LEN - in_page)) {
        return DECODE_MAX_LEN;
    }
    return in_page;
}

/* Decode what RIP points to; it must be an aligned write to @addr. */
static bool decode_at(struct cpu_user_regs *regs, uint64_t addr,
                      struct write_op *op)
{
    struct decode_in in;

    in.nr_bytes = read_code(regs->rip, in.bytes);
    if (!in.nr_bytes) {
        return false;
    }
    for (unsigned int i = 0; i < 16; i++) {
        in.gpr[i] = *reg_slot(regs, i);
    }
    in.rip = regs->rip;
    in.fs_base = 0;
    in.gs_base = 0;
    if (memchr(in.bytes, 0x64, in.nr_bytes)) {
        in.fs_base = rdmsr(MSR_FS_BASE);
    }
    if (memchr(in.bytes, 0x65, in.nr_bytes)) {
        in.gs_base = rdmsr(MSR_GS_BASE);
    }
    return write_decode(&in, op) && op->ea == addr &&
           is_aligned(addr, (uint64_t)op->width);
}

static void finish_insn(struct cpu_user_regs *regs, const struct write_op *op)
{
    const bool step = regs->rflags & RFLAGS_TF;

    regs->rip += op->len;
    regs->rflags &= ~RFLAGS_RF;
    if (step) {
        current->pv.dr[6] |= DR6_BS;
        pv_inject_exception(EXC_DB, 0);
    }
}

static void write_back(struct cpu_user_regs *regs, const struct write_op *op,
                       const struct write_result *r)
{
    const bool to_rax = op->kind == WRITE_CMPXCHG;
    uint64_t *reg = reg_slot(regs, to_rax ? 0 : op->reg);

    if (r->reg_write) {
        *reg = write_reg_merge(*reg, r->reg_val, op->width,
                               !to_rax && op->reg_high);
    }
    regs->rflags = r->rflags;
}

/*
 * @table: the L1 that is written to, with references. Narrow writes become
 * writes of the whole entry, checked like any other.
 */
static bool write_entry(struct cpu_user_regs *regs, uint64_t addr,
                        struct page_info *table)
{
    uint64_t *slot = (uint64_t *)page_to_va(table) + (addr & ~PAGE_MASK) / 8;
    const unsigned int shift = (unsigned int)(addr & 7) * 8;
    struct write_result r;
    struct write_op op;
    uint64_t mask;
    int rc;

    if (!decode_at(regs, addr, &op)) {
        return false;
    }
    mask = (~UINT64_C(0) >> (64 - 8 * op.width)) << shift;
    do {
        const uint64_t old = atomic_load(slot);

        write_apply(&op, (old & mask) >> shift, regs->rax, regs->rflags, &r);
        if (!r.store) {
            break;
        }
        rc = pv_cas_l1(slot, old, (old & ~mask) | r.val << shift,
                       current->domain);
        if (rc && rc != -EAGAIN) {
            return false;
        }
    } while (rc);
    perf_inc(ptwr_emulations);
    write_back(regs, &op, &r);
    finish_insn(regs, &op);
    return true;
}

/* @pa: where the read-only device page is; only plain stores make sense here. */
static bool write_mmio(struct cpu_user_regs *regs, uint64_t addr, paddr_t pa)
{
    struct write_op op;

    if (!decode_at(regs, addr, &op) || op.kind != WRITE_MOV) {
        return false;
    }
    perf_inc(mmio_ro_emulations);
    if (is_control_domain(current->domain)) {
        (void)pv_mmcfg_write(pa, op.width, (uint32_t)op.src);
    }
    finish_insn(regs, &op);
    return true;
}

bool pv_ptwr_fault(struct cpu_user_regs *regs, uint64_t addr,
                   uint32_t error_code)
{
    const uint32_t must = PF_PRESENT | PF_WRITE;
    struct domain *d = current->domain;
    struct page_info *pg;
    const uint64_t *slot;
    uint64_t type;
    uint64_t e;
    mfn_t mfn;
    bool done = false;

    if (!current->pv.kernel_mode || regs->cs != SEL_GUEST_CS64 ||
        (error_code & (must | PF_RSVD | PF_INSN)) != must) {
        return false;
    }
    slot = pv_l1_slot_get(addr, &pg);
    if (!slot) {
        return false;
    }
    e = read_once(*slot);
    page_put_and_type(pg);
    if ((e & (PTE_P | PTE_RW)) != PTE_P) {
        return false;
    }
    mfn = pte_mfn(e);
    if (!mm_is_ram(mfn)) {
        return rangeset_overlaps(mmio_ro_ranges, mfn.n, mfn.n) &&
               write_mmio(regs, addr, mfn_to_pa(mfn) | (addr & ~PAGE_MASK));
    }
    /* Most other faults are copy-on-write: not even a reference is taken. */
    pg = mfn_to_page(mfn);
    if ((read_once(pg->type) & PGT_TYPE) != PGT_L1 || !page_get(pg, d)) {
        return false;
    }
    if (mm_table_ref(pg, &type)) {
        done = type == PGT_L1 && write_entry(regs, addr, pg);
        page_type_put(pg);
    }
    page_put(pg);
    return done;
}
