#include "tests/unit/support/database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static char url[512];
static bool has_own_database; /* on the server, for all tests of this program */

static const char *server(void) {
    return getenv("PH_TEST_POSTGRESQL");
}

bool ph_test_database_is_sqlite(void) {
    return server() == NULL;
}

static PGconn *connect_to(const char *database) {
    char text[512];
    snprintf(text, sizeof(text), "postgresql://postgres@/%s?host=%s", database, server());
    return PQconnectdb(text);
}

/* Runs the statement and closes the connection: the first column of the first row, or "" (malloc'ed); NULL on
 * failure. */
static char *run(PGconn *connection, const char *sql) {
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    char *answer = NULL;
    if (status == PGRES_TUPLES_OK && PQntuples(result) > 0)
        answer = strdup(PQgetvalue(result, 0, 0));
    else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        answer = strdup("");
    else
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
    return answer;
}

static bool is_done(char *answer) {
    free(answer);
    return answer != NULL;
}

static int make_on_server(void) {
    char name[32], sql[64];
    snprintf(name, sizeof(name), "test_%ld", (long)getpid());
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
    if (!has_own_database && !is_done(run(connect_to("postgres"), sql)))
        return -1;
    has_own_database = true;
    snprintf(url, sizeof(url), "postgresql://postgres@/%s?host=%s", name, server());
    return is_done(run(connect_to(name),
               "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
               ? 0
               : -1;
}

int ph_test_database_make(void) {
    strcpy(folder, "/tmp/ph-test-XXXXXX");
    if (!mkdtemp(folder)) {
        perror(folder);
        return -1;
    }
    if (server())
        return make_on_server();
    snprintf(url, sizeof(url), "sqlite:%s/test.db", folder);
    return 0;
}

int ph_test_database_remove(void) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

const char *ph_test_database_url(void) {
    return url;
}

const char *ph_test_database_folder(void) {
    return folder;
}

static PGconn *connect_to_own(void) {
    char name[32];
    snprintf(name, sizeof(name), "test_%ld", (long)getpid());
    return connect_to(name);
}

bool ph_test_database_holds(const char *text) {
    char command[512];
    if (!server()) {
        snprintf(command, sizeof(command), "cat %s/test.db* | grep -qaF '%s'", folder, text);
        return system(command) == 0;
    }
    snprintf(command, sizeof(command),
        "SELECT COUNT(*) FROM pg_tables t WHERE schemaname = 'public' AND position('%s' IN "
        "table_to_xml(quote_ident(t.tablename)::regclass, true, false, '')::text) > 0",
        text);
    char *answer = run(connect_to_own(), command);
    bool is_there = answer && strcmp(answer, "0") != 0;
    free(answer);
    return is_there;
}

void ph_test_database_cut(void) {
    char *answer = run(connect_to_own(),
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()");
    free(answer);
}
