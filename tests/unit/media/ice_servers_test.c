#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/media/ice_servers.h"

static void credentials_end_after_a_day(void **state) {
    struct ph_ice_server servers[PH_MOST_ICE_SERVERS];
    char link[PH_ICE_LINK_BYTES];
    (void)state;
    size_t count = ph_ice_servers_list("turn:turn.example.org:3478?transport=udp, stun:stun.example.org",
        "0123456789abcdef0123456789abcdef", "s1", 1800000000, servers);
    assert_int_equal(count, 2);
    assert_string_equal(servers[0].url, "turn:turn.example.org:3478?transport=udp");
    assert_string_equal(servers[0].username, "1800086400:s1");
    /* printf 1800086400:s1 | openssl dgst -sha1 -hmac 0123456789abcdef0123456789abcdef -binary | base64 */
    assert_string_equal(servers[0].password, "VWtu4Ek9SsAFNJk3XQvO4+qQ+VA=");
    assert_string_equal(servers[1].url, "stun:stun.example.org");
    assert_string_equal(servers[1].username, "");
    assert_true(ph_ice_server_link(&servers[0], link));
    assert_string_equal(link,
        "<turn:turn.example.org:3478?transport=udp>; rel=\"ice-server\"; username=\"1800086400:s1\"; "
        "credential=\"VWtu4Ek9SsAFNJk3XQvO4+qQ+VA=\"; credential-type=\"password\"");
    assert_true(ph_ice_server_link(&servers[1], link));
    assert_string_equal(link, "<stun:stun.example.org>; rel=\"ice-server\"");
}

static void without_servers_or_secret(void **state) {
    struct ph_ice_server servers[PH_MOST_ICE_SERVERS];
    (void)state;
    assert_int_equal(ph_ice_servers_list("", "", "s1", 0, servers), 0);
    assert_int_equal(ph_ice_servers_list("turn:a", "", "s1", 0, servers), 1);
    assert_string_equal(servers[0].username, "");
    assert_int_equal(ph_ice_servers_list("stun:a,stun:b,stun:c,stun:d,stun:e,stun:f,stun:g,stun:h,stun:i", "",
                         "s1", 0, servers),
        PH_MOST_ICE_SERVERS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_end_after_a_day),
        cmocka_unit_test(without_servers_or_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
