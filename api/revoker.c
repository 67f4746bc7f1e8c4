/* Tells the origins what was revoked. One thread, with a connection of its own. */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/revocations.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/http/client.h"
#include "core/media/publish_token.h"

enum { ROWS_AT_ONCE = 512, MOST_TAGS = 256, MOST_URL_BYTES = 600 };

static const int64_t round_us = 1 * PH_SECOND_US;
/* Tokens hold for PH_PLAYBACK_TOKEN_S; clocks may differ. */
static const int64_t told_for_ms = 2 * PH_PLAYBACK_TOKEN_S * INT64_C(1000);
static const int64_t prune_every_us = 600 * PH_SECOND_US;

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

static int64_t now_ms(const struct ph_revoker *revoker) {
    return ph_clock_utc_us(revoker->options.clock) / PH_MILLISECOND_US;
}

/* The rows of one session as the body of a request, malloc'ed; NULL when out of memory. */
static char *body_of(const struct ph_revocation_row *rows, size_t count) {
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

/* An origin that does not answer, or does not carry the session, is told again in the next round. False for
 * one that does not answer. */
static bool tell(struct ph_revoker *revoker, const char *origin, size_t origin_size, const char *session,
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
    return code >= 0;
}

/* `away` has a bit for each origin that did not answer in this round: the others are not kept waiting by it
 * for each session. */
static void tell_all(struct ph_revoker *revoker, const char *session, const char *body, uint32_t *away) {
    uint32_t bit = 1;
    for (const char *next = revoker->origins; *next; bit <<= 1) {
        next += strspn(next, ", ");
        size_t size = strcspn(next, ", ");
        if (size > 0 && !(*away & bit) &&
            !tell(revoker, next, next[size - 1] == '/' ? size - 1 : size, session, body))
            *away |= bit;
        next += size;
    }
}

static void tell_page(
    struct ph_revoker *revoker, const struct ph_revocation_row *rows, size_t count, uint32_t *away) {
    for (size_t first = 0; first < count;) {
        size_t end = first + 1;
        while (end < count && end - first < MOST_TAGS && strcmp(rows[end].session, rows[first].session) == 0)
            end++;
        char *body = body_of(&rows[first], end - first);
        if (body)
            tell_all(revoker, rows[first].session, body, away);
        free(body);
        first = end;
    }
}

static bool is_stopping(struct ph_revoker *revoker) {
    pthread_mutex_lock(&revoker->lock);
    bool is = revoker->is_stopping;
    pthread_mutex_unlock(&revoker->lock);
    return is;
}

/* All there is, page by page: however much is revoked in one session, the others' is told too. */
static void tell_round(struct ph_revoker *revoker, struct ph_revocation_row *rows) {
    struct ph_revocation_row last;
    size_t count = 0;
    uint32_t away = 0;
    int64_t since_ms = now_ms(revoker) - told_for_ms;
    /* while the database is away: the next round reads again */
    int code = ph_revocations_read(revoker->options.db, since_ms, NULL, rows, ROWS_AT_ONCE, &count);
    while (code == 0 && count > 0 && !is_stopping(revoker)) {
        tell_page(revoker, rows, count, &away);
        if (count < ROWS_AT_ONCE)
            return;
        last = rows[count - 1];
        code = ph_revocations_read(revoker->options.db, since_ms, &last, rows, ROWS_AT_ONCE, &count);
    }
}

/* What is told no more need not be kept. */
static void prune(struct ph_revoker *revoker, int64_t *next_us) {
    if (ph_now_us() < *next_us)
        return;
    *next_us = ph_now_us() + prune_every_us;
    int code = ph_revocations_prune(revoker->options.db, now_ms(revoker) - told_for_ms);
    if (code < 0)
        ph_log_warning("old revocations stay for a while longer", ph_code(code));
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
    struct ph_revocation_row *rows = calloc(ROWS_AT_ONCE, sizeof(*rows));
    int64_t next_prune_us = ph_now_us();
    pthread_mutex_lock(&revoker->lock);
    while (rows && !revoker->is_stopping) {
        pthread_mutex_unlock(&revoker->lock);
        tell_round(revoker, rows);
        prune(revoker, &next_prune_us);
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
