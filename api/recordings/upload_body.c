#include "api/recordings/upload_body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/problem.h"
#include "api/recordings/tus_headers.h"
#include "api/recordings/upload_file.h"
#include "core/base/log.h"

static const char chunk_type[] = "application/offset+octet-stream";

int64_t ph_uploads_now_ms(const struct ph_uploads_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

struct ph_http_response *ph_upload_with(
    struct ph_http_response *response, const char *name, const char *value) {
    if (response && ph_http_response_add_header(response, name, value) < 0)
        ph_http_response_unref(&response);
    return response;
}

struct ph_http_response *ph_upload_refuse(int code) {
    switch (code) {
    case -ENOENT:
        return ph_problem(404, NULL, "there is no such upload, or it has expired; begin another");
    case -EBUSY:
    case -ESTALE:
        return ph_problem(423, NULL, "another call writes this upload just now");
    case -ENOSPC:
    case -EDQUOT:
        return ph_upload_with(
            ph_problem(503, NULL, "there is no room for uploads just now"), "Retry-After", "60");
    default:
        return ph_problem_of_code(code);
    }
}

struct ph_http_response *ph_upload_elsewhere(const struct ph_upload *upload) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, upload->received);
    return ph_upload_with(ph_problem(409, "Upload-Offset", "is not how far this upload is: ask by HEAD"),
        "Upload-Offset", text);
}

bool ph_upload_is_chunk(const struct ph_api_call *call) {
    const char *type = ph_api_call_header(call, "Content-Type");
    return type && strcmp(type, chunk_type) == 0;
}

struct ph_http_response *ph_upload_check_sum(const struct ph_api_call *call) {
    struct ph_tus_checksum checksum;
    const char *text = ph_api_call_header(call, "Upload-Checksum");
    if (!text || ph_tus_checksum_parse(text, &checksum) == 0)
        return NULL;
    return ph_problem(400, "Upload-Checksum", "must be sha1 or sha256, a space, and the digest in base64");
}

int ph_upload_end(struct ph_uploads_resource *resource, const struct ph_upload *upload) {
    int code = ph_uploads_end(resource->db, upload->id);
    if (code == 0)
        ph_upload_file_remove(resource->folder, upload->id);
    return code;
}

void ph_upload_drop(struct ph_uploads_resource *resource, const struct ph_upload *upload) {
    int code = ph_upload_end(resource, upload);
    if (code < 0)
        ph_log_warning(
            "an upload could not be forgotten; it expires", ph_str("upload", upload->id), ph_code(code));
}

/* Whether what has arrived may be a video: 1, 0, or a failure. Too little may. */
static int judge(int fd, const struct ph_upload *upload, int64_t received) {
    uint8_t beginning[PH_TUS_SNIFFED_BYTES];
    if (upload->received >= PH_TUS_SNIFFED_BYTES)
        return 1;
    if (received < PH_TUS_SNIFFED_BYTES && received < upload->bytes)
        return 1;
    int count = ph_upload_file_begin(fd, beginning, sizeof(beginning));
    return count < 0 ? count : ph_tus_is_video((struct ph_slice){beginning, (size_t)count});
}

/* From where the upload is to `received` the file is as its sender has it. NULL, or the refusal. */
static struct ph_http_response *keep(
    struct ph_uploads_resource *resource, int fd, struct ph_upload *upload, int64_t received) {
    int code = judge(fd, upload, received);
    if (code == 0) {
        ph_upload_drop(resource, upload);
        return ph_problem(415, NULL, "this is neither MP4, WebM nor Matroska");
    }
    if (code > 0 && received > upload->received)
        code = ph_uploads_advance(resource->db, upload, received, ph_uploads_now_ms(resource));
    if (code == 0 && received == upload->bytes)
        ph_log_info("upload is whole", ph_str("recording", upload->id), ph_int("bytes", received));
    return code < 0 ? ph_upload_refuse(code) : NULL;
}

/* A body with a checksum counts once all of it is there and has it. */
static struct ph_http_response *keep_checked(struct ph_uploads_resource *resource,
    const struct ph_api_call *call, int fd, struct ph_upload *upload, int64_t received) {
    struct ph_tus_checksum checksum;
    if (call->phase != PH_HTTP_LAST)
        return NULL;
    int code = ph_tus_checksum_parse(ph_api_call_header(call, "Upload-Checksum"), &checksum);
    if (code == 0)
        code = ph_upload_file_holds(fd, upload->received, received, &checksum);
    if (code < 0)
        return ph_upload_refuse(code);
    if (code > 0)
        return keep(resource, fd, upload, received);
    code = ph_upload_file_append(fd, upload->received, (struct ph_slice){0});
    return code < 0 ? ph_upload_refuse(code)
                    : ph_problem(460, NULL, "these are not the bytes that were sent; send them again");
}

/* Under the file's lock, where the row says how far it is. */
static struct ph_http_response *take_locked(struct ph_uploads_resource *resource,
    const struct ph_api_call *call, int fd, struct ph_upload *upload, int64_t offset) {
    bool is_checked = ph_api_call_header(call, "Upload-Checksum");
    struct ph_slice body = ph_api_call_body(call);
    int64_t first = offset + (int64_t)call->body_offset, received = first + (int64_t)body.size;
    int code = ph_uploads_find(resource->db, upload->id, ph_uploads_now_ms(resource), upload);
    if (code < 0)
        return ph_upload_refuse(code);
    if (upload->received != (is_checked ? offset : first))
        return ph_upload_elsewhere(upload);
    if (received > upload->bytes)
        return ph_problem(400, NULL, "this is more than Upload-Length told");
    if (received == offset)
        return NULL;
    if (body.size > 0)
        code = ph_upload_file_append(fd, first, body);
    if (code == -ENOENT && first > offset)
        code = -ESTALE; /* another call with a checksum threw away what was written */
    if (code < 0)
        return ph_upload_refuse(code);
    return is_checked ? keep_checked(resource, call, fd, upload, received)
                      : keep(resource, fd, upload, received);
}

struct ph_http_response *ph_upload_body_take(struct ph_uploads_resource *resource,
    const struct ph_api_call *call, struct ph_upload *upload, int64_t offset) {
    int fd, code = ph_upload_file_open(resource->folder, upload->id, &fd);
    if (code < 0)
        return ph_upload_refuse(code);
    struct ph_http_response *no = take_locked(resource, call, fd, upload, offset);
    close(fd);
    return no;
}
