/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that fault because guest kernels run at CPL 3: what the ABI
 * promises of them is done here, all else is the guest's own #GP or #UD.
 * Works on the current vCPU, no lock.
 * Spec: SDM vol 2 (each instruction), vol 3A 2.8 "System Instruction Summary".
 */
#include <xen/atomic.h>
#include <xen/domain.h>
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest-access.h>
#include <xen/hypercall.h>
#include <xen/lib.h>
#include <xen/printk.h>

#include <asm/cpufeature.h>
#include <asm/current.h>
#include <asm/mm-types.h>
#include <asm/msr.h>
#include <asm/pv.h>
#include <asm/segment.h>
#include <asm/system.h>

#include "desc-check.h"
#include "emulate-decode.h"
#include "io-ports.h"

#define GP_ERROR_EXT 1u /* not caused by the program */
#define GP_ERROR_IDT 2u /* refers to an IDT entry: INT n */
#define OPCODE_INT   0xcd
#define INT_BYTES    2

#define DR6_BS UINT64_C(0x4000) /* single step */

#define STRING_IO_BATCH 256 /* ours: elements between looks at softirqs */

/* XGETBV/XSETBV and RDTSCP as ModRM bytes after 0f 01. */
#define MODRM_XSETBV 0xd1
#define MODRM_RDTSCP 0xf9
#define REG_LMSW     6

static const uint8_t cpuid_prefixed[] = {
    0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2
};

struct emul {
    struct vcpu *v;
    struct cpu_user_regs *regs;
    struct pv_insn insn;
    bool long_mode; /* code segment is 64-bit */
};

/* What became of an instruction. */
enum result {
    RES_DONE,   /* RIP goes on */
    RES_REPEAT, /* run it again, or an exception was injected */
    RES_REFUSE, /* the guest gets #GP */
};

static uint64_t *reg_ptr(struct cpu_user_regs *r, unsigned int nr)
{
    uint64_t *const regs[16] = {
        &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
        &r->r8,  &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
    };

    return regs[nr & 15];
}

/* Low bytes of a register; 32-bit results clear the upper half. */
static void reg_merge(uint64_t *reg, uint64_t val, unsigned int bytes)
{
    switch (bytes) {
    case 1:
        *reg = (*reg & ~UINT64_C(0xff)) | (val & 0xff);
        break;
    case 2:
        *reg = (*reg & ~UINT64_C(0xffff)) | (val & 0xffff);
        break;
    case 4:
        *reg = (uint32_t)val;
        break;
    default:
        *reg = val;
        break;
    }
}

static uint64_t reg_low(uint64_t val, unsigned int bytes)
{
    return bytes == 8 ? val : val & (BIT64(bytes * 8) - 1);
}

static void reg_pair(struct cpu_user_regs *regs, uint64_t val)
{
    regs->rax = (uint32_t)val;
    regs->rdx = val >> 32;
}

/* RIP moves on; a guest that single-steps must not miss this instruction. */
static void advance(struct vcpu *v, struct cpu_user_regs *regs,
                    unsigned int len, bool long_mode)
{
    regs->rip += len;
    if (!long_mode) {
        regs->rip = (uint32_t)regs->rip;
    }
    regs->rflags &= ~RFLAGS_RF;
    if (regs->rflags & RFLAGS_TF) {
        v->pv.dr[6] |= DR6_BS;
        pv_inject_exception(EXC_DB, 0);
    }
}

/* --- port I/O ------------------------------------------------------------- */

static unsigned int io_bytes(const struct pv_insn *i)
{
    if (!(i->opcode & 1)) {
        return 1;
    }
    return i->op_bytes == 2 ? 2 : 4; /* there is no 64-bit I/O */
}

static enum result do_in_out(struct emul *e)
{
    const struct pv_insn *i = &e->insn;
    const unsigned int bytes = io_bytes(i);
    const uint16_t port = i->opcode < 0xe8 ? i->imm8 : (uint16_t)e->regs->rdx;

    if (!pv_io_allowed(e->v, port, bytes)) {
        return RES_REFUSE;
    }
    if (i->opcode & 2) {
        pv_port_write(e->v->domain, port, bytes,
                      (uint32_t)reg_low(e->regs->rax, bytes));
    } else {
        reg_merge(&e->regs->rax, pv_port_read(e->v->domain, port, bytes),
                  bytes);
    }
    return RES_DONE;
}

/* Linear address of a string operand. Bases count in 64-bit mode only. */
static uint64_t string_va(const struct emul *e, uint64_t offset, bool source)
{
    offset = reg_low(offset, e->insn.ad_bytes);
    if (!source || !e->long_mode) {
        return offset;
    }
    switch (e->insn.seg) {
    case INSN_SEG_FS:
        return offset + fs_base_read(e->v);
    case INSN_SEG_GS:
        return offset + gs_base_read(e->v);
    default:
        return offset;
    }
}

/* One element. False: a page fault was injected, nothing has changed. */
static bool string_element(struct emul *e, uint16_t port, unsigned int bytes)
{
    const bool out = e->insn.opcode >= 0x6e;
    uint64_t *index = out ? &e->regs->rsi : &e->regs->rdi;
    const uint64_t va = string_va(e, *index, out);
    uint32_t val = 0;

    if (out) {
        if (guest_read(&val, va, bytes)) {
            pv_inject_page_fault(va, 0);
            return false;
        }
        pv_port_write(e->v->domain, port, bytes, val);
    } else {
        val = pv_port_read(e->v->domain, port, bytes);
        if (guest_write(va, &val, bytes)) {
            pv_inject_page_fault(va, PF_WRITE);
            return false;
        }
    }
    reg_merge(index,
              e->regs->rflags & RFLAGS_DF ? *index - bytes : *index + bytes,
              e->insn.ad_bytes);
    return true;
}

static enum result do_string_io(struct emul *e)
{
    const unsigned int bytes = io_bytes(&e->insn);
    const unsigned int ad = e->insn.ad_bytes;
    const uint16_t port = (uint16_t)e->regs->rdx;

    if (!pv_io_allowed(e->v, port, bytes)) {
        return RES_REFUSE;
    }
    if (!e->insn.rep) {
        return string_element(e, port, bytes) ? RES_DONE : RES_REPEAT;
    }
    for (unsigned int n = 0; reg_low(e->regs->rcx, ad); n++) {
        /* RIP stays: the guest comes back with the rest of the count. */
        if (n == STRING_IO_BATCH || hypercall_preempt()) {
            return RES_REPEAT;
        }
        if (!string_element(e, port, bytes)) {
            return RES_REPEAT;
        }
        reg_merge(&e->regs->rcx, e->regs->rcx - 1, ad);
    }
    return RES_DONE;
}

/* --- control and debug registers ------------------------------------------ */

static enum result read_cr(struct emul *e)
{
    struct vcpu *v = e->v;
    uint64_t val;

    switch (e->insn.reg) {
    case 0:
        val = (read_cr0() & ~CR0_TS) | v->pv.cr0_ts;
        break;
    case 2:
        val = v->pv.cr2;
        break;
    case 3:
        val = xen_pfn_to_cr3(v->pv.kernel_l4.n);
        break;
    case 4:
        val = pv_guest_cr4(v);
        break;
    default:
        return RES_REFUSE;
    }
    *reg_ptr(e->regs, e->insn.rm) = val;
    return RES_DONE;
}

static enum result write_cr(struct emul *e)
{
    struct vcpu *v = e->v;
    const uint64_t val = *reg_ptr(e->regs, e->insn.rm);
    int rc;

    switch (e->insn.reg) {
    case 0:
        /* Only TS is the guest's to change. */
        if ((val ^ read_cr0()) & ~CR0_TS) {
            log_guest(LOG_WARN, "d%uv%u: CR0 write of %#lx refused\n",
                      v->domain->id, v->id, (unsigned long)val);
            return RES_REFUSE;
        }
        pv_set_ts(val & CR0_TS);
        return RES_DONE;
    case 2:
        v->pv.cr2 = val;
        v->info->arch.cr2 = val;
        return RES_DONE;
    case 3:
        rc = pv_new_l4(v, MFN(xen_cr3_to_pfn(val)), false);
        if (rc == -ERESTART) {
            return RES_REPEAT;
        }
        return rc ? RES_REFUSE : RES_DONE;
    case 4:
        pv_set_guest_cr4(v, val);
        return RES_DONE;
    default:
        return RES_REFUSE;
    }
}

static enum result move_dr(struct emul *e)
{
    uint64_t *reg = reg_ptr(e->regs, e->insn.rm);
    int rc;

    if (e->insn.opcode == INSN_2BYTE(0x21)) {
        rc = pv_get_debugreg(e->v, e->insn.reg, reg);
    } else {
        rc = pv_set_debugreg(e->v, e->insn.reg, *reg);
    }
    return rc ? RES_REFUSE : RES_DONE;
}

/* --- the rest ------------------------------------------------------------- */

static enum result do_rdmsr(struct emul *e)
{
    const uint32_t msr = e->regs->ecx;
    uint64_t val;

    if (pv_rdmsr(e->v, msr, &val)) {
        if (e->v->pv.trap[EXC_GP].address) {
            return RES_REFUSE;
        }
        /* Kernels read MSRs before they can take exceptions. */
        log_guest(LOG_DEBUG, "d%uv%u: early RDMSR %#x reads 0\n",
                  e->v->domain->id, e->v->id, msr);
        val = 0;
    }
    reg_pair(e->regs, val);
    return RES_DONE;
}

static enum result do_wrmsr(struct emul *e)
{
    const uint64_t val = (uint64_t)e->regs->edx << 32 | e->regs->eax;

    if (pv_wrmsr(e->v, e->regs->ecx, val)) {
        log_guest(LOG_DEBUG, "d%uv%u: WRMSR %#x of %#lx refused\n",
                  e->v->domain->id, e->v->id, e->regs->ecx, (unsigned long)val);
        return RES_REFUSE;
    }
    return RES_DONE;
}

static void do_cpuid(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint32_t out[4];

    pv_cpuid(v, regs->eax, regs->ecx, out);
    regs->rax = out[0];
    regs->rbx = out[1];
    regs->rcx = out[2];
    regs->rdx = out[3];
}

static enum result do_rdtsc(struct emul *e, bool with_aux)
{
    /* Traps only with CR4.TSD, which the guest set against its own users. */
    if (!e->v->pv.kernel_mode || (with_aux && !boot_cpu.rdtscp)) {
        return RES_REFUSE;
    }
    reg_pair(e->regs, rdtsc());
    if (with_aux) {
        e->regs->rcx = e->v->pv.tsc_aux;
    }
    return RES_DONE;
}

static enum result do_group_01(struct emul *e)
{
    const struct pv_insn *i = &e->insn;
    uint64_t xcr0;

    if (i->modrm == MODRM_RDTSCP) {
        return do_rdtsc(e, true);
    }
    if (!e->v->pv.kernel_mode) {
        return RES_REFUSE;
    }
    if (i->modrm == MODRM_XSETBV) {
        xcr0 = (uint64_t)e->regs->edx << 32 | e->regs->eax;
        return e->regs->ecx == 0 && xstate_set_xcr0(e->v, xcr0) == 0
                   ? RES_DONE
                   : RES_REFUSE;
    }
    if ((i->modrm >> 3 & 7) == REG_LMSW) {
        pv_set_ts(*reg_ptr(e->regs, i->rm) & CR0_TS);
        return RES_DONE;
    }
    return RES_REFUSE;
}

static enum result do_hlt(struct vcpu *v)
{
    /* As STI; HLT: events end it. */
    write_once(v->info->evtchn_upcall_mask, 0);
    if (!vcpu_upcall_due(v)) {
        vcpu_block();
    }
    return RES_DONE;
}

static enum result do_cache_flush(const struct vcpu *v)
{
    /* Without devices all its memory is coherent: nothing to do. */
    if (is_control_domain(v->domain) || v->domain->iospace) {
        __asm__ volatile("wbinvd" ::: "memory");
    }
    return RES_DONE;
}

/* Instructions that only a guest kernel may use. */
static enum result run_privileged(struct emul *e)
{
    if (!e->v->pv.kernel_mode) {
        return RES_REFUSE;
    }
    switch (e->insn.opcode) {
    case 0xf4:
        return do_hlt(e->v);
    case INSN_2BYTE(0x06):
        pv_set_ts(false);
        return RES_DONE;
    case INSN_2BYTE(0x08): /* INVD would lose others' data */
    case INSN_2BYTE(0x09):
        return do_cache_flush(e->v);
    case INSN_2BYTE(0x20):
        return read_cr(e);
    case INSN_2BYTE(0x22):
        return write_cr(e);
    case INSN_2BYTE(0x21):
    case INSN_2BYTE(0x23):
        return move_dr(e);
    case INSN_2BYTE(0x30):
        return do_wrmsr(e);
    case INSN_2BYTE(0x32):
        return do_rdmsr(e);
    default:
        return RES_REFUSE;
    }
}

static enum result run(struct emul *e)
{
    switch (e->insn.opcode) {
    case 0x6c ... 0x6f:
        return do_string_io(e);
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        return do_in_out(e);
    case 0xfa:
    case 0xfb:
        /*
         * No effect: POPF does not trap, so a mask set by CLI would never be
         * cleared again.
         */
        return e->v->pv.kernel_mode || pv_iopl_ok(e->v) ? RES_DONE : RES_REFUSE;
    case INSN_2BYTE(0x01):
        return do_group_01(e);
    case INSN_2BYTE(0x31):
        return do_rdtsc(e, false);
    case INSN_2BYTE(0xa2):
        do_cpuid(e->v, e->regs);
        return RES_DONE;
    default:
        return run_privileged(e);
    }
}

/* Linear address of the instruction, and the mode it is decoded in. */
static uint64_t code_va(struct emul *e)
{
    uint64_t desc;

    e->long_mode = true;
    if (e->regs->cs == SEL_GUEST_CS64) {
        return e->regs->rip;
    }
    desc = pv_code_descriptor(e->regs->cs);
    if (desc & DESC_L) {
        return e->regs->rip;
    }
    e->long_mode = false;
    return (uint32_t)(desc_base(desc) + (uint32_t)e->regs->rip);
}

/* Bytes up to the page's end first: the next page need not be there. */
static bool fetch_and_decode(struct emul *e)
{
    const uint64_t va = code_va(e);
    const unsigned int in_page = (unsigned int)(PAGE_SIZE - (va & ~PAGE_MASK));
    const unsigned int first = min_of(in_page, (unsigned int)INSN_MAX_BYTES);
    uint8_t buf[INSN_MAX_BYTES];
    int rc;

    if (guest_read(buf, va, first)) {
        return false;
    }
    rc = pv_insn_decode(buf, first, e->long_mode, &e->insn);
    if (rc == -ENODATA && first < INSN_MAX_BYTES &&
        guest_read(buf + first, va + first, INSN_MAX_BYTES - first) == 0) {
        rc = pv_insn_decode(buf, INSN_MAX_BYTES, e->long_mode, &e->insn);
    }
    return rc == 0;
}

/* INT n where our gate has DPL 0: the fault names the vector. */
static bool soft_int(struct cpu_user_regs *regs)
{
    const unsigned int vector = regs->error_code >> 3 & 0xff;
    uint8_t code[INT_BYTES];

    if ((regs->error_code & (GP_ERROR_IDT | GP_ERROR_EXT)) != GP_ERROR_IDT ||
        guest_read(code, regs->rip, sizeof(code)) || code[0] != OPCODE_INT ||
        code[1] != vector) {
        return false;
    }
    regs->rip += INT_BYTES;
    pv_inject_soft_int(vector);
    return true;
}

/* The guest's "kernel GS base" is read on each of its context switches. */
static bool fast_gs_base(struct vcpu *v, struct cpu_user_regs *regs)
{
    uint16_t code;

    if (regs->ecx != MSR_KERNEL_GS_BASE || !v->pv.kernel_mode ||
        regs->rflags & RFLAGS_TF || guest_read(&code, regs->rip, 2) ||
        code != 0x320f) {
        return false;
    }
    reg_pair(regs, v->pv.gs_inactive);
    regs->rip += 2;
    regs->rflags &= ~RFLAGS_RF;
    return true;
}

bool pv_emulate_gp(struct cpu_user_regs *regs)
{
    struct emul e = { .v = current, .regs = regs };

    if (regs->error_code) {
        return soft_int(regs);
    }
    if (fast_gs_base(e.v, regs)) {
        return true;
    }
    if (!fetch_and_decode(&e)) {
        return false;
    }
    switch (run(&e)) {
    case RES_DONE:
        advance(e.v, regs, e.insn.len, e.long_mode);
        return true;
    case RES_REPEAT:
        return true;
    default:
        return false;
    }
}

bool pv_emulate_ud(struct cpu_user_regs *regs)
{
    struct emul e = { .v = current, .regs = regs };
    uint8_t code[sizeof(cpuid_prefixed)];

    if (guest_read(code, code_va(&e), sizeof(code)) ||
        memcmp(code, cpuid_prefixed, sizeof(code)) != 0) {
        return false;
    }
    do_cpuid(e.v, regs);
    advance(e.v, regs, sizeof(code), e.long_mode);
    return true;
}
