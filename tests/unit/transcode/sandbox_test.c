#include "transcode/sandbox.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Runs `act` in a sandboxed child; its wait status. */
static int status_of(int (*act)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        if (ph_sandbox_apply(false) != 0)
            _exit(99);
        _exit(act());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void assert_dies(int (*act)(void)) {
    int status = status_of(act);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void assert_lives(int (*act)(void)) {
    int status = status_of(act);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int create_file(void) {
    return open("/tmp/porthole-sandbox-test", O_CREAT | O_WRONLY, 0600);
}
static int open_for_writing(void) {
    return open("/dev/null", O_RDWR);
}
static int unix_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int packet_socket(void) {
    return socket(AF_PACKET, SOCK_RAW, 0);
}
static int raw_socket(void) {
    return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}
static int run_program(void) {
    return execl("/bin/true", "true", (char *)NULL);
}
static int new_process(void) {
    return fork() < 0;
}
static int bind_port(void) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return bind(fd, (struct sockaddr *)&any, sizeof(any));
}
static int listen_port(void) {
    return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}
static int trace(void) {
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static int remove_file(void) {
    return unlink("/tmp/porthole-sandbox-test");
}
static int signal_parent(void) {
    return kill(getppid(), 0);
}

static void what_an_attacker_needs_kills(void **state) {
    (void)state;
    assert_dies(create_file);
    assert_dies(open_for_writing);
    assert_dies(unix_socket);
    assert_dies(packet_socket);
    assert_dies(raw_socket);
    assert_dies(run_program);
    assert_dies(new_process);
    assert_dies(bind_port);
    assert_dies(listen_port);
    assert_dies(trace);
    assert_dies(remove_file);
    assert_dies(signal_parent);
}

static void *idle(void *opaque) {
    return opaque;
}
static int start_threads(void) {
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, idle, NULL) != 0 || pthread_join(thread, NULL) != 0)
            return 1;
    }
    return 0;
}
static int use_memory(void) {
    size_t size = (size_t)64 << 20;
    char *block = malloc(size);
    if (!block)
        return 1;
    memset(block, 1, size);
    free(block);
    return 0;
}
static int connect_out(void) {
    struct sockaddr_in nobody = {
        .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) == 0;
}
static int few_descriptors(void) {
    int count = 0;
    while (count < 100 && dup(0) >= 0)
        count++;
    return count > 64;
}

static void what_a_worker_needs_works(void **state) {
    (void)state;
    assert_lives(start_threads);
    assert_lives(use_memory);
    assert_lives(connect_out);
    assert_lives(few_descriptors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_attacker_needs_kills),
        cmocka_unit_test(what_a_worker_needs_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
