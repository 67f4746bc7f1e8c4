#include "tests/unit/support/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/random.h"

static char folder[128], url[512];

/* The first line of a file that scripts/lib/s3.sh left. */
static int read_line(const char *name, char *line, size_t line_bytes) {
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", getenv("PH_TEST_S3"), name);
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, (int)line_bytes, file);
    if (file)
        fclose(file);
    if (!is_read) {
        fprintf(stderr, "there is no S3 server of the run: %s cannot be read\n", path);
        return -1;
    }
    line[strcspn(line, "\n")] = '\0';
    return 0;
}

static int use_bucket(void) {
    char bucket[256], access_key[128], secret_key[128], prefix[27];
    if (read_line("url", bucket, sizeof(bucket)) < 0 ||
        read_line("access-key", access_key, sizeof(access_key)) < 0 ||
        read_line("secret-key", secret_key, sizeof(secret_key)) < 0)
        return -1;
    ph_random_id(prefix, sizeof(prefix) - 1);
    size_t query = strcspn(bucket, "?");
    snprintf(url, sizeof(url), "%.*s/%s%s", (int)query, bucket, prefix, bucket + query);
    unsetenv("AWS_SESSION_TOKEN");
    return setenv("AWS_ACCESS_KEY_ID", access_key, 1) || setenv("AWS_SECRET_ACCESS_KEY", secret_key, 1) ||
                   setenv("AWS_EC2_METADATA_DISABLED", "true", 1)
               ? -1
               : 0;
}

bool ph_test_store_is_folder(void) {
    return !getenv("PH_TEST_S3");
}

int ph_test_store_make(void) {
    const char *place = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/ph-store-XXXXXX", place ? place : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        return -1;
    }
    snprintf(url, sizeof(url), "file:%s/archive", folder);
    return ph_test_store_is_folder() ? 0 : use_bucket();
}

int ph_test_store_remove(void) {
    char command[192];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : -1;
}

const char *ph_test_store_folder(void) {
    return folder;
}

struct ph_store_options ph_test_store_options(void) {
    static const char secret[] = "an address's secret, of 32 bytes";
    return (struct ph_store_options){
        .url = url,
        .data_dir = folder,
        .public_url = "http://archive.test",
        .secret = {(const uint8_t *)secret, sizeof(secret) - 1},
        .storage_class = "",
        .encryption = "",
        .ca_file = "",
    };
}

struct ph_store *ph_test_store_open(void) {
    struct ph_store_options options = ph_test_store_options();
    struct ph_store *store;
    struct ph_error error;
    if (ph_store_create(&store, &options, &error) == 0)
        return store;
    fprintf(stderr, "%s\n", error.text);
    return NULL;
}
