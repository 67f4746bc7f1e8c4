#include "core/db/db.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/backoff.h"
#include "core/db/db_impl.h"
#include "core/db/notices.h"

/* Connections of one direction. */
struct pool {
    struct ph_db_connection *idle; /* under ph_db.lock */
    unsigned open, most;           /* `open` under ph_db.lock */
};

struct ph_db {
    const struct ph_db_impl *impl;
    char *address;
    pthread_mutex_t lock;
    pthread_cond_t returned; /* a connection came back, or its place became free */
    struct pool readers, writers;
    struct ph_notices *notices;
    unsigned failures;   /* under lock: connections that could not be made in a row */
    int64_t retry_at_us; /* under lock: none is tried before */
};

struct ph_db_transaction {
    struct ph_db *db;
    struct ph_db_connection *connection;
    struct pool *pool;
    int code;                                        /* the first failure */
    struct ph_notice *oldest_notice, *newest_notice; /* sent by this process once it is committed */
};

static const struct ph_db_impl *const kinds[] = {&ph_db_sqlite, &ph_db_postgresql};

static const int64_t first_backoff_us = 50 * PH_MILLISECOND_US;
static const int64_t most_backoff_us = 2 * PH_SECOND_US;

static struct pool *pool_for(struct ph_db *db, enum ph_db_mode mode) {
    return mode == PH_DB_READ ? &db->readers : &db->writers;
}

/* Puts the connection among the idle ones, or closes it and frees its place. NULL frees a place that had
 * none. */
static void give_back(struct ph_db *db, struct pool *pool, struct ph_db_connection *connection) {
    if (connection && !db->impl->is_alive(connection)) {
        db->impl->disconnect(connection);
        connection = NULL;
    }
    pthread_mutex_lock(&db->lock);
    if (connection) {
        connection->next = pool->idle;
        pool->idle = connection;
    } else {
        pool->open--;
    }
    pthread_cond_broadcast(&db->returned);
    pthread_mutex_unlock(&db->lock);
}

/* An idle connection, or NULL with a place reserved for a new one; -EAGAIN when neither comes free in time.
 */
static int take_place(struct ph_db *db, struct pool *pool, struct ph_db_connection **connection) {
    int64_t deadline_us = ph_now_us() + PH_DB_PATIENCE_US;
    int code = 0;
    pthread_mutex_lock(&db->lock);
    while (!pool->idle && pool->open == pool->most && code == 0)
        code = ph_cond_wait_until(&db->returned, &db->lock, deadline_us);
    *connection = pool->idle;
    if (pool->idle) {
        pool->idle = pool->idle->next;
        code = 0;
    } else if (pool->open < pool->most) {
        pool->open++;
        code = 0;
    }
    pthread_mutex_unlock(&db->lock);
    return code < 0 ? -EAGAIN : 0;
}

/* Whether a connection may be tried: not while a server that did not answer is left alone. */
static bool may_connect(struct ph_db *db) {
    pthread_mutex_lock(&db->lock);
    bool is_due = db->failures == 0 || ph_now_us() >= db->retry_at_us;
    /* One tries; the others fail at once until it is known how that went. */
    if (is_due && db->failures > 0)
        db->retry_at_us = ph_now_us() + most_backoff_us;
    pthread_mutex_unlock(&db->lock);
    return is_due;
}

static void note_attempt(struct ph_db *db, int code) {
    pthread_mutex_lock(&db->lock);
    if (code == -ENOMEM) {
        db->retry_at_us = 0;
    } else {
        db->failures = code < 0 ? db->failures + 1 : 0;
        db->retry_at_us = ph_now_us() + ph_backoff_us(db->failures, first_backoff_us, most_backoff_us);
    }
    pthread_mutex_unlock(&db->lock);
}

static int take(struct ph_db *db, struct pool *pool, struct ph_db_connection **connection, bool *is_new,
    struct ph_error *error) {
    int code = take_place(db, pool, connection);
    *is_new = false;
    if (code < 0)
        return code;
    if (*connection && db->impl->is_alive(*connection))
        return 0;
    if (*connection)
        db->impl->disconnect(*connection);
    *connection = NULL;
    *is_new = true;
    code = may_connect(db) ? 0 : -EIO;
    if (code == 0) {
        code = db->impl->connect(db->address, pool == &db->writers, connection, error);
        note_attempt(db, code);
    }
    if (code < 0)
        give_back(db, pool, NULL);
    return code;
}

int ph_db_open(struct ph_db **db, const char *url, struct ph_error *error) {
    const struct ph_db_impl *impl = NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(url, kinds[i]->scheme, strlen(kinds[i]->scheme)) == 0)
            impl = kinds[i];
    }
    if (!impl)
        return ph_error_set(error, -EINVAL,
            "database_url: there is no database for its scheme: use sqlite:<path> or postgresql://…");
    struct ph_db *made = calloc(1, sizeof(*made));
    char *address = strdup(url + strlen(impl->scheme));
    if (!made || !address) {
        free(made);
        free(address);
        return ph_error_set(error, -ENOMEM, "out of memory");
    }
    made->impl = impl;
    made->address = address;
    made->readers.most = impl->most_readers;
    made->writers.most = impl->most_writers;
    pthread_mutex_init(&made->lock, NULL);
    int code = ph_cond_init(&made->returned);
    if (code < 0) {
        pthread_mutex_destroy(&made->lock);
        free(address);
        free(made);
        return ph_error_set(error, code, "out of memory");
    }
    struct ph_db_connection *first = NULL;
    bool is_new;
    code = ph_notices_create(&made->notices, impl, address);
    if (code < 0)
        ph_error_set(error, code, "out of memory");
    if (code == 0)
        code = take(made, &made->writers, &first, &is_new, error);
    if (code == 0)
        give_back(made, &made->writers, first);
    if (code < 0) {
        ph_db_close(made);
        return code;
    }
    *db = made;
    return 0;
}

static void close_pool(struct ph_db *db, struct pool *pool) {
    while (pool->idle) {
        struct ph_db_connection *connection = pool->idle;
        pool->idle = connection->next;
        pool->open--;
        db->impl->disconnect(connection);
    }
    assert(pool->open == 0);
}

void ph_db_close(struct ph_db *db) {
    if (!db)
        return;
    ph_notices_destroy(db->notices);
    close_pool(db, &db->readers);
    close_pool(db, &db->writers);
    pthread_cond_destroy(&db->returned);
    pthread_mutex_destroy(&db->lock);
    free(db->address);
    free(db);
}

/* Takes a connection and begins on it. Connections that have waited may turn out to be broken: then the next
 * one, and at last a new one. */
static int begin_on_connection(struct ph_db_transaction *transaction, enum ph_db_mode mode, const char *key) {
    struct ph_db *db = transaction->db;
    bool is_new;
    for (;;) {
        int code = take(db, transaction->pool, &transaction->connection, &is_new, NULL);
        if (code < 0)
            return code;
        code = db->impl->begin(transaction->connection, mode, key);
        if (code == 0)
            return 0;
        bool is_broken = !db->impl->is_alive(transaction->connection);
        give_back(db, transaction->pool, transaction->connection);
        if (is_new || !is_broken)
            return code;
    }
}

static int begin(
    struct ph_db *db, enum ph_db_mode mode, const char *key, struct ph_db_transaction **transaction) {
    struct ph_db_transaction *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->db = db;
    made->pool = pool_for(db, mode);
    int code = begin_on_connection(made, mode, key);
    if (code < 0) {
        free(made);
        return code;
    }
    *transaction = made;
    return 0;
}

int ph_db_begin(struct ph_db *db, enum ph_db_mode mode, struct ph_db_transaction **transaction) {
    return begin(db, mode, NULL, transaction);
}

int ph_db_begin_keyed(struct ph_db *db, const char *key, struct ph_db_transaction **transaction) {
    return begin(db, PH_DB_WRITE, key, transaction);
}

static void end(struct ph_db_transaction *transaction) {
    give_back(transaction->db, transaction->pool, transaction->connection);
    ph_notices_free(transaction->oldest_notice);
    free(transaction);
}

/* Keeps the first failure of the transaction. */
static int spoil(struct ph_db_transaction *transaction, int code) {
    if (transaction->code == 0 && code < 0)
        transaction->code = code;
    return code;
}

int ph_db_commit(struct ph_db_transaction *transaction) {
    const struct ph_db_impl *impl = transaction->db->impl;
    int code = transaction->code;
    if (code == 0)
        code = impl->commit(transaction->connection);
    if (code < 0)
        impl->rollback(transaction->connection);
    /* Before the connection is free for the next writer: notices keep the order of commits. */
    if (code == 0 && transaction->oldest_notice) {
        ph_notices_push(transaction->db->notices, transaction->oldest_notice);
        transaction->oldest_notice = NULL;
    }
    end(transaction);
    return code;
}

void ph_db_rollback(struct ph_db_transaction *transaction) {
    if (!transaction)
        return;
    transaction->db->impl->rollback(transaction->connection);
    end(transaction);
}

int ph_db_settle(struct ph_db_transaction *transaction, int64_t outcome) {
    if (outcome >= 0)
        return ph_db_commit(transaction);
    ph_db_rollback(transaction);
    return (int)outcome;
}

int ph_db_exec(struct ph_db_transaction *transaction, const char *sql) {
    if (transaction->code < 0)
        return transaction->code;
    return spoil(transaction, transaction->db->impl->exec(transaction->connection, sql));
}

int ph_db_prepare(
    struct ph_db_transaction *transaction, const char *sql, struct ph_db_statement **statement) {
    if (transaction->code < 0)
        return transaction->code;
    int code = spoil(transaction, transaction->db->impl->prepare(transaction->connection, sql, statement));
    if (code == 0)
        (*statement)->transaction = transaction;
    return code;
}

static void keep_code(struct ph_db_statement *statement, int code) {
    if (statement->code == 0)
        statement->code = code;
}

void ph_db_bind_text(struct ph_db_statement *statement, int number, const char *text) {
    keep_code(statement, statement->impl->bind_text(statement, number, text));
}

void ph_db_bind_null(struct ph_db_statement *statement, int number) {
    ph_db_bind_text(statement, number, NULL);
}

void ph_db_bind_integer(struct ph_db_statement *statement, int number, int64_t value) {
    keep_code(statement, statement->impl->bind_integer(statement, number, value));
}

void ph_db_bind_real(struct ph_db_statement *statement, int number, double value) {
    keep_code(statement, statement->impl->bind_real(statement, number, value));
}

int ph_db_step(struct ph_db_statement *statement) {
    int code = statement->transaction->code;
    if (code == 0)
        code = statement->code;
    if (code == 0)
        code = statement->impl->step(statement);
    return spoil(statement->transaction, code);
}

const char *ph_db_text(struct ph_db_statement *statement, int column) {
    const char *text = statement->impl->text(statement, column);
    return text ? text : "";
}

int64_t ph_db_integer(struct ph_db_statement *statement, int column) {
    return statement->impl->integer(statement, column);
}

double ph_db_real(struct ph_db_statement *statement, int column) {
    return statement->impl->real(statement, column);
}

int ph_db_is_null(struct ph_db_statement *statement, int column) {
    return statement->impl->text(statement, column) == NULL;
}

void ph_db_finish(struct ph_db_statement *statement) {
    if (statement)
        statement->impl->finish(statement);
}

int64_t ph_db_run(struct ph_db_statement *statement) {
    int code = ph_db_step(statement);
    int64_t changed = code < 0 ? code : statement->impl->changed_rows(statement);
    ph_db_finish(statement);
    return changed;
}

int ph_db_notify(struct ph_db_transaction *transaction, const char *channel, const char *payload) {
    assert(ph_is_channel(channel));
    if (transaction->code < 0)
        return transaction->code;
    if (strlen(payload) > PH_DB_MOST_NOTIFICATION_BYTES)
        return spoil(transaction, -EINVAL);
    const struct ph_db_impl *impl = transaction->db->impl;
    if (impl->notify)
        return spoil(transaction, impl->notify(transaction->connection, channel, payload));
    struct ph_notice *notice = ph_notice_create(channel, payload);
    if (!notice)
        return spoil(transaction, -ENOMEM);
    if (transaction->newest_notice)
        transaction->newest_notice->next = notice;
    else
        transaction->oldest_notice = notice;
    transaction->newest_notice = notice;
    return 0;
}

int ph_db_listen(struct ph_db *db, const char *channel, ph_db_notified *notified, void *opaque,
    struct ph_db_listener **listener) {
    return ph_notices_listen(db->notices, channel, notified, opaque, listener);
}

void ph_db_unlisten(struct ph_db_listener *listener) {
    if (listener)
        ph_notices_unlisten(listener);
}

/* The transaction stands already when the question is put, so that the time taken is the answer's alone. */
int ph_db_ask_time(struct ph_db *db, int64_t *utc_us, int64_t *round_trip_us) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    if (!db->impl->time_sql)
        return -ENOSYS;
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = ph_db_prepare(transaction, db->impl->time_sql, &statement);
    if (code == 0) {
        int64_t asked_us = ph_now_us();
        code = ph_db_step(statement);
        *round_trip_us = ph_now_us() - asked_us;
        *utc_us = code == 1 ? ph_db_integer(statement, 0) : 0;
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return code < 0 ? code : code == 1 ? 0 : -EIO;
}
