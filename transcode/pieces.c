#include "transcode/pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <jansson.h>

#include "transcode/transcode.h"

static bool read_cut(struct ph_piece_task *task, const json_t *cut) {
    char *publication = cut ? json_dumps(json_object_get(cut, "publication"), JSON_COMPACT) : NULL;
    struct ph_error error;
    bool is_cut = publication && ph_publication_from_json(
                                     publication, strlen(publication), &task->cut.publication, &error) == 0;
    free(publication);
    task->cut.track = (uint32_t)json_integer_value(json_object_get(cut, "track"));
    task->cut.from_us = json_integer_value(json_object_get(cut, "from_us"));
    task->cut.to_us = json_integer_value(json_object_get(cut, "to_us"));
    return is_cut && task->cut.track < task->cut.publication.track_count;
}

static bool read_draw(struct ph_piece_task *task, const json_t *draw) {
    const json_t *tile = json_object_get(draw, "tile");
    task->draw.at_us = json_integer_value(json_object_get(draw, "at_us"));
    task->draw.tile = (uint64_t)json_integer_value(tile);
    return json_is_integer(tile) && json_integer_value(tile) >= 0 && json_integer_value(tile) <= INT32_MAX;
}

bool ph_piece_task_parse(struct ph_piece_task *task, const char *text, size_t size) {
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    *task = (struct ph_piece_task){0};
    task->is_cut = read_cut(task, json_object_get(root, "cut"));
    task->is_draw = !task->is_cut && read_draw(task, json_object_get(root, "draw"));
    json_decref(root);
    return task->is_cut || task->is_draw;
}

/* 0, or a code when nobody listens. */
static int send_bytes(int control, struct ph_slice bytes) {
    while (bytes.size) {
        size_t size = bytes.size < PH_TRANSCODE_MOST_MESSAGE ? bytes.size : PH_TRANSCODE_MOST_MESSAGE;
        ssize_t sent = send(control, bytes.data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        bytes = (struct ph_slice){bytes.data + sent, bytes.size - (size_t)sent};
    }
    return 0;
}

static int send_text(int control, const char *text) {
    return send_bytes(control, (struct ph_slice){(const uint8_t *)text, strlen(text)});
}

static int send_code(int control, int code) {
    char text[48];
    snprintf(text, sizeof(text), "{\"piece_code\":%d}", code);
    return send_text(control, text);
}

static int run_cut(const struct ph_cut *cut, int fd, int control) {
    struct ph_bytes *segment;
    char text[48];
    int code = ph_cut_run(cut, fd, &segment);
    if (code < 0)
        return send_code(control, code);
    snprintf(text, sizeof(text), "{\"cut_bytes\":%zu}", ph_bytes_size(segment));
    code = send_text(control, text);
    if (code == 0)
        code = send_bytes(control, ph_bytes_slice(segment));
    ph_bytes_unref(&segment);
    return code;
}

static int run_draw(const struct ph_draw *draw, struct ph_drawing *drawing, int fd, int control) {
    struct ph_storyboard_drawn drawn;
    char header[PH_STORYBOARD_TEXT_BYTES], text[PH_STORYBOARD_TEXT_BYTES + 128];
    int code = ph_drawing_add(drawing, draw, fd, &drawn);
    if (code < 0)
        return send_code(control, code);
    size_t poster_bytes = drawn.poster ? ph_bytes_size(drawn.poster) : 0;
    ph_storyboard_header_write(&drawn.sheet, header);
    snprintf(text, sizeof(text),
        "{\"sheet\":\"%s\",\"first_tile\":%llu,\"sheet_bytes\":%zu,\"poster_bytes\":%zu}", header,
        (unsigned long long)drawn.sheet.first_tile, ph_bytes_size(drawn.jpeg), poster_bytes);
    code = send_text(control, text);
    if (code == 0)
        code = send_bytes(control, ph_bytes_slice(drawn.jpeg));
    if (code == 0 && drawn.poster)
        code = send_bytes(control, ph_bytes_slice(drawn.poster));
    ph_storyboard_drawn_finish(&drawn);
    return code;
}

int ph_piece_task_run(const struct ph_piece_task *task, struct ph_drawing *drawing, int fd, int control) {
    if (task->is_cut)
        return run_cut(&task->cut, fd, control);
    return task->is_draw ? run_draw(&task->draw, drawing, fd, control) : send_code(control, -EINVAL);
}
