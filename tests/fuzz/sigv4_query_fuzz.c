/* links: ph_store ph_base */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken apart is the same when it was put together and is taken apart again; and nothing but what
 * was signed is verified. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct ph_sigv4_credentials credentials = {"key", "secret", NULL, "us-east-1", "s3"};
    static const struct ph_sigv4_pair host = {"host", "archive.test"};
    struct ph_sigv4_query query, again;
    char *text = strndup((const char *)data, size);
    if (!text)
        abort();
    if (ph_sigv4_query_parse(&query, text) == 0) {
        struct ph_sigv4_request request = {"GET", "/a", query.pairs, query.count, &host, 1, NULL};
        struct ph_builder built = {0};
        assert(ph_sigv4_verify(&credentials, &request, INT64_C(1369353600000000)) != 0);
        assert(ph_sigv4_encode_query(&built, query.pairs, query.count) == 0);
        char *encoded = ph_builder_finish_string(&built);
        if (!encoded)
            abort();
        assert(ph_sigv4_query_parse(&again, encoded) == 0 && again.count == query.count);
        for (size_t i = 0; i < query.count; i++) {
            const char *value = ph_sigv4_pair_find(again.pairs, again.count, query.pairs[i].name);
            assert(value && strcmp(value, query.pairs[i].value) == 0);
        }
        ph_sigv4_query_finish(&again);
        free(encoded);
    }
    ph_sigv4_query_finish(&query);
    free(text);
    return 0;
}
