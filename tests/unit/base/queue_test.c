#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "core/base/clock.h"
#include "core/base/queue.h"
#include "core/base/thread.h"
#include "tests/unit/support/allocation_failure.h"

enum { rounds = 20000 };

static int items[4];

static void items_come_in_their_order(void **state) {
    (void)state;
    struct ph_queue *queue;
    void *item;
    assert_int_equal(ph_queue_create(&queue, 2), 0);
    for (int i = 0; i < 3; i++) { /* wraps around */
        assert_int_equal(ph_queue_push(queue, &items[0], 0), 0);
        assert_int_equal(ph_queue_push(queue, &items[1], 0), 0);
        assert_int_equal(ph_queue_length(queue), 2);
        assert_int_equal(ph_queue_pop(queue, &item, 0), 0);
        assert_ptr_equal(item, &items[0]);
        assert_int_equal(ph_queue_pop(queue, &item, 0), 0);
        assert_ptr_equal(item, &items[1]);
    }
    ph_queue_destroy(queue);
}

static void a_full_and_an_empty_queue_time_out(void **state) {
    (void)state;
    struct ph_queue *queue;
    void *item = &items[0];
    assert_int_equal(ph_queue_create(&queue, 1), 0);
    assert_int_equal(ph_queue_pop(queue, &item, 0), -ETIMEDOUT);
    assert_null(item);
    assert_int_equal(ph_queue_push(queue, &items[0], 0), 0);
    int64_t start_us = ph_now_us();
    assert_int_equal(ph_queue_push(queue, &items[1], start_us + 20000), -ETIMEDOUT);
    assert_true(ph_now_us() >= start_us + 20000);
    ph_queue_destroy(queue);
}

static void a_closed_queue_drains_and_ends(void **state) {
    (void)state;
    struct ph_queue *queue;
    void *item;
    assert_int_equal(ph_queue_create(&queue, 2), 0);
    assert_int_equal(ph_queue_push(queue, &items[3], PH_NEVER_US), 0);
    ph_queue_close(queue);
    assert_int_equal(ph_queue_push(queue, &items[0], PH_NEVER_US), PH_EOF);
    assert_int_equal(ph_queue_pop(queue, &item, PH_NEVER_US), 0);
    assert_ptr_equal(item, &items[3]);
    assert_int_equal(ph_queue_pop(queue, &item, PH_NEVER_US), PH_EOF);
    ph_queue_destroy(queue);
    ph_queue_destroy(NULL);
}

static void *produce(void *opaque) {
    struct ph_queue *queue = opaque;
    for (uintptr_t i = 1; i <= rounds; i++) {
        if (ph_queue_push(queue, (void *)i, PH_NEVER_US))
            break;
    }
    ph_queue_close(queue);
    return NULL;
}

static void threads_pass_every_item_once(void **state) {
    (void)state;
    struct ph_queue *queue;
    pthread_t producer;
    void *item;
    uintptr_t sum = 0;
    assert_int_equal(ph_queue_create(&queue, 3), 0);
    assert_int_equal(ph_thread_start(&producer, "a name that is too long", produce, queue), 0);
    while (ph_queue_pop(queue, &item, PH_NEVER_US) == 0)
        sum += (uintptr_t)item;
    pthread_join(producer, NULL);
    assert_int_equal(sum, (uintptr_t)rounds * (rounds + 1) / 2);
    ph_queue_destroy(queue);
}

static int create_queue(void *opaque) {
    (void)opaque;
    struct ph_queue *queue;
    int code = ph_queue_create(&queue, 8);
    ph_queue_destroy(queue);
    return code;
}

static void failing_allocations_leave_no_queue(void **state) {
    (void)state;
    ph_test_with_failing_allocations(create_queue, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_their_order),
        cmocka_unit_test(a_full_and_an_empty_queue_time_out),
        cmocka_unit_test(a_closed_queue_drains_and_ends),
        cmocka_unit_test(threads_pass_every_item_once),
        cmocka_unit_test(failing_allocations_leave_no_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
