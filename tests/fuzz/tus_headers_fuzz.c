/* links: ph_api */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/recordings/recording_file_name.h"
#include "api/recordings/tus_headers.h"
#include "api/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What an upload's client says in headers, and the file's name that comes of a title. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t number = -1;
    struct ph_tus_metadata metadata;
    struct ph_tus_checksum checksum;
    struct ph_error error = {""};
    char name[PH_RECORDING_FILE_NAME_BYTES], *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ph_tus_number_parse(text, &number) && number < 0)
        abort();
    if (ph_tus_checksum_parse(text, &checksum) == 0 &&
        (checksum.digest_size > PH_TUS_MOST_DIGEST_BYTES ||
            ph_tus_checksum_holds(&checksum, (struct ph_slice){data, size}) < 0))
        abort();
    (void)ph_tus_is_video((struct ph_slice){data, size});
    if (ph_tus_metadata_parse(text, &metadata, &error) == 0) {
        if (ph_text_characters(metadata.title) > PH_MOST_TITLE_CHARACTERS)
            abort();
        ph_recording_file_name(metadata.title, number, name);
        if (strpbrk(name, "/\\\n") || *name == '.')
            abort();
    }
    free(text);
    return 0;
}
