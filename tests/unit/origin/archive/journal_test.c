#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "origin/archive/journal.h"

static char dir[] = "/tmp/porthole-journal-XXXXXX";
static struct ph_manifest_segment seen[8];
static int count;

static int make_folder(void **state) {
    (void)state;
    strcpy(dir, "/tmp/porthole-journal-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state) {
    char path[64];
    (void)state;
    snprintf(path, sizeof(path), "%s/archived", dir);
    unlink(path);
    return rmdir(dir);
}

static struct ph_manifest_segment example(uint64_t number) {
    struct ph_manifest_segment segment = {.number = number,
        .start_ticks = (int64_t)number * 60000,
        .duration_ticks = 60000,
        .bytes = 1000 + number,
        .key_bytes = 700};
    memset(segment.hash, (int)(0xa0 + number), sizeof(segment.hash));
    return segment;
}

static int note(void *opaque, const struct ph_manifest_segment *segment) {
    (void)opaque;
    seen[count++] = *segment;
    return 0;
}

static void append(uint64_t number) {
    const struct ph_manifest_segment segment = example(number);
    assert_int_equal(ph_journal_append(dir, &segment), 0);
}

static off_t cut(off_t by) {
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "%s/archived", dir);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - by), 0);
    return status.st_size;
}

static void what_was_appended_is_read(void **state) {
    (void)state;
    count = 0;
    assert_int_equal(ph_journal_read(dir, note, NULL), 0);
    assert_int_equal(count, 0);
    append(0);
    append(7);
    assert_int_equal(ph_journal_read(dir, note, NULL), 0);
    assert_int_equal(count, 2);
    const struct ph_manifest_segment expected = example(7);
    assert_memory_equal(
        &seen[1], &expected, offsetof(struct ph_manifest_segment, hash) + sizeof(expected.hash));
}

static void a_torn_tail_is_cut_by_its_owner_alone(void **state) {
    (void)state;
    append(0);
    append(1);
    off_t whole = cut(3);
    count = 0;
    assert_int_equal(ph_journal_peek(dir, note, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(cut(0), whole - 3);
    assert_int_equal(ph_journal_read(dir, note, NULL), 0);
    append(1);
    count = 0;
    assert_int_equal(ph_journal_read(dir, note, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(seen[1].number, 1);
}

static void a_line_that_was_changed_is_none(void **state) {
    (void)state;
    struct ph_builder builder = {0};
    struct ph_manifest_segment segment = example(5), read;
    size_t consumed = 0;
    ph_journal_line_write(&builder, &segment);
    for (size_t i = 0; i < builder.size; i++) {
        builder.data[i] ^= 1;
        assert_int_equal(
            ph_journal_line_parse((struct ph_slice){builder.data, builder.size}, &read, &consumed),
            PH_INVALID_DATA);
        builder.data[i] ^= 1;
        assert_int_equal(
            ph_journal_line_parse((struct ph_slice){builder.data, i}, &read, &consumed), PH_INVALID_DATA);
    }
    assert_int_equal(
        ph_journal_line_parse((struct ph_slice){builder.data, builder.size}, &read, &consumed), 0);
    assert_int_equal(consumed, builder.size);
    ph_builder_discard(&builder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_appended_is_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_by_its_owner_alone, make_folder, remove_folder),
        cmocka_unit_test(a_line_that_was_changed_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
