/* links: ph_api */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/mail/unsubscribe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_unsubscription wish;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    /* Nobody can sign with a secret that is not theirs. */
    if (ph_unsubscription_verify("a secret of the fuzzer, 32 bytes.", text, &wish) != -EACCES)
        abort();
    free(text);
    return 0;
}
