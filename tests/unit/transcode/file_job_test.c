/* Uploaded files, from their bytes to what an origin has, through a process of their own. */
#include "transcode/file_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/builder.h"
#include "core/base/log.h"
#include "tests/unit/transcode/file_writer.h"
#include "tests/unit/transcode/origin_double.h"
#include "tests/unit/transcode/player.h"
#include "transcode/transcode.h"

struct scene {
    struct origin_double origin;
    int asked;
    int stop_at; /* keep_on answers -ECANCELED from then on; 0: never */
};

static int keep_on(void *opaque, int64_t done_us, int64_t duration_us) {
    struct scene *scene = opaque;
    (void)done_us;
    (void)duration_us;
    scene->asked++;
    return scene->stop_at && scene->asked >= scene->stop_at ? -ECANCELED : 0;
}

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    origin_double_start(&scene->origin, 0);
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    origin_double_stop(&scene->origin);
    free(scene);
    return 0;
}

static int run(struct scene *scene, int fd, struct ph_link_reason *reason) {
    struct ph_file_job job = {
        .fd = fd,
        .encoder = "libx264",
        .hello =
            {
                .session = (char *)"abcdefghijklmnopqrstuvwxyz",
                .ladder = (char *)"240p30@300k,120p30@100k",
                .preset = (char *)"auto",
                .encoder = (char *)"libx264",
                .origins = {scene->origin.url},
                .publish_token = (char *)"token",
                .part_ms = 200,
                .segment_ms = 1000,
                .is_private = true,
                .is_recorded = true,
                .epoch_utc_us = INT64_C(1700000000000000),
            },
        .keep_on = keep_on,
        .opaque = scene,
    };
    int code = ph_file_job_run(&job, reason);
    /* What the origin's threads wrote is seen from here on. */
    pthread_mutex_lock(&scene->origin.lock);
    pthread_mutex_unlock(&scene->origin.lock);
    return code;
}

static struct played play_track(struct origin_track *track) {
    struct ph_builder builder = {0};
    ph_builder_append(&builder, ph_bytes_data(track->init), ph_bytes_size(track->init));
    for (uint32_t i = 0; i < track->count; i++)
        ph_builder_append(&builder, ph_bytes_data(track->parts[i].body), ph_bytes_size(track->parts[i].body));
    struct ph_bytes *file = ph_builder_finish(&builder);
    struct played played = player_play(file);
    ph_bytes_unref(&file);
    return played;
}

static const struct film usual = {
    .container = "mp4",
    .picture = "libx264",
    .sound = "aac",
    .width = 426,
    .height = 240,
    .frames = 75,
    .rate = 25,
};

static void assert_published(struct scene *scene, const struct film *film, bool has_sound) {
    struct ph_link_reason reason;
    int fd = film_make(film);
    int code = run(scene, fd, &reason);
    close(fd);
    if (code)
        print_message("%s: %s\n", reason.code, reason.text);
    assert_int_equal(code, 0);
    assert_true(scene->origin.ended);
    assert_true(scene->origin.publication.is_recorded && scene->origin.publication.is_private);
    struct played played = play_track(origin_double_track(&scene->origin, "v240"));
    assert_int_equal(played.warnings, 0);
    assert_int_equal(played.first_pts, 0);
    assert_int_equal(played.frames, film->frames);
    free(played.samples);
    played = play_track(origin_double_track(&scene->origin, "audio"));
    assert_true(played.even);
    double loudest = 0;
    for (size_t i = 48000; i < 96000; i++)
        loudest = played.samples[i] > loudest ? played.samples[i] : loudest;
    assert_true(has_sound ? loudest > 0.2 : loudest < 0.001);
    free(played.samples);
}

static void an_mp4_is_published_picture_by_picture(void **state) {
    assert_published(*state, &usual, true);
}

static void pictures_that_refer_ahead_come_in_their_order(void **state) {
    struct film film = usual;
    film.b_frames = 3;
    assert_published(*state, &film, true);
}

static void matroska_without_sound_is_silent(void **state) {
    struct film film = usual;
    film.container = "matroska";
    film.sound = NULL;
    assert_published(*state, &film, false);
}

static void webm_is_published_too(void **state) {
    struct film film = usual;
    film.container = "webm";
    film.picture = "libvpx";
    film.sound = "libopus";
    assert_published(*state, &film, true);
}

static void assert_published_in_size(
    struct scene *scene, const struct film *film, uint32_t width, uint32_t height) {
    assert_published(scene, film, true);
    const struct ph_publication *publication = &scene->origin.publication;
    assert_string_equal(publication->tracks[0].name, "v240");
    assert_int_equal(publication->tracks[0].width, width);
    assert_int_equal(publication->tracks[0].height, height);
}

static void a_phone_that_was_turned_made_an_upright_picture(void **state) {
    static const int32_t clockwise[9] = {0, 1 << 16, 0, -(1 << 16), 0, 0, 240 << 16, 0, 1 << 30};
    struct film film = usual;
    film.matrix = clockwise;
    assert_published_in_size(*state, &film, 240, 426);
}

static void a_matrix_that_is_nonsense_harms_nothing(void **state) {
    static const int32_t huge[9] = {
        INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN};
    struct film film = usual;
    film.matrix = huge;
    assert_published_in_size(*state, &film, 426, 240);
}

/* The codec's own bytes say nothing of it. */
static void pixels_that_are_not_square_are_stretched(void **state) {
    struct film film = usual;
    film.width = 320;
    film.aspect[0] = 4;
    film.aspect[1] = 3;
    assert_published_in_size(*state, &film, 426, 240);
}

static void pixels_that_stand_on_their_side_lengthen_the_picture(void **state) {
    static const int32_t clockwise[9] = {0, 1 << 16, 0, -(1 << 16), 0, 0, 240 << 16, 0, 1 << 30};
    struct film film = usual;
    film.width = 320;
    film.aspect[0] = 4;
    film.aspect[1] = 3;
    film.matrix = clockwise;
    assert_published_in_size(*state, &film, 240, 426);
}

static void assert_refused(struct scene *scene, int fd, const char *code) {
    struct ph_link_reason reason;
    assert_int_equal(run(scene, fd, &reason), -EINVAL);
    assert_string_equal(reason.code, code);
    assert_true(strlen(reason.text) > 10);
    assert_false(scene->origin.known);
    close(fd);
}

static void a_file_without_a_picture_is_refused(void **state) {
    struct film film = usual;
    film.picture = NULL;
    assert_refused(*state, film_make(&film), "no_picture");
}

static void text_is_refused(void **state) {
    char path[] = "/tmp/porthole-film-XXXXXX";
    static const char text[] = "This is no film, whatever its name says.";
    int fd = mkstemp(path);
    unlink(path);
    assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
    assert_refused(*state, fd, "unknown_format");
}

static void files_that_are_cut_are_refused(void **state) {
    static const char *const flags[] = {NULL, "faststart", NULL};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        struct film film = usual;
        film.flags = flags[i];
        film.container = i == 2 ? "matroska" : "mp4";
        film.frames = 200;
        int fd = film_make(&film);
        assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) / 2), 0);
        assert_refused(*state, fd, "damaged");
    }
}

/* The tables of the sound come last, and with them gone there is a film still. */
static void a_film_that_lost_the_end_of_its_tables_is_refused(void **state) {
    char type[4] = "";
    int fd = film_make(&usual);
    off_t at = lseek(fd, 0, SEEK_END) - (off_t)sizeof(type);
    for (; at > 0 && memcmp(type, "trak", sizeof(type)) != 0; at--)
        assert_int_equal(pread(fd, type, sizeof(type), at), sizeof(type));
    assert_int_equal(ftruncate(fd, at - 3), 0);
    assert_refused(*state, fd, "damaged");
}

static uint32_t big_endian(const uint8_t bytes[4]) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* An MP4 whose tables end with so many tracks more, which are empty. */
static int film_with_tracks(uint32_t count) {
    static const uint8_t track[8] = {0, 0, 0, 8, 't', 'r', 'a', 'k'};
    int fd = film_make(&usual);
    uint8_t head[8] = {0};
    off_t at = 0;
    for (; memcmp(head + 4, "moov", 4) != 0; at += big_endian(head))
        assert_int_equal(pread(fd, head, sizeof(head), at), sizeof(head));
    assert_int_equal(at, lseek(fd, 0, SEEK_END));
    uint32_t bytes = big_endian(head) + count * (uint32_t)sizeof(track);
    const uint8_t size[4] = {
        (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8), (uint8_t)bytes};
    assert_int_equal(pwrite(fd, size, sizeof(size), at - (off_t)big_endian(head)), sizeof(size));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(write(fd, track, sizeof(track)), sizeof(track));
    return fd;
}

static void a_film_of_thousands_of_tracks_is_refused(void **state) {
    assert_refused(*state, film_with_tracks(40000), "too_many_tracks");
}

/* The head of a Matroska, and no more than so many entries of its tracks. */
static int matroska_with_tracks(uint32_t count) {
    static const uint8_t head[] = {0x1a, 0x45, 0xdf, 0xa3, 0x8b, 0x42, 0x82, 0x88, 'm', 'a', 't', 'r', 'o',
        's', 'k', 'a', 0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xec, 0x81, 0};
    const uint8_t tracks[] = {0x16, 0x54, 0xae, 0x6b, 0x08, (uint8_t)(count >> 23), (uint8_t)(count >> 15),
        (uint8_t)(count >> 7), (uint8_t)(count << 1)};
    static const uint8_t entry[] = {0xae, 0x80};
    char path[] = "/tmp/porthole-film-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
    assert_int_equal(write(fd, tracks, sizeof(tracks)), sizeof(tracks));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(write(fd, entry, sizeof(entry)), sizeof(entry));
    return fd;
}

static void a_matroska_of_thousands_of_tracks_is_refused(void **state) {
    assert_refused(*state, matroska_with_tracks(40000), "too_many_tracks");
}

static void a_picture_beyond_the_limits_is_refused(void **state) {
    struct film film = usual;
    film.width = 8192;
    film.height = 4096;
    film.frames = 1;
    film.container = "matroska";
    film.sound = NULL;
    assert_refused(*state, film_make(&film), "source_too_large");
}

static void what_is_stopped_ends_the_process(void **state) {
    struct scene *scene = *state;
    struct film film = usual;
    film.frames = 25 * 60;
    struct ph_link_reason reason;
    scene->stop_at = 1;
    int fd = film_make(&film);
    assert_int_equal(run(scene, fd, &reason), -ECANCELED);
    pthread_mutex_lock(&scene->origin.lock);
    bool has_ended = scene->origin.ended;
    pthread_mutex_unlock(&scene->origin.lock);
    assert_false(has_ended);
    /* The next one goes on where it was. */
    scene->stop_at = 0;
    assert_int_equal(run(scene, fd, &reason), 0);
    close(fd);
    assert_true(scene->origin.ended);
    struct played played = play_track(origin_double_track(&scene->origin, "v240"));
    assert_int_equal(played.frames, film.frames);
    assert_int_equal(played.warnings, 0);
    free(played.samples);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "transcode") == 0)
        return ph_transcode_main();
    ph_log_set_level(PH_LOG_ERROR);
    player_watch_warnings();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_mp4_is_published_picture_by_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pictures_that_refer_ahead_come_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(matroska_without_sound_is_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(webm_is_published_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_phone_that_was_turned_made_an_upright_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_matrix_that_is_nonsense_harms_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pixels_that_are_not_square_are_stretched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            pixels_that_stand_on_their_side_lengthen_the_picture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_without_a_picture_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_are_cut_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_film_that_lost_the_end_of_its_tables_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_film_of_thousands_of_tracks_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_matroska_of_thousands_of_tracks_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_picture_beyond_the_limits_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_stopped_ends_the_process, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
