/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Debug exceptions as a user program meets them: single steps (also over a
 * system call and behind a load of SS), INT3, and a watchpoint that its parent
 * sets. Each prints a line; the last one is the result.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t traps;
static unsigned int failed;

static void on_trap(int sig)
{
    (void)sig;
    traps++;
}

static void expect(const char *what, long got, long from, long to)
{
    const int ok = got >= from && got <= to;

    printf("  %s: %ld%s\n", what, got, ok ? "" : " UNEXPECTED");
    failed += !ok;
}

/* One trap for each instruction after the one that sets TF. */
static void step_nops(void)
{
    traps = 0;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n"
                     "nop; nop; nop; nop\n"
                     "pushfq; andl $~0x100, (%%rsp); popfq" ::
                         : "memory", "cc");
    expect("single steps over 4 NOPs", traps, 7, 8);
}

/* The kernel runs untraced; the program goes on stepping behind it. */
static void step_syscall(void)
{
    long pid = SYS_getpid;

    traps = 0;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n"
                     "syscall; nop\n"
                     "pushfq; andl $~0x100, (%%rsp); popfq"
                     : "+a"(pid)::"rcx", "r11", "memory", "cc");
    expect("single steps over a system call", traps, 4, 6);
    expect("its result is right", pid == getpid(), 1, 1);
}

/* A load of SS holds traps back until after the SYSCALL that follows it. */
static void step_ss_syscall(void)
{
    long pid = SYS_getpid;
    uint16_t ss;

    __asm__ volatile("mov %%ss, %0" : "=r"(ss));
    traps = 0;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n"
                     "mov %1, %%ss; syscall; nop\n"
                     "pushfq; andl $~0x100, (%%rsp); popfq"
                     : "+a"(pid)
                     : "m"(ss)
                     : "rcx", "r11", "memory", "cc");
    expect("single steps over MOV SS and a system call", traps, 3, 7);
    expect("its result is right", pid == getpid(), 1, 1);
}

static void breakpoint(void)
{
    traps = 0;
    __asm__ volatile("int3" ::: "memory");
    expect("INT3", traps, 1, 1);
}

static volatile uint64_t watched;
static uint16_t watched_ss;

static void child(void)
{
    uint16_t ss;
    long pid = SYS_getpid;

    __asm__ volatile("mov %%ss, %0" : "=r"(ss));
    watched_ss = ss;
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    watched = 1;
    /* The parent watches this operand now: its trap is due in the kernel. */
    __asm__ volatile("mov %1, %%ss; syscall"
                     : "+a"(pid)
                     : "m"(watched_ss)
                     : "rcx", "r11", "memory");
    _exit(pid == getpid() ? 0 : 1);
}

static int debugreg(pid_t pid, unsigned int n, uint64_t v)
{
    return (int)ptrace(PTRACE_POKEUSER, pid,
                       offsetof(struct user, u_debugreg) + n * sizeof(v), v);
}

/* Watches len bytes at addr through register 0; rw: 1 writes, 3 any access. */
static int watch(pid_t pid, const volatile void *addr, unsigned int rw,
                 unsigned int len)
{
    if (debugreg(pid, 7, 0) || debugreg(pid, 0, (uint64_t)addr)) {
        return -1;
    }
    return debugreg(pid, 7, 1u | rw << 16 | (len - 1) << 18);
}

static void watchpoints(void)
{
    unsigned int hits = 0;
    const pid_t pid = fork();
    uint64_t dr6;
    int status;

    if (pid == 0) {
        child();
    }
    waitpid(pid, &status, 0);
    expect("watchpoint accepted", watch(pid, &watched, 1, 8), 0, 0);
    for (;;) {
        ptrace(PTRACE_CONT, pid, 0, 0);
        waitpid(pid, &status, 0);
        if (!WIFSTOPPED(status)) {
            break;
        }
        if (WSTOPSIG(status) != SIGTRAP) {
            continue;
        }
        dr6 = (uint64_t)ptrace(PTRACE_PEEKUSER, pid,
                               offsetof(struct user, u_debugreg) +
                                   6 * sizeof(dr6));
        if (hits++ == 0) {
            expect("DR6 names the watchpoint", dr6 & 15, 1, 1);
            expect("the next one accepted", watch(pid, &watched_ss, 3, 2), 0,
                   0);
        }
    }
    expect("watchpoints hit", hits, 1, 2);
    expect("the watched program ended well",
           WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0, 0);
}

int main(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_trap;
    if (sigaction(SIGTRAP, &sa, NULL)) {
        return 1;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    step_nops();
    step_syscall();
    step_ss_syscall();
    breakpoint();
    watchpoints();
    if (failed) {
        printf("TEST debug FAIL %u\n", failed);
    } else {
        printf("TEST debug ok\n");
    }
    return 0;
}
