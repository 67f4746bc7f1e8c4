#include "api/recordings/upload_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/text.h"
#include "core/base/file.h"

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
