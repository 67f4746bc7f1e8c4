/* Bodies that a handler takes in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/http/server.h"
#include "tests/unit/http/raw_peer.h"

enum { piece_size = 50000, most_pieces = 10 * 1024 * 1024 };

static struct ph_http_server *server;
static uint16_t port;

/* What a handler saw of a body in pieces, one letter a phase. */
static char phases[64];
static size_t seen_bytes, largest_piece;
static atomic_bool was_cut;

/* Goes on with what comes, by a hold where the header says so, and refuses at the phase that another tells.
 */
static void take_pieces(struct ph_http_request *request, void *opaque) {
    static const char letters[] = {
        [PH_HTTP_LAST] = 'l', [PH_HTTP_HEAD] = 'h', [PH_HTTP_PIECE] = 'p', [PH_HTTP_CUT] = 'c'};
    const char *no = ph_http_request_header(request, "X-Refuse");
    enum ph_http_phase phase = ph_http_request_phase(request);
    size_t size = ph_http_request_body(request).size, length = strlen(phases);
    struct ph_http_hold *hold = NULL;
    (void)opaque;
    phases[length] = letters[phase];
    phases[length + 1] = '\0';
    assert_int_equal(ph_http_request_body_offset(request), seen_bytes);
    seen_bytes += size;
    largest_piece = size > largest_piece ? size : largest_piece;
    if (phase == PH_HTTP_CUT)
        atomic_store(&was_cut, true);
    bool is_refused = no && *no == letters[phase];
    struct ph_http_response *answer =
        is_refused || phase == PH_HTTP_LAST ? ph_http_response_create(is_refused ? 409 : 204) : NULL;
    if (ph_http_request_header(request, "X-Hold") && phase != PH_HTTP_CUT) {
        assert_int_equal(ph_http_request_hold(request, ph_now_us() + 5 * PH_SECOND_US, answer, &hold), 0);
        ph_http_hold_release(hold, answer);
    } else if (answer) {
        ph_http_respond(request, answer);
    }
    ph_http_response_unref(&answer);
}

static int start(void **state) {
    const struct ph_http_route route = {.method = "PUT",
        .pattern = "/pieces",
        .handler = take_pieces,
        .most_body_bytes = most_pieces,
        .piece_bytes = piece_size};
    const struct ph_http_server_options options = {
        .listen = "127.0.0.1:0", .threads = 2, .idle_timeout_us = 2 * PH_SECOND_US};
    (void)state;
    return raw_serve(&server, &options, &route, 1, &port);
}

static int stop(void **state) {
    (void)state;
    ph_http_server_drain(server, ph_now_us() + PH_SECOND_US);
    ph_http_server_destroy(server);
    return 0;
}

/* Sends a body to the pieces' route; the answer's status. */
static unsigned put_pieces(int fd, const char *headers, size_t announced, size_t size) {
    char head[256];
    char *body = calloc(1, size + 1);
    phases[0] = '\0';
    seen_bytes = largest_piece = 0;
    snprintf(head, sizeof(head), "PUT /pieces HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n",
        announced, headers);
    raw_send(fd, head);
    raw_send_bytes(fd, body, size);
    free(body);
    if (size < announced)
        return 0;
    struct answer answer = raw_receive(fd, false);
    answer_finish(&answer);
    return answer.status;
}

static void a_body_in_pieces_is_never_whole_in_memory(void **state) {
    (void)state;
    int fd = raw_dial(port);
    for (int is_held = 0; is_held < 2; is_held++) {
        const char *headers = is_held ? "X-Hold: a\r\n" : "";
        assert_int_equal(put_pieces(fd, headers, 3 * piece_size + 7, 3 * piece_size + 7), 204);
        assert_string_equal(phases, "hpppl");
        assert_int_equal(seen_bytes, 3 * piece_size + 7);
        assert_int_equal(largest_piece, piece_size);
        assert_int_equal(put_pieces(fd, headers, 2 * piece_size, 2 * piece_size), 204);
        assert_string_equal(phases, "hpl");
        assert_int_equal(put_pieces(fd, headers, 0, 0), 204);
        assert_string_equal(phases, "hl");
    }
    close(fd);
}

static void a_body_in_pieces_is_refused_at_its_head_or_in_the_middle(void **state) {
    (void)state;
    int fd = raw_dial(port);
    for (int is_held = 0; is_held < 2; is_held++) {
        const char *hold = is_held ? "X-Hold: a\r\nX-Refuse: " : "X-Refuse: ";
        char headers[64];
        snprintf(headers, sizeof(headers), "%sh\r\n", hold);
        assert_int_equal(put_pieces(fd, headers, piece_size, piece_size), 409);
        assert_string_equal(phases, "h");
        snprintf(headers, sizeof(headers), "%sp\r\n", hold);
        assert_int_equal(put_pieces(fd, headers, most_pieces, most_pieces), 409); /* and it heard so */
        assert_string_equal(phases, "hp");
        snprintf(headers, sizeof(headers), "%sl\r\n", hold);
        assert_int_equal(put_pieces(fd, headers, 2 * piece_size, 2 * piece_size), 409);
        assert_string_equal(phases, "hpl");
    }
    close(fd);
    fd = raw_dial(port); /* nobody waits for so much */
    phases[0] = '\0';
    seen_bytes = 0;
    raw_send(fd, "PUT /pieces HTTP/1.1\r\nHost: x\r\nX-Refuse: h\r\nX-Hold: a\r\n"
                 "Content-Length: 10000000\r\n\r\n");
    assert_int_equal(raw_receive(fd, true).status, 409);
    close(fd);
}

static void a_body_in_pieces_that_is_cut_off_is_shown_as_far_as_it_came(void **state) {
    (void)state;
    int fd = raw_dial(port);
    atomic_store(&was_cut, false);
    put_pieces(fd, "X-Hold: a\r\n", 4 * piece_size, 2 * piece_size + 11);
    close(fd);
    int64_t deadline_us = ph_now_us() + 30 * PH_SECOND_US;
    while (!atomic_load(&was_cut) && ph_now_us() < deadline_us)
        sched_yield();
    assert_string_equal(phases, "hppc");
    assert_int_equal(seen_bytes, 2 * piece_size + 11);
}

/* What came fast earns no time for what does not come. */
static void a_body_in_pieces_that_begins_to_drip_is_cut(void **state) {
    (void)state;
    char *head = malloc(4 * piece_size);
    phases[0] = '\0';
    seen_bytes = 0;
    int length = snprintf(
        head, 4 * piece_size, "PUT /pieces HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", most_pieces);
    memset(head + length, 'a', 3 * piece_size);
    head[length + 3 * piece_size] = '\0';
    raw_assert_drip_is_cut(port, head);
    free(head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_in_pieces_is_never_whole_in_memory),
        cmocka_unit_test(a_body_in_pieces_is_refused_at_its_head_or_in_the_middle),
        cmocka_unit_test(a_body_in_pieces_that_is_cut_off_is_shown_as_far_as_it_came),
        cmocka_unit_test(a_body_in_pieces_that_begins_to_drip_is_cut),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
