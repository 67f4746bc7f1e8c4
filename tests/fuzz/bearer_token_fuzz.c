/* links: ph_api */
/* The first byte chooses: a whole token for the verifier, or claims as they come out of one. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ph_verifier *verifier;
    struct ph_caller caller;
    struct ph_error error = {""};
    if (size < 1)
        return 0;
    if (!verifier && ph_verifier_hs256_create(&verifier, "0123456789abcdef0123456789abcdef") < 0)
        abort();
    char *text = strndup((const char *)data + 1, size - 1);
    if (!text)
        abort();
    int code = data[0] & 1 ? ph_auth_read_claims(text, 1800000000, &caller, &error)
                           : ph_auth_identify(verifier, text, 1800000000, &caller, &error);
    assert(code == 0 || (code == -EACCES && error.text[0]));
    if (code == 0)
        assert(caller.role != PH_CALLER_ANONYMOUS && caller.subject[0]);
    free(text);
    return 0;
}
