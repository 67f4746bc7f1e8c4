#include "core/base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/hex.h"

static void assert_hash(struct ph_slice bytes, const char *expected) {
    uint8_t hash[PH_SHA256_BYTES];
    char text[2 * sizeof(hash) + 1];
    assert_int_equal(ph_sha256(bytes, hash), 0);
    ph_hex_write(hash, sizeof(hash), text);
    assert_string_equal(text, expected);
}

/* The examples of FIPS 180-4. */
static void bytes_have_their_hash(void **state) {
    (void)state;
    assert_hash((struct ph_slice){(const uint8_t *)"abc", 3},
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash(
        (struct ph_slice){NULL, 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_have_their_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
