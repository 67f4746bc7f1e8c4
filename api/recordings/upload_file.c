#include "api/recordings/upload_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/text.h"
#include "core/base/file.h"

enum { READ_BYTES = 64 * 1024 };

int ph_upload_folder_make(const char *folder) {
    return mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_locked(const char *folder, const char *id, int flags, int *fd) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, id);
    int opened = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (opened < 0)
        return -errno;
    if (flock(opened, LOCK_EX | LOCK_NB) < 0) {
        int code = errno == EWOULDBLOCK ? -EBUSY : -errno;
        close(opened);
        return code;
    }
    *fd = opened;
    return 0;
}

int ph_upload_file_create(const char *folder, const char *id, int *fd) {
    int code = open_locked(folder, id, O_CREAT | O_EXCL, fd);
    if (code == 0)
        code = ph_file_sync_folder(folder);
    if (code < 0)
        ph_upload_file_remove(folder, id);
    return code;
}

int ph_upload_file_open(const char *folder, const char *id, int *fd) {
    return open_locked(folder, id, 0, fd);
}

int ph_upload_file_append(int fd, int64_t received, struct ph_slice bytes) {
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_size < received)
        return -ENOENT;
    if (status.st_size > received && ftruncate(fd, received) < 0)
        return -errno;
    int code = ph_file_write_at(fd, bytes, (uint64_t)received);
    if (code < 0)
        return code;
    return fdatasync(fd) < 0 ? -errno : 0;
}

static int digest_file(int fd, int64_t first, int64_t end, EVP_MD_CTX *digest) {
    uint8_t block[READ_BYTES];
    while (first < end) {
        size_t wanted = end - first < READ_BYTES ? (size_t)(end - first) : READ_BYTES;
        ssize_t count = pread(fd, block, wanted, first);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : -EIO;
        if (EVP_DigestUpdate(digest, block, (size_t)count) != 1)
            return -ENOMEM;
        first += count;
    }
    return 0;
}

int ph_upload_file_holds(int fd, int64_t first, int64_t end, const struct ph_tus_checksum *checksum) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    const EVP_MD *algorithm = strcmp(checksum->algorithm, "sha1") == 0 ? EVP_sha1() : EVP_sha256();
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    int code = digest && EVP_DigestInit_ex(digest, algorithm, NULL) == 1 ? 0 : -ENOMEM;
    if (code == 0)
        code = digest_file(fd, first, end, digest);
    if (code == 0 && EVP_DigestFinal_ex(digest, bytes, &size) != 1)
        code = -ENOMEM;
    EVP_MD_CTX_free(digest);
    return code < 0 ? code : size == checksum->digest_size && memcmp(bytes, checksum->digest, size) == 0;
}

int ph_upload_file_begin(int fd, uint8_t *beginning, size_t size) {
    ssize_t count;
    do {
        count = pread(fd, beginning, size, 0);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : (int)count;
}

void ph_upload_file_remove(const char *folder, const char *id) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, id);
    (void)!unlink(path);
}

void ph_upload_folder_sweep(const char *folder, int64_t before_ms) {
    DIR *entries = opendir(folder);
    struct stat status;
    if (!entries)
        return;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (ph_text_is_session_id(entry->d_name) &&
            fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            (int64_t)status.st_mtim.tv_sec * 1000 < before_ms)
            (void)!unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
}
