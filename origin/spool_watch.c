/* How the spool's disk does: what is said of it, and to whom. */
#include "core/base/log.h"
#include "core/base/random.h"
#include "origin/spool_private.h"

static const int64_t retry_us = 1 * PH_SECOND_US;
static const int64_t log_every_us = 60 * PH_SECOND_US;
/* One step of the disk that takes longer is a disk that stands still. */
static const int64_t standstill_us = 5 * PH_SECOND_US;

void ph_spool_note_step(struct ph_spool *spool, bool goes_on) {
    atomic_store(&spool->step_since_us, goes_on ? ph_now_us() : 0);
}

static int64_t step_us(const struct ph_spool *spool) {
    int64_t since_us = atomic_load(&spool->step_since_us);
    return since_us ? ph_now_us() - since_us : 0;
}

enum ph_spool_state ph_spool_state(const struct ph_spool *spool) {
    if (atomic_load(&spool->failing_since_us))
        return PH_SPOOL_FAILS;
    return step_us(spool) > standstill_us ? PH_SPOOL_STANDS_STILL : PH_SPOOL_WELL;
}

bool ph_spool_is_losing(const struct ph_spool *spool) {
    return atomic_load(&spool->is_losing);
}

/* Now and then, of a disk that does it all the time. */
static void begin_standstill(struct ph_spool *spool, int64_t since_us) {
    int64_t now_us = ph_now_us();
    spool->standstill_since_us = since_us;
    spool->standstill_told = now_us >= spool->standstill_log_next_us;
    if (!spool->standstill_told)
        return;
    spool->standstill_log_next_us = now_us + log_every_us;
    ph_log_error("the disk stands still; viewers are served from memory: check the disk",
        ph_str("folder", spool->root));
}

void ph_spool_watch(struct ph_spool *spool) {
    int64_t since_us = atomic_load(&spool->failing_since_us), still_us = step_us(spool);
    int64_t age_us = since_us ? ph_now_us() - since_us : still_us > standstill_us ? still_us : 0;
    ph_metric_set(spool->options.metrics->spool_age, (double)age_us / (double)PH_SECOND_US);
    if (still_us > standstill_us && !spool->standstill_since_us) {
        begin_standstill(spool, ph_now_us() - still_us);
    } else if (still_us <= standstill_us && spool->standstill_since_us) {
        if (spool->standstill_told)
            ph_log_info("the disk goes on", ph_str("folder", spool->root),
                ph_real(
                    "seconds", (double)(ph_now_us() - spool->standstill_since_us) / (double)PH_SECOND_US));
        spool->standstill_since_us = 0;
    }
}

void ph_spool_note_failure(struct ph_spool *spool, const struct ph_session *session, int code) {
    int64_t now_us = ph_now_us();
    ph_metric_add(spool->options.metrics->spool_failures, 1);
    if (!atomic_load(&spool->failing_since_us))
        atomic_store(&spool->failing_since_us, now_us);
    spool->retry_at_us = now_us + retry_us + (int64_t)((double)retry_us * ph_random_unit());
    if (now_us < spool->log_next_us)
        return;
    spool->log_next_us = now_us + log_every_us;
    ph_log_error("the spool cannot write; viewers are served from memory: free space or check the disk",
        ph_str("session", session->id), ph_str("folder", spool->root), ph_code(code));
}

void ph_spool_note_loss(
    struct ph_spool *spool, const struct ph_session *session, uint32_t track, uint64_t segments) {
    struct ph_spool_session *files = session->spool;
    double parts = (double)segments * session->publication.parts_per_segment;
    ph_metric_add(spool->options.metrics->spool_lost_parts, parts);
    ph_metric_add(spool->options.metrics->spool_parts, files->tracks[track].next.part - parts);
    files->lost_segments += segments;
    if (atomic_exchange(&spool->is_losing, true))
        return;
    ph_log_error(
        "the disk took nothing for longer than spool_memory_mib lasts: what is live now will be missing "
        "in recordings until it does: free space or check the disk",
        ph_str("folder", spool->root), ph_str("session", session->id));
}

void ph_spool_note_success(struct ph_spool *spool, const struct ph_session *session, bool is_whole) {
    struct ph_spool_session *files = session->spool;
    uint64_t lost = is_whole ? files->lost_segments : 0;
    if (is_whole) {
        files->lost_segments = 0;
        atomic_store(&spool->is_losing, false);
    }
    if (lost)
        ph_log_error("a session has gaps: the disk took nothing for too long", ph_str("session", session->id),
            ph_int("segments", (int64_t)lost));
    if (!atomic_load(&spool->failing_since_us))
        return;
    atomic_store(&spool->failing_since_us, 0);
    spool->log_next_us = 0;
    ph_log_info("the spool writes again", ph_str("folder", spool->root));
}
