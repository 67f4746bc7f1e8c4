/* Checks of text from outside. */
#ifndef PH_API_TEXT_H
#define PH_API_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* UTF-8's code points; the text must be valid. */
size_t ph_text_characters(const char *text);
/* Whether a control character (C0, DEL) is in it. */
bool ph_text_has_controls(const char *text);
/* The same, but line feeds and tabs are none. */
bool ph_text_has_unprintables(const char *text);
/* A session's id: PH_SESSION_ID_CHARACTERS of lower-case base32. */
bool ph_text_is_session_id(const char *text);

#endif
