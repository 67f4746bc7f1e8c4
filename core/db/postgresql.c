/* PostgreSQL: connections, transactions, notifications.
 *
 * Writers are alone by advisory locks, which end with their transaction: a plain one takes the lock of all
 * writers for itself; one with a key shares that and takes the key's. */
#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/notices.h"
#include "core/db/postgresql.h"

enum { MOST_READERS = 6, MOST_WRITERS = 6 };

/* The server gives up a lock after PH_DB_PATIENCE_US and a statement after 5 s, by its own clock; the rest is
 * for the way. */
static const int64_t usual_patience_us = 7 * PH_SECOND_US;
static const int64_t migration_patience_us = 11 * 60 * PH_SECOND_US;

static const char setup[] = "SET lock_timeout = 3000; SET statement_timeout = 5000;"
                            "SET idle_in_transaction_session_timeout = 30000;"
                            "SET client_min_messages = warning; SET jit = off";

/* Locks of two numbers; keys have locks of one number, which are others. */
#define LOCK_OF_WRITERS "1886351988, 1"
#define LOCK_OF_MIGRATIONS "1886351988, 2"
#define BEGIN_WRITING "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"

static void disconnect(struct ph_db_connection *base) {
    struct ph_pg_connection *connection = ph_pg_of(base);
    ph_pg_forget_statements(connection);
    PQfinish(connection->handle);
    free(connection);
}

static int connect_server(
    const char *address, bool for_writing, struct ph_db_connection **result, struct ph_error *error) {
    struct ph_pg_connection *connection = calloc(1, sizeof(*connection));
    (void)for_writing;
    if (!connection)
        return ph_error_set(error, -ENOMEM, "out of memory");
    connection->base.impl = &ph_db_postgresql;
    connection->patience_us = usual_patience_us;
    int code = ph_pg_connect(connection, address, ph_now_us() + PH_DB_PATIENCE_US, error);
    if (code == 0) {
        code = ph_pg_exec(connection, setup);
        if (code < 0)
            ph_error_set(error, code, "database: the connection cannot be set up: check the server's log");
    }
    if (code < 0) {
        disconnect(&connection->base);
        return code;
    }
    *result = &connection->base;
    return 0;
}

static bool is_open(const struct ph_pg_connection *connection) {
    return !connection->is_lost && PQstatus(connection->handle) == CONNECTION_OK;
}

/* A server that went away has closed the socket of an idle connection: reading tells, without asking it. */
static bool is_alive(struct ph_db_connection *base) {
    struct ph_pg_connection *connection = ph_pg_of(base);
    if (connection->is_settling)
        return is_open(connection);
    while (is_open(connection) && ph_pg_poll(connection, POLLIN, -1, 0) == 0) {
        if (!PQconsumeInput(connection->handle))
            connection->is_lost = true;
    }
    return is_open(connection);
}

/* Nobody waits for the answer: it is read before the connection's next use. */
static void rollback(struct ph_db_connection *base) {
    struct ph_pg_connection *connection = ph_pg_of(base);
    if (!is_open(connection) || PQtransactionStatus(connection->handle) == PQTRANS_IDLE)
        return;
    if (!PQsendQuery(connection->handle, "ROLLBACK") || PQflush(connection->handle) != 0)
        connection->is_lost = true;
    connection->is_settling = true;
}

static int settle(struct ph_pg_connection *connection) {
    if (!connection->is_settling)
        return 0;
    connection->is_settling = false;
    return ph_pg_await(connection, 1, NULL);
}

/* FNV-1a. Two keys with one number wait for each other, and that is all. */
static int64_t lock_of(const char *key) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *key; key++)
        hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
    int64_t number;
    memcpy(&number, &hash, sizeof(number));
    return number;
}

static int begin(struct ph_db_connection *base, enum ph_db_mode mode, const char *key) {
    static const char *const texts[] = {
        [PH_DB_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        [PH_DB_WRITE] = BEGIN_WRITING "SELECT pg_advisory_xact_lock(" LOCK_OF_WRITERS ")",
        [PH_DB_MIGRATE] = BEGIN_WRITING "SET LOCAL lock_timeout = '1min'; SET LOCAL statement_timeout = "
                                        "'10min'; SELECT pg_advisory_xact_lock(" LOCK_OF_MIGRATIONS ")",
    };
    struct ph_pg_connection *connection = ph_pg_of(base);
    const char *sql = texts[mode];
    char with_key[256];
    if (key) {
        snprintf(with_key, sizeof(with_key),
            BEGIN_WRITING "SELECT pg_advisory_xact_lock_shared(" LOCK_OF_WRITERS
                          "); SELECT pg_advisory_xact_lock(%" PRId64 ")",
            lock_of(key));
        sql = with_key;
    }
    int code = settle(connection);
    connection->patience_us = mode == PH_DB_MIGRATE ? migration_patience_us : usual_patience_us;
    if (code == 0)
        code = ph_pg_exec(connection, sql);
    if (mode != PH_DB_READ && (code == -EROFS || code == -EINVAL)) {
        /* A standby. What the address leads to next may be the primary. */
        connection->is_lost = true;
        code = -EIO;
    }
    if (code < 0)
        rollback(base);
    return code;
}

/* A transaction that failed on the server answers COMMIT with a rollback, and no error. */
static int commit(struct ph_db_connection *base) {
    struct ph_pg_connection *connection = ph_pg_of(base);
    PGresult *result;
    int code = ph_pg_await(connection, PQsendQuery(connection->handle, "COMMIT"), &result);
    if (code == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        code = -EAGAIN;
    PQclear(result);
    return code;
}

static int exec(struct ph_db_connection *base, const char *sql) {
    return ph_pg_exec(ph_pg_of(base), sql);
}

#define CHANNEL_PREFIX "porthole_"

static int notify(struct ph_db_connection *base, const char *channel, const char *payload) {
    struct ph_db_statement *statement;
    char name[sizeof(CHANNEL_PREFIX) + PH_DB_CHANNEL_BYTES];
    int code = ph_pg_prepare(base, "SELECT pg_notify($1, $2)", &statement);
    if (code < 0)
        return code;
    snprintf(name, sizeof(name), CHANNEL_PREFIX "%s", channel);
    code = ph_pg_bind_text(statement, 1, name);
    if (code == 0)
        code = ph_pg_bind_text(statement, 2, payload);
    if (code == 0)
        code = ph_pg_step(statement);
    ph_pg_finish(statement);
    return code < 0 ? code : 0;
}

static int listen_to(struct ph_db_connection *base, const char *channel) {
    char sql[32 + PH_DB_CHANNEL_BYTES];
    assert(ph_is_channel(channel));
    snprintf(sql, sizeof(sql), "LISTEN " CHANNEL_PREFIX "%s", channel);
    return ph_pg_exec(ph_pg_of(base), sql);
}

static int ping(struct ph_db_connection *base) {
    return ph_pg_exec(ph_pg_of(base), "SELECT 1");
}

/* The next notice that has arrived: 1; 0 for none. */
static int take_notice(struct ph_pg_connection *connection, struct ph_notice **notice) {
    PGnotify *arrived = PQnotifies(connection->handle);
    if (!arrived)
        return 0;
    size_t prefix = strlen(CHANNEL_PREFIX);
    bool is_ours = strncmp(arrived->relname, CHANNEL_PREFIX, prefix) == 0;
    *notice = ph_notice_create(is_ours ? arrived->relname + prefix : "", arrived->extra);
    PQfreemem(arrived);
    return *notice ? 1 : -ENOMEM;
}

static int await_notice(
    struct ph_db_connection *base, int wake_fd, int64_t deadline_us, struct ph_notice **notice) {
    struct ph_pg_connection *connection = ph_pg_of(base);
    for (;;) {
        int code = take_notice(connection, notice);
        if (code != 0)
            return code;
        code = ph_pg_poll(connection, POLLIN, wake_fd, deadline_us);
        if (code != 0)
            return code > 0 ? -EINTR : code;
        if (!PQconsumeInput(connection->handle))
            return -EIO;
    }
}

const struct ph_db_impl ph_db_postgresql = {
    .scheme = "postgresql://",
    .time_sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
    .most_readers = MOST_READERS,
    .most_writers = MOST_WRITERS,
    .connect = connect_server,
    .disconnect = disconnect,
    .is_alive = is_alive,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .exec = exec,
    .prepare = ph_pg_prepare,
    .bind_text = ph_pg_bind_text,
    .bind_integer = ph_pg_bind_integer,
    .bind_real = ph_pg_bind_real,
    .step = ph_pg_step,
    .text = ph_pg_text,
    .integer = ph_pg_integer,
    .real = ph_pg_real,
    .changed_rows = ph_pg_changed_rows,
    .finish = ph_pg_finish,
    .notify = notify,
    .listen = listen_to,
    .await_notice = await_notice,
    .ping = ping,
};
