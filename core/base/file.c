#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, struct ph_bytes *bytes) {
    size_t size = ph_bytes_size(bytes);
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, ph_bytes_writable(bytes) + done, size - done);
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return got ? -errno : -EIO;
    }
    return 0;
}

int ph_file_load(const char *path, size_t most_bytes, struct ph_bytes **content) {
    struct stat status;
    *content = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fstat(fd, &status) ? -errno : 0;
    if (!code && (uint64_t)status.st_size > most_bytes)
        code = -EFBIG;
    struct ph_bytes *bytes = code ? NULL : ph_bytes_create((size_t)status.st_size);
    if (!code)
        code = bytes ? read_all(fd, bytes) : -ENOMEM;
    close(fd);
    if (code)
        ph_bytes_unref(&bytes);
    *content = bytes;
    return code;
}

int ph_file_write(int fd, struct ph_slice bytes) {
    while (bytes.size) {
        ssize_t size = write(fd, bytes.data, bytes.size);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size ? -errno : -EIO;
        bytes = (struct ph_slice){bytes.data + size, bytes.size - (size_t)size};
    }
    return 0;
}

int ph_file_write_at(int fd, struct ph_slice bytes, uint64_t offset) {
    while (bytes.size) {
        ssize_t size = pwrite(fd, bytes.data, bytes.size, (off_t)offset);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size ? -errno : -EIO;
        bytes.data += size;
        bytes.size -= (size_t)size;
        offset += (uint64_t)size;
    }
    return 0;
}

int ph_file_sync_folder(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return code;
}

DIR *ph_file_open_folder(int folder_fd, const char *name) {
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder && fd >= 0) {
        int code = errno;
        close(fd);
        errno = code;
    }
    return folder;
}
