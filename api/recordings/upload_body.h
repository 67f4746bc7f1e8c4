/* The body of a call goes behind what an upload has, piece by piece as it arrives. */
#ifndef PH_API_RECORDINGS_UPLOAD_BODY_H
#define PH_API_RECORDINGS_UPLOAD_BODY_H

#include "api/recordings/uploads.h"
#include "api/recordings/uploads_store.h"

/* Whether the body says that it is a part of an upload. */
bool ph_upload_is_chunk(const struct ph_api_call *call);
/* NULL when Upload-Checksum can be read, or is not there. */
struct ph_http_response *ph_upload_check_sum(const struct ph_api_call *call);
/* Takes a piece, the last, or what had come of a body that was cut off, of an upload of this id; the body
 * began at `offset` of it. Without a checksum a piece is kept for good once this returns; with one all of
 * them are after the last, or none. Fills the upload. NULL, or the refusal. */
struct ph_http_response *ph_upload_body_take(struct ph_uploads_resource *resource,
    const struct ph_api_call *call, struct ph_upload *upload, int64_t offset);

/* Forgets an upload that is not whole, and then its file. -EEXIST when it became whole: both stay. */
int ph_upload_end(struct ph_uploads_resource *resource, const struct ph_upload *upload) PH_NODISCARD;
/* The same for one that nobody is to go on with; one that cannot be forgotten expires. */
void ph_upload_drop(struct ph_uploads_resource *resource, const struct ph_upload *upload);

/* The answer to a failure, to an offset where the upload is not, and a header more (NULL when there is no
 * answer, or no memory). */
struct ph_http_response *ph_upload_refuse(int code);
struct ph_http_response *ph_upload_elsewhere(const struct ph_upload *upload);
struct ph_http_response *ph_upload_with(
    struct ph_http_response *response, const char *name, const char *value);
int64_t ph_uploads_now_ms(const struct ph_uploads_resource *resource);

#endif
