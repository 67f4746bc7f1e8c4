/* What every publish request needs: the right to publish, the session, a short answer. */
#ifndef PH_ORIGIN_PUBLISH_REQUEST_H
#define PH_ORIGIN_PUBLISH_REQUEST_H

#include "origin/origin_private.h"

enum { PH_MOST_THUMB_BYTES = 512 << 10 };

void ph_publish_answer(struct ph_http_request *request, unsigned status);
void ph_publish_refuse(
    struct ph_http_request *request, unsigned status, const char *title, const char *detail);
/* Whether the request may publish this session; answers when not. */
bool ph_publish_is_allowed(struct ph_origin *origin, struct ph_http_request *request);
/* The session with a reference, or NULL after answering; of a file's, only to who has its take. */
struct ph_session *ph_publish_find_session(struct ph_origin *origin, struct ph_http_request *request);
/* PUT /publish/{session}/revoked: {"revoked":[{"tag":"<viewer or holder>","at":<UTC seconds>}]}, whose
 * playback tokens up to then are good no more. Idempotent. */
void ph_publish_put_revoked(struct ph_http_request *request, void *opaque);
/* PUT /publish/{session}/thumb.jpg */
void ph_publish_put_thumb(struct ph_http_request *request, void *opaque);

#endif
