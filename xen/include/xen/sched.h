/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the toolstack may ask of the scheduler. Tools know it as the ABI's
 * "credit": weights are shares of CPU time among vCPUs that compete for a CPU,
 * a time slice and the shortest run are set for the machine. There are no caps.
 */
#ifndef XEN_SCHED_H
#define XEN_SCHED_H

#include <xen/cpumask.h>

struct domain;
struct vcpu;

#define SCHED_WEIGHT_DEFAULT 256 /* ABI: what tools call an equal share */

struct sched_params {
    uint64_t slice_ns;   /* run of a vCPU of default weight, others waiting */
    uint64_t min_run_ns; /* a wake-up preempts nobody before this */
    uint64_t stay_ns;    /* after a run no other CPU takes it for so long */
};

/**
 * sched_params_get() - The machine's scheduling parameters.
 * Locks: none. Context: any. Return: a copy of them.
 */
struct sched_params sched_params_get(void);

/**
 * sched_params_set() - Change the machine's scheduling parameters.
 * @p: checked by the caller (sysctl).
 * Locks: none. Context: hypercall; each CPU follows at its next decision.
 */
void sched_params_set(const struct sched_params *p);

/**
 * sched_set_affinity() - Choose where a vCPU may run, and move it at once.
 * @v:    any guest's vCPU.
 * @hard: CPUs it may run on; one of them must be online. NULL: unchanged.
 * @soft: CPUs it is placed on while one of them is idle. NULL: unchanged.
 *
 * A vCPU that runs elsewhere is off that CPU soon after the return.
 * Locks: run queue locks. Context: hypercall.
 * Return: 0, -EINVAL no CPU of @hard is online; nothing changed.
 */
int must_check sched_set_affinity(struct vcpu *v, const cpumask_t *hard,
                                  const cpumask_t *soft);

/**
 * sched_idle_ns() - Time a CPU has spent idle since it came up.
 * @cpu: an online CPU. Locks: none. Context: any. Return: ns.
 */
uint64_t sched_idle_ns(unsigned int cpu);

/**
 * sched_idle_count() - How often a CPU has gone idle.
 * @cpu: an online CPU. Locks: none. Context: any. Return: times.
 */
uint64_t sched_idle_count(unsigned int cpu);

#endif
