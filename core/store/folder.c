#include "core/store/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/random.h"

/* How often a folder may vanish (when its last object is removed) before what was to be put there. */
enum { most_tries = 16, id_characters = 26 };

static int open_dir(int at_fd, const char *name, int *fd) {
    *fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? -errno : 0;
}

static int sync_fd(int fd) {
    return fsync(fd) < 0 ? -errno : 0;
}

/* Makes the folder when it is not there, and sees to it that it will be there after a crash. */
static int make_dir(int at_fd, const char *name) {
    if (mkdirat(at_fd, name, 0700) == 0)
        return sync_fd(at_fd);
    return errno == EEXIST ? 0 : -errno;
}

static int make_own(struct ph_folder *folder, const char *name, int *fd) {
    int code = make_dir(folder->fd, name);
    return code < 0 ? code : open_dir(folder->fd, name, fd);
}

/* Every folder of an absolute or relative path. */
static int make_path(const char *path) {
    char part[4096];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(part))
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

int ph_folder_init(struct ph_folder *folder, const char *path, const atomic_bool *cancelled) {
    *folder = (struct ph_folder){.fd = -1, .new_fd = -1, .compositions_fd = -1, .cancelled = cancelled};
    pthread_mutex_init(&folder->making, NULL);
    int code = make_path(path);
    if (code == 0) {
        folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        code = folder->fd < 0 ? -errno : 0;
    }
    if (code == 0)
        code = make_own(folder, ".new", &folder->new_fd);
    if (code == 0)
        code = make_own(folder, ".compositions", &folder->compositions_fd);
    if (code < 0)
        ph_folder_finish(folder);
    return code;
}

static void close_fd(int fd) {
    if (fd >= 0)
        close(fd);
}

void ph_folder_finish(struct ph_folder *folder) {
    close_fd(folder->compositions_fd);
    close_fd(folder->new_fd);
    close_fd(folder->fd);
    pthread_mutex_destroy(&folder->making);
}

int ph_folder_open(const struct ph_folder *folder, const char *key, int *fd, struct stat *status) {
    *fd = openat(folder->fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOTDIR || errno == ELOOP || errno == ENXIO ? -ENOENT : -errno;
    int code = fstat(*fd, status) < 0 ? -errno : 0;
    if (code == 0 && !S_ISREG(status->st_mode))
        code = -ENOENT;
    if (code < 0) {
        close(*fd);
        *fd = -1;
    }
    return code;
}

int ph_folder_create(const struct ph_folder *folder, char name[PH_FOLDER_NAME_BYTES], int *fd) {
    ph_random_id(name, id_characters);
    *fd = openat(folder->new_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *fd < 0 ? -errno : 0;
}

int ph_folder_link(const struct ph_folder *folder, char name[PH_FOLDER_NAME_BYTES], int fd) {
    char self[32];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    ph_random_id(name, id_characters);
    return linkat(AT_FDCWD, self, folder->new_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

void ph_folder_discard(const struct ph_folder *folder, const char *name) {
    unlinkat(folder->new_fd, name, 0);
}

static const char *name_in(const char *key) {
    const char *slash = strrchr(key, '/');
    return slash ? slash + 1 : key;
}

/* The folder that the object lies in, or is to lie in. */
static int open_parent(const struct ph_folder *folder, const char *key, bool make, int *fd) {
    int code = open_dir(folder->fd, ".", fd);
    while (code == 0 && strchr(key, '/')) {
        char name[PH_STORE_KEY_BYTES];
        size_t size = strcspn(key, "/");
        memcpy(name, key, size);
        name[size] = '\0';
        int next = -1;
        if (make)
            code = make_dir(*fd, name);
        if (code == 0)
            code = open_dir(*fd, name, &next);
        close(*fd);
        *fd = next;
        key += size + 1;
    }
    if (code < 0 && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return code;
}

static int place_once(
    struct ph_folder *folder, int from_fd, const char *name, const char *key, bool if_absent) {
    int fd;
    pthread_mutex_lock(&folder->making);
    int code = open_parent(folder, key, true, &fd);
    pthread_mutex_unlock(&folder->making);
    if (code < 0)
        return code == -ENOTDIR || code == -ELOOP ? -EEXIST : code;
    int result =
        if_absent ? linkat(from_fd, name, fd, name_in(key), 0) : renameat(from_fd, name, fd, name_in(key));
    if (result < 0)
        code = errno == EISDIR || errno == ENOTEMPTY ? -EEXIST : -errno;
    if (code == 0)
        code = sync_fd(fd);
    /* A file that was placed as another name of what lies there keeps its own. */
    if (code == 0)
        unlinkat(from_fd, name, 0);
    close(fd);
    return code;
}

int ph_folder_place(
    struct ph_folder *folder, int from_fd, const char *name, const char *key, bool if_absent) {
    int code = -ENOENT;
    for (int i = 0; i < most_tries && code == -ENOENT; i++)
        code = place_once(folder, from_fd, name, key, if_absent);
    return code;
}

/* Removes the folders above the object that are empty, up to the first that is not. */
static void prune(const struct ph_folder *folder, const char *key) {
    char path[PH_STORE_KEY_BYTES];
    snprintf(path, sizeof(path), "%s", key);
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (unlinkat(folder->fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
            return;
    }
}

int ph_folder_remove(const struct ph_folder *folder, const char *key) {
    int fd;
    int code = open_parent(folder, key, false, &fd);
    if (code < 0)
        return code == -ENOTDIR || code == -ELOOP ? -ENOENT : code;
    if (unlinkat(fd, name_in(key), 0) < 0)
        code = errno == EISDIR ? -ENOENT : -errno;
    if (code == 0)
        code = sync_fd(fd);
    close(fd);
    if (code == 0)
        prune(folder, key);
    return code;
}

int ph_folder_sync(const struct ph_folder *folder, const char *key) {
    int fd;
    int code = open_parent(folder, key, false, &fd);
    if (code < 0)
        return code;
    code = sync_fd(fd);
    close(fd);
    return code;
}
