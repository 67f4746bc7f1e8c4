#include "tests/unit/api/stage.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/token.h"
#include "core/http/client.h"
#include "tests/unit/support/database.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static struct ph_settings settings;
static struct ph_db *db;
static struct ph_metrics *metrics;
static struct ph_http_server *server;
static struct ph_http_client *client;
static struct ph_api_runtime runtime;

struct stage stage;

/* What the node was told by the API's threads. */
static pthread_mutex_t told = PTHREAD_MUTEX_INITIALIZER;
static char ended[PH_SESSION_ID_BYTES]; /* guarded by told: the last one */
static int ends;                        /* guarded by told */

static void end_session(struct ph_api_runtime *self, const char *session, const char *reason) {
    assert_ptr_equal(self, &runtime);
    assert_non_null(reason);
    pthread_mutex_lock(&told);
    snprintf(ended, sizeof(ended), "%s", session);
    ends++;
    pthread_mutex_unlock(&told);
}

int stage_ends(void) {
    pthread_mutex_lock(&told);
    int count = ends;
    pthread_mutex_unlock(&told);
    return count;
}

bool stage_ended_last(const char *id) {
    pthread_mutex_lock(&told);
    bool is_it = strcmp(ended, id) == 0;
    pthread_mutex_unlock(&told);
    return is_it;
}

int stage_open(void **state) {
    static const struct ph_api_runtime_impl impl = {.end_session = end_session};
    struct ph_error error = {""};
    (void)state;
    runtime.impl = &impl;
    stage = (struct stage){0};
    ends = 0;
    if (ph_test_database_make() < 0)
        return -1;
    setenv("PORTHOLE_DATA_DIR", ph_test_database_folder(), 1);
    setenv("PORTHOLE_DATABASE_URL", ph_test_database_url(), 1);
    setenv("PORTHOLE_JWT_SECRET", SECRET, 1);
    setenv("PORTHOLE_API_KEY", STAGE_API_KEY, 1);
    setenv("PORTHOLE_RATE_LIMITS", "off", 0);
    setenv("PORTHOLE_PUBLIC_URL", "https://live.example.org:8443/p", 1);
    int code = ph_settings_load(&settings, "/dev/null", &error);
    if (code == 0)
        code = ph_db_open(&db, settings.database_url, &error);
    if (code == 0)
        code = ph_metrics_create(&metrics);
    if (code == 0)
        code = ph_http_server_create(&server,
            &(struct ph_http_server_options){.listen = "127.0.0.1:0", .threads = 2, .metrics = metrics},
            &error);
    if (code == 0)
        code = ph_store_create(&stage.store,
            &(struct ph_store_options){.url = "file:",
                .data_dir = ph_test_database_folder(),
                .public_url = settings.public_url,
                .secret = {(const uint8_t *)SECRET, strlen(SECRET)},
                .storage_class = "",
                .encryption = "",
                .ca_file = "",
                .metrics = metrics},
            &error);
    if (code == 0)
        code = ph_api_create(&stage.api,
            &(struct ph_api_options){.settings = &settings,
                .db = db,
                .metrics = metrics,
                .clock = ph_clock_system(),
                .runtime = &runtime,
                .store = stage.store,
                .carries_sessions = true},
            &error);
    if (code == 0)
        code = ph_api_add_routes(stage.api, server);
    if (code == 0)
        code = ph_http_server_start(server, &error);
    if (code == 0)
        code = ph_http_client_create(&client);
    if (code < 0)
        print_error("%s\n", error.text);
    return code;
}

int stage_close(void **state) {
    (void)state;
    json_decref(stage.answer);
    stage.answer = NULL;
    ph_http_client_destroy(client);
    ph_http_server_drain(server, ph_now_us() + 5 * PH_SECOND_US);
    ph_api_stop(stage.api);
    ph_http_server_destroy(server);
    ph_api_destroy(stage.api);
    ph_store_destroy(stage.store);
    ph_db_close(db);
    ph_metrics_destroy(metrics);
    ph_settings_finish(&settings);
    return ph_test_database_remove();
}

uint16_t stage_port(void) {
    return ph_http_server_port(server);
}

struct ph_db *stage_database(void) {
    return db;
}

struct ph_db *stage_db(void) {
    return db;
}

char *stage_token(const char *role, const char *subject, const char *session) {
    char *token = NULL;
    assert_int_equal(ph_token_issue(SECRET, role, subject, session, 600, &token, NULL), 0);
    return token;
}

static void call(
    const char *method, const char *path, const char *const *headers, const void *body, size_t size) {
    char url[512];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", ph_http_server_port(server), path);
    struct ph_http_exchange exchange = {
        .method = method, .url = url, .headers = headers, .body = {body, size}};
    assert_int_equal(ph_http_client_perform(client, &exchange), 0);
    stage.status = exchange.status;
    stage.retry_after_us = exchange.retry_after_us;
    json_decref(stage.answer);
    stage.answer = exchange.answer ? json_loadb((const char *)ph_bytes_data(exchange.answer),
                                         ph_bytes_size(exchange.answer), 0, NULL)
                                   : NULL;
    ph_http_exchange_finish(&exchange);
}

/* `authorization` is a whole header, or NULL. */
void stage_call_with(
    const char *method, const char *path, const char *authorization, const void *body, size_t size) {
    call(method, path, (const char *[]){authorization, NULL}, body, size);
}

void stage_call_headers(const char *path, const char *const *headers) {
    call("GET", path, headers, NULL, 0);
}

void stage_call_from(const char *client_address, const char *authorization, const char *path) {
    char forwarded[64];
    snprintf(forwarded, sizeof(forwarded), "X-Forwarded-For: %s", client_address);
    call("GET", path, (const char *[]){forwarded, authorization, NULL}, NULL, 0);
}

/* `token` is taken over; NULL: anonymous. */
void stage_call_bytes(const char *method, const char *path, char *token, const void *body, size_t size) {
    char authorization[2048];
    if (token)
        snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
    stage_call_with(method, path, token ? authorization : NULL, body, size);
    free(token);
}

void stage_call(const char *method, const char *path, char *token, const char *body) {
    stage_call_bytes(method, path, token, body, body ? strlen(body) : 0);
}

char *stage_alice(void) {
    return stage_token("streamer", "alice", NULL);
}

/* The member at "a.b.c" of the last answer. */
json_t *stage_member(const char *path) {
    char name[64];
    json_t *value = stage.answer;
    while (*path) {
        size_t size = strcspn(path, ".");
        snprintf(name, sizeof(name), "%.*s", (int)size, path);
        value = json_object_get(value, name);
        path += size + (path[size] == '.');
    }
    return value;
}

const char *stage_text(const char *path) {
    const char *value = json_string_value(stage_member(path));
    return value ? value : "(none)";
}

void stage_start(const char *body, char id[PH_SESSION_ID_BYTES]) {
    stage_call("POST", "/api/sessions/start", stage_alice(), body);
    assert_int_equal(stage.status, 201);
    snprintf(id, PH_SESSION_ID_BYTES, "%s", stage_text("sessionId"));
}

const char *stage_path(const char *prefix, const char *id) {
    static char path[128];
    snprintf(path, sizeof(path), "%s%s", prefix, id);
    return path;
}

void stage_await_state(const char *id, const char *state) {
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    do {
        stage_call("GET", stage_path("/api/sessions/", id), stage_token("operator", "o", NULL), NULL);
        assert_int_equal(stage.status, 200);
        if (strcmp(stage_text("state"), state) == 0)
            return;
        nanosleep(&pause, NULL);
    } while (ph_now_us() < deadline_us);
    fail_msg("the session is %s, not %s", stage_text("state"), state);
}
