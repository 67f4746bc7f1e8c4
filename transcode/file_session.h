/* Serves one uploaded file: its packets through the stages of a live source, on the file's own time, as fast
 * as the encoders go and the origins make durable what they get.
 *
 *   thread     runs                                     ends
 *   caller     reads, decodes, fills the grids          with the file, or a failure
 *   others     one a rendition, one a publisher, the    with the output
 *              pictures'                                                                            */
#ifndef PH_TRANSCODE_FILE_SESSION_H
#define PH_TRANSCODE_FILE_SESSION_H

#include "core/media/source_link.h"

struct ph_file_session_options {
    int fd;                     /* the file, borrowed */
    struct ph_link_hello hello; /* borrowed; `session` names the recording */
    /* Called about each second and before the end is told; `done_us` of the file are in the encoders. A
     * negative code ends it: nobody wants the file any more. */
    int (*progress)(void *opaque, int64_t done_us, int64_t duration_us);
    void *opaque;
};

/* 0 when every origin has it durably and knows that it is over; -EINVAL with `reason` when the file can never
 * be carried; another code when it may go better another time. */
int ph_file_session_serve(
    const struct ph_file_session_options *options, struct ph_link_reason *reason) PH_NODISCARD;

#endif
