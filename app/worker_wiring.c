#include "app/worker_wiring.h"

static struct ph_supervisor *supervisor_of(struct ph_worker_source *source) {
    return ((struct ph_worker_wiring *)source)->supervisor;
}

static void measure(struct ph_worker_source *source, struct ph_worker_record *record) {
    static struct ph_worker_view
        views[PH_SUPERVISOR_MOST_WORKERS]; /* the reporter's thread alone comes here */
    struct ph_supervisor *supervisor = supervisor_of(source);
    char text[256];
    record->capacity = ph_supervisor_capacity(supervisor);
    record->is_well = ph_supervisor_health(supervisor, text, sizeof(text));
    record->sessions = 0;
    record->has_speed = false;
    size_t count = ph_supervisor_snapshot(supervisor, views, PH_SUPERVISOR_MOST_WORKERS);
    for (size_t i = 0; i < count; i++) {
        if (views[i].state != PH_WORKER_BUSY)
            continue;
        record->sessions++;
        if (views[i].has_stats && (!record->has_speed || views[i].stats.speed < record->speed)) {
            record->has_speed = true;
            record->speed = views[i].stats.speed;
        }
    }
}

static void drain(struct ph_worker_source *source) {
    ph_supervisor_stop_taking(supervisor_of(source));
}

void ph_worker_wiring_init(struct ph_worker_wiring *wiring, struct ph_supervisor *supervisor) {
    *wiring = (struct ph_worker_wiring){.source = {measure, drain}, .supervisor = supervisor};
}
