// CSignals: what happens when a signal or a lack of memory ends the program: end the line of text,
// remove unfinished files, say in one line why. It is in C, because a signal handler may neither
// allocate nor take a lock, and Swift promises neither.
#ifndef CSIGNALS_H
#define CSIGNALS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether this program leaves a signal unheeded, as nohup has it.
bool is_ignored(int number);

/// From now on, SIGINT, SIGTERM and other signals that end a program clean up and exit with 128 +
/// their number, unless they were ignored. A write beyond the limit of a file's size becomes an error.
void handle_signals(void);

/// Says whether the last line of text on standard output lacks its newline.
void set_mid_line(bool is_mid_line);
/// Adds that newline.
void end_line(void);

/// Has a file removed if a signal ends the program.
/// - Returns: a number for `forget_unfinished_file`, or -1 if there are too many.
int remember_unfinished_file(const char *_Nonnull path);
void forget_unfinished_file(int number);

/// From now on, a failed read of this memory (the file became shorter) names the file and exits.
/// - Returns: a number for `forget_mapped_file`, or -1 if there are too many.
int remember_mapped_file(const void *_Nonnull start, size_t count, const char *_Nonnull name);
void forget_mapped_file(int number);

/// Cleans up, says that there is not enough memory, and exits with 1.
__attribute__((noreturn)) void exit_out_of_memory(size_t byte_count);

#ifdef __cplusplus
}
#endif
#endif
