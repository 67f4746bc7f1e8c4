#include "core/base/file.h"

#include <fcntl.h>
#include <unistd.h>

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
