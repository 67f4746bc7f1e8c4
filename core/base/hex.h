/* Bytes as hexadecimal digits, small letters. Pure. */
#ifndef PH_BASE_HEX_H
#define PH_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `text` has room for 2 × size digits and a terminating zero. */
void ph_hex_write(const uint8_t *bytes, size_t size, char *text);
/* Reads 2 × size digits; what follows them is not looked at. False when one of them is none: a capital letter
 * is none. */
bool ph_hex_read(const char *text, uint8_t *bytes, size_t size);

#endif
