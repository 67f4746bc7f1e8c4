#include "transcode/transcode.h"

#include <inttypes.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <libavutil/log.h>

#include "core/base/log.h"
#include "core/base/log_writer.h"
#include "core/http/client.h"
#include "transcode/effort.h"
#include "transcode/encode.h"
#include "transcode/encode_audio.h"
#include "transcode/file_session.h"
#include "transcode/link_session.h"
#include "transcode/pieces.h"
#include "transcode/sandbox.h"
#include "transcode/thumbnail.h"

static int send_text(int fd, const char *text) {
    ssize_t size = send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    return size < 0 ? -errno : 0;
}

static AVFrame *black_picture(void) {
    AVFrame *picture = av_frame_alloc();
    if (!picture)
        return NULL;
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = 320;
    picture->height = 180;
    if (av_frame_get_buffer(picture, 0) < 0) {
        av_frame_free(&picture);
        return NULL;
    }
    memset(picture->buf[0]->data, 16, (size_t)picture->buf[0]->size);
    for (int i = 1; i < 3; i++)
        if (picture->buf[i])
            memset(picture->buf[i]->data, 128, (size_t)picture->buf[i]->size);
    return picture;
}

/* One picture through encoder and JPEG, so that every table of the libraries is made, and every file of
 * theirs read, before the sandbox closes. */
static int warm_video(void) {
    struct ph_encoder_settings settings = {
        .width = 320,
        .height = 180,
        .rate = {30, 1},
        .bitrate = 500000,
        .most_bitrate = 600000,
        .buffer_bits = 500000,
        .threads = 1,
        .effort = PH_EFFORT_START,
    };
    struct ph_encoder *encoder = NULL;
    AVFrame *picture = black_picture();
    if (!picture)
        return -ENOMEM;
    int code = ph_encoder_open(&encoder, "libx264", &settings);
    struct ph_access_unit unit;
    if (code >= 0)
        code = ph_encoder_encode(encoder, picture, true, &unit);
    ph_encoder_destroy(encoder);
    struct ph_bytes *jpeg = ph_thumbnail_make(picture);
    ph_bytes_unref(&jpeg);
    av_frame_free(&picture);
    return code;
}

static int ignore_part(void *opaque, const struct ph_part *part) {
    (void)opaque;
    (void)part;
    return 0;
}

static int warm_up(void) {
    av_log_set_level(AV_LOG_FATAL);
    /* Few arenas: the threads' short-lived blocks would otherwise spread over one each. */
    mallopt(M_ARENA_MAX, 4);
    struct ph_http_client *client;
    int code = ph_http_client_create(&client);
    if (code < 0)
        return code;
    struct ph_http_exchange exchange = {.method = "GET", .url = "http://127.0.0.1:1/", .timeout_us = 200000};
    /* Nobody listens there: it is for the client's first-time work. */
    if (ph_http_client_perform(client, &exchange) == 0)
        ph_http_exchange_finish(&exchange);
    ph_http_client_destroy(client);
    struct ph_audio_track_options audio = {.grid = {{30, 1}, 6, 10}, .take = ignore_part};
    struct ph_audio_track *track;
    code = ph_audio_track_create(&track, &audio);
    if (code < 0)
        return code;
    ph_audio_track_destroy(track);
    return warm_video();
}

static int descriptor_of(struct msghdr *message) {
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        int fd;
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        return fd;
    }
    return -1;
}

static bool says_take(const char *text, size_t size) {
    json_t *root = json_loadb(text, size, 0, NULL);
    bool take = json_is_true(json_object_get(root, "take"));
    json_decref(root);
    return take;
}

/* What there is to serve. */
struct task {
    int fd;
    bool is_file, is_piece;
    struct ph_link_hello hello; /* of a file */
    struct ph_piece_task piece;
};

/* Whether the message says what the descriptor is. */
static bool read_task(struct task *task, const char *text, size_t size) {
    struct ph_link_frame frame;
    size_t consumed;
    task->is_file =
        ph_link_frame_parse((struct ph_slice){(const uint8_t *)text, size}, &frame, &consumed) == 0;
    if (task->is_file)
        return ph_link_hello_parse(&frame, &task->hello) == 0;
    task->is_piece = ph_piece_task_parse(&task->piece, text, size);
    return task->is_piece || says_take(text, size);
}

/* Waits for the supervisor for as long as it lives. 0 and the task, or PH_EOF. */
static int wait_for_task(int control, struct task *task) {
    for (;;) {
        char text[PH_TRANSCODE_MOST_MESSAGE];
        union {
            char space[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } rights;
        struct iovec block = {text, sizeof(text)};
        struct msghdr message = {
            .msg_iov = &block,
            .msg_iovlen = 1,
            .msg_control = rights.space,
            .msg_controllen = sizeof(rights.space),
        };
        ssize_t size = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if (size == 0)
            return PH_EOF;
        int fd = descriptor_of(&message);
        task->fd = fd;
        if (fd >= 0 && read_task(task, text, (size_t)size))
            return 0;
        if (fd >= 0)
            close(fd);
    }
}

static void beat(void *opaque, const char *stats_json) {
    /* A supervisor that is gone or slow misses a beat. */
    (void)send_text(*(int *)opaque, stats_json);
}

static int serve_link(int link, bool devices) {
    int control = PH_TRANSCODE_CONTROL_FD;
    struct ph_session_options options = {.beat = beat, .opaque = &control, .no_devices = !devices};
    int code = ph_session_serve(link, &options);
    if (code < 0)
        ph_log_error("worker gives the session up", ph_code(code));
    return code < 0;
}

/* A worker that died began the file for nothing: another one begins it again. */
static int tell_progress(void *opaque, int64_t done_us, int64_t duration_us) {
    char text[96];
    (void)opaque;
    snprintf(
        text, sizeof(text), "{\"done_us\":%" PRId64 ",\"duration_us\":%" PRId64 "}", done_us, duration_us);
    int code = send_text(PH_TRANSCODE_CONTROL_FD, text);
    return code == -EPIPE || code == -ECONNRESET ? -ECANCELED : 0;
}

static void tell_failure(int code, const struct ph_link_reason *reason) {
    json_t *root = json_pack("{s:{s:s,s:s}}", "failed", "code", code == -EINVAL ? reason->code : "", "text",
        code == -EINVAL ? reason->text : "The file could not be transcoded at this time.");
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text)
        (void)send_text(PH_TRANSCODE_CONTROL_FD, text); /* its silence says as much */
    free(text);
}

static void lower_priority(void) {
    const struct sched_param none = {0};
    (void)setpriority(PRIO_PROCESS, 0, 19);
    (void)sched_setscheduler(0, SCHED_BATCH, &none);
}

/* One piece after the other, as long as someone asks. */
static int serve_pieces(struct task *task) {
    struct ph_drawing drawing = {0};
    int code;
    lower_priority();
    do {
        code = ph_piece_task_run(&task->piece, &drawing, task->fd, PH_TRANSCODE_CONTROL_FD);
        close(task->fd);
        *task = (struct task){.fd = -1};
    } while (code == 0 && wait_for_task(PH_TRANSCODE_CONTROL_FD, task) == 0);
    ph_drawing_finish(&drawing);
    return code < 0;
}

static int serve_file(struct task *task, bool devices) {
    lower_priority();
    if (!devices) {
        free(task->hello.encoder);
        task->hello.encoder = strdup("libx264");
    }
    struct ph_file_session_options options = {
        .fd = task->fd, .hello = task->hello, .progress = tell_progress};
    struct ph_link_reason reason;
    int code = task->hello.encoder ? ph_file_session_serve(&options, &reason) : -ENOMEM;
    if (code == 0) {
        (void)send_text(PH_TRANSCODE_CONTROL_FD, "{\"finished\":true}");
    } else {
        ph_log_warning("a file is not transcoded", ph_str("recording", task->hello.session), ph_code(code),
            ph_str("reason", code == -EINVAL ? reason.code : NULL));
        tell_failure(code, &reason);
    }
    ph_link_hello_finish(&task->hello);
    close(task->fd);
    return code < 0;
}

static int serve(int control, bool devices) {
    struct task task = {.fd = -1};
    if (send_text(control, "{\"ready\":true}") < 0 || wait_for_task(control, &task) < 0)
        return 0;
    if (task.is_piece)
        return serve_pieces(&task);
    return task.is_file ? serve_file(&task, devices) : serve_link(task.fd, devices);
}

int ph_transcode_main(void) {
    int control = PH_TRANSCODE_CONTROL_FD;
    int type;
    socklen_t type_size = sizeof(type);
    if (getsockopt(control, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 || type != SOCK_SEQPACKET) {
        ph_log_error("porthole transcode is started by a worker, not by hand");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    const char *encoder = getenv("PORTHOLE_ENCODER");
    bool devices = encoder && *encoder && strcmp(encoder, "libx264") != 0;
    int code = warm_up();
    if (code >= 0)
        code = ph_sandbox_apply(devices);
    if (code >= 0) /* no thread is there before the sandbox */
        code = ph_log_writer_start();
    if (code < 0) {
        ph_log_error("worker process cannot start", ph_code(code));
        return 1;
    }
    int exit_code = serve(control, devices);
    ph_log_writer_stop();
    return exit_code;
}
