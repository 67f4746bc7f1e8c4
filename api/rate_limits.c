#include "api/rate_limits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */
#include <uthash.h>

#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/db/sql.h"

/* Who finds no room shares the class's bucket of the others. */
enum { MOST_BUCKETS = 65536, MOST_AT_ONCE = 256, BUCKET_BYTES = 64 };

static const int64_t sweep_every_us = 60 * PH_SECOND_US;
static const int64_t first_backoff_us = PH_SECOND_US;
static const int64_t most_backoff_us = 15 * PH_SECOND_US;

/* `full_ms` holds what is known of all nodes and what is due. */
struct bucket {
    char name[BUCKET_BYTES];
    int64_t full_ms;
    int64_t due_ms; /* by how much this node has moved it on since the database was told */
    bool is_due;    /* in the list of those the database has to be told of */
    struct bucket *next_due;
    UT_hash_handle hh;
};

struct ph_rate_limits {
    struct ph_rate_limits_options options;
    struct ph_metric *refused[PH_RATE_CLASSES];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct bucket *buckets;  /* under lock, like all that follows */
    struct bucket *due;      /* newest first */
    uint64_t takes, settled; /* takes so far, and those the database knows of */
    int last_code;           /* of the database */
    bool is_stopping, is_hurried;
    bool is_to_begin_anew; /* what the database has was written in another time */
    unsigned steps;        /* of the clock */
};

/* A change to one bucket, on its way to the database and back. */
struct change {
    char name[BUCKET_BYTES];
    int64_t by_ms, full_ms;
};

static int64_t now_ms(struct ph_rate_limits *limits) {
    return ph_clock_utc_us(limits->options.clock) / PH_MILLISECOND_US;
}

/* Subjects are long and of any bytes; a bucket's name is short and tells nothing of them: FNV-1a, twice with
 * different beginnings. */
static void name_bucket(enum ph_rate_class rate, const char *who, char name[BUCKET_BYTES]) {
    uint64_t first = UINT64_C(0xcbf29ce484222325), second = UINT64_C(0x84222325cbf29ce4);
    for (const char *next = who; *next; next++) {
        first = (first ^ (uint8_t)*next) * UINT64_C(0x100000001b3);
        second = (second ^ (uint8_t)*next) * UINT64_C(0x100000001b3) + 1;
    }
    snprintf(name, BUCKET_BYTES, "%s:%016llx%016llx", ph_rate_class_name(rate), (unsigned long long)first,
        (unsigned long long)second);
}

/* Drops buckets that are full and not due. Under the lock. */
static void forget_full(struct ph_rate_limits *limits, int64_t time_ms) {
    struct bucket *bucket, *next;
    HASH_ITER(hh, limits->buckets, bucket, next) {
        if (bucket->full_ms <= time_ms && !bucket->is_due) {
            HASH_DEL(limits->buckets, bucket);
            free(bucket);
        }
    }
}

/* Found or made; NULL for want of memory. Under the lock. */
static struct bucket *bucket_of(struct ph_rate_limits *limits, const char *name) {
    struct bucket *bucket;
    HASH_FIND_STR(limits->buckets, name, bucket);
    if (bucket || !(bucket = calloc(1, sizeof(*bucket))))
        return bucket;
    snprintf(bucket->name, sizeof(bucket->name), "%s", name);
    HASH_ADD_STR(limits->buckets, name, bucket);
    if (!bucket->hh.tbl) {
        free(bucket);
        return NULL;
    }
    return bucket;
}

static void mark_due(struct ph_rate_limits *limits, struct bucket *bucket) {
    if (bucket->is_due)
        return;
    bucket->is_due = true;
    bucket->next_due = limits->due;
    limits->due = bucket;
    pthread_cond_broadcast(&limits->changed);
}

/* What the bucket says at a time (pure). */
static struct ph_rate_verdict judge(const struct ph_rate_rule *rule, int64_t full_ms, int64_t time_ms) {
    int64_t period_ms = (int64_t)rule->period_s * 1000, ahead_ms = full_ms > time_ms ? full_ms - time_ms : 0;
    int64_t used = (ahead_ms * rule->count + period_ms - 1) / period_ms;
    struct ph_rate_verdict verdict = {.is_limited = true, .limit = rule->count};
    verdict.reset_s = (uint32_t)((ahead_ms + 999) / 1000);
    if (used < rule->count) {
        verdict.remaining = rule->count - (uint32_t)used;
        return verdict;
    }
    int64_t wait_ms = ahead_ms - period_ms * (rule->count - 1) / rule->count;
    verdict.is_refused = true;
    verdict.retry_after_s = (uint32_t)((wait_ms + 999) / 1000);
    if (verdict.retry_after_s == 0)
        verdict.retry_after_s = 1;
    return verdict;
}

/* By a clock that was set, buckets would be full at once, or empty for as long as it was set back: all begin
 * anew, here and in the database. Under the lock. */
static void allow_for_steps(struct ph_rate_limits *limits) {
    if (!ph_clock_has_stepped(limits->options.clock, &limits->steps))
        return;
    for (struct bucket *bucket = limits->buckets; bucket; bucket = bucket->hh.next)
        bucket->full_ms = 0;
    limits->is_to_begin_anew = true;
}

static struct ph_rate_verdict visit(
    struct ph_rate_limits *limits, enum ph_rate_class rate, const char *who, bool takes) {
    const struct ph_rate_rule *rule = &limits->options.rules.rules[rate];
    char name[BUCKET_BYTES];
    if (rule->count == 0)
        return (struct ph_rate_verdict){0};
    name_bucket(rate, who, name);
    int64_t time_ms = now_ms(limits);
    pthread_mutex_lock(&limits->lock);
    allow_for_steps(limits);
    if (HASH_COUNT(limits->buckets) >= MOST_BUCKETS) {
        struct bucket *known;
        HASH_FIND_STR(limits->buckets, name, known);
        if (!known)
            snprintf(name, sizeof(name), "%s:others", ph_rate_class_name(rate));
    }
    struct bucket *bucket = bucket_of(limits, name);
    struct ph_rate_verdict verdict = judge(rule, bucket ? bucket->full_ms : 0, time_ms);
    if (takes && bucket && !verdict.is_refused) {
        int64_t step_ms = (int64_t)rule->period_s * 1000 / rule->count;
        bucket->full_ms = (bucket->full_ms > time_ms ? bucket->full_ms : time_ms) + step_ms;
        bucket->due_ms += step_ms;
        verdict.remaining--;
        limits->takes++;
        mark_due(limits, bucket);
    }
    pthread_mutex_unlock(&limits->lock);
    if (takes && verdict.is_refused)
        ph_metric_add(limits->refused[rate], 1);
    return verdict;
}

struct ph_rate_verdict ph_rate_limits_take(
    struct ph_rate_limits *limits, enum ph_rate_class rate, const char *who) {
    return visit(limits, rate, who, true);
}

struct ph_rate_verdict ph_rate_limits_look(
    struct ph_rate_limits *limits, enum ph_rate_class rate, const char *who) {
    return visit(limits, rate, who, false);
}

/* Takes what is due out of the buckets; the number of changes. Under the lock. */
static size_t gather(struct ph_rate_limits *limits, struct change *changes) {
    size_t count = 0;
    while (limits->due && count < MOST_AT_ONCE) {
        struct bucket *bucket = limits->due;
        limits->due = bucket->next_due;
        bucket->is_due = false;
        struct change *change = &changes[count++];
        memcpy(change->name, bucket->name, sizeof(change->name));
        change->by_ms = bucket->due_ms;
        bucket->due_ms = 0;
    }
    return count;
}

/* Puts the answer of the database into the buckets, or what it did not take back. A slow answer is of a time
 * that may lie before what was taken since. Under the lock. */
static void spread(struct ph_rate_limits *limits, const struct change *changes, size_t count, int code) {
    for (size_t i = 0; i < count; i++) {
        struct bucket *bucket = bucket_of(limits, changes[i].name);
        if (!bucket)
            continue;
        if (code == 0) {
            int64_t full_ms = changes[i].full_ms + bucket->due_ms;
            if (full_ms > bucket->full_ms)
                bucket->full_ms = full_ms;
        } else {
            bucket->due_ms += changes[i].by_ms;
            mark_due(limits, bucket);
        }
    }
}

static int write_change(struct ph_db_transaction *transaction, struct change *change, int64_t time_ms) {
    int64_t full_ms = ph_db_number(transaction,
        PH_SQL("INSERT INTO rate_limits (bucket, full_ms) VALUES ($1, CAST($2 AS BIGINT) + CAST($3 AS "
               "BIGINT)) ON CONFLICT (bucket) DO UPDATE SET full_ms = CASE WHEN rate_limits.full_ms > $2 "
               "THEN rate_limits.full_ms ELSE $2 END + $3 RETURNING full_ms",
            ph_sql_text(change->name), ph_sql_integer(time_ms), ph_sql_integer(change->by_ms)));
    if (full_ms < 0)
        return (int)full_ms;
    change->full_ms = full_ms;
    return 0;
}

static int write_changes(
    struct ph_rate_limits *limits, struct change *changes, size_t count, bool begins_anew) {
    struct ph_db_transaction *transaction;
    int64_t time_ms = now_ms(limits), removed = 0;
    int code = ph_db_begin_keyed(limits->options.db, "rate_limits", &transaction);
    if (code < 0)
        return code;
    if (begins_anew)
        removed = ph_db_change(transaction, PH_SQL("DELETE FROM rate_limits"));
    code = removed < 0 ? (int)removed : 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = write_change(transaction, &changes[i], time_ms);
    return ph_db_settle(transaction, code);
}

/* Full buckets are not worth their rows. */
static int sweep(struct ph_rate_limits *limits) {
    int64_t changed = ph_db_write_keyed(limits->options.db, "rate_limits",
        PH_SQL("DELETE FROM rate_limits WHERE full_ms < $1", ph_sql_integer(now_ms(limits))));
    return changed < 0 ? (int)changed : 0;
}

/* Under the lock, given up while the database is spoken to. */
static void synchronize(struct ph_rate_limits *limits) {
    static const size_t bytes = MOST_AT_ONCE * sizeof(struct change);
    struct change *changes = malloc(bytes);
    if (!changes)
        return;
    uint64_t takes = limits->takes;
    size_t count = gather(limits, changes);
    bool is_all = limits->due == NULL, begins_anew = limits->is_to_begin_anew;
    limits->is_to_begin_anew = false;
    pthread_mutex_unlock(&limits->lock);
    int code = write_changes(limits, changes, count, begins_anew);
    pthread_mutex_lock(&limits->lock);
    bool has_stepped = limits->is_to_begin_anew; /* meanwhile: what was written is of another time */
    limits->is_to_begin_anew = has_stepped || (begins_anew && code < 0);
    if (code < 0 && limits->last_code == 0)
        ph_log_warning("rate limits are this node's own while the database does not answer", ph_code(code));
    if (!has_stepped)
        spread(limits, changes, count, code);
    limits->last_code = code;
    if (code == 0 && is_all)
        limits->settled = takes;
    pthread_cond_broadcast(&limits->changed);
    free(changes);
}

/* Waits until the deadline or the end. Under the lock. */
static void rest(struct ph_rate_limits *limits, int64_t deadline_us) {
    while (!limits->is_stopping && !limits->is_hurried &&
           ph_cond_wait_until(&limits->changed, &limits->lock, deadline_us) == 0)
        ;
}

static void *run(void *opaque) {
    struct ph_rate_limits *limits = opaque;
    int64_t next_sweep_us = ph_now_us() + sweep_every_us;
    unsigned failures = 0;
    pthread_mutex_lock(&limits->lock);
    while (!limits->is_stopping) {
        if (!limits->due) {
            limits->is_hurried = false;
            ph_cond_wait_until(&limits->changed, &limits->lock, next_sweep_us);
        } else {
            rest(limits, ph_now_us() + (failures ? ph_backoff_us(failures, first_backoff_us, most_backoff_us)
                                                 : PH_RATE_SYNC_US));
            synchronize(limits);
            limits->is_hurried = false;
            failures = limits->last_code < 0 ? failures + 1 : 0;
        }
        if (ph_now_us() >= next_sweep_us) {
            forget_full(limits, now_ms(limits));
            pthread_mutex_unlock(&limits->lock);
            int code = sweep(limits);
            pthread_mutex_lock(&limits->lock);
            (void)code; /* the next one takes what this one left */
            next_sweep_us = ph_now_us() + sweep_every_us;
        }
    }
    if (limits->due && failures == 0)
        synchronize(limits);
    pthread_mutex_unlock(&limits->lock);
    return NULL;
}

int ph_rate_limits_create(struct ph_rate_limits **result, const struct ph_rate_limits_options *options) {
    struct ph_rate_limits *limits = calloc(1, sizeof(*limits));
    if (!limits)
        return -ENOMEM;
    limits->options = *options;
    limits->steps = ph_clock_steps(options->clock);
    for (int i = 0; i < PH_RATE_FREE; i++)
        limits->refused[i] = ph_metrics_counter(options->metrics, "porthole_api_rate_limited_total",
            "Calls refused by a rate limit", PH_LABELS({"limit", ph_rate_class_name((enum ph_rate_class)i)}));
    pthread_mutex_init(&limits->lock, NULL);
    int code = ph_cond_init(&limits->changed);
    if (code == 0) {
        code = ph_thread_start(&limits->thread, "rate-limits", run, limits);
        if (code < 0)
            pthread_cond_destroy(&limits->changed);
    }
    if (code < 0) {
        pthread_mutex_destroy(&limits->lock);
        free(limits);
        return code;
    }
    *result = limits;
    return 0;
}

void ph_rate_limits_destroy(struct ph_rate_limits *limits) {
    struct bucket *bucket, *next;
    if (!limits)
        return;
    pthread_mutex_lock(&limits->lock);
    limits->is_stopping = true;
    pthread_cond_broadcast(&limits->changed);
    pthread_mutex_unlock(&limits->lock);
    pthread_join(limits->thread, NULL);
    HASH_ITER(hh, limits->buckets, bucket, next) {
        HASH_DEL(limits->buckets, bucket);
        free(bucket);
    }
    pthread_cond_destroy(&limits->changed);
    pthread_mutex_destroy(&limits->lock);
    free(limits);
}

int ph_rate_limits_settle(struct ph_rate_limits *limits) {
    pthread_mutex_lock(&limits->lock);
    uint64_t wanted = limits->takes;
    limits->last_code = 0;
    while (limits->settled < wanted && limits->last_code == 0) {
        limits->is_hurried = true;
        pthread_cond_broadcast(&limits->changed);
        pthread_cond_wait(&limits->changed, &limits->lock);
    }
    int code = limits->settled < wanted ? limits->last_code : 0;
    pthread_mutex_unlock(&limits->lock);
    return code;
}
