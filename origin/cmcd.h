/* Common Media Client Data (CTA-5004): what a player tells of itself with its requests, in the query or in
 * headers. Pure. Nothing of it changes an answer. */
#ifndef PH_ORIGIN_CMCD_H
#define PH_ORIGIN_CMCD_H

#include <stdbool.h>
#include <stdint.h>

struct ph_cmcd {
    bool is_starved;          /* "bs": the buffer ran dry since the request before */
    uint32_t bitrate_kbps;    /* "br", of what is asked for; 0: not told */
    uint32_t throughput_kbps; /* "mtp"; 0: not told */
};

/* Takes what it knows from the list `key,key=value,…` (a header's value, or the query's once decoded) and
 * passes over the rest. False when that is nothing. */
bool ph_cmcd_read(const char *text, struct ph_cmcd *cmcd);

#endif
