#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/thread.h"
#include "origin/session.h"
#include "tests/unit/origin/example.h"

/* Held requests without a server: what a hold was answered with is all that counts here. */
struct ph_http_hold {
    struct ph_http_response *answer;
    unsigned releases;
    bool over;
    bool dropped;
};

static atomic_uint released;

void __wrap_ph_http_hold_release(struct ph_http_hold *hold, struct ph_http_response *response);
void __wrap_ph_http_hold_drop(struct ph_http_hold *hold);
bool __wrap_ph_http_hold_is_over(const struct ph_http_hold *hold);

void __wrap_ph_http_hold_release(struct ph_http_hold *hold, struct ph_http_response *response) {
    hold->releases++;
    hold->answer = response ? ph_http_response_ref(response) : NULL;
    atomic_fetch_add(&released, 1);
}

void __wrap_ph_http_hold_drop(struct ph_http_hold *hold) {
    hold->dropped = true;
}

bool __wrap_ph_http_hold_is_over(const struct ph_http_hold *hold) {
    return hold->over;
}

static struct ph_session *make_session(struct ph_publication *publication) {
    *publication = example_publication(3);
    struct ph_session *session = ph_session_create("s", publication, example_metrics(), 0);
    struct ph_bytes *init = ph_bytes_copy("init", 4);
    assert_non_null(session);
    assert_int_equal(ph_session_set_init(session, 0, init, 0), 0);
    assert_int_equal(ph_session_set_init(session, 1, init, 0), 0);
    ph_bytes_unref(&init);
    return session;
}

static void publish(struct ph_session *session, uint64_t segment, uint32_t part, bool gap) {
    struct ph_part_position next;
    struct ph_part *made = example_part(&session->publication, segment, part, gap);
    assert_int_equal(ph_session_add_part(session, 0, made, 0, &next, NULL), PH_WINDOW_ADDED);
    ph_part_unref(&made);
}

static void hold(struct ph_session *session, enum ph_wait_kind kind, uint64_t segment, uint32_t part,
    struct ph_http_hold *held) {
    *held = (struct ph_http_hold){0};
    ph_session_hold_viewer(session, kind, 0, (struct ph_part_position){segment, part}, held, NULL);
}

static void a_hold_is_answered_by_the_part_it_waits_for_and_not_before(void **state) {
    (void)state;
    struct ph_publication publication;
    struct ph_session *session = make_session(&publication);
    struct ph_http_hold first, second, whole, part, late;
    hold(session, PH_WAIT_PLAYLIST_BLOCKING, 0, 0, &first);
    hold(session, PH_WAIT_DELTA_BLOCKING, 0, 1, &second);
    hold(session, PH_WAIT_PLAYLIST_BLOCKING, 0, PH_WHOLE_SEGMENT, &whole);
    hold(session, PH_WAIT_PART, 0, 1, &part);
    publish(session, 0, 0, false);
    assert_int_equal(first.releases, 1);
    assert_int_equal(second.releases + whole.releases + part.releases, 0);
    publish(session, 0, 1, false);
    assert_int_equal(second.releases, 1);
    assert_int_equal(part.releases, 1);
    assert_int_equal(ph_http_response_status(part.answer), 200);
    assert_int_equal(whole.releases, 0);
    publish(session, 0, 2, false);
    assert_int_equal(whole.releases, 1);
    hold(session, PH_WAIT_PLAYLIST_BLOCKING, 0, 2, &late);
    assert_int_equal(late.releases, 1);
    struct ph_http_hold *const all[] = {&first, &second, &whole, &part, &late};
    for (size_t i = 0; i < 5; i++)
        ph_http_response_unref(&all[i]->answer);
    ph_session_unref(&session);
}

static void a_hinted_part_that_is_missing_gives_404(void **state) {
    (void)state;
    struct ph_publication publication;
    struct ph_session *session = make_session(&publication);
    struct ph_http_hold gap, never;
    hold(session, PH_WAIT_PART, 0, 0, &gap);
    publish(session, 0, 0, true);
    assert_int_equal(ph_http_response_status(gap.answer), 404);
    hold(session, PH_WAIT_PART, 0, 1, &never);
    ph_session_end(session, 0);
    assert_int_equal(ph_http_response_status(never.answer), 404);
    ph_http_response_unref(&gap.answer);
    ph_http_response_unref(&never.answer);
    ph_session_unref(&session);
}

static void the_end_releases_everybody(void **state) {
    (void)state;
    struct ph_publication publication;
    struct ph_session *session = make_session(&publication);
    struct ph_http_hold holds[PH_WAIT_MULTIVARIANT + 1];
    for (int kind = 0; kind <= PH_WAIT_MULTIVARIANT; kind++)
        hold(session, (enum ph_wait_kind)kind, 5, 0, &holds[kind]);
    ph_session_end(session, 0);
    ph_session_end(session, 0);
    for (int kind = 0; kind <= PH_WAIT_MULTIVARIANT; kind++) {
        assert_int_equal(holds[kind].releases, 1);
        ph_http_response_unref(&holds[kind].answer);
    }
    ph_session_unref(&session);
}

static void holds_that_are_over_are_forgotten(void **state) {
    (void)state;
    struct ph_publication publication;
    struct ph_session *session = make_session(&publication);
    struct ph_http_hold over, live;
    size_t held[PH_WAIT_KINDS] = {0};
    hold(session, PH_WAIT_PART, 0, 0, &over);
    hold(session, PH_WAIT_PART, 0, 0, &live);
    over.over = true;
    ph_session_tick(session, 0, held);
    assert_true(over.dropped);
    assert_false(live.dropped);
    assert_int_equal(held[PH_WAIT_PART], 1);
    publish(session, 0, 0, false);
    assert_int_equal(over.releases, 0);
    assert_int_equal(live.releases, 1);
    ph_http_response_unref(&live.answer);
    ph_session_unref(&session);
}

static void a_publisher_waits_for_the_disk(void **state) {
    (void)state;
    struct ph_publication publication;
    struct ph_session *session = make_session(&publication);
    struct ph_http_hold durable = {0}, failed = {0}, end = {0}, late = {0};
    ph_session_hold_publisher(session, 0, 0, &durable);
    ph_session_hold_publisher(session, 0, 1, &failed);
    ph_session_mark_durable(session, 0, 1);
    assert_int_equal(ph_http_response_status(durable.answer), 201);
    assert_int_equal(failed.releases, 0);
    ph_session_fail_durability(session);
    assert_int_equal(ph_http_response_status(failed.answer), 507);
    ph_session_hold_publisher(session, PH_MOST_TRACKS, 0, &end);
    ph_session_mark_durable(session, 0, 2);
    assert_int_equal(end.releases, 0);
    ph_session_mark_end_durable(session);
    assert_int_equal(ph_http_response_status(end.answer), 200);
    ph_session_hold_publisher(session, 0, 1, &late);
    assert_int_equal(ph_http_response_status(late.answer), 201);
    struct ph_http_hold *const all[] = {&durable, &failed, &end, &late};
    for (size_t i = 0; i < 4; i++)
        ph_http_response_unref(&all[i]->answer);
    ph_session_unref(&session);
}

/* Viewers ask from several threads while parts come: nobody is forgotten, nobody is answered twice, and
 * nobody gets a playlist without what was asked for. */
enum { threads = 4, holds_each = 3000, segments = 300 };

struct crowd {
    struct ph_session *session;
    struct ph_http_hold *holds;
    atomic_uint *progress;
};

static void *ask(void *opaque) {
    struct crowd *crowd = opaque;
    for (int i = 0; i < holds_each; i++) {
        uint64_t segment = atomic_load(crowd->progress) + (uint64_t)(i % 2);
        hold(crowd->session, i % 3 ? PH_WAIT_PLAYLIST_BLOCKING : PH_WAIT_DELTA_BLOCKING, segment,
            (uint32_t)i % 3, &crowd->holds[i]);
    }
    return NULL;
}

static void viewers_and_publisher_race(void **state) {
    (void)state;
    struct ph_publication publication;
    struct ph_session *session = make_session(&publication);
    struct crowd crowds[threads];
    pthread_t runners[threads];
    atomic_uint progress = 0;
    atomic_store(&released, 0);
    for (int i = 0; i < threads; i++) {
        crowds[i] = (struct crowd){session, calloc(holds_each, sizeof(struct ph_http_hold)), &progress};
        assert_int_equal(ph_thread_start(&runners[i], "viewer", ask, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < 3 * segments; i++) {
        publish(session, i / 3, i % 3, false);
        atomic_store(&progress, i / 3);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(runners[i], NULL);
    ph_session_end(session, 0);
    assert_int_equal(atomic_load(&released), threads * holds_each);
    for (int i = 0; i < threads; i++) {
        for (int j = 0; j < holds_each; j++) {
            struct ph_http_hold *one = &crowds[i].holds[j];
            assert_int_equal(one->releases, 1);
            assert_int_equal(ph_http_response_status(one->answer), 200);
            ph_http_response_unref(&one->answer);
        }
        free(crowds[i].holds);
    }
    ph_session_unref(&session);
}

static void who_is_revoked_waits_no_longer(void **state) {
    struct ph_publication publication = example_publication(3);
    struct ph_playback_claims claims[] = {{.viewer = "v1", .holder = "h"}, {.viewer = "v2", .holder = "h"}};
    struct ph_revocation revoked = {.tag = "v1", .at_s = 1};
    struct ph_http_hold held[3] = {{0}};
    (void)state;
    struct ph_session *session = make_session(&publication);
    publish(session, 0, 0, false);
    for (int i = 0; i < 2; i++)
        ph_session_hold_viewer(
            session, PH_WAIT_PART, 0, (struct ph_part_position){0, 1}, &held[i], &claims[i]);
    assert_int_equal(ph_session_revoke(session, &revoked, 1), 0);
    assert_int_equal(held[0].releases, 1);
    assert_int_equal(ph_http_response_status(held[0].answer), 403);
    assert_int_equal(held[1].releases, 0);
    ph_session_hold_viewer(session, PH_WAIT_PART, 0, (struct ph_part_position){0, 1}, &held[2], &claims[0]);
    assert_int_equal(ph_http_response_status(held[2].answer), 403);
    publish(session, 0, 1, false);
    assert_int_equal(held[1].releases, 1);
    assert_int_equal(ph_http_response_status(held[1].answer), 200);
    for (int i = 0; i < 3; i++)
        ph_http_response_unref(&held[i].answer);
    ph_session_unref(&session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_revoked_waits_no_longer),
        cmocka_unit_test(a_hold_is_answered_by_the_part_it_waits_for_and_not_before),
        cmocka_unit_test(a_hinted_part_that_is_missing_gives_404),
        cmocka_unit_test(the_end_releases_everybody),
        cmocka_unit_test(holds_that_are_over_are_forgotten),
        cmocka_unit_test(a_publisher_waits_for_the_disk),
        cmocka_unit_test(viewers_and_publisher_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
