/* What one kind of database implements. The pool, the transactions' lifetime and the migrations are above it
 * (db.c). */
#ifndef PH_DB_DB_IMPL_H
#define PH_DB_DB_IMPL_H

#include <stdbool.h>

#include "core/db/db.h"

struct ph_db_connection;
struct ph_notice;

struct ph_db_impl {
    const char *scheme; /* "sqlite:" */
    /* A query for the time of the server's clock, microseconds UTC. NULL: it has none but this machine's. */
    const char *time_sql;
    /* How many connections the pool may hold for reading, and for writing. */
    unsigned most_readers, most_writers;
    /* `address` is the URL without the scheme. For PH_DB_MIGRATE a connection for writing is used. */
    int (*connect)(
        const char *address, bool for_writing, struct ph_db_connection **connection, struct ph_error *error);
    void (*disconnect)(struct ph_db_connection *connection);
    /* Whether the connection still serves; a broken one is replaced before its next transaction. */
    bool (*is_alive)(struct ph_db_connection *connection);
    /* `key` is NULL, or that of ph_db_begin_keyed(), with PH_DB_WRITE. */
    int (*begin)(struct ph_db_connection *connection, enum ph_db_mode mode, const char *key);
    int (*commit)(struct ph_db_connection *connection);
    void (*rollback)(struct ph_db_connection *connection);
    int (*exec)(struct ph_db_connection *connection, const char *sql);
    int (*prepare)(struct ph_db_connection *connection, const char *sql, struct ph_db_statement **statement);
    int (*bind_text)(struct ph_db_statement *statement, int number, const char *text);
    int (*bind_integer)(struct ph_db_statement *statement, int number, int64_t value);
    int (*bind_real)(struct ph_db_statement *statement, int number, double value);
    int (*step)(struct ph_db_statement *statement);
    const char *(*text)(struct ph_db_statement *statement, int column); /* NULL for SQL's null */
    int64_t (*integer)(struct ph_db_statement *statement, int column);
    double (*real)(struct ph_db_statement *statement, int column);
    int64_t (*changed_rows)(struct ph_db_statement *statement);
    /* Makes the statement ready for its next use, or frees it: the connection decides. */
    void (*finish)(struct ph_db_statement *statement);
    /* Notifications by the database. All NULL: only this process writes to it, and db.c passes them on. */
    int (*notify)(struct ph_db_connection *connection, const char *channel, const char *payload);
    /* On a connection that does nothing else. */
    int (*listen)(struct ph_db_connection *connection, const char *channel);
    /* 1 and a notice, which the caller frees; -EINTR when `wake_fd` became readable, -ETIMEDOUT; other codes
     * mean that notices were lost. */
    int (*await_notice)(
        struct ph_db_connection *connection, int wake_fd, int64_t deadline_us, struct ph_notice **notice);
    /* Whether the server still answers. */
    int (*ping)(struct ph_db_connection *connection);
};

/* Concrete types embed these first. */
struct ph_db_connection {
    const struct ph_db_impl *impl;
    struct ph_db_connection *next; /* in the pool's list of idle ones, under its lock */
};
struct ph_db_statement {
    const struct ph_db_impl *impl;
    struct ph_db_transaction *transaction; /* while it is in use */
    int code;                              /* the first failure of a bind */
};

/* What is told to listeners. */
struct ph_notice {
    struct ph_notice *next;
    char channel[PH_DB_CHANNEL_BYTES];
    char payload[];
};

extern const struct ph_db_impl ph_db_sqlite;
extern const struct ph_db_impl ph_db_postgresql;

#endif
