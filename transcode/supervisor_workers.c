/* The supervisor's processes: spares, heartbeats, deaths, capacity. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "transcode/supervisor_internal.h"
#include "transcode/worker_capacity.h"

static const int64_t silence_us = 5 * PH_SECOND_US;
static const int64_t warm_up_us = 20 * PH_SECOND_US;
static const int64_t measure_us = PH_SECOND_US;
static const int64_t measured_after_us = 4 * PH_SECOND_US;
static const int64_t reservation_us = 10 * PH_SECOND_US;

uint32_t ph_supervisor_running(const struct ph_supervisor *supervisor) {
    uint32_t running = 0;
    for (uint32_t i = 0; i < supervisor->worker_count; i++)
        running += supervisor->workers[i].state == PH_WORKER_RUNNING;
    return running;
}

struct ph_worker_process *ph_supervisor_spare(struct ph_supervisor *supervisor) {
    for (uint32_t i = 0; i < supervisor->worker_count; i++) {
        if (supervisor->workers[i].state == PH_WORKER_SPARE && !supervisor->workers[i].killed)
            return &supervisor->workers[i];
    }
    return NULL;
}

static uint32_t measured_capacity(const struct ph_supervisor *supervisor, int64_t now_us) {
    struct ph_worker_load loads[PH_MOST_WORKERS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < supervisor->worker_count; i++) {
        const struct ph_worker_process *worker = &supervisor->workers[i];
        if (worker->state != PH_WORKER_RUNNING)
            continue;
        loads[count++] = (struct ph_worker_load){.measured = worker->has_stats && worker->cores >= 0 &&
                                                             now_us - worker->since_us > measured_after_us,
            .cores = worker->cores,
            .effort = worker->stats.effort,
            .speed = worker->stats.speed};
    }
    return ph_worker_capacity(supervisor->usable_cores, loads, count);
}

void ph_supervisor_update_room(struct ph_supervisor *supervisor, int64_t now_us) {
    uint32_t running = ph_supervisor_running(supervisor);
    uint32_t capacity =
        supervisor->most_sessions ? supervisor->most_sessions : measured_capacity(supervisor, now_us);
    if (capacity > PH_MOST_WORKERS - 2)
        capacity = PH_MOST_WORKERS - 2;
    if (now_us >= supervisor->reserved_until_us)
        supervisor->reserved = 0;
    pthread_mutex_lock(&supervisor->lock);
    supervisor->capacity = capacity;
    pthread_mutex_unlock(&supervisor->lock);
    atomic_store(&supervisor->has_room, running + supervisor->reserved < capacity);
    ph_metric_set(ph_metrics_gauge(supervisor->metrics, "porthole_worker_capacity_sessions",
                      "Sessions this node's workers can carry", NULL),
        capacity);
    ph_metric_set(ph_metrics_gauge(supervisor->metrics, "porthole_worker_running_sessions",
                      "Sessions this node's workers carry", NULL),
        running);
    if (capacity == supervisor->logged_capacity)
        return;
    supervisor->logged_capacity = capacity;
    ph_log_info("sessions this node can carry", ph_int("capacity", capacity), ph_int("running", running),
        ph_real("cores", supervisor->usable_cores), ph_bool("measured", !supervisor->most_sessions));
}

static void log_end(const struct ph_worker_process *worker, int status) {
    char id[16];
    snprintf(id, sizeof(id), "%.8s", worker->id);
    if (WIFSIGNALED(status))
        ph_log_warning("worker process was killed", ph_str("worker", id), ph_int("pid", worker->pid),
            ph_int("signal", WTERMSIG(status)), ph_str("signal_name", strsignal(WTERMSIG(status))));
    else if (WEXITSTATUS(status))
        ph_log_warning("worker process failed", ph_str("worker", id), ph_int("pid", worker->pid),
            ph_int("exit_code", WEXITSTATUS(status)));
    else
        ph_log_info("worker process ended", ph_str("worker", id), ph_int("pid", worker->pid));
}

/* A pause that grows while processes die before they are of use. */
static void plan_next_spawn(struct ph_supervisor *supervisor, int64_t now_us) {
    int doublings = supervisor->failed_spawns < 6 ? supervisor->failed_spawns : 6;
    int64_t whole_us = doublings ? 100 * PH_MILLISECOND_US << doublings : 0;
    supervisor->spawn_after_us = now_us + whole_us / 2 + (int64_t)((double)(whole_us / 2) * ph_random_unit());
}

static void worker_ended(struct ph_supervisor *supervisor, uint32_t place, int status, int64_t now_us) {
    struct ph_worker_process *worker = &supervisor->workers[place];
    log_end(worker, status);
    bool crashed = WIFSIGNALED(status) || WEXITSTATUS(status);
    if (worker->state == PH_WORKER_RUNNING && crashed) {
        supervisor->reserved++;
        supervisor->reserved_until_us = now_us + reservation_us;
    }
    if (worker->state != PH_WORKER_RUNNING) {
        supervisor->failed_spawns++;
        plan_next_spawn(supervisor, now_us);
    }
    ph_worker_process_finish(worker);
    pthread_mutex_lock(&supervisor->lock);
    supervisor->workers[place] = supervisor->workers[--supervisor->worker_count];
    pthread_cond_broadcast(&supervisor->changed);
    pthread_mutex_unlock(&supervisor->lock);
    ph_supervisor_update_room(supervisor, now_us);
}

bool ph_supervisor_move_worker(struct ph_supervisor *supervisor, uint32_t place, int64_t now_us) {
    struct ph_worker_process *worker = &supervisor->workers[place];
    enum ph_worker_state before = worker->state;
    pthread_mutex_lock(&supervisor->lock);
    int code = worker->control >= 0 ? ph_worker_process_listen(worker, now_us) : 0;
    pthread_mutex_unlock(&supervisor->lock);
    if (before == PH_WORKER_STARTING && worker->state == PH_WORKER_SPARE)
        supervisor->failed_spawns = 0;
    int status;
    if (ph_worker_process_reap(worker, &status) == 0) {
        worker_ended(supervisor, place, status, now_us);
        return false;
    }
    if (code) { /* it is about to end; if it does not, its silence ends it */
        int fd = worker->control;
        worker->control = -1;
        close(fd);
    }
    return true;
}

static void spawn_spare(struct ph_supervisor *supervisor, int64_t now_us) {
    if (supervisor->worker_count == PH_MOST_WORKERS || now_us < supervisor->spawn_after_us)
        return;
    for (uint32_t i = 0; i < supervisor->worker_count; i++) {
        if (supervisor->workers[i].state != PH_WORKER_RUNNING)
            return;
    }
    struct ph_worker_process worker;
    int code = ph_worker_process_spawn(&worker, supervisor->executable);
    if (code) {
        supervisor->failed_spawns++;
        plan_next_spawn(supervisor, now_us);
        ph_log_error("a worker process cannot be started", ph_code(code),
            ph_int("failures_in_a_row", supervisor->failed_spawns));
        return;
    }
    pthread_mutex_lock(&supervisor->lock);
    supervisor->workers[supervisor->worker_count++] = worker;
    pthread_mutex_unlock(&supervisor->lock);
}

static void kill_stuck(struct ph_worker_process *worker, int64_t now_us) {
    bool stuck = worker->state == PH_WORKER_RUNNING    ? now_us - worker->heard_us > silence_us
                 : worker->state == PH_WORKER_STARTING ? now_us - worker->since_us > warm_up_us
                                                       : false;
    bool deaf = worker->state == PH_WORKER_SPARE && worker->control < 0;
    if (worker->killed || !(stuck || deaf))
        return;
    ph_log_error("worker process is silent and gets killed", ph_int("pid", worker->pid),
        ph_real("silent_s", (double)(now_us - worker->heard_us) / 1e6));
    ph_worker_process_signal(worker, SIGKILL);
}

void ph_supervisor_look_after_workers(struct ph_supervisor *supervisor, int64_t now_us) {
    for (uint32_t i = 0; i < supervisor->worker_count; i++)
        kill_stuck(&supervisor->workers[i], now_us);
    if (!atomic_load(&supervisor->draining))
        spawn_spare(supervisor, now_us);
    if (now_us - supervisor->measured_us < measure_us)
        return;
    supervisor->measured_us = now_us;
    pthread_mutex_lock(&supervisor->lock);
    for (uint32_t i = 0; i < supervisor->worker_count; i++)
        ph_worker_process_measure(&supervisor->workers[i], now_us);
    pthread_mutex_unlock(&supervisor->lock);
    ph_supervisor_update_room(supervisor, now_us);
}
