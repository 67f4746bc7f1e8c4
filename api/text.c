#include "api/text.h"

#include <string.h>

#include "core/base/random.h"

size_t ph_text_characters(const char *text) {
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

bool ph_text_has_controls(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

bool ph_text_has_unprintables(const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

bool ph_text_is_session_id(const char *text) {
    return strlen(text) == PH_SESSION_ID_CHARACTERS &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == PH_SESSION_ID_CHARACTERS;
}
