#include "api/webhook/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "core/base/builder.h"
#include "core/base/hex.h"

int ph_webhook_sign(
    const char *secret, int64_t now_s, struct ph_slice body, char header[PH_WEBHOOK_SIGNATURE_BYTES]) {
    unsigned char tag[EVP_MAX_MD_SIZE];
    char digits[65]; /* of SHA-256 */
    unsigned tag_size = 0;
    struct ph_builder signed_text = {0};
    ph_builder_format(&signed_text, "%lld.", (long long)now_s);
    ph_builder_append(&signed_text, body.data, body.size);
    bool is_good = ph_builder_ok(&signed_text) && HMAC(EVP_sha256(), secret, (int)strlen(secret),
                                                      signed_text.data, signed_text.size, tag, &tag_size);
    ph_builder_discard(&signed_text);
    if (!is_good)
        return -ENOMEM;
    ph_hex_write(tag, sizeof(digits) / 2, digits);
    snprintf(
        header, PH_WEBHOOK_SIGNATURE_BYTES, "Porthole-Signature: t=%lld,v1=%s", (long long)now_s, digits);
    return 0;
}
