/* Offers of the fuzz corpus, as tests read them. */
#ifndef PH_TEST_OFFER_FILE_H
#define PH_TEST_OFFER_FILE_H

#include "ingest/webrtc/negotiation.h"

/* The text of "<corpus>/<name>", malloc'ed, with CRLF as line ends. Aborts when it cannot be read. */
char *ph_offer_read(const char *name);
/* The same with the first `from` replaced by `to`; aborts when it is not there. */
char *ph_offer_read_changed(const char *name, const char *from, const char *to);
struct ph_slice ph_offer_slice(const char *text);
/* Parses the offer "sdp_offer/<name>" with the usual codecs; aborts when it is refused. */
struct ph_negotiation ph_offer_negotiate(const char *name);

#endif
