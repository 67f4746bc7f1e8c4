/* Where keys to an S3 server come from, found as AWS's own programs find it: the environment, else a shared
 * credentials file, else the endpoint of the container, else the metadata service of the instance (IMDSv2).
 *
 * open → fetch … → close. Of one thread, but for cancel. */
#ifndef PH_STORE_AWS_SOURCE_H
#define PH_STORE_AWS_SOURCE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/http/client.h"
#include "core/store/aws_keys.h"

enum ph_aws_source_kind {
    PH_AWS_FROM_ENVIRONMENT, /* they stay as they are */
    PH_AWS_FROM_PROFILE,
    PH_AWS_FROM_CONTAINER,
    PH_AWS_FROM_INSTANCE
};

/* Texts are owned. */
struct ph_aws_source {
    enum ph_aws_source_kind kind;
    char *path; /* of the credentials file */
    char *profile;
    char *url;               /* of the container's endpoint, or of the instance's service without its paths */
    char *token;             /* for the container's endpoint; NULL: none */
    char *token_file;        /* where that token stands instead, read each time; NULL: nowhere */
    struct timespec changed; /* the file, when it was fetched last */
    ino_t inode;
    struct ph_http_client *client; /* NULL: it needs none */
};

/* Chooses by the environment and by what files there are; asks nothing of the network. -EINVAL with a
 * sentence when what is given is no use, or when there is no place to ask. Close it also after a failure. */
int ph_aws_source_open(struct ph_aws_source *source, struct ph_error *error) PH_NODISCARD;
void ph_aws_source_close(struct ph_aws_source *source);
/* From any thread: makes a running and every later fetch fail. */
void ph_aws_source_cancel(struct ph_aws_source *source);

/* A few seconds at most. On failure `error` says what to do, without a secret. */
int ph_aws_source_fetch(
    struct ph_aws_source *source, struct ph_aws_keys **keys, struct ph_error *error) PH_NODISCARD;
/* Whether the file is another one than when it was fetched. */
bool ph_aws_source_has_changed(const struct ph_aws_source *source);
/* "environment", "profile", "container" or "instance": for logs. */
const char *ph_aws_source_name(const struct ph_aws_source *source);

/* aws_endpoints.c: fetch, where it goes over HTTP. */
int ph_aws_fetch_from_container(
    struct ph_aws_source *source, struct ph_aws_keys **keys, struct ph_error *error) PH_NODISCARD;
int ph_aws_fetch_from_instance(
    struct ph_aws_source *source, struct ph_aws_keys **keys, struct ph_error *error) PH_NODISCARD;

#endif
