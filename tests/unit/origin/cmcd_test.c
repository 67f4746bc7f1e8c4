#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "origin/cmcd.h"

static void what_players_tell_is_read(void **state) {
    struct ph_cmcd cmcd = {0};
    (void)state;
    assert_true(ph_cmcd_read(
        "bl=2100,br=3200,bs,cid=\"a,br=9\\\",bs\",mtp=25400,sid=\"6e2fb550-c457-11e9-bb97-0800200c9a66\"",
        &cmcd));
    assert_true(cmcd.is_starved);
    assert_int_equal(cmcd.bitrate_kbps, 3200);
    assert_int_equal(cmcd.throughput_kbps, 25400);
}

static void headers_add_to_each_other(void **state) {
    struct ph_cmcd cmcd = {0};
    (void)state;
    assert_true(ph_cmcd_read("br=3200, d=4004,ot=v", &cmcd));
    assert_true(ph_cmcd_read("bs=true", &cmcd));
    assert_int_equal(cmcd.bitrate_kbps, 3200);
    assert_true(cmcd.is_starved);
}

static void what_is_no_figure_is_passed_over(void **state) {
    static const char *const texts[] = {"", ",", ",,,", "br", "br=", "br=0", "br=-1", "br=1.5", "br=\"12\"",
        "br=100000001", "br=99999999999999999999", "xbr=5", "bs=false", "bsd=5", "cid=\"bs,br=5", "mtp=5x",
        "cid=\"\\"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ph_cmcd cmcd = {0};
        assert_false(ph_cmcd_read(texts[i], &cmcd));
        assert_false(cmcd.is_starved);
        assert_int_equal(cmcd.bitrate_kbps, 0);
        assert_int_equal(cmcd.throughput_kbps, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_players_tell_is_read),
        cmocka_unit_test(headers_add_to_each_other),
        cmocka_unit_test(what_is_no_figure_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
