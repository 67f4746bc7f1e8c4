#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/store/s3_call.h"

/* Both hashes go over a piece while it is in the cache. */
enum { piece_bytes = 64 * 1024 };

struct digesting {
    EVP_MD_CTX *sha256;
    EVP_MD_CTX *md5;
};

static int begin(struct digesting *digesting) {
    digesting->sha256 = EVP_MD_CTX_new();
    digesting->md5 = EVP_MD_CTX_new();
    return digesting->sha256 && digesting->md5 && EVP_DigestInit_ex(digesting->sha256, EVP_sha256(), NULL) &&
                   EVP_DigestInit_ex(digesting->md5, EVP_md5(), NULL)
               ? 0
               : -ENOMEM;
}

static int update(const struct digesting *digesting, const void *piece, size_t size) {
    return EVP_DigestUpdate(digesting->sha256, piece, size) && EVP_DigestUpdate(digesting->md5, piece, size)
               ? 0
               : -ENOMEM;
}

static int end(struct digesting *digesting, int code, struct ph_s3_digest *digest) {
    if (!code && (!EVP_DigestFinal_ex(digesting->sha256, digest->sha256, NULL) ||
                     !EVP_DigestFinal_ex(digesting->md5, digest->md5, NULL)))
        code = -ENOMEM;
    EVP_MD_CTX_free(digesting->sha256);
    EVP_MD_CTX_free(digesting->md5);
    return code;
}

int ph_s3_digest_bytes(struct ph_slice bytes, struct ph_s3_digest *digest) {
    struct digesting digesting;
    int code = begin(&digesting);
    for (size_t done = 0; !code && done < bytes.size; done += piece_bytes) {
        size_t left = bytes.size - done;
        code = update(&digesting, bytes.data + done, left < piece_bytes ? left : piece_bytes);
    }
    return end(&digesting, code, digest);
}

int ph_s3_digest_file(int file, uint64_t bytes, struct ph_s3_digest *digest) {
    struct digesting digesting;
    uint8_t *piece = malloc(piece_bytes);
    int code = begin(&digesting);
    if (!piece)
        code = -ENOMEM;
    for (uint64_t done = 0; !code && done < bytes;) {
        uint64_t left = bytes - done;
        ssize_t got = pread(file, piece, left < piece_bytes ? (size_t)left : piece_bytes, (off_t)done);
        if (got <= 0)
            code = got < 0 ? -errno : -EBADMSG; /* it became shorter */
        else
            code = update(&digesting, piece, (size_t)got);
        done += got > 0 ? (uint64_t)got : 0;
    }
    free(piece);
    return end(&digesting, code, digest);
}
