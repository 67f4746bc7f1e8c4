#include "transcode/worker_capacity.h"

#include <sched.h>
#include <stdio.h>

#include "transcode/effort.h"

/* A 1080p30 ladder at the lowest effort, before any session was measured. */
static const double unmeasured_cores = 0.8;
/* Ingest, origin and the kernel want their share. */
static const double usable_share = 0.92;
/* Of a session's cost, what does not follow the effort: decoding, scaling, audio. */
static const double fixed_share = 0.3;

/* Encoding against that of the lowest effort. */
static const double encoding_cost[PH_EFFORT_HIGHEST + 1] = {1.0, 1.18, 1.37, 1.81, 2.12, 3.08};

/* What the session would cost at the lowest effort. */
static double lowest_cost(const struct ph_worker_load *load) {
    uint32_t effort = load->effort <= PH_EFFORT_HIGHEST ? load->effort : PH_EFFORT_HIGHEST;
    double encoding = 1 - fixed_share;
    return load->cores / (fixed_share + encoding * encoding_cost[effort]);
}

uint32_t ph_worker_capacity(double cores, const struct ph_worker_load *loads, uint32_t count) {
    double dearest = 0, used = 0;
    uint32_t unmeasured = 0;
    bool overloaded = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!loads[i].measured) {
            unmeasured++;
            continue;
        }
        double cost = lowest_cost(&loads[i]);
        used += cost;
        dearest = cost > dearest ? cost : dearest;
        overloaded = overloaded || (loads[i].effort == PH_EFFORT_LOWEST && loads[i].speed < 1);
    }
    double next = dearest > 0 ? dearest : unmeasured_cores;
    used += unmeasured * next;
    double room = cores * usable_share - used;
    uint32_t more = overloaded || room < next ? 0 : (uint32_t)(room / next);
    if (more > 10000)
        more = 10000;
    return count + more ? count + more : 1;
}

/* Control group version 2: "<quota> <period>" or "max <period>". */
static double group_limit(void) {
    double quota = 0, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    int read = fscanf(file, "%lf %lf", &quota, &period);
    fclose(file);
    return read == 2 && quota > 0 && period > 0 ? quota / period : 0;
}

double ph_worker_usable_cores(void) {
    cpu_set_t set;
    double cores = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
    double limit = group_limit();
    return limit > 0 && limit < cores ? limit : cores;
}
