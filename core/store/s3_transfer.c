#include "core/store/s3_transfer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/http/curl_headers.h"

enum {
    most_answer_bytes = 4 * 1024 * 1024, /* of what is not an object: a page of a list is the longest */
    least_sink_bytes = 64 * 1024,
    connect_timeout_ms = 5000,
    slow_bytes_a_second = 1024,
    slow_s = 30,
    connection_age_s = 60,
};

static uint64_t body_bytes(const struct ph_s3_exchange *exchange) {
    return exchange->has_file ? exchange->file_bytes : exchange->body.size;
}

static size_t send_bytes(char *target, size_t size, size_t count, void *opaque) {
    struct ph_s3_exchange *exchange = opaque;
    uint64_t left = body_bytes(exchange) - exchange->sent_bytes;
    size_t wanted = size * count < left ? size * count : (size_t)left;
    if (exchange->has_file) {
        ssize_t got = wanted ? pread(exchange->file, target, wanted, (off_t)exchange->sent_bytes) : 0;
        if (got < 0 || (got == 0 && wanted)) {
            exchange->failure = got < 0 ? -errno : -EBADMSG; /* it became shorter */
            return CURL_READFUNC_ABORT;
        }
        wanted = (size_t)got;
    } else if (wanted) {
        memcpy(target, exchange->body.data + exchange->sent_bytes, wanted);
    }
    exchange->sent_bytes += wanted;
    return wanted;
}

/* A kept connection may turn out to be closed; then the body is sent again on another. */
static int seek_body(void *opaque, curl_off_t offset, int origin) {
    struct ph_s3_exchange *exchange = opaque;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > body_bytes(exchange))
        return CURL_SEEKFUNC_FAIL;
    exchange->sent_bytes = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int grow(struct ph_s3_sink *sink, size_t wanted, const struct ph_s3_headers *answered) {
    size_t capacity = sink->capacity ? 2 * sink->capacity : least_sink_bytes;
    if (answered->has_length && answered->length <= sink->most_bytes - sink->size)
        capacity = sink->size + (size_t)answered->length;
    if (capacity < wanted)
        capacity = wanted;
    if (capacity > sink->most_bytes)
        capacity = sink->most_bytes;
    uint8_t *block = realloc(sink->block, capacity);
    if (!block)
        return -ENOMEM;
    sink->block = block;
    sink->capacity = capacity;
    return 0;
}

static int fill(struct ph_s3_exchange *exchange, const void *bytes, size_t size) {
    struct ph_s3_sink *sink = exchange->sink;
    const struct ph_s3_headers *answered = &exchange->answered;
    if (exchange->is_ranged &&
        (exchange->status != 206 || !answered->has_range || answered->range_begin != exchange->range_begin))
        return -EBADMSG;
    if (size > sink->most_bytes - sink->size)
        return -EMSGSIZE;
    int code = sink->size + size > sink->capacity ? grow(sink, sink->size + size, answered) : 0;
    if (code < 0)
        return code;
    memcpy(sink->block + sink->size, bytes, size);
    sink->size += size;
    return 0;
}

static size_t receive(char *bytes, size_t size, size_t count, void *opaque) {
    struct ph_s3_exchange *exchange = opaque;
    size_t total = size * count;
    bool is_object = (exchange->status == 200 || exchange->status == 206) && *exchange->answered.etag;
    int code = 0;
    if (exchange->sink && is_object) {
        code = fill(exchange, bytes, total);
    } else if (total > most_answer_bytes - exchange->answer.size) {
        code = -EMSGSIZE;
    } else {
        ph_builder_append(&exchange->answer, bytes, total);
        code = ph_builder_ok(&exchange->answer) ? 0 : -ENOMEM;
    }
    if (code < 0)
        exchange->failure = code;
    return code < 0 ? 0 : total;
}

/* Every answer begins with its status; one may come before the last (100 Continue, a connection tried again).
 */
static size_t receive_header(char *line, size_t size, size_t count, void *opaque) {
    struct ph_s3_exchange *exchange = opaque;
    size_t total = size * count;
    if (total > 12 && memcmp(line, "HTTP/", 5) == 0) {
        const char *status = memchr(line, ' ', total);
        exchange->status = status ? (unsigned)strtoul(status, NULL, 10) : 0;
        exchange->has_head = false;
        ph_s3_headers_init(&exchange->answered);
    } else {
        exchange->has_head = *line == '\r' || *line == '\n';
        ph_s3_headers_take(&exchange->answered, line, total);
    }
    return total;
}

/* What libcurl adds by itself: a wait for 100 Continue costs a round trip, and a content type nobody signed
 * would be kept with the object. */
static const char *const unwanted_headers[] = {"Expect:", "Accept:", "Content-Type:", NULL};

static void set_method(CURL *easy, struct ph_s3_exchange *exchange) {
    bool has_body = strcmp(exchange->method, "PUT") == 0 || strcmp(exchange->method, "POST") == 0;
    if (strcmp(exchange->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_bytes(exchange));
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, send_bytes);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
}

static void set_bounds(CURL *easy, const struct ph_s3_exchange *exchange) {
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(exchange->timeout_us / PH_MILLISECOND_US) + 1);
    if (!exchange->is_slow) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)slow_bytes_a_second);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)slow_s);
    }
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)connection_age_s);
}

int ph_s3_transfer_prepare(
    CURL *easy, struct ph_s3_exchange *exchange, const char *ca_file, struct curl_slist **headers) {
    exchange->status = 0;
    exchange->has_head = false;
    exchange->failure = 0;
    exchange->sent_bytes = 0;
    ph_s3_headers_init(&exchange->answered);
    ph_builder_discard(&exchange->answer);
    *headers = NULL;
    int code = ph_curl_headers(headers, exchange->headers, unwanted_headers);
    if (code < 0)
        return code;
    curl_easy_reset(easy);
    if (curl_easy_setopt(easy, CURLOPT_URL, exchange->url)) /* it alone is copied */
        return -ENOMEM;
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
    if (ca_file && *ca_file && curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file))
        return -ENOMEM;
    set_bounds(easy, exchange);
    set_method(easy, exchange);
    return 0;
}

int ph_s3_transfer_code(CURL *easy, const struct ph_s3_exchange *exchange, CURLcode result) {
    long number = 0;
    if (exchange->failure)
        return exchange->failure;
    switch (result) {
    case CURLE_OK: /* also where the connection ended within the head */
        return !exchange->status ? -EIO : exchange->has_head ? 0 : -ECONNRESET;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
        return number ? -(int)number : -ECONNREFUSED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return -ENOKEY;
    case CURLE_COULDNT_RESOLVE_HOST:
        return -EHOSTUNREACH;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return -ECONNRESET;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    default:
        return -EIO;
    }
}
