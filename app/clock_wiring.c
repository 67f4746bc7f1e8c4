#include "app/clock_wiring.h"

#include <stdlib.h>

#include "core/base/house_clock.h"
#include "core/base/log.h"

static const int64_t tick_us = 5 * PH_SECOND_US;
/* What NTP leaves is far less. */
static const int64_t apart_us = 2 * PH_SECOND_US;
static const int64_t told_again_us = 30 * PH_SECOND_US;

/* A database that does not answer is told of elsewhere; time goes on without it. */
static void ask(struct ph_clock_wiring *wiring) {
    int64_t utc_us, round_trip_us;
    if (wiring->db && ph_db_ask_time(wiring->db, &utc_us, &round_trip_us) == 0)
        ph_house_clock_hear(ph_house_clock_system(), utc_us, round_trip_us);
}

static void tell_steps(struct ph_clock_wiring *wiring) {
    unsigned steps = ph_clock_steps(ph_clock_system());
    if (steps == wiring->told_steps)
        return;
    ph_metric_add(wiring->steps, steps - wiring->told_steps);
    wiring->told_steps = steps;
    ph_log_warning(
        "this node's time was set in one step; what was told in the old one may end early or late");
}

static void tell_machine(struct ph_clock_wiring *wiring) {
    struct ph_house_clock_view view = ph_house_clock_look(ph_house_clock_system());
    bool is_apart = llabs(view.machine_ahead_us) > apart_us;
    ph_metric_set(wiring->machine_ahead, (double)view.machine_ahead_us / PH_SECOND_US);
    if (is_apart && (!wiring->told_us || llabs(view.machine_ahead_us - wiring->told_us) > told_again_us)) {
        wiring->told_us = view.machine_ahead_us;
        ph_log_warning(
            "this machine's wall clock is not the time that the node goes by: look after NTP, here and "
            "at the database's server",
            ph_int("seconds_ahead", view.machine_ahead_us / PH_SECOND_US),
            ph_bool("is_waited_for", view.is_in_doubt));
    } else if (!is_apart && wiring->told_us) {
        wiring->told_us = 0;
        ph_log_info("this machine's wall clock and the node's time agree");
    }
}

static void tick(void *opaque) {
    struct ph_clock_wiring *wiring = opaque;
    ask(wiring);
    tell_steps(wiring);
    tell_machine(wiring);
}

void ph_clock_wiring_init(struct ph_clock_wiring *wiring, struct ph_metrics *metrics) {
    *wiring = (struct ph_clock_wiring){.told_steps = ph_clock_steps(ph_clock_system())};
    wiring->machine_ahead = ph_metrics_gauge(metrics, "porthole_clock_machine_ahead_seconds",
        "How far this machine's wall clock is ahead of the time that the node goes by.", NULL);
    wiring->steps = ph_metrics_counter(metrics, "porthole_clock_steps_total",
        "Times that the node's time was set in one step, to what the database or the machine said.", NULL);
}

void ph_clock_wiring_use_db(struct ph_clock_wiring *wiring, struct ph_db *db) {
    wiring->db = db;
    ask(wiring);
}

int ph_clock_wiring_start(struct ph_clock_wiring *wiring) {
    return ph_ticker_start(&wiring->ticker,
        &(struct ph_ticker_options){
            .name = "clock", .first_us = tick_us, .period_us = tick_us, .tick = tick, .opaque = wiring});
}

void ph_clock_wiring_stop(struct ph_clock_wiring *wiring) {
    ph_ticker_stop(&wiring->ticker);
}
