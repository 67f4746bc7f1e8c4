/* Bytes of a folder's files: written, copied, hashed and compared. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/folder.h"

enum { block_bytes = 256 * 1024, most_at_once = 64 * 1024 * 1024 };

static int is_going_on(const struct ph_folder *folder) {
    return atomic_load_explicit(folder->cancelled, memory_order_relaxed) ? -ECANCELED : 0;
}

/* How many were read: fewer than asked for at the file's end only. */
static ssize_t read_at(int fd, uint8_t *target, size_t size, uint64_t offset) {
    size_t filled = 0;
    while (filled < size) {
        ssize_t got = pread(fd, target + filled, size - filled, (off_t)(offset + filled));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        filled += (size_t)got;
    }
    return (ssize_t)filled;
}

/* Through this process, where the kernel does not copy between the two. */
static int copy_by_hand(
    const struct ph_folder *folder, int from_fd, uint64_t from, int to_fd, uint64_t to, uint64_t size) {
    uint8_t *block = malloc(block_bytes);
    int code = block ? 0 : -ENOMEM;
    while (code == 0 && size) {
        ssize_t got = read_at(from_fd, block, size < block_bytes ? (size_t)size : block_bytes, from);
        code = got < 0 ? (int)got : got == 0 ? -EIO : is_going_on(folder);
        if (code == 0)
            code = ph_file_write_at(to_fd, (struct ph_slice){block, (size_t)got}, to);
        if (code == 0) {
            from += (uint64_t)got;
            to += (uint64_t)got;
            size -= (uint64_t)got;
        }
    }
    free(block);
    return code;
}

int ph_folder_copy(
    const struct ph_folder *folder, int from_fd, uint64_t from, int to_fd, uint64_t to, uint64_t size) {
    while (size) {
        int code = is_going_on(folder);
        if (code < 0)
            return code;
        off_t from_offset = (off_t)from, to_offset = (off_t)to;
        errno = 0;
        ssize_t copied = copy_file_range(
            from_fd, &from_offset, to_fd, &to_offset, size < most_at_once ? (size_t)size : most_at_once, 0);
        if (copied < 0 && errno == EINTR)
            continue;
        /* Also 0, which some file systems say where they mean that they cannot. */
        if (copied <= 0 && errno != ENOSPC && errno != EDQUOT && errno != EIO)
            return copy_by_hand(folder, from_fd, from, to_fd, to, size);
        if (copied <= 0)
            return -errno;
        from += (uint64_t)copied;
        to += (uint64_t)copied;
        size -= (uint64_t)copied;
    }
    return 0;
}

int ph_folder_hash(const struct ph_folder *folder, int fd, uint8_t hash[PH_STORE_HASH_BYTES]) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *block = malloc(block_bytes);
    int code = context && block && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
    uint64_t offset = 0;
    while (code == 0) {
        ssize_t got = read_at(fd, block, block_bytes, offset);
        code = got < 0 ? (int)got : is_going_on(folder);
        if (code < 0 || got == 0)
            break;
        if (EVP_DigestUpdate(context, block, (size_t)got) != 1)
            code = -ENOMEM;
        offset += (uint64_t)got;
    }
    if (code == 0 && EVP_DigestFinal_ex(context, hash, NULL) != 1)
        code = -ENOMEM;
    free(block);
    EVP_MD_CTX_free(context);
    return code;
}

int ph_folder_compare(const struct ph_folder *folder, int one_fd, int other_fd) {
    uint8_t *blocks = malloc(2 * (size_t)block_bytes);
    int code = blocks ? 0 : -ENOMEM;
    uint64_t offset = 0;
    while (code == 0) {
        ssize_t one = read_at(one_fd, blocks, block_bytes, offset);
        ssize_t other = read_at(other_fd, blocks + block_bytes, block_bytes, offset);
        code = one < 0 ? (int)one : other < 0 ? (int)other : is_going_on(folder);
        if (code < 0)
            break;
        if (one != other || memcmp(blocks, blocks + block_bytes, (size_t)one) != 0)
            break;
        if (one < block_bytes)
            code = 1;
        offset += (uint64_t)one;
    }
    free(blocks);
    return code;
}
