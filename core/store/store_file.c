#include "core/store/store_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/hex.h"

int ph_store_file_told(struct ph_store_file *store, int code) {
    char reason[96], sentence[256];
    switch (-code) {
    case EACCES:
    case EPERM:
    case EROFS:
        code = -EACCES;
        snprintf(sentence, sizeof(sentence),
            "the archive's folder may not be written: let this process's user write to it");
        break;
    case 0:
    case ENOENT:
    case EEXIST:
    case EBADMSG:
    case EINVAL:
        ph_store_set_trouble(&store->base, NULL);
        return code;
    case ENOMEM:
    case ECANCELED:
        return code;
    default:
        snprintf(sentence, sizeof(sentence), "the archive's folder does not take what is written: %s",
            ph_error_name(code, reason, sizeof(reason)));
        code = -EAGAIN;
    }
    ph_store_set_trouble(&store->base, sentence);
    return code;
}

void ph_store_file_describe(const struct stat *status, struct ph_store_object *object) {
    *object = (struct ph_store_object){
        .bytes = (uint64_t)status->st_size,
        .modified_ms = (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000,
        .class = PH_STORE_STANDARD,
    };
    snprintf(object->etag, sizeof(object->etag), "%" PRIx64 "-%" PRIx64 "%08lx", (uint64_t)status->st_size,
        (uint64_t)status->st_mtim.tv_sec, (unsigned long)status->st_mtim.tv_nsec);
}

static int get(
    struct ph_store *base, const char *key, uint64_t offset, uint64_t size, struct ph_bytes **bytes) {
    struct ph_store_file *store = ph_store_file_of(base);
    struct stat status;
    int fd;
    int code = ph_folder_open(&store->folder, key, &fd, &status);
    if (code < 0)
        return ph_store_file_told(store, code);
    uint64_t total = (uint64_t)status.st_size;
    if (size == UINT64_MAX && (offset < total || total == 0))
        size = total - (offset < total ? offset : total);
    if (offset > total || size > total - offset)
        code = -EBADMSG;
    struct ph_bytes *read = code == 0 ? ph_bytes_create((size_t)size) : NULL;
    if (code == 0 && !read)
        code = -ENOMEM;
    for (uint64_t filled = 0; code == 0 && filled < size;) {
        ssize_t got =
            pread(fd, ph_bytes_writable(read) + filled, (size_t)(size - filled), (off_t)(offset + filled));
        if (got > 0)
            filled += (uint64_t)got;
        else if (got == 0 || errno != EINTR)
            code = got == 0 ? -EBADMSG : -errno;
    }
    close(fd);
    if (code < 0)
        ph_bytes_unref(&read);
    *bytes = read;
    return ph_store_file_told(store, code);
}

static int remove_object(struct ph_store *base, const char *key) {
    struct ph_store_file *store = ph_store_file_of(base);
    int code = ph_folder_remove(&store->folder, key);
    return ph_store_file_told(store, code == -ENOENT ? 0 : code);
}

static int remove_visited(
    void *opaque, int dir_fd, const char *name, const char *key, const struct stat *status) {
    (void)key;
    (void)status;
    const struct ph_store_file *store = opaque;
    if (ph_store_is_cancelled(&store->base))
        return -ECANCELED;
    return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static void remove_left(void *opaque, int dir_fd, const char *name) {
    (void)opaque;
    /* What another thread puts there meanwhile keeps it. */
    unlinkat(dir_fd, name, AT_REMOVEDIR);
}

static int remove_all(struct ph_store *base, const char *prefix) {
    struct ph_store_file *store = ph_store_file_of(base);
    const struct ph_folder_visitor visitor = {remove_visited, remove_left, store};
    int code = ph_folder_walk(&store->folder, prefix, "", &visitor);
    if (code == 0 && unlinkat(store->folder.fd, prefix, AT_REMOVEDIR) == 0)
        code = ph_folder_sync(&store->folder, prefix);
    return ph_store_file_told(store, code == -ENOENT ? 0 : code);
}

/* The same file under one more name; bytes never change under either. */
static int copy(struct ph_store *base, const char *from, const char *to) {
    struct ph_store_file *store = ph_store_file_of(base);
    struct stat status;
    int fd;
    char name[PH_FOLDER_NAME_BYTES];
    int code = ph_folder_open(&store->folder, from, &fd, &status);
    if (code < 0)
        return ph_store_file_told(store, code);
    code = ph_folder_link(&store->folder, name, fd);
    if (code < 0) {
        int copy_fd;
        code = ph_folder_create(&store->folder, name, &copy_fd);
        if (code == 0) {
            code = ph_folder_copy(&store->folder, fd, 0, copy_fd, 0, (uint64_t)status.st_size);
            if (code == 0 && fsync(copy_fd) < 0)
                code = -errno;
            close(copy_fd);
        } else {
            *name = '\0';
        }
    }
    close(fd);
    if (code == 0)
        code = ph_folder_place(&store->folder, store->folder.new_fd, name, to, false);
    if (code < 0 && *name)
        ph_folder_discard(&store->folder, name);
    return ph_store_file_told(store, code);
}

struct listing {
    const struct ph_store_file *store;
    ph_store_visitor *visit;
    void *opaque;
    int answer; /* the visitor's last */
};

static int list_visited(
    void *opaque, int dir_fd, const char *name, const char *key, const struct stat *status) {
    (void)dir_fd;
    (void)name;
    struct listing *listing = opaque;
    struct ph_store_object object;
    if (ph_store_is_cancelled(&listing->store->base))
        return -ECANCELED;
    ph_store_file_describe(status, &object);
    listing->answer = listing->visit(listing->opaque, key, &object);
    return listing->answer;
}

static int list(
    struct ph_store *base, const char *prefix, const char *after, ph_store_visitor *visit, void *opaque) {
    struct ph_store_file *store = ph_store_file_of(base);
    struct listing listing = {store, visit, opaque, 0};
    const struct ph_folder_visitor visitor = {list_visited, NULL, &listing};
    int code = ph_folder_walk(&store->folder, prefix, after, &visitor);
    return listing.answer ? listing.answer : ph_store_file_told(store, code);
}

/* Nothing is ever far away. */
static int restore(struct ph_store *store, const char *key, uint32_t days) {
    (void)days;
    struct ph_store_object object;
    return ph_store_file_head(store, key, &object);
}

static const char *folder(const struct ph_store *store) {
    return ((const struct ph_store_file *)store)->path;
}

static void destroy(struct ph_store *base) {
    struct ph_store_file *store = ph_store_file_of(base);
    if (store->folder.fd >= 0)
        ph_folder_finish(&store->folder);
    pthread_mutex_destroy(&store->sweeping);
    ph_store_finish(base);
    OPENSSL_cleanse(store->secret, sizeof(store->secret));
    free(store->public_url);
    free(store->path);
    free(store);
}

static const struct ph_store_impl impl = {
    .destroy = destroy,
    .folder = folder,
    .put = ph_store_file_put,
    .get = get,
    .head = ph_store_file_head,
    .remove = remove_object,
    .remove_all = remove_all,
    .copy = copy,
    .list = list,
    .restore = restore,
    .sign = ph_store_file_sign,
    .begin = ph_store_file_begin,
    .resume = ph_store_file_resume,
    .apply_rules = ph_store_file_apply_rules,
    .sweep = ph_store_file_sweep,
};

/* Of its own use: the options' secret signs other things too. */
static void make_secret(struct ph_slice secret, char text[PH_STORE_FILE_SECRET_BYTES]) {
    static const char use[] = "addresses of the archive";
    uint8_t hash[PH_STORE_HASH_BYTES];
    unsigned size = sizeof(hash);
    HMAC(EVP_sha256(), secret.data ? (const void *)secret.data : "", (int)secret.size, (const uint8_t *)use,
        sizeof(use) - 1, hash, &size);
    ph_hex_write(hash, sizeof(hash), text);
    OPENSSL_cleanse(hash, sizeof(hash));
}

int ph_store_file_create(
    struct ph_store **out, const struct ph_store_options *options, struct ph_error *error) {
    const char *path = options->url + strlen("file:");
    char reason[96];
    struct ph_store_file *store = calloc(1, sizeof(*store));
    if (!store)
        return ph_error_set(error, -ENOMEM, "out of memory");
    ph_store_init(&store->base, &impl, options);
    pthread_mutex_init(&store->sweeping, NULL);
    store->folder.fd = -1;
    int size =
        *path ? asprintf(&store->path, "%s", path) : asprintf(&store->path, "%s/archive", options->data_dir);
    if (size < 0)
        store->path = NULL;
    store->public_url = strdup(options->public_url ? options->public_url : "");
    int code = store->path && store->public_url ? 0 : -ENOMEM;
    if (code == 0) {
        make_secret(options->secret, store->secret);
        code = ph_folder_init(&store->folder, store->path, &store->base.cancelled);
        if (code < 0)
            store->folder.fd = -1;
    }
    if (code < 0) {
        ph_error_set(error, code, "archive_url: the folder %s cannot be used: %s",
            store->path ? store->path : path, ph_error_name(code, reason, sizeof(reason)));
        destroy(&store->base);
        return code;
    }
    *out = &store->base;
    return 0;
}
