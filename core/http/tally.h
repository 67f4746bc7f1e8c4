/* What was sent in answer to some requests: how many, and the bytes of their bodies. Reference-counted, since
 * a request that is held may outlive whom it is counted for. Any thread may call; there is no lock. */
#ifndef PH_HTTP_TALLY_H
#define PH_HTTP_TALLY_H

#include <stdint.h>

struct ph_http_tally;

struct ph_http_tally_sums {
    uint64_t requests, body_bytes;
};

/* With one reference. NULL when out of memory. */
struct ph_http_tally *ph_http_tally_create(void);
struct ph_http_tally *ph_http_tally_ref(struct ph_http_tally *tally);
/* Drops the reference and sets the pointer to NULL; NULL is fine. */
void ph_http_tally_unref(struct ph_http_tally **tally);
void ph_http_tally_add(struct ph_http_tally *tally, struct ph_http_tally_sums sums);
/* What was added since it was taken last. */
struct ph_http_tally_sums ph_http_tally_take(struct ph_http_tally *tally);

#endif
