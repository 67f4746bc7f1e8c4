/* A composition in a folder: one file that grows behind a place for its front.
 *
 *   ".compositions/<token>.<front>"     can be resumed; <front>: the place's size, in bytes
 *   ".compositions/<token>.growing"     its place was being made larger when the machine or the process
 * ended: where its parts lie is not known, so it is gone
 *
 * The place is made larger while parts come, so that what is written at the end is the front alone. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/random.h"
#include "core/store/store_file.h"

enum { id_characters = 26 };

static const uint64_t first_front = 256 * 1024;
static const uint64_t most_front = 256 * 1024 * 1024;
static const uint64_t part_bytes = 4 * 1024 * 1024;

struct composition {
    struct ph_composition base;
    char token[id_characters + 1];
    int fd; /* -1: it is gone */
    uint64_t front;
    bool is_finished;
};

static const struct ph_composition_impl impl;

static struct composition *composition_of(struct ph_composition *composition) {
    return (struct composition *)composition; /* `base` comes first */
}

static struct ph_store_file *store_of(struct composition *composition) {
    return ph_store_file_of(composition->base.store);
}

static void name_of(const struct composition *composition, uint64_t front, char name[PH_FOLDER_NAME_BYTES]) {
    snprintf(name, PH_FOLDER_NAME_BYTES, "%s.%" PRIu64, composition->token, front);
}

static struct composition *create(struct ph_store *store, const char *key) {
    struct composition *made = calloc(1, sizeof(*made));
    if (!made)
        return NULL;
    made->base = (struct ph_composition){.impl = &impl, .store = store};
    snprintf(made->base.key, sizeof(made->base.key), "%s", key);
    made->fd = -1;
    return made;
}

static void discard(struct ph_composition *base) {
    struct composition *composition = composition_of(base);
    if (composition->fd >= 0)
        close(composition->fd);
    free(composition);
}

static int sync_names(const struct ph_store_file *store) {
    return fsync(store->folder.compositions_fd) < 0 ? -errno : 0;
}

/* Room for what is written last: a full disk is to fail now. */
static int make_front(int fd, uint64_t size) {
    if (fallocate(fd, 0, 0, (off_t)size) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return -errno;
    return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

int ph_store_file_begin(struct ph_store *base, const char *key, const char *content_type,
    struct ph_composition **out, char token[PH_COMPOSITION_TOKEN_BYTES]) {
    (void)content_type; /* a file's is told by its name */
    struct ph_store_file *store = ph_store_file_of(base);
    char name[PH_FOLDER_NAME_BYTES];
    struct composition *composition = create(base, key);
    if (!composition)
        return -ENOMEM;
    ph_random_id(composition->token, id_characters);
    composition->front = first_front;
    name_of(composition, first_front, name);
    composition->fd =
        openat(store->folder.compositions_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = composition->fd < 0 ? -errno : make_front(composition->fd, first_front);
    if (code == 0)
        code = fsync(composition->fd) < 0 ? -errno : sync_names(store);
    if (code < 0) {
        unlinkat(store->folder.compositions_fd, name, 0);
        discard(&composition->base);
        return ph_store_file_told(store, code);
    }
    snprintf(token, PH_COMPOSITION_TOKEN_BYTES, "%s", composition->token);
    *out = &composition->base;
    return ph_store_file_told(store, 0);
}

/* The size in a composition's name; 0 for other names. */
static uint64_t front_in(const char *name, const char *token) {
    size_t size = strlen(token);
    if (strncmp(name, token, size) != 0 || name[size] != '.')
        return 0;
    char *end;
    errno = 0;
    unsigned long long front = strtoull(name + size + 1, &end, 10);
    bool is_whole = name[size + 1] >= '1' && name[size + 1] <= '9' && *end == '\0' && errno == 0;
    return is_whole && front <= most_front ? front : 0;
}

/* The largest front under the token's names, or 0. Of two the smaller was copied into the larger. */
static int find_front(const struct ph_store_file *store, const char *token, uint64_t *front) {
    DIR *dir = ph_file_open_folder(store->folder.compositions_fd, ".");
    if (!dir)
        return -errno;
    *front = 0;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        uint64_t found = front_in(entry->d_name, token);
        if (found > *front)
            *front = found;
    }
    closedir(dir);
    return 0;
}

int ph_store_file_resume(
    struct ph_store *base, const char *key, const char *token, struct ph_composition **out) {
    struct ph_store_file *store = ph_store_file_of(base);
    char name[PH_FOLDER_NAME_BYTES];
    if (strlen(token) != id_characters || strchr(token, '/') || strchr(token, '.'))
        return -ENOENT;
    struct composition *composition = create(base, key);
    if (!composition)
        return -ENOMEM;
    memcpy(composition->token, token, sizeof(composition->token));
    int code = find_front(store, token, &composition->front);
    if (code == 0 && composition->front == 0)
        code = -ENOENT;
    if (code == 0) {
        name_of(composition, composition->front, name);
        composition->fd = openat(store->folder.compositions_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        code = composition->fd < 0 ? -errno : 0;
    }
    if (code < 0) {
        discard(&composition->base);
        return ph_store_file_told(store, code);
    }
    *out = &composition->base;
    return ph_store_file_told(store, 0);
}

static void bounds(const struct ph_composition *base, uint64_t *each, uint64_t *front) {
    (void)base;
    *each = part_bytes;
    *front = 0;
}

static int append(struct ph_composition *base, uint32_t number, uint64_t offset, struct ph_slice bytes,
    struct ph_receipt *receipt) {
    (void)number;
    (void)receipt;
    struct composition *composition = composition_of(base);
    if (composition->fd < 0)
        return -ENOENT;
    int code = ph_file_write_at(composition->fd, bytes, composition->front + offset);
    if (code == 0 && fdatasync(composition->fd) < 0)
        code = -errno;
    return ph_store_file_told(store_of(composition), code);
}

/* In place: no part is read or written. -EOPNOTSUPP where the file system cannot; then nothing has changed.
 */
static int insert(struct composition *composition, uint64_t front) {
    struct ph_store_file *store = store_of(composition);
    int dir_fd = store->folder.compositions_fd;
    char from[PH_FOLDER_NAME_BYTES], to[PH_FOLDER_NAME_BYTES], growing[PH_FOLDER_NAME_BYTES];
    name_of(composition, composition->front, from);
    name_of(composition, front, to);
    snprintf(growing, sizeof(growing), "%s.growing", composition->token);
    if (renameat(dir_fd, from, dir_fd, growing) < 0)
        return -errno;
    int code = sync_names(store);
    if (code == 0 &&
        fallocate(composition->fd, FALLOC_FL_INSERT_RANGE, 0, (off_t)(front - composition->front)) < 0) {
        code = -errno;
        if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
            return renameat(dir_fd, growing, dir_fd, from) < 0 ? -errno : -EOPNOTSUPP;
    }
    if (code == 0)
        code = make_front(composition->fd, front);
    if (code == 0 && fsync(composition->fd) < 0)
        code = -errno;
    if (code == 0 && renameat(dir_fd, growing, dir_fd, to) < 0)
        code = -errno;
    if (code == 0)
        code = sync_names(store);
    if (code < 0) {
        close(composition->fd);
        composition->fd = -1;
    }
    return code;
}

/* Into a new file. */
static int move(struct composition *composition, uint64_t front) {
    struct ph_store_file *store = store_of(composition);
    int dir_fd = store->folder.compositions_fd;
    char name[PH_FOLDER_NAME_BYTES], from[PH_FOLDER_NAME_BYTES], to[PH_FOLDER_NAME_BYTES];
    struct stat status;
    int fd;
    name_of(composition, composition->front, from);
    name_of(composition, front, to);
    if (fstat(composition->fd, &status) < 0)
        return -errno;
    int code = ph_folder_create(&store->folder, name, &fd);
    if (code < 0)
        return code;
    uint64_t size = (uint64_t)status.st_size;
    code = make_front(fd, front);
    if (code == 0 && size > composition->front)
        code = ph_folder_copy(
            &store->folder, composition->fd, composition->front, fd, front, size - composition->front);
    if (code == 0 && fsync(fd) < 0)
        code = -errno;
    if (code == 0 && renameat(store->folder.new_fd, name, dir_fd, to) < 0)
        code = -errno;
    if (code < 0) {
        ph_folder_discard(&store->folder, name);
        close(fd);
        return code;
    }
    close(composition->fd);
    composition->fd = fd;
    unlinkat(dir_fd, from, 0);
    return sync_names(store);
}

static int reserve(struct ph_composition *base, uint64_t needed, uint64_t *front_bytes) {
    struct composition *composition = composition_of(base);
    if (composition->fd < 0)
        return -ENOENT;
    if (needed > most_front)
        return -EFBIG;
    uint64_t front = composition->front;
    while (front < most_front && needed > front / 4 * 3)
        front *= 2;
    int code = 0;
    if (front > composition->front) {
        code = insert(composition, front);
        if (code == -EOPNOTSUPP)
            code = move(composition, front);
        if (code == 0)
            composition->front = front;
    }
    *front_bytes = composition->front;
    return ph_store_file_told(store_of(composition), code);
}

/* Whether all that was noted is there; what a process wrote and could not note is cut off. */
static int settle(const struct composition *composition, const struct ph_receipt *receipts, size_t count) {
    struct stat status;
    uint64_t end = composition->front;
    for (size_t i = 0; i < count; i++)
        end += receipts[i].bytes;
    if (fstat(composition->fd, &status) < 0)
        return -errno;
    if ((uint64_t)status.st_size < end)
        return -EBADMSG;
    return (uint64_t)status.st_size > end && ftruncate(composition->fd, (off_t)end) < 0 ? -errno : 0;
}

static int finish(
    struct ph_composition *base, struct ph_slice front, const struct ph_receipt *receipts, size_t count) {
    struct composition *composition = composition_of(base);
    struct ph_store_file *store = store_of(composition);
    char name[PH_FOLDER_NAME_BYTES];
    if (composition->is_finished)
        return 0;
    if (composition->fd < 0)
        return -ENOENT;
    if (front.size != composition->front)
        return -EINVAL;
    name_of(composition, composition->front, name);
    int code = settle(composition, receipts, count);
    if (code == 0)
        code = ph_file_write_at(composition->fd, front, 0);
    if (code == 0 && fsync(composition->fd) < 0)
        code = -errno;
    if (code == 0)
        code = ph_folder_place(&store->folder, store->folder.compositions_fd, name, base->key, false);
    if (code == 0)
        code = sync_names(store);
    composition->is_finished = code == 0;
    return ph_store_file_told(store, code);
}

static int abort_it(struct ph_composition *base) {
    struct composition *composition = composition_of(base);
    struct ph_store_file *store = store_of(composition);
    char name[PH_FOLDER_NAME_BYTES];
    if (composition->is_finished || composition->fd < 0)
        return 0;
    name_of(composition, composition->front, name);
    int code = unlinkat(store->folder.compositions_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
    if (code == 0)
        code = sync_names(store);
    close(composition->fd);
    composition->fd = -1;
    return ph_store_file_told(store, code);
}

static const struct ph_composition_impl impl = {
    .bounds = bounds,
    .append = append,
    .reserve = reserve,
    .finish = finish,
    .abort = abort_it,
    .free = discard,
};
