#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "core/base/metrics.h"
#include "core/base/thread.h"
#include "tests/unit/support/allocation_failure.h"

static struct ph_metrics *metrics;

static int create(void **state) {
    (void)state;
    return ph_metrics_create(&metrics);
}

static int destroy(void **state) {
    (void)state;
    ph_metrics_destroy(metrics);
    return 0;
}

static void assert_rendered(const char *expected) {
    struct ph_builder builder = {0};
    ph_metrics_render(metrics, &builder);
    char *text = ph_builder_finish_string(&builder);
    assert_string_equal(text, expected);
    free(text);
}

static void families_come_sorted_with_help_and_type(void **state) {
    (void)state;
    ph_metric_set(ph_metrics_gauge(metrics, "porthole_b", "Second.", NULL), 2.5);
    struct ph_metric *put =
        ph_metrics_counter(metrics, "porthole_a_total", "First.", PH_LABELS({"kind", "put"}));
    ph_metric_add(put, 1);
    ph_metric_add(put, 2);
    ph_metric_add(ph_metrics_counter(metrics, "porthole_a_total", "First.", PH_LABELS({"kind", "get"})), 1);
    assert_rendered("# HELP porthole_a_total First.\n# TYPE porthole_a_total counter\n"
                    "porthole_a_total{kind=\"put\"} 3\nporthole_a_total{kind=\"get\"} 1\n"
                    "# HELP porthole_b Second.\n# TYPE porthole_b gauge\nporthole_b 2.5\n");
}

static void a_metric_is_found_again(void **state) {
    (void)state;
    struct ph_metric *first = ph_metrics_counter(metrics, "a", "A.", PH_LABELS({"x", "1"}));
    assert_ptr_equal(ph_metrics_counter(metrics, "a", "A.", PH_LABELS({"x", "1"})), first);
    assert_ptr_not_equal(ph_metrics_counter(metrics, "a", "A.", PH_LABELS({"x", "2"})), first);
}

static void label_values_are_escaped(void **state) {
    (void)state;
    ph_metrics_gauge(metrics, "a", "A.", PH_LABELS({"x", "say \"hi\"\\\n"}));
    assert_rendered("# HELP a A.\n# TYPE a gauge\na{x=\"say \\\"hi\\\"\\\\\\n\"} 0\n");
}

static void a_histogram_counts_up_to_each_bound(void **state) {
    (void)state;
    const double bounds[] = {0.1, 1};
    struct ph_metric *metric = ph_metrics_histogram(metrics, "a", "A.", PH_LABELS({"k", "v"}), bounds, 2);
    ph_metric_observe(metric, 0.1); /* a bound is inclusive */
    ph_metric_observe(metric, 0.5);
    ph_metric_observe_counted(metric, (const uint64_t[]){0, 0, 1}, 7);
    assert_rendered(
        "# HELP a A.\n# TYPE a histogram\na_bucket{k=\"v\",le=\"0.1\"} 1\na_bucket{k=\"v\",le=\"1\"} 2\n"
        "a_bucket{k=\"v\",le=\"+Inf\"} 3\na_sum{k=\"v\"} 7.5999999999999996\na_count{k=\"v\"} 3\n");
}

static void forgetting_takes_exactly_the_label(void **state) {
    (void)state;
    ph_metrics_gauge(metrics, "a", "A.", PH_LABELS({"session", "s1"}, {"track", "v"}));
    ph_metrics_gauge(metrics, "a", "A.", PH_LABELS({"session", "s10"}));
    ph_metrics_gauge(metrics, "a", "A.", PH_LABELS({"my_session", "s1"}));
    ph_metrics_forget(metrics, "session", "s1");
    assert_rendered("# HELP a A.\n# TYPE a gauge\na{session=\"s10\"} 0\na{my_session=\"s1\"} 0\n");
    ph_metrics_forget(metrics, "session", "s10");
    ph_metrics_forget(metrics, "my_session", "s1");
    assert_rendered("");
}

static void *add_many(void *opaque) {
    for (int i = 0; i < 10000; i++)
        ph_metric_add(opaque, 1);
    return NULL;
}

static void no_increment_is_lost_between_threads(void **state) {
    (void)state;
    struct ph_metric *metric = ph_metrics_counter(metrics, "a_total", "A.", NULL);
    pthread_t thread;
    assert_int_equal(ph_thread_start(&thread, "adds", add_many, metric), 0);
    add_many(metric);
    pthread_join(thread, NULL);
    assert_true(ph_metric_value(metric) == 20000);
}

static int measure(void *opaque) {
    (void)opaque;
    struct ph_metrics *own;
    int code = ph_metrics_create(&own);
    if (code)
        return code;
    struct ph_metric *metric = ph_metrics_counter(own, "a_total", "A.", PH_LABELS({"k", "v"}));
    assert_non_null(metric);
    ph_metric_add(metric, 1);
    struct ph_builder builder = {0};
    ph_metrics_render(own, &builder);
    struct ph_bytes *text = ph_builder_finish(&builder);
    code = text && ph_bytes_size(text) > 0 ? 0 : -ENOMEM;
    ph_bytes_unref(&text);
    ph_metrics_destroy(own);
    return code;
}

static void failing_allocations_never_fail_the_measured(void **state) {
    (void)state;
    ph_test_with_failing_allocations(measure, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(families_come_sorted_with_help_and_type, create, destroy),
        cmocka_unit_test_setup_teardown(a_metric_is_found_again, create, destroy),
        cmocka_unit_test_setup_teardown(label_values_are_escaped, create, destroy),
        cmocka_unit_test_setup_teardown(a_histogram_counts_up_to_each_bound, create, destroy),
        cmocka_unit_test_setup_teardown(forgetting_takes_exactly_the_label, create, destroy),
        cmocka_unit_test_setup_teardown(no_increment_is_lost_between_threads, create, destroy),
        cmocka_unit_test(failing_allocations_never_fail_the_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
