/* How many sessions there are, for operators. */
#ifndef PH_API_SESSION_GAUGES_H
#define PH_API_SESSION_GAUGES_H

#include "api/sessions_store.h"
#include "core/base/metrics.h"

/* By state, of those that are not over. They stay as they are while the database does not answer. */
void ph_session_gauges_set(struct ph_sessions *sessions, struct ph_metrics *metrics);

#endif
