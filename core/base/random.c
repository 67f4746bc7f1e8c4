#include "core/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void ph_random_bytes(void *target, size_t size) {
    uint8_t *next = target;
    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0 && errno != EINTR)
            abort(); /* a kernel without randomness cannot issue keys */
        if (got > 0) {
            next += got;
            size -= (size_t)got;
        }
    }
}

double ph_random_unit(void) {
    uint64_t bits;
    ph_random_bytes(&bits, sizeof(bits));
    return (double)(bits >> 11) * 0x1.0p-53;
}

void ph_random_id(char *target, size_t characters) {
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    ph_random_bytes(target, characters);
    for (size_t i = 0; i < characters; i++)
        target[i] = alphabet[(uint8_t)target[i] & 31];
    target[characters] = '\0';
}
