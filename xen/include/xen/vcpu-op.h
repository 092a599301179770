/* SPDX-License-Identifier: GPL-2.0 */
/* What VCPUOP_* keeps per vCPU, for those who create, switch and free vCPUs. */
#ifndef XEN_VCPU_OP_H
#define XEN_VCPU_OP_H

struct vcpu;

/**
 * vcpu_timers_init() - Prepare singleshot, periodic and poll timer.
 * @v: a new vCPU; its processor is set. Locks: none. Context: boot or domctl.
 */
void vcpu_timers_init(struct vcpu *v);

/**
 * vcpu_timers_kill() - Stop them for good, waiting for their functions.
 * @v: does not run again. Locks: timer heaps. Context: teardown.
 */
void vcpu_timers_kill(struct vcpu *v);

/**
 * vcpu_timers_migrate() - Let them fire on v->processor; optional, a timer of
 * another CPU still works, through an IPI.
 * @v: not running. Locks: timer heaps. Context: any but NMI.
 */
void vcpu_timers_migrate(struct vcpu *v);

/**
 * vcpu_runstate_publish() - Write v->runstate to where the guest wants it.
 * @v: the current vCPU, its address space loaded.
 *
 * In guest user mode that address means nothing: runstate_update_pending is set
 * and pv_toggle_mode() calls again. A fault leaves the area as it was.
 * Locks: none. Context: context switch or hypercall; may fault and recover.
 */
void vcpu_runstate_publish(struct vcpu *v);

/**
 * vcpu_info_release() - Drop the frame of VCPUOP_register_vcpu_info.
 * @v: does not run again. Locks: as page_put(). Context: teardown.
 */
void vcpu_info_release(struct vcpu *v);

#endif
