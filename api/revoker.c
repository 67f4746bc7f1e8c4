/* Tells the origins what was revoked. One thread, with a connection of its own. */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/revocations.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/thread.h"
#include "core/http/client.h"
#include "core/media/playback_token.h"
#include "core/media/publish_token.h"

enum { MOST_ROWS = 512, MOST_URL_BYTES = 600 };

static const int64_t round_us = 1 * PH_SECOND_US;
/* Tokens hold for PH_PLAYBACK_TOKEN_S; clocks may differ. */
static const int64_t told_for_ms = 2 * PH_PLAYBACK_TOKEN_S * INT64_C(1000);

struct row {
    char session[PH_SESSION_ID_BYTES];
    char tag[PH_PLAYBACK_VIEWER_BYTES];
    int64_t at_ms;
};

struct ph_revoker {
    struct ph_revoker_options options;
    char *origins;
    struct ph_http_client *client;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* with lock */
    bool is_poked;          /* guarded by lock */
    bool is_stopping;       /* guarded by lock */
};

/* Reads what is to be told, by session. */
static int read_rows(struct ph_revoker *revoker, int64_t now_ms, struct row *rows, size_t *count) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    *count = 0;
    int code = ph_db_begin(revoker->options.db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction,
        "SELECT session, tag, at_ms FROM revocations WHERE at_ms > $1 ORDER BY session, at_ms DESC LIMIT 512",
        &statement);
    if (code == 0) {
        ph_db_bind_integer(statement, 1, now_ms - told_for_ms);
        while ((code = ph_db_step(statement)) == 1 && *count < MOST_ROWS) {
            struct row *row = &rows[(*count)++];
            snprintf(row->session, sizeof(row->session), "%s", ph_db_text(statement, 0));
            snprintf(row->tag, sizeof(row->tag), "%s", ph_db_text(statement, 1));
            row->at_ms = ph_db_integer(statement, 2);
        }
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return code < 0 ? code : 0;
}

/* The rows of one session as the body of a request, malloc'ed; NULL when out of memory. */
static char *body_of(const struct row *rows, size_t count) {
    json_t *list = json_array(), *root;
    for (size_t i = 0; list && i < count; i++) {
        /* rounded up: a token of the same second is older, or newer by chance and soon renewed */
        json_t *entry =
            json_pack("{s:s, s:I}", "tag", rows[i].tag, "at", (json_int_t)((rows[i].at_ms + 999) / 1000));
        if (json_array_append_new(list, entry) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    root = json_pack("{s:o}", "revoked", list);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

/* An origin that does not answer, or does not carry the session, is told again in the next round. */
static void tell(struct ph_revoker *revoker, const char *origin, size_t origin_size, const char *session,
    const char *body) {
    char url[MOST_URL_BYTES], token[PH_PUBLISH_TOKEN_BYTES], authorization[80];
    const char *headers[] = {authorization, "Content-Type: application/json", NULL};
    const char *secret = revoker->options.cluster_secret;
    ph_publish_token_make((struct ph_slice){(const uint8_t *)secret, strlen(secret)}, session, token);
    snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
    snprintf(url, sizeof(url), "%.*s/publish/%s/revoked", (int)origin_size, origin, session);
    struct ph_http_exchange exchange = {.method = "PUT",
        .url = url,
        .headers = headers,
        .body = {(const uint8_t *)body, strlen(body)},
        .connect_timeout_us = PH_SECOND_US / 2,
        .timeout_us = PH_SECOND_US};
    int code = ph_http_client_perform(revoker->client, &exchange);
    if (code < 0 || exchange.status >= 500)
        ph_log_debug("an origin was not told of a revocation", ph_str("session", session), ph_code(code));
    ph_http_exchange_finish(&exchange);
}

static void tell_all(struct ph_revoker *revoker, const char *session, const char *body) {
    for (const char *next = revoker->origins; *next;) {
        next += strspn(next, ", ");
        size_t size = strcspn(next, ", ");
        if (size > 0)
            tell(revoker, next, next[size - 1] == '/' ? size - 1 : size, session, body);
        next += size;
    }
}

static void tell_round(struct ph_revoker *revoker, struct row *rows) {
    size_t count = 0;
    int64_t now_ms = ph_clock_utc_us(revoker->options.clock) / PH_MILLISECOND_US;
    if (read_rows(revoker, now_ms, rows, &count) < 0)
        return; /* the database is away: the next round reads again */
    for (size_t first = 0; first < count;) {
        size_t end = first + 1;
        while (end < count && end - first < 256 && strcmp(rows[end].session, rows[first].session) == 0)
            end++;
        char *body = body_of(&rows[first], end - first);
        if (body)
            tell_all(revoker, rows[first].session, body);
        free(body);
        first = end;
    }
}

static void wait_for_round(struct ph_revoker *revoker) {
    int64_t until_us = ph_now_us() + round_us;
    while (!revoker->is_poked && !revoker->is_stopping) {
        if (ph_cond_wait_until(&revoker->changed, &revoker->lock, until_us) == -ETIMEDOUT)
            break;
    }
    revoker->is_poked = false;
}

static void *run(void *opaque) {
    struct ph_revoker *revoker = opaque;
    struct row *rows = calloc(MOST_ROWS, sizeof(*rows));
    pthread_mutex_lock(&revoker->lock);
    while (rows && !revoker->is_stopping) {
        pthread_mutex_unlock(&revoker->lock);
        tell_round(revoker, rows);
        pthread_mutex_lock(&revoker->lock);
        wait_for_round(revoker);
    }
    pthread_mutex_unlock(&revoker->lock);
    free(rows);
    return NULL;
}

int ph_revoker_create(struct ph_revoker **result, const struct ph_revoker_options *options) {
    struct ph_revoker *revoker = calloc(1, sizeof(*revoker));
    if (!revoker)
        return -ENOMEM;
    revoker->options = *options;
    int code = ph_cond_init(&revoker->changed);
    if (code < 0) {
        free(revoker);
        return code;
    }
    pthread_mutex_init(&revoker->lock, NULL);
    *result = revoker;
    return 0;
}

int ph_revoker_start(struct ph_revoker *revoker, const char *origins) {
    revoker->origins = strdup(origins);
    int code = revoker->origins ? ph_http_client_create(&revoker->client) : -ENOMEM;
    if (code == 0)
        code = ph_thread_start(&revoker->thread, "revoker", run, revoker);
    revoker->is_running = code == 0;
    return code;
}

void ph_revoker_poke(struct ph_revoker *revoker) {
    pthread_mutex_lock(&revoker->lock);
    revoker->is_poked = true;
    pthread_cond_signal(&revoker->changed);
    pthread_mutex_unlock(&revoker->lock);
}

void ph_revoker_stop(struct ph_revoker *revoker) {
    if (!revoker || !revoker->is_running)
        return;
    pthread_mutex_lock(&revoker->lock);
    revoker->is_stopping = true;
    pthread_cond_signal(&revoker->changed);
    pthread_mutex_unlock(&revoker->lock);
    ph_http_client_cancel(revoker->client);
    pthread_join(revoker->thread, NULL);
    revoker->is_running = false;
}

void ph_revoker_destroy(struct ph_revoker *revoker) {
    if (!revoker)
        return;
    ph_revoker_stop(revoker);
    ph_http_client_destroy(revoker->client);
    pthread_cond_destroy(&revoker->changed);
    pthread_mutex_destroy(&revoker->lock);
    free(revoker->origins);
    free(revoker);
}
