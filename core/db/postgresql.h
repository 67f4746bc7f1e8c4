/* PostgreSQL by libpq: what its files share. A connection is used by one thread at a time. libpq never
 * blocks: every answer is awaited until a deadline, after which the connection is given up. */
#ifndef PH_DB_POSTGRESQL_H
#define PH_DB_POSTGRESQL_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "core/db/db_impl.h"

struct ph_pg_statement;

struct ph_pg_connection {
    struct ph_db_connection base;
    PGconn *handle;
    struct ph_pg_statement *statements; /* by their text */
    unsigned statement_count;
    int64_t patience_us; /* for one answer */
    bool is_lost;        /* it did not answer in time, or broke */
    bool is_settling;    /* a ROLLBACK was sent, and its answer not read */
};

static inline struct ph_pg_connection *ph_pg_of(struct ph_db_connection *base) {
    return (struct ph_pg_connection *)base;
}

/* Connects until the deadline (ph_now_us() time). -EINVAL for a URL that is none, else -EIO, with a sentence
 * that holds no password. */
int ph_pg_connect(
    struct ph_pg_connection *connection, const char *address, int64_t deadline_us, struct ph_error *error);
/* Waits for all answers to what was sent: the error's code, or 0 and, if `result` is not NULL, the last
 * answer, which the caller clears. `was_sent` is what libpq's sending call returned. */
int ph_pg_await(struct ph_pg_connection *connection, int was_sent, PGresult **result);
/* Sends statements without parameters and waits for their answers. */
int ph_pg_exec(struct ph_pg_connection *connection, const char *sql);
/* Waits until the socket is ready for `events` (of poll(2)) or `wake_fd` (-1: none) is readable. 0, 1 when it
 * was `wake_fd` alone, -ETIMEDOUT, or -EIO. */
int ph_pg_poll(struct ph_pg_connection *connection, short events, int wake_fd, int64_t deadline_us);
/* The code of an SQLSTATE (pure). NULL: no answer. */
int ph_pg_code(const char *sqlstate);

int ph_pg_prepare(struct ph_db_connection *base, const char *sql, struct ph_db_statement **statement);
int ph_pg_bind_text(struct ph_db_statement *base, int number, const char *text);
int ph_pg_bind_integer(struct ph_db_statement *base, int number, int64_t value);
int ph_pg_bind_real(struct ph_db_statement *base, int number, double value);
int ph_pg_step(struct ph_db_statement *base);
const char *ph_pg_text(struct ph_db_statement *base, int column);
int64_t ph_pg_integer(struct ph_db_statement *base, int column);
double ph_pg_real(struct ph_db_statement *base, int column);
int64_t ph_pg_changed_rows(struct ph_db_statement *base);
void ph_pg_finish(struct ph_db_statement *base);
/* Frees all prepared statements. */
void ph_pg_forget_statements(struct ph_pg_connection *connection);

#endif
