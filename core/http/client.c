#include "core/http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/builder.h"
#include "core/base/clock.h"
#include "core/http/curl_headers.h"

static const int64_t default_connect_timeout_us = 2 * PH_SECOND_US;
static const int64_t default_timeout_us = 10 * PH_SECOND_US;
static const size_t default_most_answer_bytes = 1024 * 1024;

/* The easy handle runs inside a multi handle because that one can be woken from another thread. */
struct ph_http_client {
    CURL *easy;
    CURLM *multi;
    atomic_bool cancelled;
    struct ph_builder gathered;
    size_t most_answer_bytes;
    bool answer_is_too_long;
    bool was_refused; /* by may_connect */
    bool (*may_connect)(void *opaque, const struct sockaddr *address);
    void *may_connect_opaque;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void init_global(void) {
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t receive(char *bytes, size_t size, size_t count, void *opaque) {
    struct ph_http_client *client = opaque;
    size_t total = size * count;
    if (total > client->most_answer_bytes - client->gathered.size) {
        client->answer_is_too_long = true;
        return 0;
    }
    ph_builder_append(&client->gathered, bytes, total);
    return ph_builder_ok(&client->gathered) ? total : 0;
}

/* The address is judged here, once it is resolved: a name that is looked up twice may change in between. */
static curl_socket_t open_socket(void *opaque, curlsocktype purpose, struct curl_sockaddr *address) {
    struct ph_http_client *client = opaque;
    (void)purpose;
    if (client->may_connect && !client->may_connect(client->may_connect_opaque, &address->addr)) {
        client->was_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int ph_http_client_init(void) {
    pthread_once(&global_once, init_global);
    return global_code ? -EIO : 0;
}

int ph_http_client_create(struct ph_http_client **out) {
    *out = NULL;
    int code = ph_http_client_init();
    if (code < 0)
        return code;
    struct ph_http_client *client = calloc(1, sizeof(*client));
    if (!client)
        return -ENOMEM;
    client->easy = curl_easy_init();
    client->multi = curl_multi_init();
    if (!client->easy || !client->multi) {
        ph_http_client_destroy(client);
        return -ENOMEM;
    }
    *out = client;
    return 0;
}

void ph_http_client_destroy(struct ph_http_client *client) {
    if (!client)
        return;
    curl_easy_cleanup(client->easy);
    if (client->multi)
        curl_multi_cleanup(client->multi);
    ph_builder_discard(&client->gathered);
    free(client);
}

/* `Expect: 100-continue` costs a round trip, and the content type is a form's that libcurl invents. */
static const char *const unwanted_headers[] = {"Expect:", "Content-Type:", NULL};

static void set_method(CURL *easy, const struct ph_http_exchange *exchange) {
    bool has_body = exchange->body.size > 0 || strcmp(exchange->method, "PUT") == 0 ||
                    strcmp(exchange->method, "POST") == 0;
    if (strcmp(exchange->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.size);
        curl_easy_setopt(
            easy, CURLOPT_POSTFIELDS, exchange->body.data ? (const char *)exchange->body.data : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
}

static long milliseconds(int64_t duration_us, int64_t otherwise_us) {
    return (long)(((duration_us ? duration_us : otherwise_us) + PH_MILLISECOND_US - 1) / PH_MILLISECOND_US);
}

/* Resetting keeps the connection. */
static void prepare(
    struct ph_http_client *client, const struct ph_http_exchange *exchange, struct curl_slist *headers) {
    CURL *easy = client->easy;
    curl_easy_reset(easy);
    ph_builder_discard(&client->gathered);
    client->answer_is_too_long = false;
    client->most_answer_bytes =
        exchange->most_answer_bytes ? exchange->most_answer_bytes : default_most_answer_bytes;
    curl_easy_setopt(easy, CURLOPT_URL, exchange->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
        milliseconds(exchange->connect_timeout_us, default_connect_timeout_us));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(exchange->timeout_us, default_timeout_us));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    client->was_refused = false;
    client->may_connect = exchange->may_connect;
    client->may_connect_opaque = exchange->may_connect_opaque;
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, client);
    if (exchange->authorities && *exchange->authorities)
        curl_easy_setopt(easy, CURLOPT_CAINFO, exchange->authorities);
    set_method(easy, exchange);
}

static int connect_error(CURL *easy) {
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    return number ? -(int)number : -ECONNREFUSED;
}

static int code_of(const struct ph_http_client *client, CURLcode result) {
    if (client->answer_is_too_long)
        return -EMSGSIZE;
    if (client->gathered.failed)
        return -ENOMEM;
    switch (result) {
    case CURLE_OK:
        return 0;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_COULDNT_CONNECT:
        return client->was_refused ? -EPERM : connect_error(client->easy);
    case CURLE_PEER_FAILED_VERIFICATION:
        return -ENOKEY;
    case CURLE_COULDNT_RESOLVE_HOST:
        return -EHOSTUNREACH;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return -ECONNRESET;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return -EINVAL;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

/* Runs the prepared transfer to its end. The deadline is libcurl's own. */
static int run(struct ph_http_client *client) {
    int running = 1, messages;
    if (curl_multi_add_handle(client->multi, client->easy))
        return -ENOMEM;
    int code = -EIO;
    for (;;) {
        if (atomic_load(&client->cancelled)) {
            code = -ECANCELED;
            break;
        }
        if (curl_multi_perform(client->multi, &running))
            break;
        if (!running) {
            CURLMsg *message = curl_multi_info_read(client->multi, &messages);
            if (message && message->msg == CURLMSG_DONE)
                code = code_of(client, message->data.result);
            break;
        }
        if (curl_multi_poll(client->multi, NULL, 0, 1000, NULL))
            break;
    }
    curl_multi_remove_handle(client->multi, client->easy);
    return code;
}

static int read_answer(struct ph_http_client *client, struct ph_http_exchange *exchange) {
    long status = 0;
    curl_off_t seconds = 0;
    struct curl_header *header;
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    exchange->status = (unsigned)status;
    exchange->retry_after_us = -1;
    if (curl_easy_header(client->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        curl_easy_getinfo(client->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK)
        exchange->retry_after_us = (int64_t)seconds * PH_SECOND_US;
    exchange->answer = ph_builder_finish(&client->gathered);
    return exchange->answer ? 0 : -ENOMEM;
}

int ph_http_client_perform(struct ph_http_client *client, struct ph_http_exchange *exchange) {
    struct curl_slist *headers = NULL;
    ph_bytes_unref(&exchange->answer);
    exchange->status = 0;
    exchange->retry_after_us = -1;
    int code = ph_curl_headers(&headers, exchange->headers, unwanted_headers);
    if (!code) {
        prepare(client, exchange, headers);
        code = run(client);
    }
    if (!code)
        code = read_answer(client, exchange);
    curl_slist_free_all(headers);
    return code;
}

void ph_http_exchange_finish(struct ph_http_exchange *exchange) {
    ph_bytes_unref(&exchange->answer);
}

void ph_http_client_cancel(struct ph_http_client *client) {
    atomic_store(&client->cancelled, true);
    curl_multi_wakeup(client->multi);
}
