/* Objects of a folder in the bytewise order of their keys.
 *
 * A folder's names are taken in batches: the smallest of those greater than the last visited. So the memory
 * is bounded by the batch, at the price of reading a folder of n names n / batch times. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/store/folder.h"

enum { batch_names = 2048 };

struct walk {
    const struct ph_folder_visitor *visitor;
    const char *after;
    char key[PH_STORE_KEY_BYTES]; /* of the folder being walked, with its slash; "" at the top */
};

/* Names of one folder; those of folders end with a slash, as in the keys below them. */
struct batch {
    char *names[2 * batch_names];
    size_t count;
    bool is_cut; /* there are more than those */
};

static int by_bytes(const void *one, const void *other) {
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void drop_from(struct batch *batch, size_t first) {
    for (size_t i = first; i < batch->count; i++)
        free(batch->names[i]);
    if (batch->count > first)
        batch->count = first;
}

static void cut(struct batch *batch) {
    qsort(batch->names, batch->count, sizeof(batch->names[0]), by_bytes);
    batch->is_cut = batch->is_cut || batch->count > batch_names;
    drop_from(batch, batch_names);
}

/* Whether something with this name (a folder's with its slash) may come after `after`. */
static bool is_due(const struct walk *walk, const char *name, bool is_dir) {
    char key[PH_STORE_KEY_BYTES];
    int size = snprintf(key, sizeof(key), "%s%s", walk->key, name);
    if (size < 0 || (size_t)size >= sizeof(key))
        return false;
    if (is_dir && strncmp(walk->after, key, (size_t)size) == 0)
        return true;
    return strcmp(key, walk->after) > 0;
}

/* The kind of a name, DT_UNKNOWN for what is neither a regular file nor a folder. */
static int kind_of(int fd, const struct dirent *entry) {
    if (entry->d_type == DT_REG || entry->d_type == DT_DIR)
        return entry->d_type;
    struct stat status;
    if (entry->d_type != DT_UNKNOWN || fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_UNKNOWN;
    return S_ISREG(status.st_mode) ? DT_REG : S_ISDIR(status.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static int take_name(
    const struct walk *walk, struct batch *batch, const char *last, int fd, const struct dirent *entry) {
    int kind = kind_of(fd, entry);
    char name[PH_STORE_KEY_BYTES + 1];
    if (kind == DT_UNKNOWN || !ph_store_key_is_valid(entry->d_name))
        return 0;
    snprintf(name, sizeof(name), "%s%s", entry->d_name, kind == DT_DIR ? "/" : "");
    if (strcmp(name, last) <= 0 || !is_due(walk, name, kind == DT_DIR))
        return 0;
    char *kept = strdup(name);
    if (!kept)
        return -ENOMEM;
    batch->names[batch->count++] = kept;
    if (batch->count == 2 * batch_names)
        cut(batch);
    return 0;
}

/* The next names after `last`, in order. */
static int gather(const struct walk *walk, struct batch *batch, const char *last, DIR *dir) {
    int code = 0;
    batch->is_cut = false;
    rewinddir(dir);
    while (code == 0) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            code = -errno;
            break;
        }
        code = take_name(walk, batch, last, dirfd(dir), entry);
    }
    if (code == 0)
        cut(batch);
    return code;
}

static int walk_dir(struct walk *walk, DIR *dir);

static int visit_dir(struct walk *walk, int fd, const char *name) {
    size_t size = strlen(walk->key), name_size = strlen(name);
    char bare[PH_STORE_KEY_BYTES];
    memcpy(walk->key + size, name, name_size + 1);
    memcpy(bare, name, name_size - 1);
    bare[name_size - 1] = '\0';
    int code = 0;
    DIR *below = ph_file_open_folder(fd, bare);
    if (below)
        code = walk_dir(walk, below);
    else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        code = -errno;
    walk->key[size] = '\0';
    if (code == 0 && walk->visitor->leave)
        walk->visitor->leave(walk->visitor->opaque, fd, bare);
    return code;
}

static int visit_file(struct walk *walk, int fd, const char *name) {
    struct stat status;
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISREG(status.st_mode))
        return 0;
    size_t size = strlen(walk->key);
    memcpy(walk->key + size, name, strlen(name) + 1);
    int code = walk->visitor->object(walk->visitor->opaque, fd, name, walk->key, &status);
    walk->key[size] = '\0';
    return code;
}

/* Takes over `dir`. */
static int walk_dir(struct walk *walk, DIR *dir) {
    struct batch *batch = calloc(1, sizeof(*batch));
    char last[PH_STORE_KEY_BYTES + 1] = "";
    int code = batch ? 0 : -ENOMEM;
    bool is_more = true;
    while (code == 0 && is_more) {
        code = gather(walk, batch, last, dir);
        for (size_t i = 0; i < batch->count && code == 0; i++) {
            const char *name = batch->names[i];
            code = name[strlen(name) - 1] == '/' ? visit_dir(walk, dirfd(dir), name)
                                                 : visit_file(walk, dirfd(dir), name);
            snprintf(last, sizeof(last), "%s", name);
        }
        is_more = batch->is_cut;
        drop_from(batch, 0);
    }
    free(batch);
    closedir(dir);
    return code;
}

int ph_folder_walk(const struct ph_folder *folder, const char *prefix, const char *after,
    const struct ph_folder_visitor *visitor) {
    struct walk walk = {.visitor = visitor, .after = after};
    int size = snprintf(walk.key, sizeof(walk.key), "%s%s", prefix, *prefix ? "/" : "");
    if (size < 0 || (size_t)size >= sizeof(walk.key))
        return 0;
    DIR *dir = ph_file_open_folder(folder->fd, *prefix ? prefix : ".");
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
    return walk_dir(&walk, dir);
}
