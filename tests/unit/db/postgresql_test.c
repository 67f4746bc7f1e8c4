#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/db/db.h"
#include "core/db/postgresql.h"
#include "tests/unit/support/database.h"

static struct ph_db *db;

static int open_db(void **state) {
    struct ph_error error = {""};
    (void)state;
    if (ph_test_database_is_sqlite()) {
        print_error("PH_TEST_POSTGRESQL names no server\n");
        return -1;
    }
    return ph_test_database_make() < 0 ? -1 : ph_db_open(&db, ph_test_database_url(), &error);
}

static int close_db(void **state) {
    (void)state;
    ph_db_close(db);
    return ph_test_database_remove();
}

static void run(const char *sql) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, sql), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void sqlstates_have_their_codes(void **state) {
    static const struct {
        const char *sqlstate;
        int code;
    } rows[] = {{"23505", -EEXIST}, {"23503", -EINVAL}, {"23514", -EINVAL}, {"40001", -EAGAIN},
        {"40P01", -EAGAIN}, {"55P03", -EAGAIN}, {"57014", -EAGAIN}, {"25006", -EROFS}, {"53100", -ENOSPC},
        {"53300", -EAGAIN}, {"08006", -EIO}, {"57P01", -EIO}, {"57P03", -EIO}, {"28P01", -EACCES},
        {"3D000", -EACCES}, {"42501", -EACCES}, {"42601", -EINVAL}, {"22P02", -EINVAL},
        {"XX001", PH_INVALID_DATA}, {NULL, -EIO}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ph_pg_code(rows[i].sqlstate), rows[i].code);
}

static void keys_are_beside_each_other(void **state) {
    struct ph_db_transaction *first, *second;
    (void)state;
    int64_t began_us = ph_now_us();
    assert_int_equal(ph_db_begin_keyed(db, "a", &first), 0);
    assert_int_equal(ph_db_begin_keyed(db, "b", &second), 0);
    assert_true(ph_now_us() - began_us < PH_DB_PATIENCE_US);
    assert_int_equal(ph_db_commit(second), 0);
    assert_int_equal(ph_db_commit(first), 0);
}

static int64_t count(int *code) {
    struct ph_db_transaction *transaction;
    struct ph_db_statement *statement;
    int64_t answer = -1;
    *code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (*code < 0)
        return -1;
    *code = ph_db_prepare(transaction, "SELECT COUNT(*) FROM houses", &statement);
    if (*code == 0) {
        *code = ph_db_step(statement);
        if (*code == 1)
            answer = ph_db_integer(statement, 0);
        ph_db_finish(statement);
    }
    ph_db_rollback(transaction);
    return answer;
}

static void idle_connections_that_were_cut_are_replaced_unseen(void **state) {
    struct ph_db_transaction *transactions[3];
    int code;
    (void)state;
    run("CREATE TABLE houses (id TEXT)");
    for (int i = 0; i < 3; i++)
        assert_int_equal(ph_db_begin(db, PH_DB_READ, &transactions[i]), 0);
    for (int i = 0; i < 3; i++)
        ph_db_rollback(transactions[i]);
    assert_int_equal(count(&code), 0);
    ph_test_database_cut();
    assert_int_equal(count(&code), 0);
    run("INSERT INTO houses VALUES ('a')");
    assert_int_equal(count(&code), 1);
}

static void a_cut_within_a_transaction_fails_it_and_the_next_is_good(void **state) {
    struct ph_db_transaction *transaction;
    int code;
    (void)state;
    run("CREATE TABLE houses (id TEXT)");
    assert_int_equal(ph_db_begin(db, PH_DB_WRITE, &transaction), 0);
    assert_int_equal(ph_db_exec(transaction, "INSERT INTO houses VALUES ('a')"), 0);
    ph_test_database_cut();
    assert_int_equal(ph_db_exec(transaction, "INSERT INTO houses VALUES ('b')"), -EIO);
    assert_int_equal(ph_db_commit(transaction), -EIO);
    assert_int_equal(count(&code), 0);
    assert_int_equal(code, 1);
}

/* A server that takes connections and says nothing. */
static int silent_server(char *text, size_t text_bytes) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(
        text, text_bytes, "postgresql://porthole:verysecret@127.0.0.1:%d/porthole", ntohs(address.sin_port));
    return fd;
}

static void a_server_that_says_nothing_is_given_up(void **state) {
    struct ph_db *none = NULL;
    struct ph_error error = {""};
    char text[128];
    (void)state;
    int fd = silent_server(text, sizeof(text));
    int64_t began_us = ph_now_us();
    assert_int_equal(ph_db_open(&none, text, &error), -EIO);
    int64_t took_us = ph_now_us() - began_us;
    assert_true(took_us >= PH_DB_PATIENCE_US && took_us < 2 * PH_DB_PATIENCE_US);
    assert_non_null(strstr(error.text, "database cannot be reached"));
    assert_null(strstr(error.text, "verysecret"));
    close(fd);
    assert_int_equal(ph_db_open(&none, text, &error), -EIO);
    assert_non_null(strstr(error.text, "refused"));
    assert_null(strstr(error.text, "verysecret"));
    assert_null(none);
}

static void wrong_urls_are_refused_without_their_password(void **state) {
    static const char *const urls[] = {"postgresql://porthole:very%secret@localhost/x",
        "postgresql://porthole:verysecret@localhost/x?no_such_option=1",
        "postgresql://porthole:verysecret@[localhost/x"};
    struct ph_db *none = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct ph_error error = {""};
        assert_int_equal(ph_db_open(&none, urls[i], &error), -EINVAL);
        assert_non_null(strstr(error.text, "database_url"));
        assert_null(strstr(error.text, "secret"));
    }
}

struct ear {
    pthread_mutex_t lock;
    pthread_cond_t heard;
    int missed, payloads;
};

static void hear(void *opaque, const char *payload) {
    struct ear *ear = opaque;
    pthread_mutex_lock(&ear->lock);
    *(payload ? &ear->payloads : &ear->missed) += 1;
    pthread_cond_broadcast(&ear->heard);
    pthread_mutex_unlock(&ear->lock);
}

static void await(struct ear *ear, const int *counter, int wanted) {
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    int code = 0;
    pthread_mutex_lock(&ear->lock);
    while (*counter < wanted && code == 0)
        code = ph_cond_wait_until(&ear->heard, &ear->lock, deadline_us);
    pthread_mutex_unlock(&ear->lock);
    assert_int_equal(code, 0);
}

static void notify(struct ph_db *from) {
    struct ph_db_transaction *transaction;
    assert_int_equal(ph_db_begin_keyed(from, "x", &transaction), 0);
    assert_int_equal(ph_db_notify(transaction, "doors", "open"), 0);
    assert_int_equal(ph_db_commit(transaction), 0);
}

static void listeners_hear_other_processes_and_are_told_of_gaps(void **state) {
    struct ear ear = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct ph_db_listener *listener;
    struct ph_db *other;
    (void)state;
    assert_int_equal(ph_cond_init(&ear.heard), 0);
    assert_int_equal(ph_db_open(&other, ph_test_database_url(), NULL), 0);
    assert_int_equal(ph_db_listen(db, "doors", hear, &ear, &listener), 0);
    await(&ear, &ear.missed, 1);
    notify(other);
    await(&ear, &ear.payloads, 1);
    ph_test_database_cut();
    await(&ear, &ear.missed, 2);
    notify(other);
    await(&ear, &ear.payloads, 2);
    ph_db_unlisten(listener);
    ph_db_close(other);
    pthread_cond_destroy(&ear.heard);
}

#define ON_DB(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlstates_have_their_codes),
        ON_DB(keys_are_beside_each_other),
        ON_DB(idle_connections_that_were_cut_are_replaced_unseen),
        ON_DB(a_cut_within_a_transaction_fails_it_and_the_next_is_good),
        cmocka_unit_test(a_server_that_says_nothing_is_given_up),
        cmocka_unit_test(wrong_urls_are_refused_without_their_password),
        ON_DB(listeners_hear_other_processes_and_are_told_of_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
