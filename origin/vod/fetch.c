#include "origin/vod/fetch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "origin/caching.h"

enum {
    file_cost_bytes = 256 << 10, /* bounds how many files are open, not memory */
    most_object_bytes = 1 << 30,
    warm_up_bytes = 64 << 10,
    path_bytes = 4096,
};

/* An open file and its size; -ENOENT when it is none. */
static int open_file(const char *path, uint64_t *bytes) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int code = fstat(fd, &status) ? -errno : S_ISREG(status.st_mode) ? 0 : -ENOENT;
    if (code) {
        close(fd);
        return code;
    }
    *bytes = (uint64_t)status.st_size;
    return fd;
}

static int open_in_folder(const char *folder, const char *key, uint64_t *bytes) {
    char path[path_bytes];
    int size = snprintf(path, sizeof(path), "%s/%s", folder, key);
    return size > 0 && (size_t)size < sizeof(path) ? open_file(path, bytes) : -ENAMETOOLONG;
}

static int read_whole(int fd, uint64_t size, struct ph_bytes **out) {
    struct ph_bytes *bytes = size <= most_object_bytes ? ph_bytes_create((size_t)size) : NULL;
    int code = bytes ? 0 : -ENOMEM;
    for (size_t done = 0; !code && done < size;) {
        ssize_t got = read(fd, ph_bytes_writable(bytes) + done, (size_t)size - done);
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            code = got ? -errno : -EBADMSG;
    }
    if (code)
        ph_bytes_unref(&bytes);
    *out = bytes;
    return code;
}

/* Has the file's pages in memory: the server's threads, which viewers of what is live share, would wait for a
 * slow disk when they send it. */
static int warm_up(int fd, uint64_t size) {
    char page[warm_up_bytes];
    for (uint64_t done = 0; done < size;) {
        ssize_t got = pread(fd, page, sizeof(page), (off_t)done);
        if (got > 0)
            done += (uint64_t)got;
        else if (got == 0 || errno != EINTR)
            return got ? -errno : -EBADMSG;
    }
    return 0;
}

/* Takes the bytes over. */
static int item_from_bytes(
    const struct ph_vod_object *object, struct ph_bytes *bytes, struct ph_shelf_item **item) {
    size_t size = ph_bytes_size(bytes);
    struct ph_http_response *response = ph_http_response_from_bytes(200, object->content_type, bytes);
    if (*object->etag)
        response = ph_caching_tagged_media(response, object->etag, object->is_private);
    else
        response = ph_caching_media(
            response, (uint32_t)crc32_z(0, ph_bytes_data(bytes), size), size, object->is_private);
    ph_bytes_unref(&bytes);
    *item = ph_shelf_item_create(response, NULL, size);
    return *item ? 0 : -ENOMEM;
}

/* Takes the descriptor over. What has no tag of its own is read for one. */
static int item_from_file(
    const struct ph_vod_object *object, int fd, uint64_t size, struct ph_shelf_item **item) {
    struct ph_bytes *bytes = NULL;
    if (object->bytes != UINT64_MAX && object->bytes != size) {
        close(fd);
        return -EBADMSG;
    }
    int code = *object->etag ? warm_up(fd, size) : 0;
    if (code) {
        close(fd);
        return code;
    }
    if (*object->etag) {
        *item = ph_shelf_item_create(
            ph_caching_tagged_media(ph_http_response_from_file(200, object->content_type, fd, 0, size),
                object->etag, object->is_private),
            NULL, file_cost_bytes);
        return *item ? 0 : -ENOMEM;
    }
    code = read_whole(fd, size, &bytes);
    close(fd);
    return code ? code : item_from_bytes(object, bytes, item);
}

int ph_vod_fetch(struct ph_store *store, const struct ph_vod_object *object, struct ph_shelf_item **item) {
    const char *folder = ph_store_folder(store);
    struct ph_bytes *bytes = NULL;
    uint64_t size = 0;
    *item = NULL;
    int fd = *object->path ? open_file(object->path, &size) : -ENOENT;
    if (fd < 0 && folder)
        fd = open_in_folder(folder, object->key, &size);
    if (fd >= 0)
        return item_from_file(object, fd, size, item);
    if (folder)
        return fd;
    int code = ph_store_get(store, object->key, 0, UINT64_MAX, &bytes);
    if (code)
        return code;
    if (object->bytes != UINT64_MAX && object->bytes != ph_bytes_size(bytes)) {
        ph_bytes_unref(&bytes);
        return -EBADMSG;
    }
    return item_from_bytes(object, bytes, item);
}

static bool is_same(const struct ph_store_object *one, const struct ph_store_object *other) {
    return one->bytes == other->bytes && one->modified_ms == other->modified_ms &&
           strcmp(one->etag, other->etag) == 0;
}

int ph_vod_fetch_recording(
    struct ph_store *store, const char *id, struct ph_shelf_item *known, struct ph_shelf_item **item) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    struct ph_bytes *json = NULL;
    struct ph_vod_recording *recording = NULL;
    *item = NULL;
    ph_vod_manifest_key(id, key);
    int code = ph_store_head(store, key, &object);
    if (!code && known && is_same(&object, &known->recording->object)) {
        *item = ph_shelf_item_ref(known);
        return 0;
    }
    if (!code)
        code =
            object.bytes <= PH_MOST_MANIFEST_BYTES ? ph_store_get(store, key, 0, UINT64_MAX, &json) : -EFBIG;
    if (code)
        return code;
    code = ph_vod_recording_create(&recording, id, ph_bytes_slice(json));
    ph_bytes_unref(&json);
    if (code)
        return code;
    recording->object = object;
    *item = ph_shelf_item_create(NULL, recording, recording->cost_bytes);
    return *item ? 0 : -ENOMEM;
}
