#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/session_state.h"

static void publishing_makes_it_live(void **state) {
    (void)state;
    assert_int_equal(ph_session_state_after(PH_SESSION_CREATED, PH_SESSION_CONNECTED), PH_SESSION_CREATED);
    assert_int_equal(ph_session_state_after(PH_SESSION_CREATED, PH_SESSION_LOST), PH_SESSION_CREATED);
    assert_int_equal(ph_session_state_after(PH_SESSION_CREATED, PH_SESSION_PUBLISHED), PH_SESSION_LIVE);
}

static void a_lost_publisher_may_come_back(void **state) {
    (void)state;
    assert_int_equal(ph_session_state_after(PH_SESSION_LIVE, PH_SESSION_LOST), PH_SESSION_RECONNECTING);
    assert_int_equal(ph_session_state_after(PH_SESSION_RECONNECTING, PH_SESSION_CONNECTED), PH_SESSION_LIVE);
    assert_int_equal(
        ph_session_state_after(PH_SESSION_RECONNECTING, PH_SESSION_LOST), PH_SESSION_RECONNECTING);
    assert_int_equal(ph_session_state_after(PH_SESSION_LIVE, PH_SESSION_CONNECTED), PH_SESSION_LIVE);
}

static void every_open_state_ends_or_fails(void **state) {
    (void)state;
    for (int from = PH_SESSION_CREATED; from <= PH_SESSION_RECONNECTING; from++) {
        assert_false(ph_session_state_is_over(from));
        assert_int_equal(ph_session_state_after(from, PH_SESSION_END), PH_SESSION_ENDED);
        assert_int_equal(ph_session_state_after(from, PH_SESSION_FAIL), PH_SESSION_FAILED);
    }
}

static void what_is_over_stays_over(void **state) {
    (void)state;
    for (int event = 0; event < PH_SESSION_EVENTS; event++) {
        assert_int_equal(ph_session_state_after(PH_SESSION_ENDED, event), PH_SESSION_ENDED);
        assert_int_equal(ph_session_state_after(PH_SESSION_FAILED, event), PH_SESSION_FAILED);
    }
    assert_true(ph_session_state_is_over(PH_SESSION_ENDED));
    assert_true(ph_session_state_is_over(PH_SESSION_FAILED));
}

static void names_lead_there_and_back(void **state) {
    (void)state;
    for (int i = 0; i < PH_SESSION_STATES; i++)
        assert_int_equal(ph_session_state_parse(ph_session_state_name(i)), i);
    assert_int_equal(ph_session_state_parse("Live"), -1);
    assert_int_equal(ph_session_state_parse(""), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishing_makes_it_live),
        cmocka_unit_test(a_lost_publisher_may_come_back),
        cmocka_unit_test(every_open_state_ends_or_fails),
        cmocka_unit_test(what_is_over_stays_over),
        cmocka_unit_test(names_lead_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
