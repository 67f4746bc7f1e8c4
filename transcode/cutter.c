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
static const int64_t answer_us = 120 * PH_SECOND_US;

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

static bool says_ready(const char *text, size_t size) {
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    bool is_ready = json_is_true(json_object_get(root, "ready"));
    json_decref(root);
    return is_ready;
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
    if (size < 0 || !says_ready(text, (size_t)size)) {
        ph_cutter_destroy(cutter);
        return size < 0 ? (int)size : -EIO;
    }
    *created = cutter;
    return 0;
}

/* Gives the request away, also when it is NULL, which is a failure. */
static int ask(struct ph_cutter *cutter, json_t *request, struct ph_slice init, struct ph_slice segment) {
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    int fd = memfd_create("segment", MFD_CLOEXEC);
    int code = !text ? -ENOMEM : fd < 0 ? -errno : ph_file_write(fd, init);
    if (code == 0)
        code = ph_file_write(fd, segment);
    if (code == 0)
        code = ph_worker_process_send_file(
            &cutter->worker, fd, (struct ph_slice){(const uint8_t *)text, strlen(text)});
    if (fd >= 0)
        close(fd);
    free(text);
    json_decref(request);
    return code;
}

/* The answer's head, to be let go. */
static int hear_head(struct ph_cutter *cutter, int64_t deadline_us, json_t **head) {
    char text[PH_TRANSCODE_MOST_MESSAGE];
    ssize_t size = hear(cutter, text, sizeof(text), deadline_us);
    if (size < 0)
        return (int)size;
    *head = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
    json_int_t failure = json_integer_value(json_object_get(*head, "piece_code"));
    if (*head && !failure)
        return 0;
    json_decref(*head);
    return failure < 0 && failure > INT32_MIN ? (int)failure : -EIO;
}

/* As many bytes as the head tells. */
static int hear_bytes(struct ph_cutter *cutter, int64_t bytes, int64_t deadline_us, struct ph_bytes **made) {
    char text[PH_TRANSCODE_MOST_MESSAGE];
    struct ph_builder builder = {0};
    while ((int64_t)builder.size < bytes && ph_builder_ok(&builder)) {
        ssize_t size = hear(cutter, text, sizeof(text), deadline_us);
        if (size < 0 || size > bytes - (int64_t)builder.size) {
            ph_builder_discard(&builder);
            return size < 0 ? (int)size : -EIO;
        }
        ph_builder_append(&builder, text, (size_t)size);
    }
    *made = ph_builder_finish(&builder);
    return *made ? 0 : -ENOMEM;
}

/* -1: it tells none, or too many. */
static int64_t bytes_of(const json_t *head, const char *name, int64_t most) {
    const json_t *bytes = json_object_get(head, name);
    json_int_t count = json_integer_value(bytes);
    return json_is_integer(bytes) && count >= 0 && count <= most ? count : -1;
}

int ph_cutter_cut(struct ph_cutter *cutter, const struct ph_cut *cut, struct ph_slice init,
    struct ph_slice segment, struct ph_bytes **made) {
    int64_t deadline_us = ph_now_us() + answer_us;
    char *publication = ph_publication_to_json(&cut->publication);
    json_t *head = NULL;
    *made = NULL;
    int code = ask(cutter,
        json_pack("{s:{s:o,s:I,s:I,s:I}}", "cut", "publication",
            publication ? json_loads(publication, 0, NULL) : NULL, "track", (json_int_t)cut->track, "from_us",
            (json_int_t)cut->from_us, "to_us", (json_int_t)cut->to_us),
        init, segment);
    free(publication);
    if (code == 0)
        code = hear_head(cutter, deadline_us, &head);
    if (code < 0)
        return code;
    int64_t bytes = bytes_of(head, "cut_bytes", most_segment_bytes);
    json_decref(head);
    return bytes > 0 ? hear_bytes(cutter, bytes, deadline_us, made) : -EIO;
}

static int hear_drawn(
    struct ph_cutter *cutter, const json_t *head, int64_t deadline_us, struct ph_storyboard_drawn *drawn) {
    const char *sheet = json_string_value(json_object_get(head, "sheet"));
    int64_t sheet_bytes = bytes_of(head, "sheet_bytes", PH_MOST_STORYBOARD_BYTES);
    int64_t poster_bytes = bytes_of(head, "poster_bytes", PH_MOST_STORYBOARD_BYTES);
    int64_t first_tile = bytes_of(head, "first_tile", INT32_MAX);
    if (!sheet || ph_storyboard_header_parse(sheet, &drawn->sheet) || sheet_bytes <= 0 || poster_bytes < 0 ||
        first_tile < 0)
        return -EIO;
    drawn->sheet.first_tile = (uint64_t)first_tile;
    int code = hear_bytes(cutter, sheet_bytes, deadline_us, &drawn->jpeg);
    if (code == 0 && poster_bytes)
        code = hear_bytes(cutter, poster_bytes, deadline_us, &drawn->poster);
    return code;
}

int ph_cutter_draw(struct ph_cutter *cutter, const struct ph_draw *draw, struct ph_slice init,
    struct ph_slice segment, struct ph_storyboard_drawn *drawn) {
    int64_t deadline_us = ph_now_us() + answer_us;
    json_t *head = NULL;
    *drawn = (struct ph_storyboard_drawn){0};
    int code = ask(cutter,
        json_pack("{s:{s:I,s:I}}", "draw", "at_us", (json_int_t)draw->at_us, "tile", (json_int_t)draw->tile),
        init, segment);
    if (code == 0)
        code = hear_head(cutter, deadline_us, &head);
    if (code < 0)
        return code;
    code = hear_drawn(cutter, head, deadline_us, drawn);
    json_decref(head);
    if (code < 0)
        ph_storyboard_drawn_finish(drawn);
    return code;
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
