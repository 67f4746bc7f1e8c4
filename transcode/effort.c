#include "transcode/effort.h"

#include <string.h>

#include "core/base/clock.h"

static const int64_t shortest_hold_us = 3 * PH_SECOND_US;
static const int64_t longest_hold_us = 60 * PH_SECOND_US;
/* A raise that is taken back within this time has failed. */
static const int64_t proof_us = 10 * PH_SECOND_US;
static const int64_t lowering_spacing_us = 200 * PH_MILLISECOND_US;

/* Of real time: above `too_much` there is too little headroom, a raise must stay below `enough`. */
static const double too_much = 0.85;
static const double saturated = 0.95;
static const double enough = 0.78;

static const int64_t queue_limit_us = 100 * PH_MILLISECOND_US;
static const int64_t delay_limit_us = 300 * PH_MILLISECOND_US;
static const int64_t drop_at_lowest_us = 350 * PH_MILLISECOND_US;
static const int64_t drop_meanwhile_us = 600 * PH_MILLISECOND_US;
static const int64_t growth_per_part_us = 80 * PH_MILLISECOND_US;
static const int64_t repeat_margin_us = 250 * PH_MILLISECOND_US;

static const double cost[PH_EFFORT_HIGHEST + 1] = {0.73, 0.86, 1.0, 1.32, 1.55, 2.25};

int ph_effort_of_preset(const char *preset, int *level) {
    static const struct {
        const char *name;
        int level;
    } presets[] = {
        {"auto", -1},
        {"ultrafast", 0},
        {"superfast", 2},
        {"veryfast", 4},
        {"faster", 5},
        {"fast", 5},
        {"medium", 5},
        {"slow", 5},
        {"slower", 5},
        {"veryslow", 5},
        {"placebo", 5},
    };
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(preset, presets[i].name) == 0) {
            *level = presets[i].level;
            return 0;
        }
    }
    return -EINVAL;
}

static void set_drop_after(struct ph_effort *effort) {
    bool lowest = effort->fixed || effort->level == PH_EFFORT_LOWEST;
    effort->drop_after_us = lowest ? drop_at_lowest_us : drop_meanwhile_us;
}

void ph_effort_init(struct ph_effort *effort, int level, int64_t now_us) {
    *effort = (struct ph_effort){
        .level = level < 0 ? PH_EFFORT_START : level,
        .fixed = level >= 0,
        .changed_us = now_us,
        .updated_us = now_us,
        .hold_us = shortest_hold_us,
    };
    set_drop_after(effort);
}

static void change_level(struct ph_effort *effort, int level, int64_t now_us) {
    /* What the new level will need, so that the next decision does not wait for the average to follow. */
    effort->pressure *= cost[level] / cost[effort->level];
    effort->raised_last = level > effort->level;
    effort->level = level;
    effort->changed_us = now_us;
    set_drop_after(effort);
}

static void lower(struct ph_effort *effort, bool far_behind, int64_t now_us) {
    if (now_us - effort->changed_us < lowering_spacing_us)
        return;
    if (effort->fixed || effort->level == PH_EFFORT_LOWEST) {
        /* Decoding is what is left to save on. */
        if (far_behind && effort->decode_skip < 2) {
            effort->decode_skip++;
            effort->changed_us = now_us;
        }
        return;
    }
    if (effort->raised_last && now_us - effort->changed_us < proof_us)
        effort->hold_us = effort->hold_us * 2 < longest_hold_us ? effort->hold_us * 2 : longest_hold_us;
    int level = far_behind && effort->level > 1 ? effort->level - 2 : effort->level - 1;
    change_level(effort, level, now_us);
}

static void raise(struct ph_effort *effort, int64_t now_us) {
    int64_t since_us = now_us - effort->changed_us;
    if (effort->raised_last && since_us >= proof_us) {
        effort->raised_last = false;
        effort->hold_us = shortest_hold_us;
    }
    if (since_us < effort->hold_us)
        return;
    if (effort->decode_skip) {
        effort->decode_skip--;
        effort->changed_us = now_us;
        return;
    }
    if (effort->fixed || effort->level == PH_EFFORT_HIGHEST)
        return;
    if (effort->pressure * cost[effort->level + 1] / cost[effort->level] <= enough)
        change_level(effort, effort->level + 1, now_us);
}

void ph_effort_update(struct ph_effort *effort, const struct ph_effort_load *load, int64_t now_us) {
    double pressure = load->busiest > load->cpu ? load->busiest : load->cpu;
    int64_t interval_us = now_us - effort->updated_us;
    effort->updated_us = now_us;
    /* Rises within half a second, falls within two. */
    double settle_s = pressure > effort->pressure ? 0.5 : 2.0;
    double share = (double)interval_us / 1e6 / settle_s;
    effort->pressure += (pressure - effort->pressure) * (share < 1 ? share : 1);

    bool late = load->delay_us > delay_limit_us && pressure > enough;
    bool queued = load->queue_delay_us > queue_limit_us;
    if (late || queued || pressure > saturated || effort->pressure > too_much) {
        bool far_behind = late || load->queue_delay_us > 2 * queue_limit_us;
        lower(effort, far_behind, now_us);
        return;
    }
    raise(effort, now_us);
}

enum ph_effort_verdict ph_effort_judge(int64_t drop_after_us, const struct ph_frame_lateness *lateness) {
    int64_t limit_us = drop_after_us;
    if (lateness->part_before_us < limit_us - growth_per_part_us)
        limit_us = lateness->part_before_us + growth_per_part_us;
    if (lateness->delay_us <= limit_us || lateness->delay_us == PH_NO_DELAY_US)
        return PH_EFFORT_ENCODE;
    if (!lateness->first_of_part)
        return PH_EFFORT_DROP;
    return lateness->delay_us > drop_after_us + repeat_margin_us ? PH_EFFORT_REPEAT : PH_EFFORT_ENCODE;
}
