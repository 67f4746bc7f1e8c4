#include "origin/recording/recorder_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/builder.h"
#include "core/base/cursor.h"
#include "core/base/file.h"
#include "origin/recording/recorder.h"

enum { record_header = 8, most_file_bytes = 512 * 1024 * 1024 };

static const char temporary_name[] = PH_RECORDER_HEAD ".new";

int ph_recorder_files_init(struct ph_recorder_files *files, const char *dir) {
    *files = (struct ph_recorder_files){.fd = -1};
    if (!dir)
        return 0;
    if (strlen(dir) + sizeof(temporary_name) + 1 > sizeof(files->dir))
        return -ENAMETOOLONG;
    memcpy(files->dir, dir, strlen(dir) + 1);
    return 0;
}

void ph_recorder_files_close(struct ph_recorder_files *files) {
    if (files->fd >= 0)
        close(files->fd);
    files->fd = -1;
}

static bool keeps_none(const struct ph_recorder_files *files) {
    return !files->dir[0];
}

/* The folder's length was checked. */
static void join(char path[PH_RECORDER_PATH_BYTES], const struct ph_recorder_files *files, const char *name) {
    (void)snprintf(path, PH_RECORDER_PATH_BYTES, "%.*s/%s",
        (int)(PH_RECORDER_PATH_BYTES - sizeof(temporary_name) - 1), files->dir, name);
}

static int read_whole(int fd, struct ph_bytes **bytes) {
    struct stat status;
    if (fstat(fd, &status))
        return -errno;
    if (status.st_size > most_file_bytes)
        return -EFBIG;
    size_t size = (size_t)status.st_size, done = 0;
    struct ph_bytes *whole = ph_bytes_create(size);
    if (!whole)
        return -ENOMEM;
    while (done < size) {
        ssize_t got = pread(fd, ph_bytes_writable(whole) + done, size - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int code = got ? -errno : -EIO;
            ph_bytes_unref(&whole);
            return code;
        }
        done += (size_t)got;
    }
    *bytes = whole;
    return 0;
}

static int load(const struct ph_recorder_files *files, const char *name, struct ph_bytes **bytes) {
    char path[PH_RECORDER_PATH_BYTES];
    *bytes = NULL;
    if (keeps_none(files))
        return -ENOENT;
    join(path, files, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = read_whole(fd, bytes);
    close(fd);
    return code;
}

int ph_recorder_files_load(const struct ph_recorder_files *files, struct ph_bytes **journal) {
    return load(files, PH_RECORDER_JOURNAL, journal);
}

int ph_recorder_files_load_head(const struct ph_recorder_files *files, struct ph_bytes **head) {
    return load(files, PH_RECORDER_HEAD, head);
}

static uint32_t check_of(struct ph_slice payload) {
    return (uint32_t)crc32_z(0, payload.data, payload.size);
}

bool ph_recorder_record_take(struct ph_slice *journal, struct ph_slice *payload) {
    struct ph_cursor cursor = ph_cursor_init(*journal);
    uint32_t size = ph_cursor_u32(&cursor), check = ph_cursor_u32(&cursor);
    *payload = ph_cursor_take(&cursor, size);
    if (!ph_cursor_ok(&cursor) || !size || check_of(*payload) != check)
        return false;
    *journal = ph_cursor_rest(&cursor);
    return true;
}

int ph_recorder_files_open(struct ph_recorder_files *files, uint64_t keep_bytes) {
    char path[PH_RECORDER_PATH_BYTES];
    if (keeps_none(files))
        return 0;
    join(path, files, PH_RECORDER_JOURNAL);
    ph_recorder_files_close(files);
    files->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (files->fd < 0)
        return -errno;
    files->journal_bytes = keep_bytes;
    int code = ftruncate(files->fd, (off_t)keep_bytes) ? -errno : ph_file_sync_folder(files->dir);
    if (code)
        ph_recorder_files_close(files);
    return code;
}

int ph_recorder_files_append(struct ph_recorder_files *files, struct ph_slice payload) {
    struct ph_builder header = {0};
    if (keeps_none(files))
        return 0;
    ph_builder_u32(&header, (uint32_t)payload.size);
    ph_builder_u32(&header, check_of(payload));
    int code = ph_builder_ok(&header) ? 0 : -ENOMEM;
    if (!code)
        code = ph_file_write_at(files->fd, (struct ph_slice){header.data, header.size}, files->journal_bytes);
    if (!code)
        code = ph_file_write_at(files->fd, payload, files->journal_bytes + record_header);
    if (!code && fdatasync(files->fd))
        code = -errno;
    if (!code)
        files->journal_bytes += record_header + payload.size;
    ph_builder_discard(&header);
    return code;
}

int ph_recorder_files_save_head(const struct ph_recorder_files *files, struct ph_slice head) {
    char path[PH_RECORDER_PATH_BYTES], temporary[PH_RECORDER_PATH_BYTES];
    if (keeps_none(files))
        return 0;
    join(path, files, PH_RECORDER_HEAD);
    join(temporary, files, temporary_name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int code = ph_file_write_at(fd, head, 0);
    if (!code && fsync(fd))
        code = -errno;
    close(fd);
    if (!code && rename(temporary, path))
        code = -errno;
    return code ? code : ph_file_sync_folder(files->dir);
}

int ph_recorder_files_remove(struct ph_recorder_files *files) {
    static const char *const names[] = {PH_RECORDER_JOURNAL, PH_RECORDER_HEAD, temporary_name};
    char path[PH_RECORDER_PATH_BYTES];
    ph_recorder_files_close(files);
    if (keeps_none(files))
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        join(path, files, names[i]);
        if (unlink(path) && errno != ENOENT)
            return -errno;
    }
    return ph_file_sync_folder(files->dir);
}
