// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel's work costs, seen from a process in Dom0: one line a kind,
 * "BENCH name ns-per-operation". Under -icount a nanosecond is an instruction,
 * so the figures compare hypervisors exactly. Time in which the one vCPU was
 * blocked is taken out: there nothing runs, the clock only jumps. Disks are
 * waited for with a process that computes; what it got is taken out too.
 *
 * Static. First comes "BENCH-STAMP tsc blocked": cycles since reset, and how
 * long the vCPU was blocked so far. "microbench stamp" ends there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xen/event_channel.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

#define PAGE 4096u
#define MIB  (1u << 20)

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int privcmd = -1;

/* How long vCPU 0 was blocked since it was made, in nanoseconds. */
static uint64_t blocked(void)
{
    static struct vcpu_runstate_info info;
    struct privcmd_hypercall call = {
        .op = __HYPERVISOR_vcpu_op,
        .arg = { VCPUOP_get_runstate_info, 0, (uintptr_t)&info },
    };

    /* The hypervisor writes there: the page must be present and our own. */
    memset(&info, 0, sizeof(info));
    if (ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0) {
        die("get_runstate_info");
    }
    return info.time[RUNSTATE_blocked];
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - blocked();
}

static void fork_once(void)
{
    const pid_t p = fork();

    if (p < 0) {
        die("fork");
    }
    if (p == 0) {
        _exit(0);
    }
    if (waitpid(p, NULL, 0) != p) {
        die("waitpid");
    }
}

static void exec_once(void)
{
    const pid_t p = fork();

    if (p < 0) {
        die("fork");
    }
    if (p == 0) {
        execl("/proc/self/exe", "microbench", "exit", NULL);
        _exit(1);
    }
    if (waitpid(p, NULL, 0) != p) {
        die("waitpid");
    }
}

static char *area(size_t bytes)
{
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        die("mmap");
    }
    return p;
}

/* New page tables each time: one touch in each 2 MiB. */
static void tables_once(void)
{
    const size_t bytes = 64u << 20;
    char *p = area(bytes);

    for (size_t i = 0; i < bytes; i += 2u << 20) {
        p[i] = 1;
    }
    munmap(p, bytes);
}

static void touch_once(void)
{
    const size_t bytes = 1u << 20;
    char *p = area(bytes);

    for (size_t i = 0; i < bytes; i += PAGE) {
        p[i] = 1;
    }
    munmap(p, bytes);
}

static void map_page_once(void)
{
    char *const p = area(PAGE);

    *p = 1;
    munmap(p, PAGE);
}

static char *protect_area;

static void protect_once(void)
{
    if (mprotect(protect_area, 64 * PAGE, PROT_READ) ||
        mprotect(protect_area, 64 * PAGE, PROT_READ | PROT_WRITE)) {
        die("mprotect");
    }
    for (unsigned int i = 0; i < 64; i++) {
        protect_area[i * PAGE]++;
    }
}

static int ping[2], pong[2];

static void pipe_once(void)
{
    char c = 0;

    if (write(ping[1], &c, 1) != 1 || read(pong[0], &c, 1) != 1) {
        die("pipe");
    }
}

/* ---- an event through the hypervisor and back ---------------------------- */

static int evtchn = -1;
static evtchn_port_t port_a, port_b; /* two ends of one channel, both ours */

static void take(evtchn_port_t want)
{
    evtchn_port_t got;

    if (read(evtchn, &got, sizeof(got)) != sizeof(got) || got != want ||
        write(evtchn, &got, sizeof(got)) != sizeof(got)) {
        die("event");
    }
}

static void notify(evtchn_port_t port)
{
    struct ioctl_evtchn_notify n = { .port = port };

    if (ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &n)) {
        die("notify");
    }
}

static void event_once(void)
{
    notify(port_a);
    take(port_b);
    notify(port_b);
    take(port_a);
}

static void evtchn_open(void)
{
    struct ioctl_evtchn_bind_unbound_port un = { .remote_domain = 0 };
    struct ioctl_evtchn_bind_interdomain in = { .remote_domain = 0 };
    int rc;

    evtchn = open("/dev/xen/evtchn", O_RDWR);
    if (evtchn < 0) {
        die("/dev/xen/evtchn");
    }
    rc = ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &un);
    if (rc < 0) {
        die("bind unbound port");
    }
    port_a = (evtchn_port_t)rc;
    in.remote_port = port_a;
    rc = ioctl(evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &in);
    if (rc < 0) {
        die("bind interdomain");
    }
    port_b = (evtchn_port_t)rc;
    /* Binding raises the new end once: what was sent before is not lost. */
    take(port_b);
}

/* ---- disks --------------------------------------------------------------- */

#define DISK_MIB 64u /* the part that is used; the disk holds at least this */

/*
 * An idle CPU's clock jumps from timer to timer for as long as the host takes,
 * and timers cost something. So the CPU is kept busy by the least important
 * process there is, which counts its rounds: a transfer costs what it takes
 * away from that one, however long the host takes.
 */
static volatile uint64_t *spins;
static pid_t spinner;
static double ns_a_spin;

static void spinner_start(void)
{
    const struct sched_param param = { 0 };
    const struct timespec quarter = { .tv_nsec = 250000000 };
    uint64_t t, n;

    spins = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    if (spins == MAP_FAILED) {
        die("mmap");
    }
    spinner = fork();
    if (spinner == 0) {
        if (sched_setscheduler(0, SCHED_IDLE, &param)) {
            die("SCHED_IDLE");
        }
        for (;;) {
            ++*spins;
        }
    }
    nanosleep(&quarter, NULL);
    t = now();
    n = *spins;
    nanosleep(&quarter, NULL);
    n = *spins - n;
    ns_a_spin = (double)(now() - t) / (double)n;
}

static void spinner_stop(void)
{
    kill(spinner, SIGKILL);
    waitpid(spinner, NULL, 0);
    spinner = 0;
}

static int disk = -1;
static void *disk_buffer;
static unsigned int disk_at;

static void disk_step(void)
{
    disk_at = (disk_at + 1) % DISK_MIB;
}

static void read_once(void)
{
    if (pread(disk, disk_buffer, MIB, (off_t)disk_at * MIB) != MIB) {
        die("disk read");
    }
    disk_step();
}

static void write_once(void)
{
    if (pwrite(disk, disk_buffer, MIB, (off_t)disk_at * MIB) != MIB) {
        die("disk write");
    }
    disk_step();
}

/* ---- driver -------------------------------------------------------------- */

static void syscall_once(void)
{
    syscall(SYS_getppid);
}

static void measure(const char *name, void (*fn)(void), unsigned int n)
{
    uint64_t t, spun;

    for (unsigned int i = 0; i < n / 8 + 1; i++) {
        fn();
    }
    spun = spinner ? *spins : 0;
    t = now();
    for (unsigned int i = 0; i < n; i++) {
        fn();
    }
    t = now() - t;
    if (spinner) {
        t -= (uint64_t)((double)(*spins - spun) * ns_a_spin);
    }
    printf("BENCH %s %llu\n", name, (unsigned long long)(t / n));
    fflush(stdout);
}

static pid_t start_echo(void)
{
    pid_t p;
    char c;

    if (pipe(ping) || pipe(pong)) {
        die("pipe");
    }
    p = fork();
    if (p == 0) {
        close(ping[1]);
        while (read(ping[0], &c, 1) == 1 && write(pong[1], &c, 1) == 1) {
            /* until the other end closes */
        }
        _exit(0);
    }
    return p;
}

static void measure_disk(const char *name, const char *path)
{
    char row[32];

    disk = open(path, O_RDWR | O_DIRECT);
    if (disk < 0) {
        printf("BENCH-SKIP %s: %s: %s\n", name, path, strerror(errno));
        return;
    }
    disk_at = 0;
    snprintf(row, sizeof(row), "%s-read", name);
    measure(row, read_once, 128);
    snprintf(row, sizeof(row), "%s-write", name);
    measure(row, write_once, 128);
    close(disk);
}

int main(int argc, char **argv)
{
    pid_t echo;

    if (argc > 1 && !strcmp(argv[1], "exit")) {
        return 0;
    }
    privcmd = open("/dev/xen/privcmd", O_RDWR);
    if (privcmd < 0) {
        die("/dev/xen/privcmd");
    }
    printf("BENCH-STAMP %llu %llu\n", __builtin_ia32_rdtsc(),
           (unsigned long long)blocked());
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "stamp")) {
        return 0;
    }
    measure("syscall", syscall_once, 20000);
    measure("fork", fork_once, 6400); /* the kernel's RCU threads even out */
    measure("exec", exec_once, 150);
    measure("map-4K", map_page_once, 2000);
    measure("touch-1M", touch_once, 150);
    measure("tables-64M", tables_once, 150);
    protect_area = area(64 * PAGE);
    measure("mprotect-64", protect_once, 400);
    echo = start_echo();
    measure("pipe-round", pipe_once, 1500);
    close(ping[1]);
    waitpid(echo, NULL, 0);
    evtchn_open();
    measure("event-round", event_once, 1500);
    close(evtchn);
    if (posix_memalign(&disk_buffer, MIB, MIB)) {
        die("posix_memalign");
    }
    memset(disk_buffer, 0x5a, MIB);
    spinner_start();
    measure_disk("ahci", "/dev/sda");
    measure_disk("nvme", "/dev/nvme0n1");
    spinner_stop();
    return 0;
}
