/* A mail as the bytes of its message (RFC 5322, RFC 2045 to 2047): headers, and text and HTML as
 * multipart/alternative in quoted-printable, seven bits and short lines throughout. (libcurl has a MIME
 * writer too, but only for a transfer of its own, which sends the final dot when it likes; see handover.h.)
 *
 * No value can make a header of its own: control characters become spaces, and an address with any is
 * refused. */
#ifndef PH_API_MAIL_MIME_H
#define PH_API_MAIL_MIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/builder.h"

struct ph_mail {
    const char *from_name, *from_address; /* the name may be "" */
    const char *to;
    const char *subject;     /* UTF-8, as are text and html */
    const char *id;          /* of the Message-ID, without brackets: "left@host" */
    int64_t date_s;          /* UTC */
    const char *language;    /* RFC 5646 */
    const char *unsubscribe; /* a URL for List-Unsubscribe and one-click (RFC 8058); "" for none */
    const char *text, *html; /* lines end with \n */
};

/* An address as of RFC 5321 in ASCII, without quotes and literals: local@domain, 320 bytes at most. */
bool ph_mail_is_address(const char *text);
/* Splits "Name <address>" or "address"; false when it is neither. The parts are cut to their targets' sizes.
 */
bool ph_mail_split_sender(
    const char *text, char *name, size_t name_bytes, char *address, size_t address_bytes);
/* Lines end with CRLF. -EINVAL for a wrong address, -ENOMEM. */
int ph_mime_write(struct ph_builder *builder, const struct ph_mail *mail) PH_NODISCARD;

#endif
