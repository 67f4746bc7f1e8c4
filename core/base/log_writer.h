/* The thread that writes the log: who logs waits for no terminal, pipe or disk.
 *
 * What stderr takes too late for a MiB of memory is dropped, and a line says how many lines were. Without the
 * thread a line is written by who logs it. Lifetime: start → stop, once in a process. */
#ifndef PH_BASE_LOG_WRITER_H
#define PH_BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

int ph_log_writer_start(void) PH_NODISCARD;
/* Writes what is left, for a second at most. Without a start it does nothing. */
void ph_log_writer_stop(void);
/* Takes a line, its newline included: at most PIPE_BUF bytes. False when there is no such thread. */
bool ph_log_writer_take(const char *line, size_t size);

#endif
