/* links: ph_transcode ph_media ph_base */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "transcode/ladder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Text, then the plan for a source made of the same bytes: never empty, never larger, always even. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *text = strndup((const char *)bytes, size);
    struct ph_ladder ladder;
    struct ph_error error;
    if (text && ph_ladder_parse(text, &ladder, &error) == 0) {
        static const struct ph_rational rates[] = {
            {24000, 1001}, {25, 1}, {30, 1}, {48, 1}, {60000, 1001}, {60, 1}};
        struct ph_source_description source = {
            .width = 2 * (1 + (uint32_t)bytes[0] * 8), .height = 2 * (1 + (uint32_t)bytes[size - 1] * 4)};
        source.plan = ph_grid_plan_make(rates[size % 6], 200, 2000);
        struct ph_ladder_plan plan;
        ph_ladder_plan_make(&ladder, &source, &plan);
        assert(plan.count >= 1 && plan.count <= ladder.count);
        for (uint32_t i = 0; i < plan.count; i++) {
            const struct ph_rendition *rendition = &plan.renditions[i];
            assert(rendition->width % 2 == 0 && rendition->height % 2 == 0 && rendition->bitrate > 0);
            assert(plan.grid.frames_per_part % rendition->step == 0);
            assert(rendition->width <= source.width || rendition->width == 16);
        }
    }
    free(text);
    return 0;
}
