#include "api/mail/unsubscribe_page.h"

#include <stdlib.h>

#include "api/embedded.h"
#include "api/mail/template.h"
#include "api/mail/unsubscribe.h"
#include "api/outbox/events.h"
#include "api/problem.h"
#include "core/base/log.h"

/* Takes over the text. */
static struct ph_http_response *as_page(unsigned status, char *html) {
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
    };
    struct ph_http_response *response =
        html ? ph_http_response_from_text(status, "text/html; charset=utf-8", html) : NULL;
    free(html);
    for (size_t i = 0; response && i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ph_http_response_add_header(response, headers[i][0], headers[i][1]) < 0)
            ph_http_response_unref(&response);
    }
    return response;
}

/* A page with up to three sentences of the catalogue, by their keys (NULL: without). */
static struct ph_http_response *show(const struct ph_unsubscribe_resource *resource, unsigned status,
    const char *language, const char *heading, const char *lead, const char *button) {
    const struct ph_words *words = resource->words;
    const char *keys[] = {heading, lead, button};
    char *texts[3] = {NULL};
    struct ph_builder builder = {0};
    const struct ph_template_value names[] = {
        {"name", ph_words_find(words, language, "somebody")}, {NULL, NULL}};
    int code = 0;
    for (int i = 0; code == 0 && i < 3; i++) {
        if (keys[i])
            code = ph_sentence_fill(ph_words_find(words, language, keys[i]), names, &texts[i]);
    }
    if (code == 0)
        code = ph_template_render(&builder, PH_TEMPLATE_HTML, ph_mail_page_template,
            (const struct ph_template_value[]){{"language", language}, {"heading", texts[0]},
                {"lead", texts[1]}, {"button", texts[2]}, {NULL, NULL}});
    for (int i = 0; i < 3; i++)
        free(texts[i]);
    char *html = ph_builder_finish_string(&builder);
    if (code < 0) {
        free(html);
        html = NULL;
    }
    return as_page(status, html);
}

/* 0, or -EACCES: then the language is the fallback. */
static int read_wish(const struct ph_unsubscribe_resource *resource, const struct ph_api_call *call,
    struct ph_unsubscription *wish, const char **language) {
    const char *text = ph_api_call_query(call, "wish");
    int code = text ? ph_unsubscription_verify(resource->secret, text, wish) : -EACCES;
    *language = ph_words_language(resource->words, code == 0 ? wish->language : "en");
    return code;
}

static struct ph_http_response *ask(void *opaque, const struct ph_api_call *call) {
    const struct ph_unsubscribe_resource *resource = opaque;
    struct ph_unsubscription wish;
    const char *language;
    if (read_wish(resource, call, &wish, &language) < 0)
        return show(resource, 403, language, "page.gone", NULL, NULL);
    return show(resource, 200, language, "page.heading", "page.lead", "page.button");
}

static struct ph_http_response *unsubscribe(void *opaque, const struct ph_api_call *call) {
    const struct ph_unsubscribe_resource *resource = opaque;
    struct ph_unsubscription wish;
    const char *language;
    if (read_wish(resource, call, &wish, &language) < 0)
        return show(resource, 403, language, "page.gone", NULL, NULL);
    int code = ph_outbox_unsubscribe(resource->db, wish.event, wish.profile, wish.guardian);
    if (code < 0 && code != -ENOENT) /* who is no guardian any more gets no mails either */
        return ph_problem_of_code(code);
    ph_log_info("guardian unsubscribed", ph_str("event", wish.event));
    return show(resource, 200, language, "page.done", NULL, NULL);
}

const struct ph_api_route ph_unsubscribe_routes[] = {
    {"GET", "/api/mail/unsubscribe", "mail.unsubscribe.ask", .action = ask, .wants.queries = {"wish"},
        .takes_any_page = true},
    {"POST", "/api/mail/unsubscribe", "mail.unsubscribe", .action = unsubscribe, .wants.queries = {"wish"},
        .takes_any_page = true}, /* a form's page hides where it is from (Referrer-Policy) */
};
const size_t ph_unsubscribe_route_count = sizeof(ph_unsubscribe_routes) / sizeof(ph_unsubscribe_routes[0]);
