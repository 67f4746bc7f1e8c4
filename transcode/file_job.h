/* One uploaded file in a process of its own (`porthole transcode`), seen from the worker that started it.
 *
 * The process enters its sandbox before it is given the file; it runs at the lowest priority, with a limit on
 * its CPU time, and is killed when it is silent. It says on its control socket how far it is, and how it
 * ended (transcode.h). */
#ifndef PH_TRANSCODE_FILE_JOB_H
#define PH_TRANSCODE_FILE_JOB_H

#include "core/media/source_link.h"

struct ph_file_job {
    const char *executable; /* NULL: /proc/self/exe */
    const char *encoder;    /* PORTHOLE_ENCODER of the process; NULL leaves it as it is here */
    int fd;                 /* the file, for reading */
    struct ph_link_hello hello;
    int64_t silence_us; /* it is ended when it makes no progress for so long; 0: three minutes */
    /* Asked about once a second; a negative code ends the process, and is what the call returns. 1: others
     * need the processor: this second does not count as silence. */
    int (*keep_on)(void *opaque, int64_t done_us, int64_t duration_us);
    void *opaque;
};

/* Blocks until the process has ended. All is borrowed. 0: every origin has it. -EINVAL: the file can never be
 * carried, `reason` says why, for people. -EAGAIN: it may go better another time; `reason` says what
 * happened. Otherwise what keep_on returned. */
int ph_file_job_run(const struct ph_file_job *job, struct ph_link_reason *reason) PH_NODISCARD;

#endif
