#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/store/s3_lifecycle.h"
#include "tests/unit/support/allocation_failure.h"

static const struct ph_store_rules rules = {30, 90, 365, 2, 7};
static struct ph_s3_rule plan[PH_S3_RULES];

static char *write_over(const char *document) {
    struct ph_s3_lifecycle there = {0};
    struct ph_builder built = {0};
    if (document) {
        const struct ph_slice slice = {(const uint8_t *)document, strlen(document)};
        assert_int_equal(ph_s3_lifecycle_read(&there, slice, plan), 0);
    }
    bool is_something = ph_s3_lifecycle_write(&built, plan, &there);
    ph_s3_lifecycle_finish(&there);
    char *text = ph_builder_finish_string(&built);
    if (is_something)
        return text;
    free(text);
    return NULL;
}

static const struct ph_s3_rule *compare(const char *document) {
    struct ph_s3_lifecycle there;
    const struct ph_slice slice = {(const uint8_t *)document, strlen(document)};
    assert_int_equal(ph_s3_lifecycle_read(&there, slice, plan), 0);
    const struct ph_s3_rule *drift = ph_s3_lifecycle_compare(plan, &there);
    ph_s3_lifecycle_finish(&there);
    return drift;
}

/* `text` with `from` in it replaced; malloc'ed. */
static char *replace(const char *text, const char *from, const char *to) {
    const char *place = strstr(text, from);
    struct ph_builder built = {0};
    assert_non_null(place);
    ph_builder_append(&built, text, (size_t)(place - text));
    ph_builder_text(&built, to);
    ph_builder_text(&built, place + strlen(from));
    return ph_builder_finish_string(&built);
}

static void rules_are_written_and_known_again(void **state) {
    (void)state;
    ph_s3_lifecycle_plan(plan, "a/", &rules, false);
    char *text = write_over(NULL);
    assert_non_null(
        strstr(text, "<Rule><ID>porthole a/live</ID><Filter><Prefix>a/live/</Prefix></Filter>"
                     "<Status>Enabled</Status><Expiration><Days>30</Days></Expiration>"
                     "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
                     "</AbortIncompleteMultipartUpload></Rule>"));
    assert_null(strstr(text, "Noncurrent"));
    assert_null(compare(text));
    free(text);
}

static unsigned count(const char *text, const char *what) {
    unsigned found = 0;
    for (const char *next = text; (next = strstr(next, what)); next++)
        found++;
    return found;
}

/* A bucket that is ours without a prefix may be somebody else's too. */
static void nothing_outside_our_folders_falls_under_a_rule(void **state) {
    static const char ours[] =
        "<Rule><ID>porthole multipart</ID><Filter><Prefix></Prefix></Filter>"
        "<Status>Enabled</Status><AbortIncompleteMultipartUpload>"
        "<DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>";
    (void)state;
    struct ph_builder document = {0};
    ph_s3_lifecycle_plan(plan, "", &rules, true);
    ph_builder_format(&document, "<LifecycleConfiguration>%s</LifecycleConfiguration>", ours);
    char *before = ph_builder_finish_string(&document), *text = write_over(before);
    assert_int_equal(count(text, "<Prefix>"), count(text, "<Prefix>live/</Prefix>") +
                                                  count(text, "<Prefix>recordings/</Prefix>") +
                                                  count(text, "<Prefix>uploads/</Prefix>"));
    assert_int_equal(count(text, "<DaysAfterInitiation>7<"), 3);
    assert_non_null(compare(before));
    assert_null(compare(text));
    free(before);
    free(text);
}

static void older_versions_go_where_a_bucket_keeps_them(void **state) {
    (void)state;
    ph_s3_lifecycle_plan(plan, "a/", &(struct ph_store_rules){0}, true);
    char *text = write_over(NULL);
    assert_non_null(strstr(text,
        "<Rule><ID>porthole a/recordings versions</ID><Filter><Prefix>a/recordings/</Prefix></Filter>"
        "<Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
        "</Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
        "</NoncurrentVersionExpiration></Rule>"));
    assert_int_equal(count(text, "<Rule>"), 3);
    assert_null(compare(text));
    char *later = replace(text, "<NoncurrentDays>1<", "<NoncurrentDays>2<");
    char *kept = replace(text, "Marker>true<", "Marker>false<");
    assert_non_null(compare(later));
    assert_non_null(compare(kept));
    free(text);
    free(later);
    free(kept);
}

static void every_drift_is_seen(void **state) {
    (void)state;
    static const char *const changes[][2] = {
        {"<Days>30</Days>", "<Days>31</Days>"},
        {"<Days>30</Days>", "<Date>2030-01-01</Date>"},
        {"<Prefix>live/", "<Prefix>/"},
        {"Enabled", "Disabled"},
        {"STANDARD_IA", "GLACIER"},
        {"<Days>365</Days>", "<Days>3650</Days>"},
        {"<DaysAfterInitiation>7", "<DaysAfterInitiation>8"},
        {"porthole uploads", "porthole upload"},
        {"</Status>", "</Status><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
                      "</NoncurrentVersionExpiration>"},
    };
    ph_s3_lifecycle_plan(plan, "", &rules, false);
    char *text = write_over(NULL);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        char *changed = replace(text, changes[i][0], changes[i][1]);
        if (!compare(changed))
            fail_msg("%s is not seen", changes[i][1]);
        free(changed);
    }
    free(text);
}

static void rules_of_others_stay_as_they_are(void **state) {
    (void)state;
    static const char other[] =
        "<Rule><ID>theirs</ID><Filter><And><Prefix>x/</Prefix><Tag><Key>k</Key>"
        "<Value>&lt;v&gt;</Value></Tag></And></Filter>\n <Status>Enabled</Status></Rule>";
    ph_s3_lifecycle_plan(plan, "", &rules, false);
    struct ph_builder document = {0};
    ph_builder_format(&document,
        "<?xml version='1.0'?><LifecycleConfiguration xmlns='urn:x'><Rule><ID>porthole live</ID></Rule>%s"
        "<Rule><ID>porthole b/live</ID></Rule></LifecycleConfiguration>",
        other);
    char *before = ph_builder_finish_string(&document), *after = write_over(before);
    assert_non_null(strstr(after, other));
    assert_non_null(strstr(after, "<Rule><ID>porthole b/live</ID></Rule>"));
    assert_null(strstr(after, "<Rule><ID>porthole live</ID></Rule>"));
    assert_null(compare(after));
    free(before);
    free(after);
}

static void what_is_not_wanted_is_taken_away(void **state) {
    (void)state;
    const struct ph_store_rules fewer = {.live_expire_days = 1}, none = {0};
    ph_s3_lifecycle_plan(plan, "", &rules, false);
    char *text = write_over(NULL);
    ph_s3_lifecycle_plan(plan, "", &fewer, false);
    assert_non_null(compare(text));
    char *less = write_over(text);
    assert_null(compare(less));
    assert_null(strstr(less, "uploads"));
    ph_s3_lifecycle_plan(plan, "", &none, false);
    assert_null(write_over(less));
    free(text);
    free(less);
}

static int read_again(void *opaque) {
    static const char text[] = "<LifecycleConfiguration><Rule><ID>x</ID></Rule></LifecycleConfiguration>";
    struct ph_s3_lifecycle there;
    (void)opaque;
    ph_s3_lifecycle_plan(plan, "", &rules, false);
    int code = ph_s3_lifecycle_read(&there, (struct ph_slice){(const uint8_t *)text, sizeof(text) - 1}, plan);
    ph_s3_lifecycle_finish(&there);
    return code;
}

static void failing_allocations_are_survived(void **state) {
    (void)state;
    ph_test_with_failing_allocations(read_again, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_written_and_known_again),
        cmocka_unit_test(nothing_outside_our_folders_falls_under_a_rule),
        cmocka_unit_test(older_versions_go_where_a_bucket_keeps_them),
        cmocka_unit_test(every_drift_is_seen),
        cmocka_unit_test(rules_of_others_stay_as_they_are),
        cmocka_unit_test(what_is_not_wanted_is_taken_away),
        cmocka_unit_test(failing_allocations_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
