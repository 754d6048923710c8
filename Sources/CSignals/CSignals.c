// The functions of CSignals.h. Everything that a handler calls is async-signal-safe, and what it
// reads lies in fixed tables.
#include "CSignals.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_bool mid_line;

/// A path in use, or an unused entry.
static struct {
    atomic_bool is_used;
    char path[4096];
} unfinished[4];

/// A range of memory in use; an unused entry has no bytes.
static struct {
    atomic_bool is_used;
    atomic_size_t count;
    uintptr_t start;
    char name[1024];
} mapped[256];

static struct sigaction previous_bus_action;

/// Writes to a stream, but not to a full pipe whose reader has stopped: that would block for ever.
static void say(int stream, const char *text, size_t count) {
    struct pollfd ready = {.fd = stream, .events = POLLOUT};
    if (poll(&ready, 1, 1000) == 1 && write(stream, text, count) < 0) return;
}

void set_mid_line(bool is_mid_line) { atomic_store(&mid_line, is_mid_line); }

void end_line(void) {
    if (atomic_exchange(&mid_line, false)) say(STDOUT_FILENO, "\n", 1);
}

static void clean_up(void) {
    end_line();
    if (isatty(STDERR_FILENO)) say(STDERR_FILENO, "\r\33[K", 4);  // a progress bar
    for (int i = 0; i < 4; i++) {
        if (atomic_load(&unfinished[i].is_used)) unlink(unfinished[i].path);
    }
}

/// Cleans up, writes "Error: NAME: REASON", and exits. Only the first of several threads does so.
__attribute__((noreturn)) static void fail(const char *name, const char *reason) {
    static atomic_flag has_failed = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&has_failed)) pause();
    clean_up();
    char line[1280] = "Error: ";
    strncat(line, name, 1024);
    strncat(line, reason, sizeof line - strlen(line) - 1);
    say(STDERR_FILENO, line, strlen(line));
    _exit(1);
}

void exit_out_of_memory(size_t byte_count) {
    char reason[100];
    snprintf(reason, sizeof reason, ": expected %zu more bytes, found none\n",
             byte_count);
    fail("not enough memory", reason);
}

// MARK: Signals that end the program

static void stop(int number) {
    clean_up();
    _exit(128 + number);
}

bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void handle_signals(void) {
    static atomic_flag is_done = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&is_done)) return;
    // after SIGQUIT, Swift's own handler would print a backtrace, and go on
    const int numbers[] = {SIGINT,  SIGTERM, SIGHUP,  SIGPIPE, SIGQUIT,
                           SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action = {.sa_handler = stop};
        sigfillset(&action.sa_mask);
        if (!is_ignored(numbers[i])) sigaction(numbers[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
}

int remember_unfinished_file(const char *path) {
    handle_signals();
    for (int i = 0; i < 4; i++) {
        if (unfinished[i].is_used || strlen(path) >= sizeof unfinished[i].path) continue;
        strcpy(unfinished[i].path, path);
        atomic_store(&unfinished[i].is_used, true);
        return i;
    }
    return -1;
}

void forget_unfinished_file(int number) {
    if (number >= 0) atomic_store(&unfinished[number].is_used, false);
}

// MARK: Mapped files that become shorter

static void bus_error(int number, siginfo_t *info, void *context) {
    (void)context;
    bool is_fault = info->si_code > 0;  // not sent by a process
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int i = 0; i < 256 && is_fault; i++) {
        size_t count = atomic_load(&mapped[i].count);
        if (count > 0 && address - mapped[i].start < count) {
            fail(mapped[i].name,
                 ": cannot be read any further: another program made the file shorter, "
                 "or its disk failed\n");
        }
    }
    // another fault repeats, and reaches the previous handler; a signal that was sent does not
    if (is_fault) {
        sigaction(number, &previous_bus_action, NULL);
    } else {
        signal(number, SIG_DFL);
        raise(number);
    }
}

int remember_mapped_file(const void *start, size_t count, const char *name) {
    static atomic_flag is_installed = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&is_installed)) {
        struct sigaction action = {.sa_sigaction = bus_error, .sa_flags = SA_SIGINFO};
        sigaction(SIGBUS, &action, &previous_bus_action);
        // a parent may have blocked it; threads that start from now on inherit this
        sigset_t bus;
        sigemptyset(&bus);
        sigaddset(&bus, SIGBUS);
        pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
    }
    for (int i = 0; i < 256; i++) {
        if (atomic_exchange(&mapped[i].is_used, true)) continue;
        mapped[i].start = (uintptr_t)start;
        mapped[i].name[0] = 0;
        strncat(mapped[i].name, name, sizeof mapped[i].name - 1);
        atomic_store(&mapped[i].count, count);
        return i;
    }
    return -1;
}

void forget_mapped_file(int number) {
    if (number < 0) return;
    atomic_store(&mapped[number].count, 0);
    atomic_store(&mapped[number].is_used, false);
}
