/* SPDX-License-Identifier: GPL-2.0 */
/* XENPF_resource_op: registers that tools may read. */
#ifndef ASM_RESOURCE_OP_H
#define ASM_RESOURCE_OP_H

#include <xen/compiler.h>
#include <xen/types.h>

#include <public/platform.h>

/**
 * resource_op() - Read model-specific registers of a CPU for a control domain.
 * @op: which CPU, and the entries; they are written back up to the first that
 *      fails, whose ret says why.
 * Locks: none. Context: hypercall. Trust: all of @op is the guest's.
 * Return: entries done, or -EINVAL too many, -ENODEV no such CPU, -EFAULT; in
 * an entry -EACCES not for tools, -EPERM the CPU has no such register,
 * -EOPNOTSUPP, -EINVAL.
 */
int must_check resource_op(const struct xenpf_resource_op *op);

#endif
