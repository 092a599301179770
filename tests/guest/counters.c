// SPDX-License-Identifier: GPL-2.0
/*
 * Exact counter values for scripted sequences, read by Debian's xenperf. Two of
 * them are started and held, by ptrace, just before the hypercall that reads
 * the counters; the first reads, a script runs, the second reads. What starting
 * a process does to page tables happens before and after, so the difference is
 * the script's alone. One line a counter: COUNT script counter is want.
 *
 * Run as root of a PV Dom0 with /dev/edu-attack (its module makes page tables
 * of pages) and Debian's tools below /debian. Static, no arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/xen.h>

#define PAGE       4096u
#define BLOCK      (2u << 20) /* what one large leaf covers */
#define ROUNDS     1000u
#define KEXEC_OP   37 /* refused and used by nobody, hence quiet */
#define MAX_VALUES 64

/* Spec: Linux's <xen/privcmd.h>. */
struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, 48)

static unsigned int failed, checked;
static int privcmd, module;

static void die(const char *what)
{
    printf("TEST counters FAIL %s: %s\n", what, strerror(errno));
    exit(0);
}

static long hypercall(uint64_t op, uint64_t a0, uint64_t a1, uint64_t a2,
                      uint64_t a3)
{
    struct privcmd_hypercall h = { op, { a0, a1, a2, a3, 0 } };

    return ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &h);
}

/* One command of the module; its answer's first number. */
static uint64_t ask(const char *fmt, ...)
{
    char line[128];
    va_list ap;
    ssize_t n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (write(module, line, (size_t)n) != n) {
        die(line);
    }
    n = read(module, line, sizeof(line) - 1);
    if (n < 2 || strncmp(line, "ok", 2)) {
        errno = EIO;
        die(line);
    }
    line[n] = 0;
    return strtoull(line + 2, NULL, 16);
}

/* ---- what a script is expected to do --------------------------------------- */

struct want {
    const char *text;   /* as xenperf prints it */
    unsigned int index; /* into an array */
    int32_t added;
};

struct script {
    const char *name;
    void (*run)(void);
    struct want want[20]; /* ends with a NULL text */
};

static uint64_t slot, block; /* a large leaf's worth of pages of ours */
static uint64_t data_ma;

static void refused(void)
{
    for (unsigned int i = 0; i < ROUNDS; i++) {
        (void)hypercall(KEXEC_OP, 0, 0, 0, 0);
    }
}

static void updates(void)
{
    static struct mmu_update {
        uint64_t ptr, val;
    } u[10];

    for (unsigned int i = 0; i < ROUNDS / 10; i++) {
        for (unsigned int k = 0; k < 10; k++) {
            u[k].ptr = data_ma + 8 * k;
        }
        if (hypercall(__HYPERVISOR_mmu_update, (uint64_t)u, 10, 0,
                      DOMID_SELF)) {
            die("mmu_update");
        }
    }
}

static void pin(unsigned int nr, unsigned int level)
{
    for (unsigned int i = 0; i < nr; i++) {
        ask("pin %lx %lx %x", slot, block + i * PAGE, level);
    }
}

static void unpin(unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++) {
        ask("unpin %lx %lx", slot, block + i * PAGE);
    }
}

static void pin_some(void)
{
    pin(8, 1);
}

static void unpin_some(void)
{
    unpin(8);
    usleep(400000); /* full tables are joined when all is quiet */
}

static void pin_all(void)
{
    pin(BLOCK / PAGE, 4);
}

static void unpin_all(void)
{
    unpin(BLOCK / PAGE);
    usleep(400000);
}

static void balloon(void)
{
    ask("out %lx %lx", slot, block + 9 * PAGE);
}

static const struct script scripts[] = {
    { "nothing",
      NULL,
      { { "page type changes", 0, 0 },
        { "IOMMU page table shatters", 0, 0 },
        { "IOMMU IOTLB flush commands", 0, 0 },
        { "hypercalls", KEXEC_OP, 0 },
        { "mmu_updates of writable pages", 0, 0 },
        { NULL, 0, 0 } } },
    { "1000-refused-hypercalls",
      refused,
      { { "hypercalls", KEXEC_OP, ROUNDS },
        { "page type changes", 0, 0 },
        { NULL, 0, 0 } } },
    { "1000-updates-of-data",
      updates,
      { { "mmu_updates of writable pages", 0, ROUNDS },
        { "page type changes", 0, 0 },
        { NULL, 0, 0 } } },
    { "pin-8-in-one-2M-leaf",
      pin_some,
      { { "page type changes", 0, 8 },
        { "IOMMU map requests", 0, 0 },
        { "IOMMU unmap requests", 0, 8 },
        { "IOMMU page table shatters", 0, 1 },
        { "IOMMU shatters: page type change", 0, 1 },
        { "IOMMU shatters: unmap", 0, 0 },
        { "IOMMU page table coalesces", 0, 0 },
        { "IOMMU IOTLB flush commands", 0, 8 },
        { "IOMMU flush commands: range", 0, 8 },
        { "IOMMU flush commands: domain", 0, 0 },
        { "IOMMU flushes waited for", 0, 8 },
        { "IOMMU leaves: 4K, 2M, 1G", 0, 512 - 8 },
        { "IOMMU leaves: 4K, 2M, 1G", 1, -1 },
        { "IOMMU leaves: 4K, 2M, 1G", 2, 0 },
        { "IOMMU tables: linked, spare, waiting", 0, 1 },
        { NULL, 0, 0 } } },
    { "unpin-8",
      unpin_some,
      { { "page type changes", 0, 8 },
        { "IOMMU map requests", 0, 8 },
        { "IOMMU unmap requests", 0, 0 },
        { "IOMMU page table shatters", 0, 0 },
        { "IOMMU page table coalesces", 0, 1 },
        { "IOMMU coalesces: full table", 0, 1 },
        { "IOMMU IOTLB flush commands", 0, 0 },
        { "IOMMU leaves: 4K, 2M, 1G", 0, 8 - 512 },
        { "IOMMU leaves: 4K, 2M, 1G", 1, 1 },
        { "IOMMU tables: linked, spare, waiting", 0, -1 },
        { "IOMMU tables: linked, spare, waiting", 2, 1 },
        { NULL, 0, 0 } } },
    { "pin-all-512",
      pin_all,
      { { "page type changes", 0, 512 },
        { "IOMMU unmap requests", 0, 512 },
        { "IOMMU page table shatters", 0, 1 },
        { "IOMMU page table coalesces", 0, 1 },
        { "IOMMU coalesces: empty table", 0, 1 },
        { "IOMMU flushes waited for", 0, 512 },
        { "IOMMU leaves: 4K, 2M, 1G", 0, 0 },
        { "IOMMU leaves: 4K, 2M, 1G", 1, -1 },
        { "IOMMU tables: linked, spare, waiting", 0, 0 },
        /* The one that waited went with a flush that starting xenperf made. */
        { "IOMMU tables: linked, spare, waiting", 2, 0 },
        { NULL, 0, 0 } } },
    { "512-single-maps",
      unpin_all,
      { { "page type changes", 0, 512 },
        { "IOMMU map requests", 0, 512 },
        { "IOMMU page table shatters", 0, 0 },
        { "IOMMU page table coalesces", 0, 1 },
        { "IOMMU coalesces: full table", 0, 1 },
        { "IOMMU flushes waited for", 0, 0 },
        { "IOMMU leaves: 4K, 2M, 1G", 0, 0 },
        { "IOMMU leaves: 4K, 2M, 1G", 1, 1 },
        { NULL, 0, 0 } } },
    { "balloon-1-page-out",
      balloon,
      { { "IOMMU unmap requests", 0, 1 },
        { "IOMMU page table shatters", 0, 1 },
        { "IOMMU shatters: unmap", 0, 1 },
        { "IOMMU shatters: page type change", 0, 0 },
        { "IOMMU flushes waited for", 0, 1 },
        { "IOMMU leaves: 4K, 2M, 1G", 0, 511 },
        { "IOMMU leaves: 4K, 2M, 1G", 1, -1 },
        { NULL, 0, 0 } } },
};

/* ---- xenperf, held ------------------------------------------------------------ */

static pid_t start_xenperf(const char *out)
{
    const pid_t p = fork();

    if (p < 0) {
        die("fork");
    }
    if (p == 0) {
        const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chroot("/debian") ||
            chdir("/") || ptrace(PTRACE_TRACEME, 0, NULL, NULL)) {
            _exit(126);
        }
        execl("/usr/lib/xen-4.17/bin/xenperf", "xenperf", "-f", NULL);
        _exit(127);
    }
    return p;
}

static uint64_t peek(pid_t p, uint64_t at)
{
    return (uint64_t)ptrace(PTRACE_PEEKDATA, p, at, NULL);
}

/* Is it about to make a sysctl? What it asks is in memory nobody may peek at. */
static bool at_sysctl(pid_t p)
{
    struct user_regs_struct r;

    if (ptrace(PTRACE_GETREGS, p, NULL, &r)) {
        die("ptrace");
    }
    /* Linux: on the way in the result is not there yet. */
    return r.orig_rax == SYS_ioctl && (int64_t)r.rax == -ENOSYS &&
           r.rsi == IOCTL_PRIVCMD_HYPERCALL &&
           peek(p, r.rdx) == __HYPERVISOR_sysctl;
}

/* Until it enters or leaves a system call. False: it has ended. */
static bool step(pid_t p)
{
    int status;

    if (ptrace(PTRACE_SYSCALL, p, NULL, NULL) || waitpid(p, &status, 0) != p) {
        die("ptrace");
    }
    return WIFSTOPPED(status);
}

/* Its first sysctl asks how many counters there are, the second reads them. */
static void hold_before_query(pid_t p)
{
    unsigned int sysctls = 0;
    int status;

    /* exec stops it for the first time. */
    if (waitpid(p, &status, 0) != p || !WIFSTOPPED(status)) {
        die("xenperf does not start");
    }
    while (step(p)) {
        sysctls += at_sysctl(p);
        if (sysctls == 2) {
            return;
        }
    }
    errno = ENOSYS;
    die("xenperf does not read counters");
}

static void finish(pid_t p)
{
    int status;

    if (ptrace(PTRACE_CONT, p, NULL, NULL) || waitpid(p, &status, 0) != p ||
        status) {
        errno = EIO;
        die("xenperf");
    }
}

/* ---- reading what it printed ---------------------------------------------------- */

static char before[65536], after[65536];

static void slurp(const char *name, char *buf, size_t size)
{
    const int fd = open(name, O_RDONLY);
    const ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

    if (n < 0) {
        die(name);
    }
    buf[n] = 0;
    close(fd);
}

/* "name    T=  sum   values..."; -1: there is no such counter. */
static int64_t value_of(const char *text, const struct want *w, bool array)
{
    const size_t len = strlen(w->text);
    const char *p = text;

    while (p && (strncmp(p, w->text, len) || strspn(p + len, " ") == 0 ||
                 strncmp(p + len + strspn(p + len, " "), "T=", 2))) {
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    if (!p) {
        return -1;
    }
    p = strstr(p, "T=") + 2;
    for (unsigned int i = 0;; i++) {
        char *end;
        const unsigned long long v = strtoull(p, &end, 10);

        if (end == p) {
            return -1;
        }
        if (i == (array ? w->index + 1 : 0)) {
            return (int64_t)v;
        }
        p = end;
    }
}

static bool is_array(const char *text)
{
    return !strcmp(text, "hypercalls") || strchr(text, ',');
}

static void run(const struct script *s)
{
    const pid_t one = start_xenperf("/tmp/before");
    const pid_t two = start_xenperf("/tmp/after");

    hold_before_query(one);
    hold_before_query(two);
    usleep(300000);
    step(one);
    if (s->run) {
        s->run();
    }
    finish(two);
    finish(one);
    slurp("/tmp/before", before, sizeof(before));
    slurp("/tmp/after", after, sizeof(after));
    for (const struct want *w = s->want; w->text; w++) {
        const int64_t a = value_of(before, w, is_array(w->text));
        const int64_t b = value_of(after, w, is_array(w->text));
        const bool ok = a >= 0 && b >= 0 && b - a == w->added;

        printf("COUNT %s: %s[%u] %ld want %d %s\n", s->name, w->text, w->index,
               (long)(b - a), w->added, ok ? "ok" : "FAIL");
        checked++;
        failed += !ok;
    }
}

/* Four MiB hold a 2M-aligned block of machine memory somewhere. */
static void find_block(void)
{
    uint64_t ma;

    slot = ask("alloc a");
    ma = ask("maddr %lx 0", slot);
    block = (BLOCK - ma % BLOCK) % BLOCK;
    if (ask("maddr %lx %lx", slot, block + BLOCK - PAGE) - ma - block !=
        BLOCK - PAGE) {
        errno = ENOMEM;
        die("no contiguous block");
    }
    data_ma = ask("maddr %lx 0", ask("alloc 0"));
}

int main(void)
{
    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    module = open("/dev/edu-attack", O_RDWR | O_CLOEXEC);
    if (privcmd < 0 || module < 0 || mlockall(MCL_CURRENT | MCL_FUTURE)) {
        die("set-up");
    }
    find_block();
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        run(&scripts[i]);
    }
    if (failed) {
        printf("TEST counters FAIL %u of %u counters\n", failed, checked);
    } else {
        printf("COUNTERS %u exact\nTEST counters ok\n", checked);
    }
    return 0;
}
