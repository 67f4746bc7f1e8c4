/* The picture's grid: pictures with a session time go into slots of a constant rate, one into each.
 *
 * A picture's slot is the nearest, seen through a phase that follows the source, so that a source at the
 * grid's rate never falls between two slots: its pictures land in the middle of one each. Slots that nothing
 * came for are filled with the picture before, at once when a later picture comes, and by ph_grid_advance()
 * when none does. Pure but for the calls into the sink. */
#ifndef PH_TRANSCODE_GRID_H
#define PH_TRANSCODE_GRID_H

#include "transcode/source.h"

/* Embedded; not thread-safe. */
struct ph_grid {
    struct ph_grid_plan plan;
    struct ph_grid_sink *sink;
    int64_t next; /* the slot to fill next */
    bool has_phase;
    double phase;  /* slots by which the source's pictures lie off the middle */
    AVFrame *last; /* the picture for repeats; never NULL after init */
    uint64_t repeated, late;
};

/* Begins at a slot with a first picture (borrowed: a reference is taken). 0 or -ENOMEM. */
int ph_grid_init(struct ph_grid *grid, const struct ph_grid_plan *plan, struct ph_grid_sink *sink,
    int64_t first, const AVFrame *picture) PH_NODISCARD;
void ph_grid_finish(struct ph_grid *grid);
/* The source's times start anew: the next picture sets the phase. */
void ph_grid_lose_phase(struct ph_grid *grid);
/* Places a picture (borrowed); times in session microseconds, `arrival_us` in link time for the sink. 0, or
 * what the sink or memory says. */
int ph_grid_picture(struct ph_grid *grid, AVFrame *picture, int64_t time_us, int64_t arrival_us) PH_NODISCARD;
/* Fills the slots whose time has come: those that begin at `until_us` or before. */
int ph_grid_advance(struct ph_grid *grid, int64_t until_us, int64_t arrival_us) PH_NODISCARD;
/* When the slot filled last is over. */
int64_t ph_grid_end_us(const struct ph_grid *grid);

#endif
