/* Random identifiers from getrandom(2). */
#ifndef PH_BASE_RANDOM_H
#define PH_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void ph_random_bytes(void *target, size_t size);
/* Uniform in [0, 1): for jitter. */
double ph_random_unit(void);
/* A lower-case RFC 4648 base32 text of `characters` characters (5 bits each) and a NUL, which `target` must
 * have room for. 26 characters carry 130 bits, 32 carry 160. */
void ph_random_id(char *target, size_t characters);

enum { PH_SESSION_ID_CHARACTERS = 26, PH_SESSION_ID_BYTES = PH_SESSION_ID_CHARACTERS + 1 };

#endif
