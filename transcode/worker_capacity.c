#include "transcode/worker_capacity.h"

#include <sched.h>
#include <stdio.h>

#include "transcode/effort.h"

/* A 1080p30 session at the lowest effort, while none was measured. */
static const double unmeasured_cores = 0.8;
/* Of a session's cost, what does not follow the effort: decoding, scaling, audio. */
static const double fixed_share = 0.3;
static const double least_headroom = 1.1;
static const double most_sessions_per_core = 2;

/* Encoding at each effort against the lowest; transcode/effort.h has the measured costs. */
static const double encoding_cost[PH_EFFORT_HIGHEST + 1] = {1.0, 1.32, 1.54, 2.03, 2.46, 3.46};

static double cost_at_lowest(const struct ph_worker_load *load) {
    uint32_t effort = load->effort <= PH_EFFORT_HIGHEST ? load->effort : PH_EFFORT_HIGHEST;
    return load->cores / (fixed_share + (1 - fixed_share) * encoding_cost[effort]);
}

static uint32_t most_of(double cores) {
    return cores * most_sessions_per_core < 1 ? 1 : (uint32_t)(cores * most_sessions_per_core);
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
        double cost = cost_at_lowest(&loads[i]);
        used += cost;
        dearest = cost > dearest ? cost : dearest;
        overloaded = overloaded || (loads[i].effort == PH_EFFORT_LOWEST && loads[i].speed < least_headroom);
    }
    uint32_t most = most_of(cores);
    if (overloaded || count >= most)
        return count ? count : 1;
    double next = dearest > 0 ? dearest : unmeasured_cores;
    double room = (cores - used) / next - unmeasured;
    uint32_t left = most - count;
    uint32_t more = room < 1 ? 0 : room < left ? (uint32_t)room : left;
    return count + more ? count + more : 1;
}

/* Control group version 2: "<quota> <period>" or "max <period>". */
static double group_limit(void) {
    double quota = 0, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    int found = fscanf(file, "%lf %lf", &quota, &period);
    fclose(file);
    return found == 2 && quota > 0 && period > 0 ? quota / period : 0;
}

double ph_worker_usable_cores(void) {
    cpu_set_t set;
    double cores = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
    double limit = group_limit();
    return limit > 0 && limit < cores ? limit : cores;
}
