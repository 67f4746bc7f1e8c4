#include "tests/unit/base/diverted_log.h"

#include <fcntl.h>
#include <unistd.h>

int diverted_log;
static int standard_error;

int divert_log(int flags) {
    int ends[2];
    if (pipe2(ends, flags | O_CLOEXEC))
        return -1;
    standard_error = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    diverted_log = ends[0];
    return 0;
}

void restore_log(void) {
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    close(diverted_log);
}
