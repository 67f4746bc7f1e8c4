#include "tests/unit/support/faulty_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { head_bytes = 16 * 1024, piece_bytes = 64 * 1024 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum ph_test_fault fault;
    unsigned count;
    const char *match;
    size_t at;
    const char *answer;
    void (*hook)(void);
    unsigned requests, faults, connections;
    const char *watched;
    unsigned watched_requests, watched_answers;
    bool is_ending;
} plan = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static int listener = -1;
static uint16_t server_port;
static pthread_t thread;

struct exchange {
    int client, server;
    char head[head_bytes];
    size_t size; /* of what has come: the head, and what followed it at once */
    size_t head_size;
    size_t body_size;
    bool is_faulty;
    enum ph_test_fault fault;
    size_t at;
    const char *answer;
    void (*hook)(void);
};

static bool send_all(int socket, const char *bytes, size_t size) {
    while (size) {
        ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static void reset(int socket) {
    struct linger at_once = {1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static bool read_head(struct exchange *exchange) {
    while (exchange->size + 1 < sizeof(exchange->head)) {
        ssize_t got = recv(exchange->client, exchange->head + exchange->size,
            sizeof(exchange->head) - 1 - exchange->size, 0);
        if (got <= 0)
            return false;
        exchange->size += (size_t)got;
        exchange->head[exchange->size] = '\0';
        const char *end = strstr(exchange->head, "\r\n\r\n");
        if (!end)
            continue;
        exchange->head_size = (size_t)(end + 2 - exchange->head);
        const char *length = strcasestr(exchange->head, "\r\ncontent-length:");
        exchange->body_size = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        return true;
    }
    return false;
}

static void watch(const char *bytes, unsigned *number) {
    pthread_mutex_lock(&plan.lock);
    if (plan.watched && strstr(bytes, plan.watched))
        (*number)++;
    pthread_mutex_unlock(&plan.lock);
}

static void choose_fault(struct exchange *exchange) {
    char *end = strstr(exchange->head, "\r\n");
    *end = '\0';
    pthread_mutex_lock(&plan.lock);
    plan.requests++;
    exchange->is_faulty = plan.count && (!plan.match || strstr(exchange->head, plan.match));
    if (exchange->is_faulty) {
        plan.count--;
        plan.faults++;
        exchange->fault = plan.fault;
        exchange->at = plan.at;
        exchange->answer = plan.answer;
        exchange->hook = plan.hook;
    }
    pthread_cond_broadcast(&plan.changed);
    pthread_mutex_unlock(&plan.lock);
    *end = '\r';
}

static bool is(const struct exchange *exchange, enum ph_test_fault fault) {
    return exchange->is_faulty && exchange->fault == fault;
}

static bool connect_server(struct exchange *exchange) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(server_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    exchange->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(exchange->server, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* What came with the head, then the rest. False: it is over. */
static bool pass_body(struct exchange *exchange) {
    static const char close_line[] = "Connection: close\r\n\r\n";
    size_t begin = exchange->head_size + 2, passed = exchange->size - begin;
    char piece[piece_bytes];
    bool goes_on =
        exchange->server < 0 || (send_all(exchange->server, exchange->head, exchange->head_size) &&
                                    send_all(exchange->server, close_line, sizeof(close_line) - 1) &&
                                    send_all(exchange->server, exchange->head + begin, passed));
    while (goes_on && passed < exchange->body_size) {
        if (is(exchange, PH_TEST_REQUEST_RESET) && passed >= exchange->at) {
            reset(exchange->client);
            return false;
        }
        ssize_t got = recv(exchange->client, piece, sizeof(piece), 0);
        goes_on = got > 0 && (exchange->server < 0 || send_all(exchange->server, piece, (size_t)got));
        passed += got > 0 ? (size_t)got : 0;
    }
    return goes_on;
}

/* The last byte is known as such when the server has closed. */
static void pass_answer(struct exchange *exchange) {
    char piece[piece_bytes + 1], held = 0;
    bool is_held = false, changes = is(exchange, PH_TEST_ANSWER_CHANGED);
    size_t passed = 0;
    for (;;) {
        ssize_t got = recv(exchange->server, piece, piece_bytes, 0);
        if (got <= 0)
            break;
        size_t size = (size_t)got;
        piece[size] = '\0';
        if (!passed)
            watch(piece, &plan.watched_answers);
        if (is(exchange, PH_TEST_ANSWER_LOST))
            continue;
        bool ends = (is(exchange, PH_TEST_ANSWER_RESET) || is(exchange, PH_TEST_ANSWER_ENDS)) &&
                    passed + size > exchange->at;
        if (ends)
            size = exchange->at - passed;
        if (is_held && !send_all(exchange->client, &held, 1))
            return;
        is_held = changes;
        held = piece[size ? size - 1 : 0];
        if (!send_all(exchange->client, piece, size - (changes ? 1 : 0)))
            return;
        passed += size;
        if (ends) {
            if (is(exchange, PH_TEST_ANSWER_RESET))
                reset(exchange->client);
            return;
        }
    }
    held ^= 1;
    if (is_held)
        send_all(exchange->client, &held, 1);
}

static void wait_for_end(void) {
    pthread_mutex_lock(&plan.lock);
    while (!plan.is_ending)
        pthread_cond_wait(&plan.changed, &plan.lock);
    pthread_mutex_unlock(&plan.lock);
}

static void lose_condition(struct exchange *exchange) {
    char *header = strcasestr(exchange->head, "if-none-match");
    if (header)
        memcpy(header, "x-none", 6);
}

static void serve(struct exchange *exchange) {
    if (!read_head(exchange))
        return;
    watch(exchange->head, &plan.watched_requests);
    choose_fault(exchange);
    if (is(exchange, PH_TEST_CONDITION_LOST))
        lose_condition(exchange);
    if (is(exchange, PH_TEST_SILENCE)) {
        wait_for_end();
    } else if (is(exchange, PH_TEST_ANSWERED)) {
        if (pass_body(exchange))
            send_all(exchange->client, exchange->answer, strlen(exchange->answer));
    } else if (connect_server(exchange) && pass_body(exchange)) {
        pass_answer(exchange);
    }
}

static void *run_exchange(void *opaque) {
    struct exchange *exchange = opaque;
    serve(exchange);
    if (exchange->hook)
        exchange->hook();
    close(exchange->client);
    if (exchange->server >= 0)
        close(exchange->server);
    free(exchange);
    pthread_mutex_lock(&plan.lock);
    plan.connections--;
    pthread_cond_broadcast(&plan.changed);
    pthread_mutex_unlock(&plan.lock);
    return NULL;
}

static void *run(void *opaque) {
    (void)opaque;
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            return NULL;
        struct exchange *exchange = calloc(1, sizeof(*exchange));
        pthread_t worker;
        if (!exchange)
            abort();
        exchange->client = client;
        exchange->server = -1;
        pthread_mutex_lock(&plan.lock);
        plan.connections++;
        pthread_mutex_unlock(&plan.lock);
        if (pthread_create(&worker, NULL, run_exchange, exchange))
            abort();
        pthread_detach(worker);
    }
}

uint16_t ph_test_proxy_start(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    server_port = port;
    plan.is_ending = false;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&address, &size) || pthread_create(&thread, NULL, run, NULL))
        return 0;
    return ntohs(address.sin_port);
}

const char *ph_test_proxy_start_before(const char *store_url) {
    static char url[512];
    const char *port = strstr(strchr(store_url, '?'), "127.0.0.1:") + 10;
    uint16_t proxy = ph_test_proxy_start((uint16_t)strtoul(port, NULL, 10));
    snprintf(url, sizeof(url), "%.*s%u%s", (int)(port - store_url), store_url, proxy,
        port + strspn(port, "0123456789"));
    return proxy ? url : NULL;
}

void ph_test_proxy_stop(void) {
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    pthread_mutex_lock(&plan.lock);
    plan.is_ending = true;
    pthread_cond_broadcast(&plan.changed);
    while (plan.connections)
        pthread_cond_wait(&plan.changed, &plan.lock);
    pthread_mutex_unlock(&plan.lock);
}

void ph_test_proxy_fault(
    enum ph_test_fault fault, unsigned count, const char *match, size_t at, const char *answer) {
    pthread_mutex_lock(&plan.lock);
    plan.fault = fault;
    plan.count = count;
    plan.match = match;
    plan.at = at;
    plan.answer = answer;
    plan.hook = NULL;
    plan.requests = plan.faults = 0;
    pthread_mutex_unlock(&plan.lock);
}

void ph_test_proxy_after_fault(void (*hook)(void)) {
    pthread_mutex_lock(&plan.lock);
    plan.hook = hook;
    pthread_mutex_unlock(&plan.lock);
}

void ph_test_proxy_watch(const char *text) {
    pthread_mutex_lock(&plan.lock);
    plan.watched = text;
    plan.watched_requests = plan.watched_answers = 0;
    pthread_mutex_unlock(&plan.lock);
}

static unsigned locked(const unsigned *number) {
    pthread_mutex_lock(&plan.lock);
    unsigned value = *number;
    pthread_mutex_unlock(&plan.lock);
    return value;
}

unsigned ph_test_proxy_requests(void) {
    return locked(&plan.requests);
}

unsigned ph_test_proxy_faults(void) {
    return locked(&plan.faults);
}

unsigned ph_test_proxy_watched_requests(void) {
    return locked(&plan.watched_requests);
}

unsigned ph_test_proxy_watched_answers(void) {
    return locked(&plan.watched_answers);
}
