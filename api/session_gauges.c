#include "api/session_gauges.h"

void ph_session_gauges_set(struct ph_sessions *sessions, struct ph_metrics *metrics) {
    int64_t counts[PH_SESSION_STATES];
    if (ph_sessions_count(sessions, counts) < 0)
        return;
    for (int state = 0; !ph_session_state_is_over((enum ph_session_state)state); state++)
        ph_metric_set(
            ph_metrics_gauge(metrics, "porthole_api_sessions", "Sessions that are not over, by state",
                PH_LABELS({"state", ph_session_state_name((enum ph_session_state)state)})),
            (double)counts[state]);
}
