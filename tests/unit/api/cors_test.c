/* Pages of other origins, judged alone and over real HTTP on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/cors.h"
#include "tests/unit/api/stage.h"

static void origins_are_judged(void **state) {
    static const char url[] = "https://live.example.org/p",
                      listed[] = "https://app.example.org, http://a:3000";
    static const struct {
        const char *origin, *host;
        enum ph_cors_verdict verdict;
    } cases[] = {
        {NULL, "x", PH_CORS_SAME},
        {"http://10.0.0.7:8080", "10.0.0.7:8080", PH_CORS_SAME},
        {"https://live.example.org", "internal:8080", PH_CORS_SAME},
        {"http://live.example.org", "internal:8080", PH_CORS_REFUSED},
        {"https://live.example.org.evil.org", "internal:8080", PH_CORS_REFUSED},
        {"https://app.example.org", "live.example.org", PH_CORS_LISTED},
        {"http://a:3000", NULL, PH_CORS_LISTED},
        {"http://a:300", NULL, PH_CORS_REFUSED},
        {"https://evil.org", "live.example.org", PH_CORS_REFUSED},
        {"null", "live.example.org", PH_CORS_REFUSED},
        {"", "live.example.org", PH_CORS_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (ph_cors_judge(cases[i].origin, cases[i].host, url, listed) != cases[i].verdict)
            fail_msg("%s at %s", cases[i].origin, cases[i].host);
    }
}

static void pages_elsewhere_are_refused_by_default(void **state) {
    (void)state;
    stage_call_with("GET", "/api/sessions/active", "Origin: https://evil.example", NULL, 0);
    assert_int_equal(stage.status, 403);
    stage_call_with("OPTIONS", "/api/sessions/start", "Origin: https://evil.example", NULL, 0);
    assert_int_equal(stage.status, 403);
    stage_call_with("GET", "/api/sessions/active", "Origin: https://live.example.org:8443", NULL, 0);
    assert_int_equal(stage.status, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_are_judged),
        cmocka_unit_test_setup_teardown(pages_elsewhere_are_refused_by_default, stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
