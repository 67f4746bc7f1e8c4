#include "api/recordings/uploads.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/access.h"
#include "api/problem.h"
#include "api/recordings/tus_headers.h"
#include "api/recordings/upload_file.h"
#include "api/recordings/uploads_store.h"
#include "core/base/log.h"
#include "core/http/http_date.h"

#define STRING(value) #value
#define TEXT(value) STRING(value)
#define MOST_BYTES 500000000
_Static_assert(MOST_BYTES == PH_MOST_UPLOAD_BYTES, "the header tells the limit");

static const char version[] = "1.0.0";
static const char chunk_type[] = "application/offset+octet-stream";
static const char not_a_video[] = "this is neither MP4, WebM nor Matroska";

static int64_t now_ms(const struct ph_uploads_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

int ph_uploads_resource_init(
    struct ph_uploads_resource *resource, struct ph_db *db, struct ph_clock *clock, const char *data_dir) {
    *resource = (struct ph_uploads_resource){.db = db, .clock = clock};
    int size = snprintf(resource->folder, sizeof(resource->folder), "%s/uploads", data_dir);
    return size >= (int)sizeof(resource->folder) ? -ENAMETOOLONG : ph_upload_folder_make(resource->folder);
}

static struct ph_http_response *with(struct ph_http_response *response, const char *name, const char *value) {
    if (response && ph_http_response_add_header(response, name, value) < 0)
        ph_http_response_unref(&response);
    return response;
}

static struct ph_http_response *with_number(
    struct ph_http_response *response, const char *name, int64_t number) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    return with(response, name, text);
}

static struct ph_http_response *describe(struct ph_http_response *response) {
    response = with(response, "Tus-Resumable", version);
    response = with(response, "Tus-Version", version);
    response =
        with(response, "Tus-Extension", "creation,creation-with-upload,checksum,expiration,termination");
    response = with(response, "Tus-Checksum-Algorithm", "sha1,sha256");
    return with(response, "Tus-Max-Size", TEXT(MOST_BYTES));
}

/* How far it is. */
static struct ph_http_response *tell(unsigned status, const struct ph_upload *upload) {
    char date[PH_HTTP_DATE_BYTES];
    ph_http_date(upload->expires_ms / 1000, date);
    struct ph_http_response *response = ph_http_response_create(status);
    response = with_number(response, "Upload-Offset", upload->received);
    return with(response, "Upload-Expires", date);
}

static struct ph_http_response *refuse(int code) {
    switch (code) {
    case -ENOENT:
        return ph_problem(404, NULL, "there is no such upload, or it has expired; begin another");
    case -EBUSY:
    case -ESTALE:
        return ph_problem(423, NULL, "another call writes this upload just now");
    case -ENOSPC:
    case -EDQUOT:
        return with(ph_problem(503, NULL, "there is no room for uploads just now"), "Retry-After", "60");
    default:
        return ph_problem_of_code(code);
    }
}

static struct ph_http_response *check_version(const struct ph_api_call *call) {
    const char *spoken = ph_api_call_header(call, "Tus-Resumable");
    if (spoken && strcmp(spoken, version) == 0)
        return NULL;
    return with(
        ph_problem(412, NULL, "uploads speak tus 1.0.0: say so in Tus-Resumable"), "Tus-Version", version);
}

static bool is_chunk(const struct ph_api_call *call) {
    const char *type = ph_api_call_header(call, "Content-Type");
    return type && strcmp(type, chunk_type) == 0;
}

/* NULL when the bytes are those that were announced, or nothing was. */
static struct ph_http_response *check_sum(const struct ph_api_call *call) {
    struct ph_tus_checksum checksum;
    const char *text = ph_api_call_header(call, "Upload-Checksum");
    if (!text)
        return NULL;
    if (ph_tus_checksum_parse(text, &checksum) < 0)
        return ph_problem(
            400, "Upload-Checksum", "must be sha1 or sha256, a space, and the digest in base64");
    int code = ph_tus_checksum_holds(&checksum, ph_api_call_body(call));
    if (code < 0)
        return ph_problem_of_code(code);
    return code ? NULL : ph_problem(460, NULL, "these are not the bytes that were sent; send them again");
}

static void end(struct ph_uploads_resource *resource, const struct ph_upload *upload) {
    int code = ph_uploads_end(resource->db, upload->id);
    if (code < 0)
        ph_log_warning(
            "an upload could not be forgotten; it expires", ph_str("upload", upload->id), ph_code(code));
    ph_upload_file_remove(resource->folder, upload->id);
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

/* The body goes behind what is there. NULL, or the refusal. */
static struct ph_http_response *append(
    struct ph_uploads_resource *resource, const struct ph_api_call *call, int fd, struct ph_upload *upload) {
    struct ph_slice body = ph_api_call_body(call);
    int64_t received = upload->received + (int64_t)body.size;
    if (body.size == 0)
        return NULL;
    if (received > upload->bytes)
        return ph_problem(400, NULL, "this is more than Upload-Length told");
    struct ph_http_response *no = check_sum(call);
    if (no)
        return no;
    int code = ph_upload_file_append(fd, upload->received, body);
    if (code == 0)
        code = judge(fd, upload, received);
    if (code == 0) {
        end(resource, upload);
        return ph_problem(415, NULL, not_a_video);
    }
    if (code > 0)
        code = ph_uploads_advance(resource->db, upload, received, now_ms(resource));
    if (code == 0 && received == upload->bytes)
        ph_log_info("upload is whole", ph_str("recording", upload->id), ph_int("bytes", received));
    return code < 0 ? refuse(code) : NULL;
}

static bool may_upload(const struct ph_caller *caller) {
    struct ph_policy_session own = {.id = "", .owner = caller->subject, .visibility = PH_VISIBILITY_PRIVATE};
    return ph_policy_allows(caller->role, PH_ACTION_RECORDING_UPLOAD, ph_policy_relations(caller, &own));
}

/* What is to be uploaded, by the headers. NULL, or the refusal. */
static struct ph_http_response *read_wish(const struct ph_api_call *call, struct ph_upload *upload) {
    struct ph_tus_metadata metadata;
    struct ph_error error = {""};
    *upload = (struct ph_upload){.received = 0};
    if (!ph_tus_number_parse(ph_api_call_header(call, "Upload-Length"), &upload->bytes) || upload->bytes == 0)
        return ph_problem(400, "Upload-Length", "must tell how many bytes there are");
    if (upload->bytes > PH_MOST_UPLOAD_BYTES)
        return with(ph_problem(413, "Upload-Length", "an upload has 500 MB at most"), "Tus-Max-Size",
            TEXT(MOST_BYTES));
    if (ph_tus_metadata_parse(ph_api_call_header(call, "Upload-Metadata"), &metadata, &error) < 0)
        return ph_problem(400, "Upload-Metadata", error.text);
    if (*metadata.type && !ph_tus_is_video_type(metadata.type))
        return ph_problem(415, NULL, "recordings are uploaded as MP4, WebM or Matroska");
    if (call->body && !is_chunk(call))
        return ph_problem(415, NULL, "the body must be application/offset+octet-stream");
    memcpy(upload->title, metadata.title, sizeof(upload->title));
    snprintf(upload->owner, sizeof(upload->owner), "%s", call->caller.subject);
    return NULL;
}

static struct ph_http_response *begin(
    struct ph_uploads_resource *resource, const struct ph_api_call *call, struct ph_upload *upload) {
    struct ph_http_response *no = NULL;
    int fd, code = ph_uploads_begin(resource->db, upload, now_ms(resource));
    if (code == -EDQUOT)
        return ph_problem(
            409, NULL, "three uploads of one subject may go on at once; finish or end one first");
    if (code < 0)
        return refuse(code);
    code = ph_upload_file_create(resource->folder, upload->id, &fd);
    if (code < 0) {
        end(resource, upload);
        return refuse(code);
    }
    if (call->body)
        no = append(resource, call, fd, upload);
    close(fd);
    return no;
}

static struct ph_http_response *create(void *opaque, const struct ph_api_call *call) {
    struct ph_uploads_resource *resource = opaque;
    struct ph_upload upload;
    char location[40];
    struct ph_http_response *no = check_version(call);
    if (!no && !may_upload(&call->caller))
        no = ph_access_problem(&call->caller, -EPERM, "uploading takes a streamer's token");
    if (!no)
        no = read_wish(call, &upload);
    if (!no)
        no = begin(resource, call, &upload);
    if (no)
        return with(no, "Tus-Resumable", version);
    ph_api_call_made(call, upload.id);
    snprintf(location, sizeof(location), "upload/%s", upload.id);
    return with(with(tell(201, &upload), "Location", location), "Tus-Resumable", version);
}

/* One that is the caller's. */
static int find(
    struct ph_uploads_resource *resource, const struct ph_api_call *call, struct ph_upload *upload) {
    if (!*call->id || !may_upload(&call->caller))
        return -ENOENT;
    int code = ph_uploads_find(resource->db, call->id, now_ms(resource), upload);
    return code == 0 && strcmp(upload->owner, call->caller.subject) != 0 ? -ENOENT : code;
}

static struct ph_http_response *look(void *opaque, const struct ph_api_call *call) {
    struct ph_upload upload = {.id = ""};
    struct ph_http_response *response = check_version(call);
    int code = response ? 0 : find(opaque, call, &upload);
    if (!response)
        response = code < 0 ? refuse(code) : with_number(tell(200, &upload), "Upload-Length", upload.bytes);
    return with(response, "Tus-Resumable", version);
}

/* Under the file's lock the row says how far it is. */
static struct ph_http_response *patch_locked(
    struct ph_uploads_resource *resource, const struct ph_api_call *call, int fd, int64_t offset) {
    struct ph_upload upload = {.id = ""};
    int code = find(resource, call, &upload);
    if (code < 0)
        return refuse(code);
    if (offset != upload.received)
        return with_number(ph_problem(409, "Upload-Offset", "is not how far this upload is: ask by HEAD"),
            "Upload-Offset", upload.received);
    struct ph_http_response *no = append(resource, call, fd, &upload);
    return no ? no : tell(204, &upload);
}

static struct ph_http_response *patch_found(
    struct ph_uploads_resource *resource, const struct ph_api_call *call) {
    struct ph_upload upload = {.id = ""};
    int64_t offset;
    int fd, code = find(resource, call, &upload);
    if (code < 0)
        return refuse(code);
    if (!is_chunk(call))
        return ph_problem(415, NULL, "the body must be application/offset+octet-stream");
    if (!ph_tus_number_parse(ph_api_call_header(call, "Upload-Offset"), &offset))
        return ph_problem(400, "Upload-Offset", "must tell where the bytes belong");
    code = ph_upload_file_open(resource->folder, upload.id, &fd);
    if (code < 0)
        return refuse(code);
    struct ph_http_response *response = patch_locked(resource, call, fd, offset);
    close(fd);
    return response;
}

static struct ph_http_response *patch(void *opaque, const struct ph_api_call *call) {
    struct ph_http_response *response = check_version(call);
    return with(response ? response : patch_found(opaque, call), "Tus-Resumable", version);
}

static struct ph_http_response *terminate(void *opaque, const struct ph_api_call *call) {
    struct ph_uploads_resource *resource = opaque;
    struct ph_upload upload = {.id = ""};
    struct ph_http_response *response = check_version(call);
    int code = response ? 0 : find(resource, call, &upload);
    if (!response && code < 0)
        response = refuse(code);
    if (!response && upload.received >= upload.bytes)
        response = ph_problem(409, NULL, "this upload is whole: delete the recording");
    if (!response) {
        end(resource, &upload);
        response = ph_http_response_create(204);
    }
    return with(response, "Tus-Resumable", version);
}

#define TUS "Tus-Resumable", "Content-Type", "Upload-Checksum"
const struct ph_api_route ph_uploads_routes[] = {
    {"POST", "/api/recordings/upload", "recordings.upload", .action = create,
        .wants = {.headers = {TUS, "Upload-Length", "Upload-Metadata"}},
        .most_body_bytes = PH_MOST_UPLOAD_CHUNK_BYTES, .rate = PH_RATE_STARTS, .is_audited = true,
        .is_guarded = true, .describe = describe},
    {"GET", "/api/recordings/upload/{id}", "recordings.upload_look", .action = look,
        .wants = {.headers = {TUS}}, .describe = describe},
    {"PATCH", "/api/recordings/upload/{id}", "recordings.upload_chunk", .action = patch,
        .wants = {.headers = {TUS, "Upload-Offset"}}, .most_body_bytes = PH_MOST_UPLOAD_CHUNK_BYTES,
        .is_guarded = true},
    {"DELETE", "/api/recordings/upload/{id}", "recordings.upload_end", .action = terminate,
        .wants = {.headers = {TUS}}, .is_audited = true},
};
const size_t ph_uploads_route_count = sizeof(ph_uploads_routes) / sizeof(ph_uploads_routes[0]);
