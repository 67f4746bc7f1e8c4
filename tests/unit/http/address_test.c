#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "core/http/address.h"

static void both_forms_are_split(void **state) {
    (void)state;
    char host[64];
    uint16_t port;
    assert_int_equal(ph_address_split("0.0.0.0:8080", host, sizeof(host), &port), 0);
    assert_string_equal(host, "0.0.0.0");
    assert_int_equal(port, 8080);
    assert_int_equal(ph_address_split("[::1]:0", host, sizeof(host), &port), 0);
    assert_string_equal(host, "::1");
    assert_int_equal(ph_address_split(":65535", host, sizeof(host), &port), 0);
    assert_string_equal(host, "");
    assert_int_equal(port, 65535);
}

static void what_is_neither_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"", "8080", "host", "host:", "host:x", "host:65536", "host:-1",
        "host:123456", "::1:80", "[::1]", "[]:80", "[::1:80", "host: 80"};
    char host[64], tiny[4];
    uint16_t port;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(ph_address_split(texts[i], host, sizeof(host), &port), -EINVAL);
    assert_int_equal(ph_address_split("longhost:80", tiny, sizeof(tiny), &port), -EINVAL);
}

static void a_free_port_is_taken_and_said(void **state) {
    (void)state;
    int fd;
    uint16_t port = 0;
    assert_int_equal(ph_address_listen("127.0.0.1:0", "PORTHOLE_HTTP_LISTEN", &fd, &port, NULL), 0);
    assert_true(port > 0);
    close(fd);
}

static void a_port_in_use_says_which_and_what_to_change(void **state) {
    (void)state;
    struct ph_error error;
    char text[32];
    int fd, second;
    uint16_t port, other;
    assert_int_equal(ph_address_listen("127.0.0.1:0", "PORTHOLE_HTTP_LISTEN", &fd, &port, NULL), 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    assert_int_equal(ph_address_listen(text, "PORTHOLE_HTTP_LISTEN", &second, &other, &error), -EADDRINUSE);
    assert_non_null(strstr(error.text, text));
    assert_non_null(strstr(error.text, "in use by another program"));
    assert_non_null(strstr(error.text, "PORTHOLE_HTTP_LISTEN"));
    close(fd);
}

static void other_failures_name_the_setting_too(void **state) {
    (void)state;
    struct ph_error error;
    int fd;
    uint16_t port;
    assert_int_equal(ph_address_listen("nonsense", "PORTHOLE_HTTP_LISTEN", &fd, &port, &error), -EINVAL);
    assert_non_null(strstr(error.text, "PORTHOLE_HTTP_LISTEN is \"nonsense\""));
    assert_int_equal(
        ph_address_listen("192.0.2.1:0", "PORTHOLE_HTTP_LISTEN", &fd, &port, &error), -EADDRNOTAVAIL);
    assert_non_null(strstr(error.text, "PORTHOLE_HTTP_LISTEN"));
}

static void mapped_addresses_are_printed_as_ipv4(void **state) {
    (void)state;
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "::ffff:203.0.113.9", &v6.sin6_addr);
    ph_address_print((struct sockaddr *)&v6, text, sizeof(text));
    assert_string_equal(text, "203.0.113.9");
    inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
    ph_address_print((struct sockaddr *)&v6, text, sizeof(text));
    assert_string_equal(text, "2001:db8::1");
    struct sockaddr unix_socket = {.sa_family = AF_UNIX};
    ph_address_print(&unix_socket, text, sizeof(text));
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_split),
        cmocka_unit_test(what_is_neither_is_refused),
        cmocka_unit_test(a_free_port_is_taken_and_said),
        cmocka_unit_test(a_port_in_use_says_which_and_what_to_change),
        cmocka_unit_test(other_failures_name_the_setting_too),
        cmocka_unit_test(mapped_addresses_are_printed_as_ipv4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
