// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel's work costs, seen from a process in Dom0: one line a kind,
 * "BENCH name ns-per-operation". Under -icount a nanosecond is an instruction,
 * so the figures compare hypervisors exactly. Static, no arguments.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
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

static void syscall_once(void)
{
    syscall(SYS_getppid);
}

static void measure(const char *name, void (*fn)(void), unsigned int n)
{
    uint64_t t;

    for (unsigned int i = 0; i < n / 8 + 1; i++) {
        fn();
    }
    t = now();
    for (unsigned int i = 0; i < n; i++) {
        fn();
    }
    t = now() - t;
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

int main(int argc, char **argv)
{
    pid_t echo;

    if (argc > 1 && !strcmp(argv[1], "exit")) {
        return 0;
    }
    measure("syscall", syscall_once, 20000);
    measure("fork", fork_once, 400);
    measure("exec", exec_once, 150);
    measure("touch-1M", touch_once, 150);
    measure("tables-64M", tables_once, 150);
    protect_area = area(64 * PAGE);
    measure("mprotect-64", protect_once, 400);
    echo = start_echo();
    measure("pipe-round", pipe_once, 1500);
    close(ping[1]);
    waitpid(echo, NULL, 0);
    return 0;
}
