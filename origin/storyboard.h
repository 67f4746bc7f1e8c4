/* A session's storyboard (core/media/storyboard.h) on its way to the spool.
 *
 * A sheet waits in the session until the spool's thread has written it; one that comes again takes the place
 * of what waits. Few wait at a time: a publisher that is told to come again keeps its sheet. */
#ifndef PH_ORIGIN_STORYBOARD_H
#define PH_ORIGIN_STORYBOARD_H

#include "core/media/storyboard.h"
#include "origin/session.h"

struct ph_pending_sheet {
    struct ph_storyboard_sheet sheet;
    struct ph_bytes *jpeg;
    struct ph_pending_sheet *next;
};

/* PUT /publish/{session}/storyboard/{file} */
void ph_publish_put_storyboard(struct ph_http_request *request, void *opaque);

/* Takes a reference on the picture. 0, -EPIPE (the session has ended), -ENOSPC (too many wait), -ENOMEM. */
int ph_storyboard_add(
    struct ph_session *session, const struct ph_storyboard_sheet *sheet, struct ph_bytes *jpeg) PH_NODISCARD;
/* Frees what waits. */
void ph_storyboard_forget(struct ph_session *session);

/* Of the spool's thread: writes what waits into the session's folder. 0, or a code: then it still waits. */
int ph_storyboard_spool(struct ph_session *session) PH_NODISCARD;

#endif
