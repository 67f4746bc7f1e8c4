#include "transcode/ladder.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const form = "<height>p<fps>@<kbit/s>k, for instance 1080p30@4500k";

/* Reads a decimal number of at most six digits; false when there is none. */
static bool take_number(const char **next, const char *end, uint32_t *number) {
    const char *start = *next;
    uint32_t value = 0;
    while (*next < end && *next - start < 6 && isdigit((unsigned char)**next))
        value = value * 10 + (uint32_t)(*(*next)++ - '0');
    *number = value;
    return *next > start;
}

static bool take_character(const char **next, const char *end, char wanted) {
    if (*next >= end || **next != wanted)
        return false;
    (*next)++;
    return true;
}

static int parse_entry(
    const char *start, const char *end, struct ph_ladder_entry *entry, struct ph_error *error) {
    int shown = end - start > 40 ? 40 : (int)(end - start);
    const char *next = start;
    bool well_formed = take_number(&next, end, &entry->height) && take_character(&next, end, 'p') &&
                       take_number(&next, end, &entry->fps) && take_character(&next, end, '@') &&
                       take_number(&next, end, &entry->kbps) && take_character(&next, end, 'k') &&
                       next == end;
    if (!well_formed)
        return ph_error_set(
            error, -EINVAL, "ladder entry \"%.*s\" is not of the form %s", shown, start, form);
    if (entry->height < 64 || entry->height > 2304)
        return ph_error_set(
            error, -EINVAL, "ladder entry \"%.*s\": the height must be 64 to 2304 (%s)", shown, start, form);
    if (entry->fps < 1 || entry->fps > 60)
        return ph_error_set(
            error, -EINVAL, "ladder entry \"%.*s\": the frame rate must be 1 to 60 (%s)", shown, start, form);
    if (entry->kbps < 50 || entry->kbps > 100000)
        return ph_error_set(error, -EINVAL, "ladder entry \"%.*s\": the bitrate must be 50k to 100000k (%s)",
            shown, start, form);
    return 0;
}

/* Keeps the entries highest first. False when the height is there already. */
static bool insert_entry(struct ph_ladder *ladder, const struct ph_ladder_entry *entry) {
    uint32_t at = 0;
    while (at < ladder->count && ladder->entries[at].height > entry->height)
        at++;
    if (at < ladder->count && ladder->entries[at].height == entry->height)
        return false;
    memmove(
        &ladder->entries[at + 1], &ladder->entries[at], (ladder->count - at) * sizeof(ladder->entries[0]));
    ladder->entries[at] = *entry;
    ladder->count++;
    return true;
}

int ph_ladder_parse(const char *text, struct ph_ladder *ladder, struct ph_error *error) {
    *ladder = (struct ph_ladder){0};
    for (const char *start = text;;) {
        const char *end = start + strcspn(start, ",");
        struct ph_ladder_entry entry;
        int code = parse_entry(start, end, &entry, error);
        if (code < 0)
            return code;
        if (ladder->count == PH_MOST_RENDITIONS)
            return ph_error_set(error, -EINVAL, "ladder has more than %d entries", PH_MOST_RENDITIONS);
        if (!insert_entry(ladder, &entry))
            return ph_error_set(error, -EINVAL, "ladder entry \"%.*s\": %up is there already",
                (int)(end - start), start, (unsigned)entry.height);
        if (!*end)
            return 0;
        start = end + 1;
    }
}

uint32_t ph_ladder_most_fps(const struct ph_ladder *ladder) {
    uint32_t most = 1;
    for (uint32_t i = 0; i < ladder->count; i++)
        most = ladder->entries[i].fps > most ? ladder->entries[i].fps : most;
    return most;
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b) {
    return b ? greatest_common_divisor(b, a % b) : a;
}

static uint32_t least_common_multiple(uint32_t a, uint32_t b) {
    uint32_t multiple = a;
    while (multiple % b != 0)
        multiple += a;
    return multiple;
}

/* Every how many grid frames, so that the rate does not exceed the entry's. 59.94 counts as within 60
 * and 29.97 as within 30; half a percent is allowed above. */
static uint32_t step_for(struct ph_rational grid_rate, uint32_t fps) {
    uint32_t step = 1;
    while ((uint64_t)grid_rate.num * 1000 > (uint64_t)grid_rate.den * fps * step * 1005)
        step++;
    return step;
}

static struct ph_rational rate_of(struct ph_rational grid_rate, uint32_t step) {
    uint32_t den = (uint32_t)grid_rate.den * step;
    uint32_t divisor = greatest_common_divisor((uint32_t)grid_rate.num, den);
    return (struct ph_rational){(int32_t)((uint32_t)grid_rate.num / divisor), (int32_t)(den / divisor)};
}

static uint32_t even(uint64_t length) {
    uint64_t rounded = (length + 1) / 2 * 2;
    return rounded < 16 ? 16 : (uint32_t)rounded;
}

static void set_size(
    struct ph_rendition *rendition, const struct ph_source_description *source, uint32_t height) {
    bool portrait = source->height > source->width;
    uint64_t shorter = portrait ? source->width : source->height;
    uint64_t longer = portrait ? source->height : source->width;
    uint32_t short_side = even(shorter);
    uint32_t long_side = even(longer);
    if (shorter > height) {
        short_side = even(height);
        long_side = even((longer * height + shorter) / (2 * shorter) * 2);
    }
    rendition->width = portrait ? short_side : long_side;
    rendition->height = portrait ? long_side : short_side;
}

/* Of the area the entry stands for (16:9) the rendition may cover less; fewer bits do then. */
static void set_bitrate(struct ph_rendition *rendition, const struct ph_ladder_entry *entry) {
    uint64_t whole = (uint64_t)entry->height * entry->height * 16 / 9;
    uint64_t area = (uint64_t)rendition->width * rendition->height;
    if (area > whole)
        area = whole;
    if (area < whole / 2)
        area = whole / 2;
    uint64_t bitrate = (uint64_t)entry->kbps * 1000 * area / whole;
    rendition->bitrate = (uint32_t)(bitrate / 1000 * 1000);
    /* x264 holds these; together they bound what any segment may weigh. */
    rendition->most_bitrate = rendition->bitrate / 100 * 115;
    rendition->buffer_bits = rendition->bitrate / 2;
}

void ph_ladder_plan_make(
    const struct ph_ladder *ladder, const struct ph_source_description *source, struct ph_ladder_plan *plan) {
    *plan = (struct ph_ladder_plan){.grid = source->plan};
    uint32_t multiple = 1;
    for (uint32_t i = 0; i < ladder->count; i++) {
        const struct ph_ladder_entry *entry = &ladder->entries[i];
        struct ph_rendition rendition = {.step = step_for(source->plan.rate, entry->fps)};
        snprintf(rendition.name, sizeof(rendition.name), "v%u", (unsigned)entry->height);
        rendition.rate = rate_of(source->plan.rate, rendition.step);
        set_size(&rendition, source, entry->height);
        set_bitrate(&rendition, entry);
        const struct ph_rendition *above = plan->count ? &plan->renditions[plan->count - 1] : NULL;
        if (above && above->width == rendition.width && above->height == rendition.height)
            plan->count--;
        plan->renditions[plan->count++] = rendition;
    }
    for (uint32_t i = 0; i < plan->count; i++)
        multiple = least_common_multiple(multiple, plan->renditions[i].step);
    uint32_t frames = plan->grid.frames_per_part;
    plan->grid.frames_per_part = (frames + multiple - 1) / multiple * multiple;
}
