#include "origin/storyboard.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "origin/publish_request.h"
#include "origin/spool_files.h"

enum { most_pending = 8 };

static void pending_destroy(struct ph_pending_sheet *pending) {
    ph_bytes_unref(&pending->jpeg);
    free(pending);
}

void ph_storyboard_forget(struct ph_session *session) {
    struct ph_pending_sheet *pending, *next;
    LL_FOREACH_SAFE(session->sheets, pending, next) {
        LL_DELETE(session->sheets, pending);
        pending_destroy(pending);
    }
}

/* Under the lock. */
static int add(struct ph_session *session, struct ph_pending_sheet *added) {
    struct ph_pending_sheet *pending, *next;
    uint32_t count = 0;
    if (session->ended)
        return -EPIPE;
    LL_FOREACH_SAFE(session->sheets, pending, next) {
        count++;
        if (pending->sheet.first_tile != added->sheet.first_tile)
            continue;
        LL_DELETE(session->sheets, pending);
        pending_destroy(pending);
        count--;
    }
    if (count >= most_pending)
        return -ENOSPC;
    LL_APPEND(session->sheets, added);
    return 0;
}

int ph_storyboard_add(
    struct ph_session *session, const struct ph_storyboard_sheet *sheet, struct ph_bytes *jpeg) {
    struct ph_pending_sheet *added = calloc(1, sizeof(*added));
    if (!added)
        return -ENOMEM;
    added->sheet = *sheet;
    added->jpeg = ph_bytes_ref(jpeg);
    pthread_mutex_lock(&session->lock);
    int code = add(session, added);
    pthread_mutex_unlock(&session->lock);
    if (code)
        pending_destroy(added);
    return code;
}

static bool is_jpeg(struct ph_slice bytes) {
    return bytes.size > 4 && bytes.data[0] == 0xff && bytes.data[1] == 0xd8 && bytes.data[2] == 0xff;
}

static void take_sheet(
    struct ph_origin *origin, struct ph_http_request *request, struct ph_session *session) {
    struct ph_storyboard_sheet sheet;
    const char *header = ph_http_request_header(request, PH_HEADER_STORYBOARD);
    if (ph_storyboard_file_parse(ph_http_request_param(request, "file"), &sheet.first_tile) || !header ||
        ph_storyboard_header_parse(header, &sheet) || !is_jpeg(ph_http_request_body(request))) {
        ph_publish_refuse(request, 400, "Bad Request",
            "a JPEG named by its first tile is needed, and " PH_HEADER_STORYBOARD
            ": tiles, columns, rows, width, height, interval");
        return;
    }
    struct ph_bytes *jpeg = ph_http_request_body_ref(request);
    int code = jpeg ? ph_storyboard_add(session, &sheet, jpeg) : -ENOMEM;
    ph_bytes_unref(&jpeg);
    if (!code)
        ph_publish_answer(request, 202);
    else if (code == -EPIPE)
        ph_publish_refuse(request, 410, "Gone", "the session has ended");
    else if (code == -ENOSPC)
        ph_publish_refuse(request, 507, "Insufficient Storage", "the disk is behind: send the sheet again");
    else
        ph_http_respond(request, NULL);
    ph_spool_poke(origin->spool, session);
}

void ph_publish_put_storyboard(struct ph_http_request *request, void *opaque) {
    struct ph_session *session = ph_publish_find_session(opaque, request);
    if (session)
        take_sheet(opaque, request, session);
    ph_session_unref(&session);
}

/* A line that was torn when the process before died is ended first. */
static int end_torn_line(int fd) {
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
        return -EIO;
    return last == '\n' ? 0 : ph_file_write(fd, (struct ph_slice){(const uint8_t *)"\n", 1});
}

static int append_line(const char *dir, const struct ph_storyboard_sheet *sheet) {
    char path[PH_SPOOL_PATH_BYTES], line[PH_STORYBOARD_TEXT_BYTES];
    if (snprintf(path, sizeof(path), "%s/index", dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    ph_storyboard_line_write(sheet, line);
    int code = end_torn_line(fd);
    if (!code)
        code = ph_file_write(fd, (struct ph_slice){(const uint8_t *)line, strlen(line)});
    if (!code && fdatasync(fd))
        code = -errno;
    close(fd);
    return code;
}

/* How many sheets the folder has: a publisher that never ends must not fill it. */
static uint32_t count_sheets(const char *dir) {
    uint64_t first;
    uint32_t count = 0;
    struct dirent *entry;
    DIR *folder = opendir(dir);
    while (folder && (entry = readdir(folder)))
        count += ph_storyboard_file_parse(entry->d_name, &first) == 0;
    if (folder)
        closedir(folder);
    return count;
}

static int write_sheet(const char *dir, const struct ph_storyboard_sheet *sheet, struct ph_bytes *jpeg) {
    char name[32], path[PH_SPOOL_PATH_BYTES];
    snprintf(name, sizeof(name), "%" PRIu64 ".jpg", sheet->first_tile);
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    if (mkdir(dir, 0700) && errno != EEXIST)
        return -errno;
    if (access(path, F_OK) && count_sheets(dir) >= PH_MOST_STORYBOARD_SHEETS) {
        ph_log_warning("a session's storyboard has as many sheets as it may", ph_str("folder", dir));
        return 0;
    }
    int code = ph_spool_write_file(dir, name, ph_bytes_slice(jpeg));
    return code ? code : append_line(dir, sheet);
}

/* The sheet that waits longest, with a reference on its picture; false when there is none. */
static bool peek(struct ph_session *session, struct ph_storyboard_sheet *sheet, struct ph_bytes **jpeg) {
    pthread_mutex_lock(&session->lock);
    const struct ph_pending_sheet *pending = session->sheets;
    if (pending) {
        *sheet = pending->sheet;
        *jpeg = ph_bytes_ref(pending->jpeg);
    }
    pthread_mutex_unlock(&session->lock);
    return pending;
}

/* Unless another picture took the place of the one that was written. */
static void settle(struct ph_session *session, const struct ph_bytes *jpeg) {
    pthread_mutex_lock(&session->lock);
    struct ph_pending_sheet *pending = session->sheets;
    if (pending && pending->jpeg == jpeg) {
        LL_DELETE(session->sheets, pending);
        pending_destroy(pending);
    }
    pthread_mutex_unlock(&session->lock);
}

int ph_storyboard_spool(struct ph_session *session) {
    char dir[PH_SPOOL_PATH_BYTES];
    struct ph_storyboard_sheet sheet;
    struct ph_bytes *jpeg;
    int code = 0;
    if (snprintf(dir, sizeof(dir), "%s/storyboard", session->spool->dir) >= (int)sizeof(dir))
        return -ENAMETOOLONG;
    while (!code && peek(session, &sheet, &jpeg)) {
        code = write_sheet(dir, &sheet, jpeg);
        if (!code)
            settle(session, jpeg);
        ph_bytes_unref(&jpeg);
    }
    return code;
}
