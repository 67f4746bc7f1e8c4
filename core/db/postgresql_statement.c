/* Prepared statements: each text is parsed by the server once for a connection. Values travel as text. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */
#include <uthash.h>

#include "core/db/postgresql.h"

enum { MOST_PARAMETERS = 32 };
/* The server infers a parameter's type. One that the text leaves out is of some type: text's. */
enum { PARAMETER_INFERRED = 0, PARAMETER_UNUSED = 25 };

struct ph_pg_statement {
    struct ph_db_statement base;
    struct ph_pg_connection *connection;
    char *sql;
    char name[16]; /* on the server */
    bool is_in_use;
    int parameter_count;
    Oid types[MOST_PARAMETERS];    /* of those the text leaves out PARAMETER_UNUSED */
    char *values[MOST_PARAMETERS]; /* malloc'ed; NULL is SQL's null */
    bool was_run;
    PGresult *result;
    int row; /* the one that stands ready, from 0 */
    UT_hash_handle hh;
};

static struct ph_pg_statement *of(struct ph_db_statement *base) {
    return (struct ph_pg_statement *)base;
}

static void reset(struct ph_pg_statement *statement) {
    for (int i = 0; i < MOST_PARAMETERS; i++) {
        free(statement->values[i]);
        statement->values[i] = NULL;
    }
    PQclear(statement->result);
    statement->result = NULL;
    statement->was_run = false;
    statement->is_in_use = false;
}

static void free_statement(struct ph_pg_statement *statement) {
    reset(statement);
    free(statement->sql);
    free(statement);
}

/* The types of the parameters $n that stand outside of quotes, and the highest n. */
static int find_parameters(const char *sql, Oid types[MOST_PARAMETERS]) {
    int count = 0;
    bool is_quoted = false;
    for (int i = 0; i < MOST_PARAMETERS; i++)
        types[i] = PARAMETER_UNUSED;
    for (const char *next = sql; *next; next++) {
        if (*next == '\'')
            is_quoted = !is_quoted;
        if (*next != '$' || is_quoted || !isdigit((unsigned char)next[1]))
            continue;
        int number = (int)strtol(next + 1, NULL, 10);
        assert(number >= 1 && number <= MOST_PARAMETERS);
        types[number - 1] = PARAMETER_INFERRED;
        if (number > count)
            count = number;
    }
    return count;
}

static int make(struct ph_pg_connection *connection, const char *sql, struct ph_pg_statement **result) {
    struct ph_pg_statement *statement = calloc(1, sizeof(*statement));
    if (!statement)
        return -ENOMEM;
    statement->base.impl = connection->base.impl;
    statement->connection = connection;
    statement->sql = strdup(sql);
    if (!statement->sql) {
        free_statement(statement);
        return -ENOMEM;
    }
    statement->parameter_count = find_parameters(sql, statement->types);
    snprintf(statement->name, sizeof(statement->name), "s%u", connection->statement_count++);
    int code = ph_pg_await(connection,
        PQsendPrepare(connection->handle, statement->name, sql, statement->parameter_count, statement->types),
        NULL);
    if (code < 0) {
        free_statement(statement);
        return code;
    }
    HASH_ADD_KEYPTR(hh, connection->statements, statement->sql, strlen(statement->sql), statement);
    if (!statement->hh.tbl) {
        free_statement(statement);
        return -ENOMEM;
    }
    *result = statement;
    return 0;
}

int ph_pg_prepare(struct ph_db_connection *base, const char *sql, struct ph_db_statement **result) {
    struct ph_pg_connection *connection = ph_pg_of(base);
    struct ph_pg_statement *statement = NULL;
    HASH_FIND_STR(connection->statements, sql, statement);
    if (!statement) {
        int code = make(connection, sql, &statement);
        if (code < 0)
            return code;
    }
    assert(!statement->is_in_use);
    statement->is_in_use = true;
    statement->base.code = 0;
    *result = &statement->base;
    return 0;
}

void ph_pg_forget_statements(struct ph_pg_connection *connection) {
    struct ph_pg_statement *statement, *next;
    HASH_ITER(hh, connection->statements, statement, next) {
        HASH_DEL(connection->statements, statement);
        free_statement(statement);
    }
}

int ph_pg_bind_text(struct ph_db_statement *base, int number, const char *text) {
    struct ph_pg_statement *statement = of(base);
    assert(number >= 1 && number <= MOST_PARAMETERS);
    if (statement->types[number - 1] == PARAMETER_UNUSED)
        return -EINVAL;
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return -ENOMEM;
    free(statement->values[number - 1]);
    statement->values[number - 1] = copy;
    return 0;
}

int ph_pg_bind_integer(struct ph_db_statement *base, int number, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return ph_pg_bind_text(base, number, text);
}

int ph_pg_bind_real(struct ph_db_statement *base, int number, double value) {
    char text[40];
    snprintf(text, sizeof(text), "%.17g", value);
    return ph_pg_bind_text(base, number, text);
}

int ph_pg_step(struct ph_db_statement *base) {
    struct ph_pg_statement *statement = of(base);
    struct ph_pg_connection *connection = statement->connection;
    if (!statement->was_run) {
        int code = ph_pg_await(connection,
            PQsendQueryPrepared(connection->handle, statement->name, statement->parameter_count,
                (const char *const *)statement->values, NULL, NULL, 0),
            &statement->result);
        if (code < 0)
            return code;
        statement->was_run = true;
        statement->row = -1;
    }
    if (statement->row >= PQntuples(statement->result) - 1)
        return 0;
    statement->row++;
    return 1;
}

const char *ph_pg_text(struct ph_db_statement *base, int column) {
    struct ph_pg_statement *statement = of(base);
    if (PQgetisnull(statement->result, statement->row, column))
        return NULL;
    return PQgetvalue(statement->result, statement->row, column);
}

int64_t ph_pg_integer(struct ph_db_statement *base, int column) {
    const char *text = ph_pg_text(base, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

double ph_pg_real(struct ph_db_statement *base, int column) {
    const char *text = ph_pg_text(base, column);
    return text ? strtod(text, NULL) : 0;
}

int64_t ph_pg_changed_rows(struct ph_db_statement *base) {
    return strtoll(PQcmdTuples(of(base)->result), NULL, 10);
}

void ph_pg_finish(struct ph_db_statement *base) {
    reset(of(base));
}
