/* The supervisor's processes: spares, heartbeats, deaths, capacity. */
#include "transcode/supervisor_internal.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/wait.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "transcode/worker_capacity.h"

static const int64_t silence_us = 5 * PH_SECOND_US;
static const int64_t warm_up_us = 20 * PH_SECOND_US;
static const int64_t measure_us = PH_SECOND_US;
/* A session's first seconds tell little of its cost. */
static const int64_t trusted_after_us = 4 * PH_SECOND_US;
/* A spare that stood this long started well. */
static const int64_t proven_us = 5 * PH_SECOND_US;
static const int64_t reservation_us = 10 * PH_SECOND_US;
static const int64_t least_pause_us = 100 * PH_MILLISECOND_US;
static const int64_t most_pause_us = 5 * PH_SECOND_US;

uint32_t ph_supervisor_count(const struct ph_supervisor *supervisor, enum ph_worker_state state) {
    uint32_t count = 0;
    for (int i = 0; i < PH_SUPERVISOR_MOST_WORKERS; i++)
        count += supervisor->workers[i].view.pid && supervisor->workers[i].view.state == state;
    return count;
}

struct ph_worker_process *ph_supervisor_spare(struct ph_supervisor *supervisor) {
    for (int i = 0; i < PH_SUPERVISOR_MOST_WORKERS; i++) {
        struct ph_worker_process *worker = &supervisor->workers[i];
        if (worker->view.pid && worker->view.state == PH_WORKER_SPARE && !worker->killed &&
            worker->control >= 0)
            return worker;
    }
    return NULL;
}

static void end_worker(struct ph_worker_process *worker, int number, int64_t now_us) {
    if (worker->view.state != PH_WORKER_ENDING)
        ph_worker_process_enter(worker, PH_WORKER_ENDING, now_us);
    ph_worker_process_signal(worker, number);
}

void ph_supervisor_end_workers(struct ph_supervisor *supervisor, bool busy_too, int number, int64_t now_us) {
    for (int i = 0; i < PH_SUPERVISOR_MOST_WORKERS; i++) {
        struct ph_worker_process *worker = &supervisor->workers[i];
        if (worker->view.pid && (busy_too || worker->view.state != PH_WORKER_BUSY))
            end_worker(worker, number, now_us);
    }
}

/* A pause that grows while processes are of no use. */
static void plan_next_spawn(struct ph_supervisor *supervisor, int64_t now_us) {
    uint32_t doublings = supervisor->failed_spawns < 6 ? supervisor->failed_spawns : 6;
    supervisor->failed_spawns++;
    int64_t pause_us = least_pause_us << doublings;
    pause_us += (int64_t)((double)pause_us / 2 * ph_random_unit());
    supervisor->spawn_after_us = now_us + (pause_us < most_pause_us ? pause_us : most_pause_us);
}

static void log_end(const struct ph_worker_process *worker, int status) {
    const char *state = ph_worker_state_name(worker->view.state);
    if (worker->view.state == PH_WORKER_ENDING)
        ph_log_info("transcoding process ended as told", ph_int("pid", worker->view.pid));
    else if (WIFSIGNALED(status))
        ph_log_error("transcoding process ended by a signal", ph_int("pid", worker->view.pid),
            ph_str("state", state), ph_int("signal", WTERMSIG(status)),
            ph_str("signal_name", strsignal(WTERMSIG(status))));
    else if (WEXITSTATUS(status))
        ph_log_error("transcoding process failed", ph_int("pid", worker->view.pid), ph_str("state", state),
            ph_int("exit_code", WEXITSTATUS(status)));
    else
        ph_log_info("transcoding process ended", ph_int("pid", worker->view.pid), ph_str("state", state));
}

/* A process that nobody told to end; one that carried a session may end well. */
static void count_crash(
    struct ph_supervisor *supervisor, const struct ph_worker_process *worker, int status, int64_t now_us) {
    bool failed = WIFSIGNALED(status) || WEXITSTATUS(status);
    bool was_busy = worker->view.state == PH_WORKER_BUSY;
    if (was_busy ? !failed : worker->view.state == PH_WORKER_ENDING)
        return;
    ph_metric_add(supervisor->metrics.crashes, 1);
    if (was_busy) {
        supervisor->reserved++;
        supervisor->reserved_until_us = now_us + reservation_us;
        return;
    }
    plan_next_spawn(supervisor, now_us);
}

void ph_supervisor_reap_worker(struct ph_supervisor *supervisor, int place, int64_t now_us) {
    struct ph_worker_process *worker = &supervisor->workers[place];
    int status;
    if (!worker->view.pid || ph_worker_process_reap(worker, &status))
        return;
    log_end(worker, status);
    count_crash(supervisor, worker, status, now_us);
    ph_worker_process_finish(worker);
}

void ph_supervisor_hear_worker(struct ph_supervisor *supervisor, int place, int64_t now_us) {
    struct ph_worker_process *worker = &supervisor->workers[place];
    if (!worker->view.pid || worker->control < 0)
        return;
    bool was_starting = worker->view.state == PH_WORKER_STARTING;
    int64_t started_us = worker->since_us;
    int code = ph_worker_process_listen(worker, now_us);
    if (was_starting && worker->view.state == PH_WORKER_SPARE)
        ph_metric_observe(
            supervisor->metrics.spawn_seconds, (double)(now_us - started_us) / (double)PH_SECOND_US);
    if (!code)
        return;
    /* It is about to end. If it does not, its silence ends it. */
    close(worker->control);
    worker->control = -1;
}

static bool watch_worker(struct ph_supervisor *supervisor, int place) {
    const struct ph_worker_process *worker = &supervisor->workers[place];
    return ph_supervisor_watch(supervisor, EPOLL_CTL_ADD, worker->control, EPOLLIN, PH_FROM_CONTROL, place) ==
               0 &&
           ph_supervisor_watch(supervisor, EPOLL_CTL_ADD, worker->pidfd, EPOLLIN, PH_FROM_PIDFD, place) == 0;
}

/* A process nobody would hear of must not live. */
static void abandon(struct ph_worker_process *worker) {
    ph_worker_process_signal(worker, SIGKILL);
    waitpid(worker->view.pid, NULL, 0);
    ph_worker_process_finish(worker);
}

static void spawn_spare(struct ph_supervisor *supervisor, int64_t now_us) {
    int place = -1;
    for (int i = PH_SUPERVISOR_MOST_WORKERS - 1; i >= 0; i--) {
        const struct ph_worker_process *worker = &supervisor->workers[i];
        if (!worker->view.pid)
            place = i;
        else if (worker->view.state == PH_WORKER_STARTING || worker->view.state == PH_WORKER_SPARE)
            return;
    }
    if (place < 0 || now_us < supervisor->spawn_after_us)
        return;
    struct ph_worker_process *worker = &supervisor->workers[place];
    int code = ph_worker_process_spawn(worker, supervisor->executable, supervisor->environment);
    if (!code && !watch_worker(supervisor, place)) {
        code = -ENOMEM;
        abandon(worker);
    }
    if (!code)
        return;
    plan_next_spawn(supervisor, now_us);
    ph_log_error("transcoding process cannot be started", ph_code(code),
        ph_int("failures_in_a_row", supervisor->failed_spawns));
}

static void kill_stuck(struct ph_worker_process *worker, int64_t now_us) {
    enum ph_worker_state state = worker->view.state;
    bool silent = state == PH_WORKER_BUSY && now_us - worker->heard_us > silence_us;
    bool cold = state == PH_WORKER_STARTING && now_us - worker->since_us > warm_up_us;
    bool deaf = state != PH_WORKER_BUSY && state != PH_WORKER_ENDING && worker->control < 0 &&
                now_us - worker->since_us > silence_us;
    if (worker->killed || (!silent && !cold && !deaf))
        return;
    ph_log_error("transcoding process is silent and gets killed", ph_int("pid", worker->view.pid),
        ph_str("state", ph_worker_state_name(state)),
        ph_real("silent_s", (double)(now_us - worker->heard_us) / (double)PH_SECOND_US));
    worker->killed = true;
    ph_worker_process_signal(worker, SIGKILL);
}

static uint32_t measured_capacity(const struct ph_supervisor *supervisor, int64_t now_us) {
    struct ph_worker_load loads[PH_SUPERVISOR_MOST_WORKERS];
    uint32_t count = 0;
    for (int i = 0; i < PH_SUPERVISOR_MOST_WORKERS; i++) {
        const struct ph_worker_process *worker = &supervisor->workers[i];
        if (!worker->view.pid || worker->view.state != PH_WORKER_BUSY)
            continue;
        loads[count++] = (struct ph_worker_load){
            .measured =
                worker->view.has_stats && worker->cores >= 0 && now_us - worker->since_us > trusted_after_us,
            .cores = worker->cores,
            .effort = worker->view.stats.effort,
            .speed = worker->view.stats.speed,
        };
    }
    return ph_worker_capacity(supervisor->cores, loads, count);
}

static void update_capacity(struct ph_supervisor *supervisor, int64_t now_us) {
    uint32_t capacity = supervisor->most_sessions;
    if (!capacity)
        capacity = measured_capacity(supervisor, now_us);
    if (capacity > PH_SUPERVISOR_MOST_WORKERS - 2) /* places for a spare and one that ends */
        capacity = PH_SUPERVISOR_MOST_WORKERS - 2;
    supervisor->capacity = capacity;
    ph_metric_set(supervisor->metrics.capacity, capacity);
    if (capacity == supervisor->logged_capacity)
        return;
    supervisor->logged_capacity = capacity;
    ph_log_info("sessions this node can carry", ph_int("capacity", capacity),
        ph_int("running", ph_supervisor_count(supervisor, PH_WORKER_BUSY)),
        ph_real("cores", supervisor->cores), ph_bool("measured", !supervisor->most_sessions));
}

void ph_supervisor_look_after_workers(struct ph_supervisor *supervisor, int64_t now_us) {
    bool measure = now_us - supervisor->measured_us >= measure_us;
    for (int i = 0; i < PH_SUPERVISOR_MOST_WORKERS; i++) {
        struct ph_worker_process *worker = &supervisor->workers[i];
        if (!worker->view.pid)
            continue;
        kill_stuck(worker, now_us);
        if (worker->view.state == PH_WORKER_SPARE && now_us - worker->since_us >= proven_us)
            supervisor->failed_spawns = 0;
        if (measure && worker->view.state == PH_WORKER_BUSY)
            ph_worker_process_measure(worker, now_us);
    }
    if (measure)
        supervisor->measured_us = now_us;
    if (now_us >= supervisor->reserved_until_us)
        supervisor->reserved = 0;
    update_capacity(supervisor, now_us);
    if (!supervisor->draining)
        spawn_spare(supervisor, now_us);
}
