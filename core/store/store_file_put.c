/* What comes into a folder, and what is known of it afterwards. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/hex.h"
#include "core/base/sha256.h"
#include "core/store/store_file.h"

static const char hash_attribute[] = "user.sha256";
/* What is hashed when asked, where its hash was not kept. */
static const off_t most_hashed_bytes = 16 * 1024 * 1024;

/* Kept where the file system can; without it the hash is made again when asked. */
static void keep_hash(int fd, const uint8_t hash[PH_STORE_HASH_BYTES]) {
    char text[2 * PH_STORE_HASH_BYTES + 1];
    ph_hex_write(hash, PH_STORE_HASH_BYTES, text);
    fsetxattr(fd, hash_attribute, text, sizeof(text) - 1, 0);
}

static bool kept_hash(int fd, uint8_t hash[PH_STORE_HASH_BYTES]) {
    char text[2 * PH_STORE_HASH_BYTES];
    return fgetxattr(fd, hash_attribute, text, sizeof(text)) == sizeof(text) &&
           ph_hex_read(text, hash, PH_STORE_HASH_BYTES);
}

static void set_hash(struct ph_store_object *object, const uint8_t hash[PH_STORE_HASH_BYTES]) {
    memcpy(object->hash, hash, PH_STORE_HASH_BYTES);
    object->has_hash = true;
}

int ph_store_file_head(struct ph_store *base, const char *key, struct ph_store_object *object) {
    struct ph_store_file *store = ph_store_file_of(base);
    struct stat status;
    uint8_t hash[PH_STORE_HASH_BYTES];
    int fd;
    int code = ph_folder_open(&store->folder, key, &fd, &status);
    if (code < 0)
        return ph_store_file_told(store, code);
    ph_store_file_describe(&status, object);
    if (kept_hash(fd, hash)) {
        set_hash(object, hash);
    } else if (status.st_size <= most_hashed_bytes) {
        code = ph_folder_hash(&store->folder, fd, hash);
        if (code == 0) {
            set_hash(object, hash);
            keep_hash(fd, hash);
        }
    }
    close(fd);
    return ph_store_file_told(store, code);
}

/* A file in ".new", being filled. */
struct fresh {
    char name[PH_FOLDER_NAME_BYTES]; /* "": there is none */
    int fd;                          /* of its bytes */
    uint8_t hash[PH_STORE_HASH_BYTES];
};

static int write_bytes(struct ph_store_file *store, struct ph_slice bytes, struct fresh *fresh) {
    int code = ph_sha256(bytes, fresh->hash);
    if (code < 0)
        return code;
    code = ph_folder_create(&store->folder, fresh->name, &fresh->fd);
    if (code < 0) {
        *fresh->name = '\0';
        return code;
    }
    return ph_file_write_at(fresh->fd, bytes, 0);
}

/* Its bytes in a file of their own. */
static int copy_file(struct ph_store_file *store, uint64_t size, struct fresh *fresh) {
    int source = fresh->fd;
    int code = ph_folder_create(&store->folder, fresh->name, &fresh->fd);
    if (code < 0) {
        *fresh->name = '\0';
        fresh->fd = source;
        return code;
    }
    code = ph_folder_copy(&store->folder, source, 0, fresh->fd, 0, size);
    close(source);
    return code;
}

static int take_file(struct ph_store_file *store, const char *path, struct fresh *fresh) {
    struct stat status;
    fresh->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fresh->fd < 0)
        return -errno;
    if (fstat(fresh->fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    int code = ph_folder_hash(&store->folder, fresh->fd, fresh->hash);
    if (code < 0)
        return code;
    code = ph_folder_link(&store->folder, fresh->name, fresh->fd);
    if (code < 0)
        code = copy_file(store, (uint64_t)status.st_size, fresh);
    return code;
}

/* What lies there stays; 0 when it has the same bytes. The process that put it may have died before it was
 * synced. */
static int match(struct ph_store_file *store, const struct ph_store_put *put, const struct fresh *fresh,
    struct ph_store_object *written) {
    struct stat status;
    int fd;
    int code = ph_folder_open(&store->folder, put->key, &fd, &status);
    if (code < 0)
        return code == -ENOENT ? -EEXIST : code;
    code = ph_folder_compare(&store->folder, fresh->fd, fd);
    if (code == 0)
        code = -EEXIST;
    if (code > 0)
        code = fsync(fd) < 0 ? -errno : ph_folder_sync(&store->folder, put->key);
    close(fd);
    if (code == 0)
        ph_store_file_describe(&status, written);
    return code;
}

static int place(struct ph_store_file *store, const struct ph_store_put *put, const struct fresh *fresh,
    struct ph_store_object *written) {
    struct stat status;
    keep_hash(fresh->fd, fresh->hash);
    if (fsync(fresh->fd) < 0 || fstat(fresh->fd, &status) < 0)
        return -errno;
    ph_store_file_describe(&status, written);
    int code = ph_folder_place(&store->folder, store->folder.new_fd, fresh->name, put->key, put->if_absent);
    return code == -EEXIST && put->if_absent ? match(store, put, fresh, written) : code;
}

int ph_store_file_put(
    struct ph_store *base, const struct ph_store_put *put, struct ph_store_object *written) {
    struct ph_store_file *store = ph_store_file_of(base);
    struct fresh fresh = {.fd = -1};
    int code = put->path ? take_file(store, put->path, &fresh) : write_bytes(store, put->bytes, &fresh);
    if (code == 0)
        code = place(store, put, &fresh, written);
    if (code == 0)
        set_hash(written, fresh.hash);
    if (*fresh.name)
        ph_folder_discard(&store->folder, fresh.name);
    if (fresh.fd >= 0)
        close(fresh.fd);
    return ph_store_file_told(store, code);
}
