/* links: ph_api */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "api/session_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_session_wish wish;
    struct ph_body_fault fault;
    int code = ph_session_request_parse((struct ph_slice){data, size}, &wish, &fault);
    assert(code == 0 || (code == -EINVAL && fault.text[0]));
    if (code == 0)
        assert(strlen(wish.title) < sizeof(wish.title) && wish.visibility < PH_VISIBILITIES);
    return 0;
}
