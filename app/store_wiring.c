#include "app/store_wiring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/backoff.h"
#include "core/base/house_clock.h"
#include "core/base/log.h"
#include "core/store/store_routes.h"

static const int64_t first_tick_us = 2 * PH_SECOND_US;
static const int64_t tick_us = 30 * PH_SECOND_US;
static const int64_t sweep_us = 5 * 60 * PH_SECOND_US;
/* Somebody may have changed a bucket's rules meanwhile. */
static const int64_t check_us = 6 * 3600 * PH_SECOND_US;
/* Files are dated by the machine's clock: while that is further from the node's time, nobody knows their age.
 */
static const int64_t dates_apart_us = 3600 * PH_SECOND_US;
/* When a person has to do something about them first; half of it to half as much again. */
static const int64_t refused_check_us = 3600 * PH_SECOND_US;

int ph_store_wiring_create(struct ph_store_wiring *wiring, const struct ph_settings *settings,
    struct ph_metrics *metrics, struct ph_error *error) {
    *wiring = (struct ph_store_wiring){
        .rules =
            {
                .live_expire_days = settings->archive_live_days,
                .recordings_colder_days = settings->archive_infrequent_days,
                .recordings_deep_days = settings->archive_deep_days,
                .uploads_expire_days = settings->archive_upload_days,
                .abort_multipart_days = settings->archive_multipart_days,
            },
    };
    wiring->drifted = ph_metrics_gauge(metrics, "porthole_store_rules_drifted",
        "Whether the archive's rules for what ages are not those of the settings.", NULL);
    return ph_store_create(&wiring->store,
        &(struct ph_store_options){
            .url = settings->archive_url,
            .data_dir = settings->data_dir,
            .public_url = settings->public_url,
            .secret = {(const uint8_t *)settings->cluster_secret, strlen(settings->cluster_secret)},
            .storage_class = settings->archive_storage_class,
            .encryption = settings->archive_encryption,
            .ca_file = settings->ca_file,
            .clock = ph_clock_system(),
            .metrics = metrics,
        },
        error);
}

static bool check(void *opaque, char *text, size_t text_bytes) {
    struct ph_error error = {0};
    if (ph_store_is_well(opaque, &error))
        return true;
    snprintf(text, text_bytes, "%s", error.text);
    return false;
}

int ph_store_wiring_add_routes(
    struct ph_store_wiring *wiring, struct ph_status *status, struct ph_http_server *server) {
    ph_status_add_feature(status, &(struct ph_feature){"archive", check, wiring->store});
    return ph_store_add_routes(wiring->store, server);
}

static void apply_rules(struct ph_store_wiring *wiring) {
    struct ph_error error = {0};
    int code = ph_store_apply_rules(wiring->store, &wiring->rules, &error);
    if (code == -ECANCELED)
        return;
    ph_metric_set(wiring->drifted, code < 0 && code != -EAGAIN);
    if (code < 0 && code != wiring->last_code)
        ph_log_warning("the archive's rules for what ages are not in force", ph_code(code),
            ph_str("reason", error.text));
    if (code == 0 && wiring->last_code < 0)
        ph_log_info("the archive's rules for what ages are in force");
    wiring->last_code = code;
    if (code != -EAGAIN)
        wiring->check_at_us =
            ph_now_us() + (code == 0 ? check_us : ph_backoff_us(1, refused_check_us, refused_check_us));
}

static void sweep(struct ph_store_wiring *wiring) {
    if (llabs(ph_house_clock_look(ph_house_clock_system()).machine_ahead_us) > dates_apart_us)
        return;
    int code = ph_store_sweep(wiring->store);
    if (code == -ECANCELED)
        return;
    if (code < 0 && code != wiring->sweep_code)
        ph_log_warning("what has expired in the archive's folder could not be removed", ph_code(code));
    if (code > 0)
        ph_log_info("what had expired was removed from the archive's folder", ph_int("objects", code));
    wiring->sweep_code = code;
    wiring->sweep_at_us = ph_now_us() + sweep_us;
}

/* A store that failed when it was last used is asked each time, so that it is known when it is back. */
static void tick(void *opaque) {
    struct ph_store_wiring *wiring = opaque;
    struct ph_error error;
    bool is_well = ph_store_is_well(wiring->store, &error);
    if (!is_well || ph_now_us() >= wiring->check_at_us)
        apply_rules(wiring);
    if (!is_well || ph_now_us() >= wiring->sweep_at_us)
        sweep(wiring);
}

int ph_store_wiring_start(struct ph_store_wiring *wiring) {
    return ph_ticker_start(&wiring->ticker, &(struct ph_ticker_options){.name = "archive-rules",
                                                .first_us = first_tick_us,
                                                .period_us = tick_us,
                                                .tick = tick,
                                                .opaque = wiring});
}

void ph_store_wiring_stop(struct ph_store_wiring *wiring) {
    if (wiring->store)
        ph_store_cancel(wiring->store);
    ph_ticker_stop(&wiring->ticker);
}

void ph_store_wiring_destroy(struct ph_store_wiring *wiring) {
    ph_ticker_stop(&wiring->ticker);
    ph_store_destroy(wiring->store);
    wiring->store = NULL;
}
