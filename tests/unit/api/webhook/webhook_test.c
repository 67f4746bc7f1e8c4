#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "api/webhook/address_guard.h"
#include "api/webhook/signature.h"
#include "api/webhook/webhooks.h"

enum { NEVER, PRIVATE, PUBLIC };

static void addresses_are_public_private_or_never_reached(void **state) {
    static const struct {
        const char *text;
        int verdict;
    } table[] = {
        {"8.8.8.8", PUBLIC},
        {"93.184.216.34", PUBLIC},
        {"223.255.255.255", PUBLIC},
        {"172.32.0.1", PUBLIC},
        {"100.128.0.1", PUBLIC},
        {"10.1.2.3", PRIVATE},
        {"127.0.0.1", PRIVATE},
        {"127.255.0.1", PRIVATE},
        {"172.16.0.1", PRIVATE},
        {"172.31.255.255", PRIVATE},
        {"192.168.1.1", PRIVATE},
        {"100.64.0.1", PRIVATE},
        {"198.19.0.1", PRIVATE},
        {"169.254.169.254", NEVER},
        {"169.254.0.1", NEVER},
        {"0.0.0.0", NEVER},
        {"0.1.2.3", NEVER},
        {"100.100.100.200", NEVER},
        {"168.63.129.16", NEVER},
        {"192.0.0.192", NEVER},
        {"224.0.0.1", NEVER},
        {"255.255.255.255", NEVER},
        {"240.0.0.1", NEVER},
        {"2606:4700::1111", PUBLIC},
        {"::1", PRIVATE},
        {"fc00::1", PRIVATE},
        {"fd12:3456::1", PRIVATE},
        {"2001:db8::1", PRIVATE},
        {"::", NEVER},
        {"fe80::1", NEVER},
        {"febf::1", NEVER},
        {"fec0::1", NEVER},
        {"ff02::1", NEVER},
        {"fd00:ec2::254", NEVER},
        {"4000::1", NEVER},
        {"::ffff:8.8.8.8", PUBLIC},
        {"::ffff:10.0.0.1", PRIVATE},
        {"::ffff:169.254.169.254", NEVER},
        {"64:ff9b::169.254.169.254", NEVER},
        {"64:ff9b::8.8.8.8", PUBLIC},
        {"2002:a9fe:a9fe::1", NEVER},
        {"2002:0a00:0001::1", PRIVATE},
        {"::10.0.0.1", NEVER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct sockaddr_storage storage = {0};
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)&storage;
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&storage;
        storage.ss_family = strchr(table[i].text, ':') ? AF_INET6 : AF_INET;
        assert_int_equal(
            inet_pton(storage.ss_family, table[i].text,
                storage.ss_family == AF_INET ? (void *)&ipv4->sin_addr : (void *)&ipv6->sin6_addr),
            1);
        const struct sockaddr *address = (const struct sockaddr *)&storage;
        if (ph_address_is_allowed(address, false) != (table[i].verdict == PUBLIC) ||
            ph_address_is_allowed(address, true) != (table[i].verdict != NEVER))
            fail_msg("%s", table[i].text);
    }
    assert_false(ph_address_is_allowed(&(struct sockaddr){.sa_family = AF_UNIX}, true));
}

static void signature_is_the_documented_one(void **state) {
    char header[PH_WEBHOOK_SIGNATURE_BYTES];
    (void)state;
    /* printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test */
    assert_int_equal(
        ph_webhook_sign("whsec_test", 1700000000, (struct ph_slice){(const uint8_t *)"{\"a\":1}", 7}, header),
        0);
    assert_string_equal(header, "Porthole-Signature: t=1700000000,v1="
                                "38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789");
}

static void urls_lead_to_the_web(void **state) {
    (void)state;
    assert_true(ph_webhook_is_url("https://example.org/hook?x=1", false));
    assert_true(ph_webhook_is_url("https://[2606:4700::1111]:8443/", false));
    assert_true(ph_webhook_is_url("http://10.0.0.1/", true));
    assert_false(ph_webhook_is_url("http://example.org/", false));
    assert_false(ph_webhook_is_url("https://u@example.org/", true));
    assert_false(ph_webhook_is_url("file:///etc/passwd", true));
    assert_false(ph_webhook_is_url("gopher://example.org/", true));
    assert_false(ph_webhook_is_url("https://example.org/a b", true));
    assert_false(ph_webhook_is_url("https://example.org/#a", true));
    assert_false(ph_webhook_is_url("", true));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_public_private_or_never_reached),
        cmocka_unit_test(signature_is_the_documented_one),
        cmocka_unit_test(urls_lead_to_the_web),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
