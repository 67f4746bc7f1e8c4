/* The chat over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/chat_store.h"
#include "tests/unit/api/listener.h"
#include "tests/unit/api/stage.h"

static char session[PH_SESSION_ID_BYTES];

static const char *chat_at(const char *rest) {
    static char path[256];
    snprintf(path, sizeof(path), "/api/sessions/%s/chat%s", session, rest);
    return path;
}

static char *grandmother(void) {
    return stage_token("viewer", "grandmother", NULL);
}

static json_t *message(size_t place) {
    return json_array_get(stage_member("messages"), place);
}

static const char *text_of(size_t place) {
    return json_string_value(json_object_get(message(place), "text"));
}

static void what_is_said_is_heard_and_kept(void **state) {
    static struct listener listener;
    char query[64];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    snprintf(query, sizeof(query), "?session=%s", session);
    listener_open(&listener, query, NULL, NULL);
    listener_await(&listener, "event: state", NULL);
    stage_call("POST", chat_at(""), grandmother(),
        "{\"text\":\"Hi </script><b>\\\"all\\\"\",\"name\":\"Oma <img>\"}");
    assert_int_equal(stage.status, 201);
    assert_string_equal(stage_text("author.name"), "Oma <img>");
    assert_string_equal(stage_text("author.role"), "guest");
    char author[PH_CHAT_AUTHOR_BYTES];
    snprintf(author, sizeof(author), "%s", stage_text("author.id"));
    assert_int_equal(strlen(author), PH_CHAT_AUTHOR_CHARACTERS);
    listener_await(&listener, "event: chat\ndata: {", NULL);
    listener_await(&listener, "\"text\":\"Hi </script><b>\\\"all\\\"\"", NULL);
    stage_call("POST", chat_at(""), stage_alice(), "{\"text\":\"Hello\"}");
    assert_string_equal(stage_text("author.role"), "owner");
    stage_call("GET", chat_at(""), grandmother(), NULL);
    assert_int_equal(json_array_size(stage_member("messages")), 2);
    assert_string_equal(text_of(0), "Hello");
    assert_string_equal(stage_text("you.id"), author);
    assert_true(json_is_true(stage_member("you.maySay")) && json_is_false(stage_member("you.mayModerate")));
    stage_call("GET", chat_at(""), NULL, NULL);
    assert_true(json_is_null(stage_member("you.id")) && json_is_false(stage_member("you.maySay")));
    stage_call("GET", chat_at("?limit=1"), NULL, NULL);
    char next[64];
    snprintf(next, sizeof(next), "?limit=1&cursor=%s", stage_text("next"));
    stage_call("GET", chat_at(next), NULL, NULL);
    assert_string_equal(text_of(0), "Hi </script><b>\"all\"");
    assert_true(json_is_null(stage_member("next")));
    listener_close(&listener);
}

static void who_may_not_speak_and_what_may_not_be_said(void **state) {
    char body[4 * PH_MOST_CHAT_CHARACTERS + 64];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    stage_call("POST", chat_at(""), NULL, "{\"text\":\"anonymous\"}");
    assert_int_equal(stage.status, 401);
    static const struct {
        const char *body, *field;
    } wrong[] = {{"{}", "/text"}, {"{\"text\":\"\"}", "/text"}, {"{\"text\":7}", "/text"},
        {"{\"text\":\"a\\u0000b\"}", NULL}, {"{\"text\":\"a\\nb\"}", "/text"},
        {"{\"text\":\"x\",\"role\":\"owner\"}", "/role"}, {"{\"text\":\"x\",\"name\":\"\"}", "/name"},
        {"{\"text\":\"\xff\"}", NULL}, {"[]", NULL}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        stage_call("POST", chat_at(""), grandmother(), wrong[i].body);
        assert_int_equal(stage.status, 400);
        if (wrong[i].field)
            assert_string_equal(stage_text("field"), wrong[i].field);
    }
    strcpy(body, "{\"text\":\"");
    for (int i = 0; i <= PH_MOST_CHAT_CHARACTERS; i++)
        strcat(body, "\u20ac");
    strcat(body, "\"}");
    stage_call("POST", chat_at(""), grandmother(), body);
    assert_int_equal(stage.status, 400);
    stage_call("GET", chat_at("?cursor=x"), NULL, NULL);
    assert_int_equal(stage.status, 400);
    stage_start(NULL, session);
    stage_call("GET", chat_at(""), grandmother(), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("POST", chat_at(""), grandmother(), "{\"text\":\"let me in\"}");
    assert_int_equal(stage.status, 404);
    stage_call("POST", chat_at(""), stage_token("viewer", "grandmother", session), "{\"text\":\"hi\"}");
    assert_int_equal(stage.status, 201);
    stage_call("POST", stage_path("/api/sessions/end/", session), stage_alice(), NULL);
    stage_call("POST", chat_at(""), stage_alice(), "{\"text\":\"too late\"}");
    assert_int_equal(stage.status, 409);
}

static void who_says_too_much_waits(void **state) {
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    for (int i = 0; i < PH_CHAT_BURST; i++) {
        stage_call("POST", chat_at(""), grandmother(), "{\"text\":\"again\"}");
        assert_int_equal(stage.status, 201);
    }
    stage_call("POST", chat_at(""), grandmother(), "{\"text\":\"and again\"}");
    assert_int_equal(stage.status, 429);
    stage_call("POST", chat_at(""), stage_token("viewer", "other", NULL), "{\"text\":\"me too\"}");
    assert_int_equal(stage.status, 201);
}

static void the_owner_deletes_and_mutes(void **state) {
    static struct listener listener;
    static char skipped[sizeof(listener.heard)];
    char query[64], mute[64], at[64];
    (void)state;
    stage_start("{\"visibility\":\"public\"}", session);
    snprintf(query, sizeof(query), "?session=%s", session);
    stage_call("POST", chat_at(""), grandmother(), "{\"text\":\"something rude\",\"name\":\"G\"}");
    snprintf(at, sizeof(at), "/%lld", (long long)json_integer_value(stage_member("id")));
    snprintf(mute, sizeof(mute), "/mutes/%s", stage_text("author.id"));
    stage_call("DELETE", chat_at(at), grandmother(), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("PUT", chat_at(mute), grandmother(), NULL);
    assert_int_equal(stage.status, 403);
    listener_open(&listener, query, NULL, NULL);
    listener_await(&listener, "event: state", NULL);
    stage_call("DELETE", chat_at(at), stage_alice(), NULL);
    assert_int_equal(stage.status, 204);
    listener_await(&listener, "\"text\":null", NULL);
    listener_await(&listener, "\"deleted\":true}", NULL);
    listener_close(&listener);
    stage_call("DELETE", chat_at(at), stage_token("operator", "o", NULL), NULL);
    assert_int_equal(stage.status, 204);
    stage_call("DELETE", chat_at("/999"), stage_alice(), NULL);
    assert_int_equal(stage.status, 404);
    /* Who catches up does not hear it either. */
    listener_open(&listener, query, NULL, "1");
    listener_await(&listener, "id: 3\n", skipped);
    assert_null(strstr(skipped, "rude"));
    listener_close(&listener);
    stage_call("PUT", chat_at(mute), stage_alice(), NULL);
    assert_int_equal(stage.status, 204);
    stage_call("PUT", chat_at(mute), stage_alice(), NULL);
    assert_int_equal(stage.status, 204);
    stage_call("PUT", chat_at("/mutes/aaaaaaaaaaaaaaaa"), stage_alice(), NULL);
    assert_int_equal(stage.status, 404);
    stage_call("POST", chat_at(""), grandmother(), "{\"text\":\"more\"}");
    assert_int_equal(stage.status, 403);
    stage_call("GET", chat_at("/mutes"), stage_alice(), NULL);
    assert_int_equal(json_array_size(stage_member("mutes")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(stage_member("mutes"), 0), "name")), "G");
    stage_call("GET", chat_at("/mutes"), grandmother(), NULL);
    assert_int_equal(stage.status, 403);
    stage_call("DELETE", chat_at(mute), stage_alice(), NULL);
    assert_int_equal(stage.status, 204);
    stage_call("POST", chat_at(""), grandmother(), "{\"text\":\"sorry\"}");
    assert_int_equal(stage.status, 201);
    stage_call("GET", chat_at(""), NULL, NULL);
    assert_true(json_is_null(json_object_get(message(1), "text")));
}

static void authors_are_the_same_everywhere_and_tell_nothing(void **state) {
    char one[PH_CHAT_AUTHOR_BYTES], two[PH_CHAT_AUTHOR_BYTES];
    (void)state;
    assert_int_equal(ph_chat_author("secret", "session", "subject", one), 0);
    assert_int_equal(ph_chat_author("secret", "session", "subject", two), 0);
    assert_string_equal(one, two);
    assert_int_equal(ph_chat_author("secret", "session2", "subject", two), 0);
    assert_string_not_equal(one, two);
    assert_int_equal(ph_chat_author("secret2", "session", "subject", two), 0);
    assert_string_not_equal(one, two);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(what_is_said_is_heard_and_kept),
        ON_STAGE(who_may_not_speak_and_what_may_not_be_said),
        ON_STAGE(who_says_too_much_waits),
        ON_STAGE(the_owner_deletes_and_mutes),
        cmocka_unit_test(authors_are_the_same_everywhere_and_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
