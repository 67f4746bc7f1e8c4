#include "transcode/cutter.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "transcode/transcode.h"
#include "transcode/worker_process.h"

enum { most_segment_bytes = 64 << 20 };

static const int64_t ready_us = 30 * PH_SECOND_US;
static const int64_t cut_us = 120 * PH_SECOND_US;

struct ph_cutter {
    struct ph_worker_process worker;
};

/* One message; its size, or a negative code. */
static ssize_t hear(struct ph_cutter *cutter, void *text, size_t room, int64_t deadline_us) {
    for (;;) {
        struct pollfd file = {.fd = cutter->worker.control, .events = POLLIN};
        int64_t left_us = deadline_us - ph_now_us();
        if (left_us <= 0)
            return -ETIMEDOUT;
        int count = poll(&file, 1, (int)(left_us / PH_MILLISECOND_US + 1));
        if (count < 0 && errno != EINTR)
            return -errno;
        ssize_t size = count > 0 ? recv(cutter->worker.control, text, room, MSG_DONTWAIT) : -1;
        if (size == 0 || (size < 0 && count > 0 && errno != EAGAIN && errno != EINTR))
            return -EIO;
        if (size > 0)
            return size;
    }
}

static int64_t read_number(const char *text, size_t size, const char *name) {
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *value = json_object_get(root, name);
    int64_t number = json_is_integer(value) ? json_integer_value(value) : json_is_true(value) ? 1 : 0;
    json_decref(root);
    return number;
}

int ph_cutter_create(struct ph_cutter **created, const char *executable) {
    char text[PH_TRANSCODE_MOST_MESSAGE];
    *created = NULL;
    struct ph_cutter *cutter = calloc(1, sizeof(*cutter));
    char **environment = ph_worker_environment_make("libx264");
    int code = cutter && environment ? 0 : -ENOMEM;
    if (code == 0)
        code =
            ph_worker_process_spawn(&cutter->worker, executable ? executable : "/proc/self/exe", environment);
    ph_worker_environment_free(environment);
    if (code < 0) {
        free(cutter);
        return code;
    }
    ssize_t size = hear(cutter, text, sizeof(text), ph_now_us() + ready_us);
    if (size < 0 || !read_number(text, (size_t)size, "ready")) {
        ph_cutter_destroy(cutter);
        return size < 0 ? (int)size : -EIO;
    }
    *created = cutter;
    return 0;
}

static int send_cut(struct ph_cutter *cutter, const struct ph_cut *cut, int fd) {
    char *publication = ph_publication_to_json(&cut->publication);
    json_t *root = json_pack("{s:{s:o,s:I,s:I,s:I}}", "cut", "publication",
        publication ? json_loads(publication, 0, NULL) : NULL, "track", (json_int_t)cut->track, "from_us",
        (json_int_t)cut->from_us, "to_us", (json_int_t)cut->to_us);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    int code = -ENOMEM;
    if (text)
        code = ph_worker_process_send_file(
            &cutter->worker, fd, (struct ph_slice){(const uint8_t *)text, strlen(text)});
    free(text);
    json_decref(root);
    free(publication);
    return code;
}

static int hear_segment(struct ph_cutter *cutter, struct ph_bytes **made) {
    char text[PH_TRANSCODE_MOST_MESSAGE];
    int64_t deadline_us = ph_now_us() + cut_us;
    ssize_t size = hear(cutter, text, sizeof(text), deadline_us);
    if (size < 0)
        return (int)size;
    int64_t bytes = read_number(text, (size_t)size, "cut_bytes");
    int64_t failure = read_number(text, (size_t)size, "cut_code");
    if (failure < 0 && failure > INT32_MIN)
        return (int)failure;
    if (bytes <= 0 || bytes > most_segment_bytes)
        return -EIO;
    struct ph_builder builder = {0};
    while ((int64_t)builder.size < bytes && ph_builder_ok(&builder)) {
        size = hear(cutter, text, sizeof(text), deadline_us);
        if (size < 0) {
            ph_builder_discard(&builder);
            return (int)size;
        }
        ph_builder_append(&builder, text, (size_t)size);
    }
    *made = ph_builder_finish(&builder);
    return *made ? 0 : -ENOMEM;
}

int ph_cutter_cut(struct ph_cutter *cutter, const struct ph_cut *cut, struct ph_slice init,
    struct ph_slice segment, struct ph_bytes **made) {
    *made = NULL;
    int fd = memfd_create("segment", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = ph_file_write(fd, init);
    if (code == 0)
        code = ph_file_write(fd, segment);
    if (code == 0)
        code = send_cut(cutter, cut, fd);
    close(fd);
    return code < 0 ? code : hear_segment(cutter, made);
}

void ph_cutter_destroy(struct ph_cutter *cutter) {
    int status;
    if (!cutter)
        return;
    ph_worker_process_signal(&cutter->worker, SIGKILL); /* it holds nothing that is wanted */
    struct pollfd file = {.fd = cutter->worker.pidfd, .events = POLLIN};
    while (ph_worker_process_reap(&cutter->worker, &status) == -EAGAIN)
        (void)poll(&file, 1, 1000);
    ph_worker_process_finish(&cutter->worker);
    free(cutter);
}
