/* links: ph_store ph_base */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/store/aws_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_aws_keys *keys;
    int code = ph_aws_keys_parse_answer(&keys, (struct ph_slice){data, size});
    assert((code == 0) == (keys != NULL));
    if (keys)
        assert(*keys->access_key && *keys->secret_key && keys->expires_us >= 0 &&
               !strpbrk(keys->session_token, " \r\n"));
    ph_aws_keys_unref(&keys);
    return 0;
}
