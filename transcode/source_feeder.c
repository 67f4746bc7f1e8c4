#include "transcode/source_feeder.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "transcode/source_item.h"

enum { most_entries = 1024, clock_step_us = 5000 };

/* An entry in the queue. TICKs come as entries too. */
struct entry {
    enum ph_link_type type;
    uint64_t index;
    int64_t time_us;
    size_t size;
    uint8_t bytes[];
};

struct ph_source_feeder {
    struct ph_demux_input input; /* what the demuxer pulls units through */
    struct ph_queue *entries;
    struct ph_queue *items;
    pthread_t thread;
    bool has_thread;
    /* The thread's own. */
    struct ph_link_connection first; /* to begin with; kind NULL: none */
    struct entry *entry;             /* taken last */
    bool is_pending;                 /* `entry` ended a connection and is still to be handled */
    struct ph_demux *demux;          /* of the connection that stands */
    bool is_refused;                 /* the connection's codec was reported */
    enum AVCodecID codecs[2];
    int64_t clock_us;
    int failure; /* of passing something on */
};

struct ph_source_item *ph_source_item_create(enum ph_source_item_kind kind, int64_t time_us) {
    struct ph_source_item *item = calloc(1, sizeof(*item));
    if (item) {
        item->kind = kind;
        item->time_us = time_us;
    }
    return item;
}

void ph_source_item_destroy(struct ph_source_item *item) {
    if (!item)
        return;
    av_packet_free(&item->packet);
    avcodec_parameters_free(&item->parameters);
    ph_link_connection_finish(&item->connection);
    free(item);
}

/* Takes over the item; NULL counts as out of memory. */
static int pass(struct ph_source_feeder *feeder, struct ph_source_item *item) {
    int code = item ? ph_queue_push(feeder->items, item, PH_NEVER_US) : -ENOMEM;
    if (code < 0) {
        ph_source_item_destroy(item);
        feeder->failure = code;
    }
    return code;
}

/* Time in steps, so that what follows from it does not depend on how often it is told. */
static int pass_time(struct ph_source_feeder *feeder, int64_t time_us) {
    int64_t step_us = time_us - time_us % clock_step_us;
    if (step_us <= feeder->clock_us)
        return 0;
    feeder->clock_us = step_us;
    return pass(feeder, ph_source_item_create(PH_ITEM_CLOCK, step_us));
}

static int take_entry(struct ph_source_feeder *feeder) {
    if (feeder->is_pending) {
        feeder->is_pending = false;
        return 0;
    }
    free(feeder->entry);
    feeder->entry = NULL;
    void *taken;
    int code = ph_queue_pop(feeder->entries, &taken, PH_NEVER_US);
    if (code < 0)
        return code;
    feeder->entry = taken;
    return pass_time(feeder, feeder->entry->time_us);
}

/* An announced codec that nothing decodes is told once; whether it matters, the grid's side decides. */
static int pass_refusal(struct ph_source_feeder *feeder) {
    const char *codec =
        feeder->demux && !feeder->is_refused ? feeder->demux->impl->unsupported(feeder->demux) : NULL;
    if (!codec)
        return 0;
    feeder->is_refused = true;
    struct ph_source_item *item = ph_source_item_create(PH_ITEM_REFUSED, feeder->clock_us);
    if (item)
        item->codec = codec;
    return pass(feeder, item);
}

static int next_unit(struct ph_demux_input *input, struct ph_demux_unit *unit) {
    struct ph_source_feeder *feeder = (struct ph_source_feeder *)input;
    int code = pass_refusal(feeder);
    while (code == 0) {
        code = take_entry(feeder);
        if (code < 0 || feeder->entry->type == PH_LINK_TICK)
            continue;
        const struct entry *entry = feeder->entry;
        if (entry->type == PH_LINK_UNIT) {
            *unit = (struct ph_demux_unit){entry->index, entry->time_us, {entry->bytes, entry->size}};
            return 0;
        }
        feeder->is_pending = true;
        code = PH_EOF;
    }
    return code;
}

/* Packets say themselves where their replay begins. */
static int replayable(struct ph_demux_input *input, uint64_t unit) {
    (void)input;
    (void)unit;
    return 0;
}

static int pass_parameters(struct ph_source_feeder *feeder, const struct ph_demux_packet *read) {
    if (read->codec->codec_id == feeder->codecs[read->kind])
        return 0;
    feeder->codecs[read->kind] = read->codec->codec_id;
    struct ph_source_item *item = ph_source_item_create(PH_ITEM_STREAM, feeder->clock_us);
    if (item) {
        item->stream = read->kind;
        item->parameters = avcodec_parameters_alloc();
    }
    if (item && (!item->parameters || avcodec_parameters_copy(item->parameters, read->codec) < 0)) {
        ph_source_item_destroy(item);
        item = NULL;
    }
    return pass(feeder, item);
}

/* Takes over the packet. */
static int pass_packet(struct ph_source_feeder *feeder, struct ph_demux_packet *read) {
    struct ph_source_item *item = ph_source_item_create(PH_ITEM_PACKET, read->arrival_us);
    if (!item) {
        av_packet_free(&read->packet);
        return pass(feeder, NULL);
    }
    item->first_us = read->first_arrival_us;
    item->ssrc = read->ssrc;
    item->replay_from = read->replay_unit;
    item->stream = read->kind;
    item->packet = read->packet;
    return pass(feeder, item);
}

/* A loss or a sender report. */
static int pass_notice(struct ph_source_feeder *feeder, const struct ph_demux_packet *read) {
    struct ph_source_item *item =
        ph_source_item_create(read->event == PH_DEMUX_LOSS ? PH_ITEM_LOSS : PH_ITEM_REPORT, read->arrival_us);
    if (item) {
        item->stream = read->kind;
        item->report = read->report;
    }
    return pass(feeder, item);
}

/* Takes over the event's packet. */
static int pass_event(struct ph_source_feeder *feeder, struct ph_demux_packet *read) {
    if (read->event != PH_DEMUX_PACKET)
        return pass_notice(feeder, read);
    int code = pass_parameters(feeder, read);
    if (code == 0)
        return pass_packet(feeder, read);
    av_packet_free(&read->packet);
    return code;
}

/* Demuxes until the connection is over. */
static void demux_connection(struct ph_source_feeder *feeder) {
    int code = 0;
    while (code == 0) {
        struct ph_demux_packet read;
        code = feeder->demux->impl->read(feeder->demux, &read);
        if (code == 0)
            code = pass_event(feeder, &read);
    }
    if (code != PH_EOF && !feeder->failure)
        ph_log_warning("a source's bytes cannot be read on; what follows is dropped", ph_code(code));
}

static void run_connection(struct ph_source_feeder *feeder, const struct ph_link_connection *connection) {
    feeder->is_refused = false;
    feeder->codecs[PH_TRACK_VIDEO] = feeder->codecs[PH_TRACK_AUDIO] = AV_CODEC_ID_NONE;
    int code = ph_demux_create(&feeder->demux, connection, &feeder->input);
    if (code == 0)
        demux_connection(feeder);
    else
        ph_log_error(
            "a publisher's connection cannot be demuxed", ph_str("kind", connection->kind), ph_code(code));
    ph_demux_destroy(feeder->demux);
    feeder->demux = NULL;
    struct ph_demux_unit ignored;
    while (!feeder->failure && next_unit(&feeder->input, &ignored) == 0) {
    }
    if (!feeder->failure)
        (void)pass(feeder, ph_source_item_create(PH_ITEM_GONE, feeder->clock_us)); /* kept in `failure` */
}

/* A CONNECTION entry; false when its body cannot be read. */
static bool begin_connection(struct ph_source_feeder *feeder, struct ph_link_connection *connection) {
    struct ph_slice body = {feeder->entry->bytes, feeder->entry->size};
    if (ph_link_connection_from_json(body, connection) < 0)
        return false;
    struct ph_source_item *item = ph_source_item_create(PH_ITEM_CONNECTION, feeder->entry->time_us);
    if (item && ph_link_connection_from_json(body, &item->connection) < 0) {
        ph_source_item_destroy(item);
        item = NULL;
    }
    return pass(feeder, item) == 0;
}

static void *run(void *opaque) {
    struct ph_source_feeder *feeder = opaque;
    if (feeder->first.kind)
        run_connection(feeder, &feeder->first);
    while (!feeder->failure && take_entry(feeder) == 0) {
        if (feeder->entry->type == PH_LINK_END) {
            (void)pass(
                feeder, ph_source_item_create(PH_ITEM_END, feeder->entry->time_us)); /* kept in `failure` */
            break;
        }
        if (feeder->entry->type != PH_LINK_CONNECTION)
            continue;
        struct ph_link_connection connection = {0};
        if (begin_connection(feeder, &connection))
            run_connection(feeder, &connection);
        ph_link_connection_finish(&connection);
    }
    free(feeder->entry);
    feeder->entry = NULL;
    ph_queue_close(feeder->items);
    ph_queue_close(feeder->entries);
    return NULL;
}

static int copy_connection(struct ph_link_connection *copy, const struct ph_link_connection *connection) {
    *copy = (struct ph_link_connection){.number = connection->number, .kind = strdup(connection->kind)};
    copy->sdp = connection->sdp ? strdup(connection->sdp) : NULL;
    return copy->kind && (copy->sdp || !connection->sdp) ? 0 : -ENOMEM;
}

int ph_source_feeder_create(
    struct ph_source_feeder **out, struct ph_queue *items, const struct ph_link_connection *connection) {
    static const struct ph_demux_input_impl impl = {next_unit, replayable};
    *out = NULL;
    struct ph_source_feeder *feeder = calloc(1, sizeof(*feeder));
    if (!feeder)
        return -ENOMEM;
    feeder->input.impl = &impl;
    feeder->items = items;
    feeder->clock_us = INT64_MIN;
    int code = ph_queue_create(&feeder->entries, most_entries);
    if (code == 0 && connection)
        code = copy_connection(&feeder->first, connection);
    if (code == 0)
        code = ph_thread_start(&feeder->thread, "demux", run, feeder);
    feeder->has_thread = code == 0;
    if (code < 0) {
        ph_source_feeder_destroy(feeder);
        return code;
    }
    *out = feeder;
    return 0;
}

int ph_source_feeder_push(struct ph_source_feeder *feeder, const struct ph_link_entry *entry) {
    struct entry *copy = malloc(sizeof(*copy) + entry->bytes.size);
    if (!copy)
        return -ENOMEM;
    copy->type = entry->type;
    copy->index = entry->index;
    copy->time_us = entry->time_us;
    copy->size = entry->bytes.size;
    if (copy->size)
        memcpy(copy->bytes, entry->bytes.data, copy->size);
    int code = ph_queue_push(feeder->entries, copy, PH_NEVER_US);
    if (code < 0)
        free(copy);
    return code;
}

void ph_source_feeder_destroy(struct ph_source_feeder *feeder) {
    if (!feeder)
        return;
    if (feeder->entries)
        ph_queue_close(feeder->entries);
    if (feeder->has_thread)
        pthread_join(feeder->thread, NULL);
    void *entry;
    while (feeder->entries && ph_queue_pop(feeder->entries, &entry, 0) == 0)
        free(entry);
    ph_queue_destroy(feeder->entries);
    ph_link_connection_finish(&feeder->first);
    free(feeder);
}
