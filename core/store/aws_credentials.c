#include "core/store/aws_credentials.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/thread.h"
#include "core/store/aws_source.h"

static const int64_t margin_us = 300 * PH_SECOND_US; /* before they expire; AWS has others ready by then */
static const int64_t margin_jitter_us = 60 * PH_SECOND_US;
static const int64_t least_pause_us = PH_SECOND_US;
static const int64_t first_backoff_us = PH_SECOND_US;
static const int64_t most_backoff_us = 60 * PH_SECOND_US;
static const int64_t look_us = 10 * PH_SECOND_US; /* how often a file is looked at */
/* How soon after a fetch whoever is refused may cause another. */
static const int64_t file_patience_us = PH_SECOND_US;
static const int64_t endpoint_patience_us = 10 * PH_SECOND_US;

struct ph_aws_credentials {
    struct ph_clock *clock;
    struct ph_aws_source source; /* the thread's while it runs */
    struct ph_metrics *metrics;  /* NULL: nobody counts */
    pthread_t thread;
    bool has_thread; /* not for what the environment says */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under `lock`. */
    bool is_ending;
    bool is_fetching;
    bool is_asked_for; /* by who has no keys, or was refused with them */
    bool is_missing;   /* there are none that have not expired, which was told */
    uint64_t fetches;
    unsigned failures;        /* in a row */
    int64_t due_us;           /* ph_now_us(): the next fetch of itself */
    int64_t earliest_us;      /* the next one that is asked for */
    struct ph_aws_keys *keys; /* NULL: none yet */
    struct ph_error trouble;  /* of the last failure; "" */
};

static bool are_valid(const struct ph_aws_credentials *credentials) {
    return credentials->keys && credentials->keys->expires_us > ph_clock_utc_us(credentials->clock);
}

static void tell_metrics(struct ph_aws_credentials *credentials, bool is_fetched) {
    const struct ph_aws_keys *keys = credentials->keys;
    if (!credentials->metrics)
        return;
    ph_metric_add(ph_metrics_counter(credentials->metrics, "porthole_store_credentials_fetches_total",
                      "Times that credentials for the archive's bucket were fetched.",
                      PH_LABELS({"source", ph_aws_source_name(&credentials->source)},
                          {"outcome", is_fetched ? "done" : "failed"})),
        1);
    ph_metric_set(ph_metrics_gauge(credentials->metrics, "porthole_store_credentials_missing",
                      "1: there are no credentials for the archive's bucket that have not expired.", NULL),
        !are_valid(credentials));
    ph_metric_set(
        ph_metrics_gauge(credentials->metrics, "porthole_store_credentials_expiry_timestamp_seconds",
            "When the credentials for the archive's bucket expire (UTC). 0: never.", NULL),
        keys && keys->expires_us != INT64_MAX ? (double)keys->expires_us / PH_SECOND_US : 0);
}

/* Half of what is left where that is little: who gives out keys late is asked again in time. */
static int64_t pause_for(int64_t left_us) {
    int64_t margin = margin_us + (int64_t)((double)margin_jitter_us * ph_random_unit());
    int64_t pause_us = left_us - (margin < left_us / 2 ? margin : left_us / 2);
    return pause_us > least_pause_us ? pause_us : least_pause_us;
}

/* Takes the reference. */
static void adopt(struct ph_aws_credentials *credentials, struct ph_aws_keys *keys) {
    int64_t now_us = ph_now_us(), left_us = keys->expires_us - ph_clock_utc_us(credentials->clock);
    bool expires = keys->expires_us != INT64_MAX;
    bool are_new = !credentials->keys || !ph_aws_keys_are_same(credentials->keys, keys);
    ph_aws_keys_unref(&credentials->keys);
    credentials->keys = keys;
    credentials->failures = 0;
    credentials->is_missing = false;
    credentials->trouble.text[0] = '\0';
    credentials->due_us = expires ? now_us + pause_for(left_us) : PH_NEVER_US;
    credentials->earliest_us =
        now_us + (credentials->source.client ? endpoint_patience_us : file_patience_us);
    if (are_new && expires)
        ph_log_info("credentials for the archive's bucket are fetched",
            ph_str("source", ph_aws_source_name(&credentials->source)),
            ph_int("expire_seconds", left_us / PH_SECOND_US));
    else if (are_new)
        ph_log_info("credentials for the archive's bucket are fetched",
            ph_str("source", ph_aws_source_name(&credentials->source)));
}

static void fail(struct ph_aws_credentials *credentials, const struct ph_error *why) {
    const char *source = ph_aws_source_name(&credentials->source);
    bool is_first = ++credentials->failures == 1;
    credentials->trouble = *why;
    credentials->due_us =
        ph_now_us() + ph_backoff_us(credentials->failures, first_backoff_us, most_backoff_us);
    credentials->earliest_us =
        credentials->source.client ? credentials->due_us : ph_now_us() + file_patience_us;
    if (!are_valid(credentials)) {
        if (!credentials->is_missing)
            ph_log_error(
                "there are no credentials for the archive's bucket; nothing is archived until there are",
                ph_str("source", source), ph_str("reason", why->text));
        credentials->is_missing = true;
    } else if (is_first) {
        ph_log_warning(
            "credentials for the archive's bucket cannot be renewed; those that are there are used",
            ph_str("source", source), ph_str("reason", why->text));
    }
}

/* Under the lock, which it gives up meanwhile. */
static void fetch(struct ph_aws_credentials *credentials) {
    struct ph_aws_keys *keys;
    struct ph_error why = {""};
    credentials->is_fetching = true;
    credentials->is_asked_for = false;
    pthread_mutex_unlock(&credentials->lock);
    int code = ph_aws_source_fetch(&credentials->source, &keys, &why);
    pthread_mutex_lock(&credentials->lock);
    credentials->is_fetching = false;
    if (credentials->is_ending) {
        ph_aws_keys_unref(&keys);
        return;
    }
    if (!code && keys->expires_us <= ph_clock_utc_us(credentials->clock)) {
        ph_aws_keys_unref(&keys);
        code = ph_error_set(&why, -ETIME, "what there is has expired already");
    }
    if (code && !*why.text)
        ph_error_name(code, why.text, sizeof(why.text));
    if (code)
        fail(credentials, &why);
    else
        adopt(credentials, keys);
    credentials->fetches++;
    tell_metrics(credentials, !code);
    pthread_cond_broadcast(&credentials->changed);
}

static bool is_due(const struct ph_aws_credentials *credentials) {
    int64_t now_us = ph_now_us();
    return now_us >= credentials->due_us ||
           (now_us >= credentials->earliest_us &&
               (credentials->is_asked_for || ph_aws_source_has_changed(&credentials->source)));
}

static void *run(void *opaque) {
    struct ph_aws_credentials *credentials = opaque;
    pthread_mutex_lock(&credentials->lock);
    while (!credentials->is_ending) {
        if (is_due(credentials)) {
            fetch(credentials);
            continue;
        }
        int64_t until_us = credentials->due_us;
        if (credentials->is_asked_for && credentials->earliest_us < until_us)
            until_us = credentials->earliest_us;
        if (credentials->source.kind == PH_AWS_FROM_PROFILE && ph_now_us() + look_us < until_us)
            until_us = ph_now_us() + look_us;
        (void)ph_cond_wait_until(&credentials->changed, &credentials->lock, until_us);
    }
    pthread_mutex_unlock(&credentials->lock);
    return NULL;
}

/* What the environment says, or a first look by the thread. */
static int start(struct ph_aws_credentials *credentials, struct ph_error *error) {
    if (ph_aws_credentials_are_fixed(credentials))
        return ph_aws_source_fetch(&credentials->source, &credentials->keys, error);
    int code = ph_thread_start(&credentials->thread, "store-keys", run, credentials);
    credentials->has_thread = code == 0;
    return code;
}

int ph_aws_credentials_create(struct ph_aws_credentials **out, struct ph_clock *clock,
    struct ph_metrics *metrics, struct ph_error *error) {
    *out = NULL;
    struct ph_aws_credentials *credentials = calloc(1, sizeof(*credentials));
    if (!credentials)
        return -ENOMEM;
    credentials->clock = clock;
    credentials->metrics = metrics;
    pthread_mutex_init(&credentials->lock, NULL);
    int code = ph_cond_init(&credentials->changed);
    if (!code)
        code = ph_aws_source_open(&credentials->source, error);
    if (!code)
        code = start(credentials, error);
    if (code) {
        ph_aws_credentials_destroy(credentials);
        return code;
    }
    *out = credentials;
    return 0;
}

void ph_aws_credentials_cancel(struct ph_aws_credentials *credentials) {
    pthread_mutex_lock(&credentials->lock);
    credentials->is_ending = true;
    pthread_cond_broadcast(&credentials->changed);
    pthread_mutex_unlock(&credentials->lock);
    ph_aws_source_cancel(&credentials->source);
}

void ph_aws_credentials_destroy(struct ph_aws_credentials *credentials) {
    if (!credentials)
        return;
    if (credentials->has_thread) {
        ph_aws_credentials_cancel(credentials);
        pthread_join(credentials->thread, NULL);
    }
    ph_aws_source_close(&credentials->source);
    ph_aws_keys_unref(&credentials->keys);
    pthread_cond_destroy(&credentials->changed);
    pthread_mutex_destroy(&credentials->lock);
    free(credentials);
}

static void ask(struct ph_aws_credentials *credentials) {
    credentials->is_asked_for = true;
    pthread_cond_broadcast(&credentials->changed);
}

int ph_aws_credentials_take(
    struct ph_aws_credentials *credentials, int64_t deadline_us, struct ph_aws_keys **keys) {
    int code = 0;
    *keys = NULL;
    pthread_mutex_lock(&credentials->lock);
    while (!credentials->is_ending && !are_valid(credentials)) {
        if (!credentials->is_asked_for && !credentials->is_fetching)
            ask(credentials);
        bool has_failed = credentials->failures && !credentials->is_fetching;
        if (has_failed || code == -ETIMEDOUT)
            break;
        code = ph_cond_wait_until(&credentials->changed, &credentials->lock, deadline_us);
    }
    code = credentials->is_ending ? -ECANCELED : are_valid(credentials) ? 0 : -EAGAIN;
    if (!code)
        *keys = ph_aws_keys_ref(credentials->keys);
    pthread_mutex_unlock(&credentials->lock);
    return code;
}

bool ph_aws_credentials_renew(
    struct ph_aws_credentials *credentials, const struct ph_aws_keys *refused, int64_t deadline_us) {
    if (!credentials->has_thread)
        return false;
    int code = 0;
    pthread_mutex_lock(&credentials->lock);
    uint64_t fetches = credentials->fetches;
    bool may_ask = ph_now_us() >= credentials->earliest_us || credentials->is_fetching;
    while (may_ask && !credentials->is_ending && code != -ETIMEDOUT && credentials->fetches == fetches &&
           ph_aws_keys_are_same(credentials->keys, refused)) {
        if (!credentials->is_asked_for && !credentials->is_fetching)
            ask(credentials);
        code = ph_cond_wait_until(&credentials->changed, &credentials->lock, deadline_us);
    }
    bool are_others = !credentials->is_ending && are_valid(credentials) &&
                      !ph_aws_keys_are_same(credentials->keys, refused);
    pthread_mutex_unlock(&credentials->lock);
    return are_others;
}

void ph_aws_credentials_explain(struct ph_aws_credentials *credentials, struct ph_error *why) {
    pthread_mutex_lock(&credentials->lock);
    ph_error_set(why, 0, "there are no credentials for the archive's bucket: %s",
        *credentials->trouble.text ? credentials->trouble.text : "they are being fetched");
    pthread_mutex_unlock(&credentials->lock);
}

bool ph_aws_credentials_are_fixed(const struct ph_aws_credentials *credentials) {
    return credentials->source.kind == PH_AWS_FROM_ENVIRONMENT;
}
