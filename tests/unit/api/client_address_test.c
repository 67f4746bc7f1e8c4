#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/client_address.h"

static void the_last_that_is_no_proxy_is_the_client(void **state) {
    static const struct {
        const char *peer, *forwarded, *trusted, *address;
    } rows[] = {
        {"198.51.100.1", NULL, "", "198.51.100.1"},
        {"198.51.100.1", "203.0.113.9", "", "198.51.100.1"},
        {"198.51.100.1", "203.0.113.9", "198.51.100.2", "198.51.100.1"},
        {"198.51.100.1", "203.0.113.9", "198.51.100.1", "203.0.113.9"},
        {"198.51.100.1", "192.0.2.1, 203.0.113.9", "198.51.100.0/24", "203.0.113.9"},
        {"198.51.100.1", "192.0.2.1,203.0.113.9 , 198.51.100.2", "10.0.0.0/8, 198.51.100.0/24",
            "203.0.113.9"},
        {"198.51.100.1", "nonsense, 198.51.100.2", "198.51.100.0/24", "198.51.100.2"},
        {"198.51.100.1", "", "198.51.100.1", "198.51.100.1"},
        {"198.51.100.1", " , ,", "198.51.100.1", "198.51.100.1"},
        {"198.51.100.1", "203.0.113.9:4444", "198.51.100.1", "198.51.100.1"},
        {"127.0.0.1", "2001:db8:0:0::1", "127.0.0.1,::1", "2001:db8::1"},
        {"::1", "::ffff:203.0.113.9", "127.0.0.1,::1", "203.0.113.9"},
        {"2001:db8:1::5", "2001:db8:2::7", "2001:db8:1::/48", "2001:db8:2::7"},
        {"2001:db8:3::5", "2001:db8:2::7", "2001:db8:1::/48", "2001:db8:3::5"},
        {"", "203.0.113.9", "0.0.0.0/0", ""},
    };
    char address[INET6_ADDRSTRLEN];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ph_client_address(rows[i].peer, rows[i].forwarded, rows[i].trusted, address);
        assert_string_equal(address, rows[i].address);
    }
}

static void ipv6_neighbours_share_and_the_machine_is_nobody(void **state) {
    static const struct {
        const char *address, *network;
    } rows[] = {{"203.0.113.9", "203.0.113.9"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"}, {"127.0.0.1", ""},
        {"127.8.9.1", ""}, {"::1", ""}, {"", ""}};
    char network[INET6_ADDRSTRLEN];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ph_client_network(rows[i].address, network);
        assert_string_equal(network, rows[i].network);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_that_is_no_proxy_is_the_client),
        cmocka_unit_test(ipv6_neighbours_share_and_the_machine_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
