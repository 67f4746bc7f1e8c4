/* links: ph_api ph_db ph_http ph_media ph_base */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/client_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a proxy forwards, the client is an address. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), address[INET6_ADDRSTRLEN];
    unsigned char binary[sizeof(struct in6_addr)];
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    ph_client_address("127.0.0.1", text, "127.0.0.1,10.0.0.0/8,2001:db8::/32", address);
    if (inet_pton(AF_INET, address, binary) != 1 && inet_pton(AF_INET6, address, binary) != 1)
        abort();
    free(text);
    return 0;
}
