/* Talking to the server: every wait has a deadline. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/db/postgresql.h"

int ph_pg_code(const char *sqlstate) {
    /* The first row that fits; two characters are a whole class. */
    static const struct {
        const char *prefix;
        int code;
    } codes[] = {
        {"23505", -EEXIST},      /* unique_violation */
        {"40", -EAGAIN},         /* serialization_failure, deadlock_detected */
        {"55P03", -EAGAIN},      /* lock_not_available */
        {"57014", -EAGAIN},      /* query_canceled: statement_timeout */
        {"25006", -EROFS},       /* read_only_sql_transaction */
        {"53100", -ENOSPC},      /* disk_full */
        {"53", -EAGAIN},         /* insufficient resources: memory, connections */
        {"08", -EIO},            /* connection exceptions */
        {"57P", -EIO},           /* shutting down, crashed, starting */
        {"25P03", -EIO},         /* idle_in_transaction_session_timeout */
        {"58", -EIO},            /* system errors */
        {"28", -EACCES},         /* no such user, wrong password */
        {"3D000", -EACCES},      /* no such database */
        {"42501", -EACCES},      /* insufficient_privilege */
        {"XX", PH_INVALID_DATA}, /* internal errors, corruption */
    };
    if (!sqlstate)
        return -EIO;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strncmp(sqlstate, codes[i].prefix, strlen(codes[i].prefix)) == 0)
            return codes[i].code;
    }
    return -EINVAL;
}

int ph_pg_poll(struct ph_pg_connection *connection, short events, int wake_fd, int64_t deadline_us) {
    struct pollfd fds[] = {{PQsocket(connection->handle), events, 0}, {wake_fd, POLLIN, 0}};
    for (;;) {
        int64_t left_us = deadline_us - ph_now_us();
        int wait_ms = left_us <= 0 ? 0 : (int)((left_us + PH_MILLISECOND_US - 1) / PH_MILLISECOND_US);
        int ready = poll(fds, 2, wait_ms);
        if (ready > 0)
            return fds[0].revents ? 0 : 1;
        if (ready == 0 && left_us <= 0)
            return -ETIMEDOUT;
        if (ready < 0 && errno != EINTR)
            return -EIO;
    }
}

static int lose(struct ph_pg_connection *connection) {
    connection->is_lost = true;
    return -EIO;
}

/* Sends what libpq still holds, taking what arrives meanwhile. */
static int flush(struct ph_pg_connection *connection, int64_t deadline_us) {
    int left;
    while ((left = PQflush(connection->handle)) > 0) {
        if (ph_pg_poll(connection, POLLIN | POLLOUT, -1, deadline_us) < 0 ||
            !PQconsumeInput(connection->handle))
            return lose(connection);
    }
    return left < 0 ? lose(connection) : 0;
}

static int next_result(struct ph_pg_connection *connection, int64_t deadline_us, PGresult **result) {
    while (PQisBusy(connection->handle)) {
        if (ph_pg_poll(connection, POLLIN, -1, deadline_us) < 0 || !PQconsumeInput(connection->handle))
            return lose(connection);
    }
    *result = PQgetResult(connection->handle);
    return 0;
}

/* The code of one answer. */
static int judge(struct ph_pg_connection *connection, const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return 0;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    int code = ph_pg_code(sqlstate);
    /* Of wrong SQL the server's sentence names parts; of others it may repeat values. */
    if (sqlstate && strncmp(sqlstate, "42", 2) == 0)
        ph_log_error("database refuses a statement", ph_str("sqlstate", sqlstate),
            ph_str("reason", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
    if (code == -EIO || PQstatus(connection->handle) != CONNECTION_OK)
        return lose(connection);
    return code;
}

int ph_pg_await(struct ph_pg_connection *connection, int was_sent, PGresult **result) {
    int64_t deadline_us = ph_now_us() + connection->patience_us;
    PGresult *last = NULL, *next = NULL;
    if (result)
        *result = NULL;
    if (!was_sent)
        return PQstatus(connection->handle) == CONNECTION_OK ? -ENOMEM : lose(connection);
    int code = flush(connection, deadline_us), answer = code;
    while (answer == 0 && (answer = next_result(connection, deadline_us, &next)) == 0 && next) {
        if (code == 0)
            code = judge(connection, next);
        PQclear(last);
        last = next;
    }
    if (answer < 0)
        code = answer;
    if (code == 0 && result)
        *result = last;
    else
        PQclear(last);
    return code;
}

int ph_pg_exec(struct ph_pg_connection *connection, const char *sql) {
    return ph_pg_await(connection, PQsendQuery(connection->handle, sql), NULL);
}

/* libpq would print them. */
static void ignore_notice(void *opaque, const PGresult *result) {
    (void)opaque;
    (void)result;
}

/* libpq's own sentence, its first line: it names host, user and database, never the password. */
static int refuse(struct ph_pg_connection *connection, struct ph_error *error) {
    char reason[192];
    snprintf(reason, sizeof(reason), "%s", PQerrorMessage(connection->handle));
    reason[strcspn(reason, "\r\n")] = '\0';
    return ph_error_set(error, -EIO, "database cannot be reached: %s: check database_url and the server",
        *reason ? reason : "it did not answer in time");
}

static int finish_connecting(struct ph_pg_connection *connection, int64_t deadline_us) {
    /* PQconnectPoll() begins with PGRES_POLLING_WRITING. */
    for (PostgresPollingStatusType wanted = PGRES_POLLING_WRITING; wanted != PGRES_POLLING_OK;
         wanted = PQconnectPoll(connection->handle)) {
        if (wanted == PGRES_POLLING_FAILED ||
            ph_pg_poll(connection, wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, -1, deadline_us) < 0)
            return -EIO;
    }
    return 0;
}

int ph_pg_connect(
    struct ph_pg_connection *connection, const char *address, int64_t deadline_us, struct ph_error *error) {
    static const char scheme[] = "postgresql://";
    size_t size = strlen(scheme) + strlen(address) + 1;
    char *url = malloc(size);
    if (!url)
        return ph_error_set(error, -ENOMEM, "out of memory");
    snprintf(url, size, "%s%s", scheme, address);
    /* Parsed once more for its verdict alone: libpq's sentence may repeat a part of the password. */
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool is_url = options != NULL;
    PQconninfoFree(options);
    if (is_url) {
        const char *keys[] = {"fallback_application_name", "dbname", "client_encoding", NULL};
        const char *values[] = {"porthole", url, "UTF8", NULL};
        connection->handle = PQconnectStartParams(keys, values, 1);
    }
    explicit_bzero(url, size);
    free(url);
    if (!is_url)
        return ph_error_set(error, -EINVAL,
            "database_url: is no valid URL: use postgresql://user:password@host/name, with reserved "
            "characters percent-encoded");
    if (!connection->handle)
        return ph_error_set(error, -ENOMEM, "out of memory");
    PQsetNoticeReceiver(connection->handle, ignore_notice, NULL);
    if (PQstatus(connection->handle) == CONNECTION_BAD || finish_connecting(connection, deadline_us) < 0)
        return refuse(connection, error);
    if (PQsetnonblocking(connection->handle, 1) < 0)
        return refuse(connection, error);
    return 0;
}
