/* links: ph_store ph_base */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/store/aws_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_aws_keys *keys;
    int code = ph_aws_keys_parse_profile(&keys, (struct ph_slice){data, size}, "default");
    assert((code == 0) == (keys != NULL));
    if (keys) {
        assert(*keys->access_key && *keys->secret_key && keys->expires_us == INT64_MAX);
        assert(strlen(keys->access_key) <= PH_AWS_MOST_ACCESS_KEY &&
               strlen(keys->secret_key) <= PH_AWS_MOST_SECRET_KEY &&
               strlen(keys->session_token) <= PH_AWS_MOST_TOKEN && !strpbrk(keys->session_token, " \r\n"));
    }
    ph_aws_keys_unref(&keys);
    return 0;
}
