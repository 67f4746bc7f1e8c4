#include "transcode/storyboard.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/backoff.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/media/source_link.h"
#include "transcode/storyboard_canvas.h"

enum { nice_value = 10, most_waiting = 4, most_unsent = 8 };

static const int64_t first_pause_us = 500 * PH_MILLISECOND_US;
static const int64_t longest_pause_us = 10 * PH_SECOND_US;

/* A picture on its way to the thread. */
struct waiting_tile {
    uint64_t tile;
    AVFrame *picture;
};

/* A sheet that some origin lacks. */
struct unsent_sheet {
    struct ph_storyboard_sheet sheet;
    struct ph_bytes *jpeg;
    bool taken[PH_LINK_MOST_ORIGINS];
};

struct ph_storyboard {
    struct ph_storyboard_options options;
    struct ph_http_client *client;
    pthread_t thread;
    bool started;
    /* Of the offering thread. */
    bool has_offered;
    uint64_t next_offer;

    pthread_mutex_t lock; /* guards what follows, up to the thread's own */
    pthread_cond_t changed;
    struct waiting_tile waiting[most_waiting]; /* oldest first */
    uint32_t waiting_count;
    bool finishing, finished, stopped;

    /* The thread's own. */
    struct ph_storyboard_canvas canvas;
    struct unsent_sheet unsent[most_unsent]; /* oldest first */
    uint32_t unsent_count;
    unsigned failures; /* in a row */
    int64_t retry_us;  /* PH_NEVER_US: nothing is to be sent again */
};

static void forget_oldest_sheet(struct ph_storyboard *storyboard) {
    ph_bytes_unref(&storyboard->unsent[0].jpeg);
    storyboard->unsent_count--;
    memmove(&storyboard->unsent[0], &storyboard->unsent[1],
        storyboard->unsent_count * sizeof(struct unsent_sheet));
}

/* The canvas as it is takes the place of what the sheet was before. */
static void note_sheet(void *opaque, const struct ph_storyboard_canvas *canvas) {
    struct ph_storyboard *storyboard = opaque;
    const struct ph_storyboard_sheet *sheet = &canvas->sheet;
    struct ph_bytes *jpeg = ph_storyboard_canvas_jpeg(canvas);
    if (!jpeg) {
        ph_log_debug("no picture could be made of a storyboard's sheet");
        return;
    }
    struct unsent_sheet *newest =
        storyboard->unsent_count ? &storyboard->unsent[storyboard->unsent_count - 1] : NULL;
    if (newest && newest->sheet.first_tile == sheet->first_tile) {
        ph_bytes_unref(&newest->jpeg);
        storyboard->unsent_count--;
    } else if (storyboard->unsent_count == most_unsent) {
        forget_oldest_sheet(storyboard);
    }
    storyboard->unsent[storyboard->unsent_count++] = (struct unsent_sheet){.sheet = *sheet, .jpeg = jpeg};
}

static void draw(struct ph_storyboard *storyboard, const struct waiting_tile *waiting) {
    int code = ph_storyboard_canvas_draw(
        &storyboard->canvas, waiting->tile, waiting->picture, note_sheet, storyboard);
    if (code < 0)
        ph_log_debug("a storyboard's tile could not be drawn", ph_code(code));
}

/* Whether there is no use in sending it again. */
static bool is_settled(int status) {
    return status / 100 == 2 || (status / 100 == 4 && status != 404 && status != 408 && status != 429);
}

static bool send_sheet(struct ph_storyboard *storyboard, struct unsent_sheet *unsent) {
    bool settled = true;
    for (uint32_t i = 0; i < storyboard->options.origin_count; i++) {
        if (unsent->taken[i])
            continue;
        int status = ph_origin_put_storyboard(storyboard->client, &storyboard->options.origins[i],
            &unsent->sheet, ph_bytes_slice(unsent->jpeg));
        unsent->taken[i] = is_settled(status);
        settled &= unsent->taken[i];
        if (status / 100 != 2)
            ph_log_debug("origin did not take the storyboard", ph_int("status", status));
    }
    return settled;
}

static void send_sheets(struct ph_storyboard *storyboard) {
    while (storyboard->unsent_count && send_sheet(storyboard, &storyboard->unsent[0]))
        forget_oldest_sheet(storyboard);
    storyboard->failures = storyboard->unsent_count ? storyboard->failures + 1 : 0;
    storyboard->retry_us = PH_NEVER_US;
    if (storyboard->unsent_count)
        storyboard->retry_us =
            ph_now_us() + ph_backoff_us(storyboard->failures, first_pause_us, longest_pause_us);
}

/* Under the lock. Whether there is a picture to draw; otherwise something may be to be sent again. */
static bool wait_for_tile(struct ph_storyboard *storyboard, struct waiting_tile *tile) {
    while (!storyboard->stopped && !storyboard->waiting_count && ph_now_us() < storyboard->retry_us) {
        if (storyboard->finishing && !storyboard->unsent_count && !storyboard->finished) {
            storyboard->finished = true;
            pthread_cond_broadcast(&storyboard->changed);
        }
        (void)ph_cond_wait_until(&storyboard->changed, &storyboard->lock, storyboard->retry_us);
    }
    if (storyboard->stopped || !storyboard->waiting_count)
        return false;
    *tile = storyboard->waiting[0];
    storyboard->waiting_count--;
    memmove(&storyboard->waiting[0], &storyboard->waiting[1],
        storyboard->waiting_count * sizeof(struct waiting_tile));
    return true;
}

static void *run(void *opaque) {
    struct ph_storyboard *storyboard = opaque;
    /* On Linux this is the thread's own priority. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), nice_value);
    pthread_mutex_lock(&storyboard->lock);
    while (!storyboard->stopped) {
        struct waiting_tile tile;
        bool drawing = wait_for_tile(storyboard, &tile);
        if (storyboard->stopped && !drawing)
            break;
        pthread_mutex_unlock(&storyboard->lock);
        if (drawing) {
            draw(storyboard, &tile);
            av_frame_free(&tile.picture);
        }
        send_sheets(storyboard);
        pthread_mutex_lock(&storyboard->lock);
    }
    pthread_mutex_unlock(&storyboard->lock);
    return NULL;
}

int ph_storyboard_create(struct ph_storyboard **created, const struct ph_storyboard_options *options) {
    struct ph_storyboard *storyboard = calloc(1, sizeof(*storyboard));
    if (!storyboard)
        return -ENOMEM;
    storyboard->options = *options;
    storyboard->retry_us = PH_NEVER_US;
    pthread_mutex_init(&storyboard->lock, NULL);
    int code = ph_cond_init(&storyboard->changed);
    if (code >= 0)
        code = ph_storyboard_canvas_init(&storyboard->canvas, options->width, options->height);
    if (code >= 0)
        code = ph_http_client_create(&storyboard->client);
    if (code >= 0)
        code = ph_thread_start(&storyboard->thread, "storyboard", run, storyboard);
    if (code < 0) {
        ph_storyboard_destroy(storyboard);
        return code;
    }
    storyboard->started = true;
    *created = storyboard;
    return 0;
}

/* Under the lock: a thread that is behind loses the picture that waits longest. */
static void make_room(struct ph_storyboard *storyboard) {
    if (storyboard->waiting_count < most_waiting)
        return;
    av_frame_free(&storyboard->waiting[0].picture);
    storyboard->waiting_count--;
    memmove(&storyboard->waiting[0], &storyboard->waiting[1],
        storyboard->waiting_count * sizeof(struct waiting_tile));
}

void ph_storyboard_offer(struct ph_storyboard *storyboard, const AVFrame *picture, int64_t time_us) {
    if (!storyboard->has_offered)
        storyboard->next_offer = ph_storyboard_first_tile(time_us, storyboard->options.resumed);
    storyboard->has_offered = true;
    uint64_t tile = ph_storyboard_tile_at(time_us);
    if (tile < storyboard->next_offer)
        return;
    AVFrame *kept = av_frame_clone(picture);
    if (!kept)
        return;
    storyboard->next_offer = tile + 1;
    pthread_mutex_lock(&storyboard->lock);
    make_room(storyboard);
    storyboard->waiting[storyboard->waiting_count++] = (struct waiting_tile){tile, kept};
    pthread_cond_broadcast(&storyboard->changed);
    pthread_mutex_unlock(&storyboard->lock);
}

void ph_storyboard_finish(struct ph_storyboard *storyboard, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&storyboard->lock);
    storyboard->finishing = true;
    pthread_cond_broadcast(&storyboard->changed);
    while (!storyboard->finished && code == 0)
        code = ph_cond_wait_until(&storyboard->changed, &storyboard->lock, deadline_us);
    pthread_mutex_unlock(&storyboard->lock);
}

void ph_storyboard_destroy(struct ph_storyboard *storyboard) {
    if (!storyboard)
        return;
    if (storyboard->started) {
        pthread_mutex_lock(&storyboard->lock);
        storyboard->stopped = true;
        pthread_cond_broadcast(&storyboard->changed);
        pthread_mutex_unlock(&storyboard->lock);
        ph_http_client_cancel(storyboard->client);
        pthread_join(storyboard->thread, NULL);
    }
    for (uint32_t i = 0; i < storyboard->waiting_count; i++)
        av_frame_free(&storyboard->waiting[i].picture);
    while (storyboard->unsent_count)
        forget_oldest_sheet(storyboard);
    ph_storyboard_canvas_finish(&storyboard->canvas);
    ph_http_client_destroy(storyboard->client);
    pthread_cond_destroy(&storyboard->changed);
    pthread_mutex_destroy(&storyboard->lock);
    free(storyboard);
}
