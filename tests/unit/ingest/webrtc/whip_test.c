/* The WHIP resource over HTTP: what every request is answered, and why what is refused is refused. */
#include "ingest/webrtc/whip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "ingest/webrtc/whip_exchange.h"
#include "tests/unit/http/raw_peer.h"
#include "tests/unit/ingest/relay_scene.h"
#include "tests/unit/ingest/webrtc/offer_file.h"
#include "tests/unit/support/allocation_failure.h"

struct scene {
    struct relay_scene *relays;
    struct ph_webrtc_endpoint *endpoint;
    struct ph_http_server *server;
    struct ph_whip *whip;
    atomic_bool full;
    char *offer;
    struct answer answer; /* of the last request */
};

static bool has_capacity(void *opaque) {
    return !atomic_load((atomic_bool *)opaque);
}

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    struct ph_error error = {""};
    void *relays;
    relay_scene_set_up(&relays);
    scene->relays = relays;
    scene->relays->options.has_capacity = has_capacity;
    scene->relays->options.capacity_opaque = &scene->full;
    relay_scene_start(scene->relays);
    const struct ph_http_server_options server = {
        .listen = "127.0.0.1:0", .threads = 1, .metrics = scene->relays->metrics};
    const struct ph_whip_options whip = {.metrics = scene->relays->metrics,
        .ladder = "1080p30@4500k,720p30@2500k",
        .turn_urls = "stun:stun.example.org:3478,turn:turn.example.org:3478",
        .turn_secret = "0123456789abcdef0123456789abcdef"};
    const struct ph_webrtc_options webrtc = {.listen = "127.0.0.1:0",
        .announce = "203.0.113.5,2001:db8::5",
        .relays = scene->relays->relays,
        .most_connections = 8};
    assert_int_equal(ph_http_server_create(&scene->server, &server, &error), 0);
    assert_int_equal(ph_whip_create(&scene->whip, &whip), 0);
    assert_int_equal(ph_whip_add_routes(scene->whip, scene->server), 0);
    assert_int_equal(ph_http_server_start(scene->server, &error), 0);
    assert_int_equal(ph_webrtc_endpoint_create(&scene->endpoint, &webrtc, &error), 0);
    assert_int_equal(ph_webrtc_endpoint_start(scene->endpoint, &error), 0);
    scene->offer = ph_offer_read("sdp_offer/chromium");
    *state = scene;
    return 0;
}

static void attach(struct scene *scene) {
    ph_whip_attach(scene->whip, scene->relays->relays, scene->endpoint);
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    void *relays = scene->relays;
    ph_whip_stop(scene->whip);
    ph_webrtc_endpoint_destroy(scene->endpoint);
    ph_http_server_drain(scene->server, ph_now_us() + PH_SECOND_US);
    ph_http_server_destroy(scene->server);
    ph_whip_destroy(scene->whip);
    relay_scene_tear_down(&relays);
    answer_finish(&scene->answer);
    free(scene->offer);
    free(scene);
    return 0;
}

/* Asks; returns the status. `headers` are whole lines. */
static unsigned ask(
    struct scene *scene, const char *method, const char *target, const char *headers, const char *body) {
    char head[1024];
    int fd = raw_dial(ph_http_server_port(scene->server));
    snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", method, target,
        headers, strlen(body));
    raw_send(fd, head);
    raw_send(fd, body);
    answer_finish(&scene->answer);
    scene->answer = raw_receive(fd, false);
    close(fd);
    return scene->answer.status;
}

#define BEARER(key) "Authorization: Bearer " key "\r\n"
#define SDP "Content-Type: application/sdp\r\n"
#define FRAGMENT "Content-Type: application/trickle-ice-sdpfrag\r\n"

static bool says(const struct scene *scene, const char *text) {
    return strstr(scene->answer.body, text) != NULL;
}

static bool has_header(const struct scene *scene, const char *name, const char *value) {
    const char *found = answer_header(&scene->answer, name);
    return found && strstr(found, value);
}

/* POSTs; the Location and ETag of the 201. */
static void post(struct scene *scene, char location[64], char etag[64]) {
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, scene->offer), 201);
    snprintf(location, 64, "%s", answer_header(&scene->answer, "Location"));
    snprintf(etag, 64, "%s", answer_header(&scene->answer, "ETag"));
}

static void an_offer_is_answered(void **state) {
    struct scene *scene = *state;
    char location[64], etag[64], port[32];
    attach(scene);
    post(scene, location, etag);
    assert_memory_equal(location, "/whip/", 6);
    assert_int_equal(strlen(location), 6 + PH_WEBRTC_ID_CHARACTERS);
    assert_true(etag[0] == '"' && etag[strlen(etag) - 1] == '"');
    assert_true(has_header(scene, "Content-Type", "application/sdp"));
    assert_true(has_header(scene, "Content-Length", ""));
    assert_true(has_header(scene, "Cache-Control", "no-store"));
    assert_true(has_header(scene, "Access-Control-Allow-Origin", "*"));
    assert_true(has_header(scene, "Access-Control-Expose-Headers", "Location"));
    assert_true(has_header(scene, "Access-Control-Expose-Headers", "ETag"));
    assert_true(has_header(scene, "Access-Control-Expose-Headers", "Link"));
    assert_non_null(strstr(scene->answer.head, "Link: <stun:stun.example.org:3478>; rel=\"ice-server\""));
    assert_non_null(
        strstr(scene->answer.head, "Link: <turn:turn.example.org:3478>; rel=\"ice-server\"; username="));
    snprintf(port, sizeof(port), " 203.0.113.5 %u ", ph_webrtc_endpoint_port(scene->endpoint));
    assert_true(says(scene, "a=ice-lite") && says(scene, "a=setup:passive") && says(scene, port));
    assert_true(says(scene, "2001:db8::5") && says(scene, "tcptype passive"));
    /* 1.5 times the ladder's 4500 kbit/s */
    assert_true(says(scene, "x-google-max-bitrate=6750"));
}

static void preflights_name_what_is_allowed(void **state) {
    struct scene *scene = *state;
    assert_int_equal(ask(scene, "OPTIONS", "/whip", "", ""), 204);
    assert_true(has_header(scene, "Access-Control-Allow-Methods", "POST"));
    assert_true(has_header(scene, "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match"));
    assert_true(has_header(scene, "Access-Control-Allow-Origin", "*"));
    assert_true(has_header(scene, "Accept-Post", "application/sdp"));
    assert_int_equal(ask(scene, "OPTIONS", "/whip/abc", "", ""), 204);
    assert_true(has_header(scene, "Access-Control-Allow-Methods", "PATCH, DELETE"));
    assert_true(has_header(scene, "Accept-Patch", "application/trickle-ice-sdpfrag"));
}

static void what_is_refused_says_why(void **state) {
    struct scene *scene = *state;
    static const struct {
        const char *headers, *body;
        unsigned status;
        const char *reason;
    } wrong[] = {
        {SDP, NULL, 401, "Authorization: Bearer"},
        {"Authorization: Basic a2V5\r\n" SDP, NULL, 401, "Authorization: Bearer"},
        {BEARER("unknown") SDP, NULL, 401, "stream key"},
        {BEARER("key with spaces") SDP, NULL, 401, "stream key"},
        {BEARER("ended") SDP, NULL, 403, "Start a new session"},
        {BEARER("down") SDP, NULL, 503, "Try again"},
        {BEARER("key-s1"), NULL, 415, "application/sdp"},
        {BEARER("key-s1") "Content-Type: application/json\r\n", NULL, 415, "application/sdp"},
        {BEARER("key-s1") "Content-Type: application/sdpx\r\n", NULL, 415, "application/sdp"},
        {BEARER("key-s1") SDP, "", 400, "empty"},
        {BEARER("key-s1") SDP, "hello", 400, ""},
        {BEARER("key-s1") SDP, "v=0\r\n", 422, ""},
    };
    attach(scene);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *body = wrong[i].body ? wrong[i].body : scene->offer;
        unsigned status = ask(scene, "POST", "/whip", wrong[i].headers, body);
        if (status != wrong[i].status || !says(scene, wrong[i].reason))
            fail_msg("case %zu: %u %s", i, status, scene->answer.body);
        assert_true(has_header(scene, "Content-Type", "application/problem+json"));
        assert_true(has_header(scene, "Access-Control-Allow-Origin", "*"));
        if (status == 401)
            assert_true(has_header(scene, "WWW-Authenticate", "Bearer"));
        if (status == 503)
            assert_true(has_header(scene, "Retry-After", "2"));
    }
}

static void an_offer_that_cannot_be_taken_says_what_is_wrong_with_it(void **state) {
    struct scene *scene = *state;
    attach(scene);
    char *changed = ph_offer_read_changed("sdp_offer/audio_only", "a=sendonly", "a=recvonly");
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, changed), 422);
    assert_true(strlen(scene->answer.body) > 80);
    free(changed);
}

static void a_node_without_room_says_when_to_come_back(void **state) {
    struct scene *scene = *state;
    attach(scene);
    atomic_store(&scene->full, true);
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, scene->offer), 503);
    assert_true(has_header(scene, "Retry-After", "10"));
    assert_true(says(scene, "worker"));
}

static void another_publisher_alive_is_a_conflict(void **state) {
    struct scene *scene = *state;
    struct ph_publishing *publishing;
    attach(scene);
    assert_int_equal(relay_scene_begin(scene->relays, "s1", &publishing), 0);
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, scene->offer), 409);
    assert_true(has_header(scene, "Retry-After", "1"));
    ph_publishing_end(publishing);
}

static void before_ingest_runs_publishers_are_told_to_try_again(void **state) {
    struct scene *scene = *state;
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, scene->offer), 503);
    assert_true(has_header(scene, "Retry-After", "2"));
    ph_whip_stop(scene->whip);
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, scene->offer), 503);
}

static void other_methods_and_sizes_are_refused(void **state) {
    struct scene *scene = *state;
    attach(scene);
    assert_int_equal(ask(scene, "GET", "/whip", BEARER("key-s1"), ""), 405);
    assert_true(has_header(scene, "Allow", "POST"));
    assert_int_equal(ask(scene, "PUT", "/whip", BEARER("key-s1") SDP, "x"), 405);
    char *large = malloc(PH_SDP_MOST_BYTES + 2);
    memset(large, 'v', PH_SDP_MOST_BYTES + 1);
    large[PH_SDP_MOST_BYTES + 1] = '\0';
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, large), 413);
    free(large);
}

static void candidates_are_taken_and_restarts_answered(void **state) {
    struct scene *scene = *state;
    char location[64], etag[64], headers[256];
    static const char restart[] = "a=ice-ufrag:newU\r\na=ice-pwd:Rm1xYb6rTs0qWz5kLd9vCo3n\r\n";
    static const char trickle[] = "a=end-of-candidates\r\n";
    attach(scene);
    post(scene, location, etag);
    snprintf(headers, sizeof(headers), BEARER("key-s1") FRAGMENT "If-Match: %s\r\n", etag);
    assert_int_equal(ask(scene, "PATCH", location, headers, trickle), 204);
    assert_int_equal(ask(scene, "PATCH", location, BEARER("key-s1") FRAGMENT, trickle), 204);
    assert_int_equal(
        ask(scene, "PATCH", location, BEARER("key-s1") FRAGMENT "If-Match: \"old\"\r\n", trickle), 412);
    assert_int_equal(ask(scene, "PATCH", location, BEARER("key-s1") FRAGMENT, restart), 428);
    assert_int_equal(
        ask(scene, "PATCH", location, BEARER("key-s1") FRAGMENT "If-Match: *\r\n", restart), 200);
    assert_true(has_header(scene, "Content-Type", "application/trickle-ice-sdpfrag"));
    assert_false(has_header(scene, "ETag", etag));
    assert_true(says(scene, "a=ice-ufrag:") && says(scene, "a=candidate:"));
    assert_int_equal(ask(scene, "PATCH", location, headers, trickle), 412);
}

static void changes_that_are_wrong_say_why(void **state) {
    struct scene *scene = *state;
    char location[64], etag[64];
    attach(scene);
    post(scene, location, etag);
    assert_int_equal(ask(scene, "PATCH", location, BEARER("key-s1") SDP, "x"), 415);
    assert_int_equal(ask(scene, "PATCH", location, FRAGMENT, "a=end-of-candidates\r\n"), 401);
    assert_int_equal(ask(scene, "PATCH", location, BEARER("key-s1") FRAGMENT, ""), 400);
    assert_int_equal(ask(scene, "PATCH", location, BEARER("key-s1") FRAGMENT, "a=ice-ufrag:x\r\n"), 400);
    assert_int_equal(
        ask(scene, "PATCH", location, BEARER("key-s2") FRAGMENT, "a=end-of-candidates\r\n"), 401);
    assert_int_equal(
        ask(scene, "PATCH", "/whip/nobody", BEARER("key-s1") FRAGMENT, "a=end-of-candidates\r\n"), 404);
}

static void delete_ends_it_once(void **state) {
    struct scene *scene = *state;
    char location[64], etag[64];
    attach(scene);
    post(scene, location, etag);
    assert_int_equal(ask(scene, "DELETE", location, "", ""), 401);
    assert_int_equal(ask(scene, "DELETE", location, BEARER("key-s2"), ""), 401);
    assert_int_equal(ask(scene, "DELETE", location, BEARER("key-s1"), ""), 200);
    assert_int_equal(ask(scene, "DELETE", location, BEARER("key-s1"), ""), 404);
}

/* A publisher that offers again and again replaces itself; others run into a bound, and it ends. */
static void a_flood_of_offers_is_bounded(void **state) {
    struct scene *scene = *state;
    char headers[128], text[64] = "";
    unsigned taken = 0, refused = 0;
    attach(scene);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, scene->offer), 201);
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    while (strcmp(text, "1 connections") != 0 && ph_now_us() < deadline_us)
        assert_true(ph_webrtc_endpoint_health(scene->endpoint, text, sizeof(text)));
    assert_string_equal(text, "1 connections");
    for (int i = 0; i < 12; i++) {
        snprintf(headers, sizeof(headers), "Authorization: Bearer key-t%d\r\n" SDP, i);
        unsigned status = ask(scene, "POST", "/whip", headers, scene->offer);
        taken += status == 201;
        refused += status == 503;
    }
    assert_int_equal(taken, 7);
    assert_int_equal(refused, 5);
    assert_true(has_header(scene, "Retry-After", "10"));
    /* Who has a place keeps it. */
    assert_int_equal(ask(scene, "POST", "/whip", BEARER("key-s1") SDP, scene->offer), 201);
}

static int make_whip(void *opaque) {
    struct ph_whip *whip;
    const struct ph_whip_options options = {
        .metrics = opaque, .ladder = "", .turn_urls = "", .turn_secret = ""};
    int code = ph_whip_create(&whip, &options);
    if (code)
        return code;
    ph_whip_destroy(whip);
    return 0;
}

static void memory_that_runs_out_is_survived(void **state) {
    struct ph_metrics *metrics;
    (void)state;
    assert_int_equal(ph_metrics_create(&metrics), 0);
    ph_test_with_failing_allocations(make_whip, metrics);
    ph_metrics_destroy(metrics);
}

static void the_top_rate_of_a_ladder(void **state) {
    (void)state;
    assert_int_equal(ph_whip_top_rate("1080p30@4500k,720p30@2500k"), 4500000);
    assert_int_equal(ph_whip_top_rate("720p30@2500k,1080p30@4500k"), 4500000);
    assert_int_equal(ph_whip_top_rate(""), 0);
    assert_int_equal(ph_whip_top_rate("@99999999999999999999k"), 0);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE(an_offer_is_answered),
        SCENE(preflights_name_what_is_allowed),
        SCENE(what_is_refused_says_why),
        SCENE(an_offer_that_cannot_be_taken_says_what_is_wrong_with_it),
        SCENE(a_node_without_room_says_when_to_come_back),
        SCENE(another_publisher_alive_is_a_conflict),
        SCENE(before_ingest_runs_publishers_are_told_to_try_again),
        SCENE(other_methods_and_sizes_are_refused),
        SCENE(candidates_are_taken_and_restarts_answered),
        SCENE(changes_that_are_wrong_say_why),
        SCENE(delete_ends_it_once),
        SCENE(a_flood_of_offers_is_bounded),
        cmocka_unit_test(memory_that_runs_out_is_survived),
        cmocka_unit_test(the_top_rate_of_a_ladder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
