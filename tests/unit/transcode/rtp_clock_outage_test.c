/* Picture and sound behind an outage: a publisher, its two clocks, its reports and a network, each made anew
 * from a seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transcode/rtp_clock.h"

enum {
    most_packets = 4000,
    seeds = 40,
    outage_us = 14000000,
    end_us = 34000000,
    apart_us = 40000, /* what is seen */
    delay_us = 50000,
};

static const int64_t wall_us = INT64_C(3900000000) * 1000000;
static const int32_t rates[] = {90000, 48000};
static const int64_t steps_us[] = {33333, 20000};

static uint32_t seed;

static int64_t between(int64_t least, int64_t most) {
    seed = seed * 1664525 + 1013904223;
    return least + (int64_t)((uint64_t)(most - least) * (seed >> 8) >> 24);
}

static void seed_with(uint32_t number) {
    seed = number * 2654435761u;
    for (int i = 0; i < 8; i++)
        (void)between(0, 1);
}

enum reports { TRUE_REPORTS, NOISY_REPORTS, REPEATED_REPORTS };

/* What happens to a publisher at `outage_us`. Streams by enum ph_track_kind. */
struct outage {
    int64_t hole_us;    /* for so long everything is lost */
    bool is_held;       /* or comes at once at its end */
    bool rests;         /* timestamps stand still meanwhile */
    int64_t jump_us[2]; /* of the timestamps */
    int64_t set_us;     /* of the wall-clock that reports tell */
    int64_t wrong_us;   /* of the first report behind it, of the picture, alone */
    enum reports reports;
    int64_t backlog_us; /* made while the publisher connected, and sent at once */
};

struct packet {
    enum ph_track_kind kind;
    int64_t sampled_us, arrival_us;
    uint32_t timestamp;
    bool is_report;
    int64_t ntp_us;
};

struct network {
    struct packet packets[most_packets];
    size_t count;
};

static int by_arrival(const void *a, const void *b) {
    const struct packet *one = a, *other = b;
    if (one->arrival_us != other->arrival_us)
        return one->arrival_us < other->arrival_us ? -1 : 1;
    return one < other ? -1 : 1;
}

static int64_t stream_time(const struct outage *outage, enum ph_track_kind kind, int64_t time_us) {
    int64_t rest_us = outage->rests ? outage->hole_us : 0;
    if (time_us < outage_us)
        return time_us;
    int64_t rested_us = time_us - outage_us < rest_us ? time_us - outage_us : rest_us;
    return time_us - rested_us + outage->jump_us[kind];
}

static void add(
    struct network *network, const struct outage *outage, struct packet packet, int64_t *last_us) {
    int64_t back_us = outage_us + outage->hole_us, time_us = packet.sampled_us;
    bool is_out = time_us >= outage_us && time_us < back_us;
    if (is_out && !outage->is_held)
        return;
    packet.arrival_us =
        delay_us + between(0, 40000) + (time_us < outage->backlog_us ? outage->backlog_us : time_us);
    if (is_out)
        packet.arrival_us = back_us + delay_us + (time_us - outage_us) / 40;
    if (packet.arrival_us < *last_us)
        packet.arrival_us = *last_us;
    *last_us = packet.arrival_us;
    assert_true(network->count < most_packets);
    network->packets[network->count++] = packet;
}

static int64_t wall_of(
    const struct outage *outage, enum ph_track_kind kind, int64_t time_us, bool *is_first) {
    bool is_behind = time_us >= outage_us + outage->hole_us;
    int64_t ntp_us = wall_us + time_us + (time_us >= outage_us ? outage->set_us : 0);
    if (outage->reports == NOISY_REPORTS)
        ntp_us += between(-1500000, 1500000);
    if (is_behind && *is_first && kind == PH_TRACK_VIDEO)
        ntp_us += outage->wrong_us;
    *is_first &= !is_behind;
    return ntp_us;
}

static void send_stream(struct network *network, const struct outage *outage, enum ph_track_kind kind) {
    int64_t interval_us = between(500000, 5000000), report_us = between(0, interval_us), last_us = 0;
    uint32_t base = (uint32_t)between(0, UINT32_MAX);
    bool is_first_behind = true;
    struct packet report = {0};
    for (int64_t time_us = 0; time_us < end_us; time_us += steps_us[kind]) {
        uint32_t timestamp = base + (uint32_t)(stream_time(outage, kind, time_us) * rates[kind] / 1000000);
        struct packet packet = {.kind = kind, .sampled_us = time_us, .timestamp = timestamp};
        add(network, outage, packet, &last_us);
        if (time_us < report_us)
            continue;
        report_us = time_us + interval_us;
        bool is_repeated = outage->reports == REPEATED_REPORTS && time_us > outage_us - 6000000;
        if (!is_repeated)
            report = (struct packet){.kind = kind,
                .timestamp = timestamp,
                .is_report = true,
                .ntp_us = wall_of(outage, kind, time_us, &is_first_behind)};
        report.sampled_us = time_us;
        add(network, outage, report, &last_us);
    }
}

/* What viewers saw behind the outage. */
struct seen {
    int64_t for_us;    /* picture and sound were apart for so long */
    int64_t worst_us;  /* by so much */
    int64_t second_us; /* and a second after it by so much */
};

static void look(struct seen *seen, int64_t error_us, int64_t passed_us, int64_t behind_us) {
    error_us = llabs(error_us);
    if (error_us > apart_us)
        seen->for_us += passed_us;
    if (error_us > seen->worst_us)
        seen->worst_us = error_us;
    if (behind_us <= 1000000)
        seen->second_us = error_us;
}

static struct seen receive(const struct network *network, const struct outage *outage) {
    struct ph_rtp_clock clock = {0};
    struct seen seen = {0};
    int64_t back_us = outage_us + outage->hole_us + delay_us, late_us[2] = {0}, before_us = 0;
    bool has_come[2] = {false, false};
    for (size_t i = 0; i < network->count; i++) {
        const struct packet *packet = &network->packets[i];
        uint32_t ssrc = 7 + (uint32_t)packet->kind;
        if (packet->is_report) {
            ph_rtp_clock_report(&clock, &(struct ph_rtp_report){ssrc, packet->timestamp, packet->ntp_us});
            continue;
        }
        late_us[packet->kind] = ph_rtp_clock_map(&clock, packet->kind, ssrc, rates[packet->kind],
                                    packet->timestamp, packet->arrival_us) -
                                packet->sampled_us;
        has_come[packet->kind] |= packet->sampled_us >= outage_us + outage->hole_us;
        if (has_come[0] && has_come[1])
            look(
                &seen, late_us[0] - late_us[1], packet->arrival_us - before_us, packet->arrival_us - back_us);
        before_us = packet->arrival_us;
    }
    return seen;
}

static struct seen run(const struct outage *outage, uint32_t number) {
    static struct network network;
    seed_with(~number);
    network.count = 0;
    send_stream(&network, outage, PH_TRACK_VIDEO);
    send_stream(&network, outage, PH_TRACK_AUDIO);
    qsort(network.packets, network.count, sizeof(network.packets[0]), by_arrival);
    return receive(&network, outage);
}

static int64_t some_jump(void) {
    int64_t jump_us = between(200000, 3000000);
    return between(0, 2) ? jump_us : -jump_us;
}

static int64_t some_hole(void) {
    return between(500000, 4000000);
}

/* At most some packets of one stream, on their way when the other's first came. */
static void expect_together(const struct outage *outage, uint32_t number) {
    struct seen seen = run(outage, number);
    assert_in_range(seen.for_us, 0, 300000);
    assert_in_range(seen.second_us, 0, apart_us);
}

static void a_hole_moves_nothing(void **state) {
    (void)state;
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        int64_t hole_us = i % 4 == 3 ? 15000000 : some_hole();
        struct outage outage = {.hole_us = hole_us, .is_held = i % 2, .backlog_us = between(0, 1200000)};
        assert_in_range(run(&outage, i).worst_us, 0, 100);
    }
}

static void streams_that_jump_together_stay_together(void **state) {
    (void)state;
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        int64_t jump_us = some_jump(), backlog_us = i % 3 ? 0 : between(0, 1200000);
        struct outage outage = {.hole_us = i % 2 ? some_hole() : 0,
            .jump_us = {jump_us, jump_us},
            .set_us = i % 5 ? 0 : jump_us,
            .backlog_us = backlog_us};
        expect_together(&outage, i);
    }
}

static void streams_that_rested_go_on_together(void **state) {
    (void)state;
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        struct outage outage = {.hole_us = some_hole(), .rests = true};
        expect_together(&outage, i);
    }
}

static int ascending(const void *a, const void *b) {
    const int64_t *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

/* Two reports of each stream at the most, of one every five seconds, tell where the picture belongs. */
static void a_stream_that_jumps_alone_is_brought_back_by_reports(void **state) {
    (void)state;
    int64_t for_us[seeds];
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        struct outage outage = {.hole_us = i % 2 ? some_hole() : 0};
        outage.jump_us[i / 2 % 2] = some_jump();
        for_us[i] = run(&outage, i).for_us;
    }
    qsort(for_us, seeds, sizeof(for_us[0]), ascending);
    print_message("           apart for %.2f s at the median, %.2f s at worst\n",
        (double)for_us[seeds / 2] / 1e6, (double)for_us[seeds - 1] / 1e6);
    assert_in_range(for_us[seeds / 2], 0, 1000000);
    assert_in_range(for_us[seeds - 1], 0, 10100000);
}

static void a_wall_clock_that_is_set_moves_nothing(void **state) {
    (void)state;
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        struct outage outage = {.hole_us = i % 2 ? some_hole() : 0, .set_us = some_jump()};
        assert_in_range(run(&outage, i).worst_us, 0, 100);
    }
}

static void one_wrong_report_behind_an_outage_moves_nothing(void **state) {
    (void)state;
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        int64_t jump_us = some_jump();
        struct outage outage = {
            .hole_us = some_hole(), .wrong_us = -2 * jump_us, .jump_us = {jump_us, jump_us}};
        expect_together(&outage, i);
    }
}

/* They are as good as none: the streams stay where they arrived. */
static void reports_made_of_noise_make_no_leap(void **state) {
    (void)state;
    int64_t worst_us[seeds];
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        struct outage outage = {.hole_us = some_hole(), .reports = NOISY_REPORTS};
        worst_us[i] = run(&outage, i).worst_us;
    }
    qsort(worst_us, seeds, sizeof(worst_us[0]), ascending);
    assert_in_range(worst_us[seeds / 2], 0, 300000);
}

static void reports_that_are_repeated_move_nothing(void **state) {
    (void)state;
    for (uint32_t i = 0; i < seeds; i++) {
        seed_with(i);
        int64_t jump_us = some_jump();
        struct outage outage = {
            .hole_us = some_hole(), .reports = REPEATED_REPORTS, .jump_us = {jump_us, jump_us}};
        assert_in_range(run(&outage, i).second_us, 0, apart_us);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hole_moves_nothing),
        cmocka_unit_test(streams_that_jump_together_stay_together),
        cmocka_unit_test(streams_that_rested_go_on_together),
        cmocka_unit_test(a_stream_that_jumps_alone_is_brought_back_by_reports),
        cmocka_unit_test(a_wall_clock_that_is_set_moves_nothing),
        cmocka_unit_test(one_wrong_report_behind_an_outage_moves_nothing),
        cmocka_unit_test(reports_made_of_noise_make_no_leap),
        cmocka_unit_test(reports_that_are_repeated_move_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
