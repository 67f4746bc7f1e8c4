/* A proxy in front of an HTTP server that does what networks and servers do on bad days: to chosen requests,
 * a fault each. One request a connection. */
#ifndef PH_TEST_FAULTY_PROXY_H
#define PH_TEST_FAULTY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ph_test_fault {
    PH_TEST_ANSWERED,       /* with `answer`; the server hears nothing */
    PH_TEST_REQUEST_RESET,  /* once `at` bytes of its body have come */
    PH_TEST_ANSWER_RESET,   /* after `at` bytes of the answer */
    PH_TEST_ANSWER_ENDS,    /* after `at` bytes, as if it were complete */
    PH_TEST_ANSWER_LOST,    /* the server has done it; nobody hears */
    PH_TEST_ANSWER_CHANGED, /* in its last byte */
    PH_TEST_CONDITION_LOST, /* the server hears no If-None-Match */
    PH_TEST_SILENCE,        /* until the proxy ends */
};

/* In front of the server on 127.0.0.1:`port`. Its own port; 0: it could not be started. */
uint16_t ph_test_proxy_start(uint16_t port);
/* The same in front of the S3 server of a store's address (ph_test_store_options()). The address with the
 * proxy's port, until the next call; NULL: it could not be started. */
const char *ph_test_proxy_start_before(const char *store_url);
void ph_test_proxy_stop(void);

/* The next `count` requests whose first line holds `match` (NULL: any) meet the fault. Replaces what was said
 * before. `answer` is borrowed. */
void ph_test_proxy_fault(
    enum ph_test_fault fault, unsigned count, const char *match, size_t at, const char *answer);
/* Called before the connection of a request that met the fault is closed, until another fault is told. */
void ph_test_proxy_after_fault(void (*hook)(void));
/* Requests that came since then, and those of them that met the fault. */
unsigned ph_test_proxy_requests(void);
unsigned ph_test_proxy_faults(void);
/* From now on the requests are counted whose heads hold `text`, and the answers; borrowed. */
void ph_test_proxy_watch(const char *text);
unsigned ph_test_proxy_watched_requests(void);
unsigned ph_test_proxy_watched_answers(void);

#endif
