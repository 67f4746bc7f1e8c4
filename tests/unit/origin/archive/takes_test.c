/* Tries at an upload: of those that do not count nothing is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/origin/archive/archive_scene.h"

static bool is_forgotten(void) {
    return !ph_archive_has(scene.archive, scene_id);
}

static bool has_folder(void) {
    return access(scene.dir, F_OK) == 0;
}

static void what_is_given_up_leaves_nothing(void **state) {
    (void)state;
    scene_write_folder(true, 0);
    scene_open(0);
    scene_take_all();
    scene_await(scene_all_put);
    ph_archive_give_up(scene.session);
    scene_await(is_forgotten);
    assert_false(scene_has("publication.json") || scene_has("v1080/0.m4s") || scene_has("recording.json"));
    assert_false(has_folder());
    assert_false(scene_was_told());
}

static void a_take_that_does_not_count_becomes_no_recording(void **state) {
    (void)state;
    scene_write_folder(true, 1);
    scene_open(0);
    scene_take_all();
    scene_await(scene_all_put);
    assert_false(ph_archive_is_unwanted(scene.archive, scene_id));
    assert_true(ph_archive_make_way(scene.archive, scene_id, 1));
    atomic_store(&scene.list.unwanted, 1);
    ph_archive_end(scene.session);
    ph_archive_retire(scene.session);
    scene_await(scene_is_gone);
    assert_false(scene_has("v1080/0.m4s") || scene_has("recording.json"));
    assert_false(scene_was_told());
}

/* It was ready and deleted, and its origin is killed before it noted that it was whole. */
static void a_take_that_was_deleted_stays_for_its_clip(void **state) {
    (void)state;
    scene_write_folder(true, 1);
    scene_open(0);
    scene_take_all();
    scene_await(scene_all_put);
    atomic_store(&scene.list.unwanted, 1);
    atomic_store(&scene.list.deleted, 1);
    atomic_store(&scene.list.being_cut, 1);
    ph_archive_end(scene.session);
    scene_await(scene_is_complete);
    assert_true(scene_has("v1080/0.m4s") && scene_has("recording.json"));
}

static void a_later_take_makes_an_earlier_one_go(void **state) {
    (void)state;
    scene_write_folder(true, 1);
    scene_create(0);
    scene_take(0);
    ph_archive_end(scene.session);
    ph_archive_retire(scene.session);
    assert_false(ph_archive_make_way(scene.archive, scene_id, 2));
    assert_int_equal(ph_archive_start(scene.archive), 0);
    scene_await(is_forgotten);
    assert_true(ph_archive_make_way(scene.archive, scene_id, 2));
    assert_false(scene_has("publication.json") || scene_has("v1080/0.m4s") || has_folder());
}

/* The origin's list has it no more, and the spool, which waits for its disk, does not know yet. */
static void an_earlier_take_stays_while_the_spool_has_it(void **state) {
    (void)state;
    scene_write_folder(true, 1);
    scene_open(0);
    scene_take(0);
    assert_false(ph_archive_make_way(scene.archive, scene_id, 2));
    ph_archive_end(scene.session);
    scene_await(scene_was_told);
    assert_true(ph_archive_has(scene.archive, scene_id));
    ph_archive_retire(scene.session);
    scene_await(is_forgotten);
    assert_true(ph_archive_make_way(scene.archive, scene_id, 2));
}

/* After a restart nobody but the archive knows of it; who comes again waits until it is gone. */
static void a_take_that_was_given_up_is_not_gone_on_with(void **state) {
    (void)state;
    scene_write_folder(true, 1);
    scene_create(0);
    ph_archive_give_up(scene.session);
    assert_false(ph_archive_make_way(scene.archive, scene_id, 1));
    assert_int_equal(ph_archive_start(scene.archive), 0);
    scene_await(is_forgotten);
    assert_true(ph_archive_make_way(scene.archive, scene_id, 1));
}

int main(void) {
#define ON_STORE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)
    const struct CMUnitTest tests[] = {
        ON_STORE(what_is_given_up_leaves_nothing),
        ON_STORE(a_take_that_does_not_count_becomes_no_recording),
        ON_STORE(a_take_that_was_deleted_stays_for_its_clip),
        ON_STORE(a_later_take_makes_an_earlier_one_go),
        ON_STORE(an_earlier_take_stays_while_the_spool_has_it),
        ON_STORE(a_take_that_was_given_up_is_not_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
