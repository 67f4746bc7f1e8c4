/* links: ph_media ph_base */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/media/playback_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken says the same when it is made again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ph_slice secret = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};
    struct ph_playback_claims claims, again;
    char token[PH_PLAYBACK_TOKEN_BYTES];
    char *text = strndup((const char *)data, size);
    if (!text)
        abort();
    if (ph_playback_token_read(secret, "s1", text, &claims)) {
        ph_playback_token_make(secret, "s1", &claims, token);
        assert(ph_playback_token_read(secret, "s1", token, &again));
        assert(strcmp(claims.viewer, again.viewer) == 0 && claims.expires_s == again.expires_s);
    }
    free(text);
    return 0;
}
