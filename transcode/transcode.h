/* The process behind `porthole transcode`: serves one session or one uploaded file, then ends.
 *
 * Descriptor 3 is a SOCK_SEQPACKET socket to the worker's supervisor. The process warms up, enters its
 * sandbox, sends
 * {"ready":true}, and waits for {"take":true} with the source link's descriptor (SCM_RIGHTS). From then on it
 * sends the session's figures (struct ph_link_stats as JSON) about once a second: a supervisor that hears
 * nothing may kill it. A supervisor that goes away before `take` ends it; afterwards the session goes on
 * without.
 *
 * Instead of {"take":true} it may be given a file's descriptor, with the HELLO of a source link
 * (core/media/source_link.h) as the message. Then it lowers its priority as far as it goes, sends
 * {"done_us":…,"duration_us":…} about once a second, and in the end {"finished":true} or
 * {"failed":{"code":…,"text":…}}; an empty code says that the file is not to blame.
 *
 * Or a piece of a recording's track, as often as it is asked to (pieces.h), with one of
 *   {"cut":{"publication":…,"track":…,"from_us":…,"to_us":…}}   (cut.h) answered by {"cut_bytes":…} and that
 *                                                               many bytes in messages of their own
 *   {"draw":{"at_us":…,"tile":…}}                               (draw.h) answered by
 * {"sheet":…,"first_tile":…, "sheet_bytes":…,"poster_bytes":…}, likewise or either by {"piece_code":…}. */
#ifndef PH_TRANSCODE_TRANSCODE_H
#define PH_TRANSCODE_TRANSCODE_H

enum { PH_TRANSCODE_CONTROL_FD = 3, PH_TRANSCODE_MOST_MESSAGE = 8192 };

/* The exit code: 0 when the session is finished or its link closed, 1 when another worker should go on, 2
 * when it was not started by a supervisor. PORTHOLE_ENCODER other than libx264 in the environment leaves
 * hardware devices in reach. */
int ph_transcode_main(void);

#endif
