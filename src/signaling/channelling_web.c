/* What the protocol's web client begins with: its configuration, by REST and within the page that loads it. The page is ours; the files that
 * it names, static/..., are the operator's. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"
#include "signaling/channelling.h"
#include "signaling/services.h"

enum { LANGUAGES_MAX = 16, LANGUAGE_MAX = 35 /* RFC 5646 section 4.4.1 */ };

/* Of a page the client has no pages for presentations and videos. */
enum reader { BY_REST, BY_PAGE };

static const struct config *config_of(struct http_exchange *exchange)
{
	return http_services(exchange)->config;
}

bool channelling_has_users(const struct config *config)
{
	return config != NULL && config->user_secret.count > 0;
}

/* Where a proxy says who users are, nobody else makes any. */
static bool registers_users(const struct config *config)
{
	return channelling_has_users(config) && config->user_registration &&
	       config->user_header == NULL;
}

static void put_list(struct text *text, const char *name, const char *const *items, size_t count)
{
	json_name(text, name);
	json_open(text, '[');
	for (size_t i = 0; i < count; i++)
		json_put_string(text, slice_of(items[i]));
	json_close(text, ']');
}

/* What the client shows. Rooms are locked by who made them, or may change them. */
static void put_modules(struct text *text, const struct config *config, unsigned may,
                        enum reader reader)
{
	const struct {
		const char *name;
		bool is_there;
	} modules[] = {
		{"screensharing", true},
		{"youtube", reader == BY_REST},
		{"presentation", reader == BY_REST},
		{"contacts", channelling_has_users(config)},
		{"roomlocking", may & MAY_CHANGE_ROOM || channelling_has_users(config)},
	};

	json_name(text, "Modules");
	json_open(text, '[');
	for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
		if (modules[i].is_there)
			json_put_string(text, slice_of(modules[i].name));
	json_close(text, ']');
}

/* TURN comes with Self, to each its own. */
static void put_texts(struct text *text, const struct config *config)
{
	static const char *const empty[] = {"Token", "TurnUsername", "TurnPassword", "Plugin"};

	json_member_string(text, "Title", SLICE("turnstone"));
	json_member_string(text, "S", SLICE("static"));
	json_member_string(text, "B", SLICE("/"));
	json_member_string(text, "Version", SLICE(PACKAGE_VERSION));
	json_member_string(text, "UsersMode",
	                   config != NULL && config->user_header != NULL ? SLICE("httpheader")
	                                                                 : SLICE("sharedsecret"));
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
		json_member_string(text, empty[i], SLICE(""));
	put_list(text, "StunURIs",
	         config == NULL ? NULL : (const char *const *)config->stun_uri.item,
	         config == NULL ? 0 : config->stun_uri.count);
	put_list(text, "TurnURIs", NULL, 0);
}

/* Whether an account is needed is said of whoever asks. */
static void put_switches(struct text *text, const struct config *config, unsigned may)
{
	const struct {
		const char *name;
		bool value;
	} switches[] = {
		{"Renegotiation", true},
		{"Tokens", false},
		{"UsersEnabled", channelling_has_users(config)},
		{"UsersAllowRegistration", registers_users(config)},
		{"DefaultRoomEnabled", config != NULL && config->room_default != NULL},
		{"AuthorizeRoomCreation", !(may & MAY_CREATE)},
		{"AuthorizeRoomJoin", !(may & MAY_JOIN)},
		{"RoomNameCaseSensitive", config != NULL && config->room_case_sensitive},
		{"LockedRoomJoinableWithPIN", true},
	};

	for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
		json_member_bool(text, switches[i].name, switches[i].value);
}

static void put_config(struct text *text, const struct config *config,
                       const struct identity *identity, enum reader reader)
{
	unsigned may = identity == NULL ? 0 : identity->permissions;

	json_open(text, '{');
	put_texts(text, config);
	put_modules(text, config, may, reader);
	put_switches(text, config, may);
	json_close(text, '}');
}

static void answer_no_memory(struct http_exchange *exchange)
{
	http_answer(exchange, 503, "text/plain", SLICE("no memory\n"));
}

static void config_identified(struct http_exchange *exchange, const struct identity *identity,
                              enum signaling_error error)
{
	struct text text;

	(void)error;
	text_init(&text, 0);
	put_config(&text, config_of(exchange), identity, BY_REST);
	if (text.has_failed)
		answer_no_memory(exchange);
	else
		http_answer_json(exchange, 200, text_slice(&text));
	text_deinit(&text);
}

void channelling_get_config(struct http_exchange *exchange)
{
	http_identify(exchange, config_identified);
}

/* The page. */

/* The language of "de-AT;q=0.9", without what is around it. */
static struct slice language_of(struct slice part)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
	struct slice language = part;

	while (language.len > 0 && *language.at == ' ')
		language = (struct slice){language.at + 1, language.len - 1};
	for (size_t i = 0; i < language.len; i++)
		if (memchr(letters, language.at[i], sizeof letters - 1) == NULL)
			language.len = i;
	return language;
}

/* RFC 9110 section 12.5.4, in the order that browsers write them in: by what people want most. */
static void put_languages(struct text *text, struct slice accepted)
{
	unsigned count = 0;

	json_name(text, "Languages");
	json_open(text, '[');
	for (size_t at = 0, len; at < accepted.len; at += len + 1) {
		const char *start = accepted.at + at;
		const char *comma = memchr(start, ',', accepted.len - at);
		len = comma == NULL ? accepted.len - at : (size_t)(comma - start);
		struct slice language = language_of((struct slice){start, len});
		if (language.len > 0 && language.len <= LANGUAGE_MAX && count++ < LANGUAGES_MAX)
			json_put_string(text, language);
	}
	if (count == 0)
		json_put_string(text, SLICE("en"));
	json_close(text, ']');
}

static void put_context(struct text *text, struct http_exchange *exchange,
                        const struct identity *identity)
{
	char base[512];
	const char *host;

	http_base_url(exchange, base, sizeof base);
	host = strstr(base, "//");
	json_open(text, '{');
	json_member_string(text, "App", SLICE("main"));
	json_name(text, "Cfg");
	put_config(text, config_of(exchange), identity, BY_PAGE);
	json_member_string(text, "Host", slice_of(host == NULL ? "" : host + 2));
	json_member_bool(text, "Ssl", http_is_tls(exchange));
	json_member_bool(text, "Csp", true);
	put_languages(text, http_header(exchange, "Accept-Language"));
	json_close(text, '}');
}

/* What it says of itself shall not end the element that it stands in: < is no part of JSON but in strings. */
static void put_in_script(struct text *text, struct slice json)
{
	for (size_t i = 0; i < json.len; i++)
		if (json.at[i] == '<')
			text_put(text, SLICE("\\u003c"));
		else
			text_put_char(text, json.at[i]);
}

static void put_page(struct text *text, struct slice context)
{
	static const char *const styles[] = {"csp", "bootstrap", "font-awesome", "main"};

	text_put(text, SLICE("<!DOCTYPE html>\n<html class=\"no-js wf-loading\" ng-csp>\n<head>\n"
	                     "<meta charset=\"utf-8\">\n<title>turnstone</title>\n"
	                     "<meta name=\"viewport\" content=\"width=device-width, "
	                     "initial-scale=1\">\n<base href=\"/\">\n"));
	for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
		text_printf(text, "<link rel=\"stylesheet\" href=\"static/css/%s.min.css\">\n",
		            styles[i]);
	text_put(text, SLICE("<script id=\"globalcontext\" type=\"application/json\">"));
	put_in_script(text, context);
	text_put(text, SLICE("</script>\n</head>\n<body spreed-webrtc>\n"
	                     "<div id=\"background\"></div>\n<div id=\"loader\"></div>\n<ui></ui>\n"
	                     "<script data-main=\"static/js/main\" data-plugin=\"\" "
	                     "src=\"static/js/libs/require/require.js\"></script>\n"
	                     "</body>\n</html>\n"));
}

/* A geo call goes to any server, by https. */
static void set_headers(struct http_exchange *exchange)
{
	http_set_header(
		exchange, "Content-Security-Policy",
		"default-src 'self'; frame-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
		"img-src 'self' data: blob:; connect-src 'self' ws: wss: https: blob:; "
		"font-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
		"base-uri 'self'; frame-ancestors 'self'");
	http_set_header(exchange, "Cache-Control", "private, no-cache");
	http_set_header(exchange, "Vary", "Accept, Accept-Language");
	http_set_header(exchange, "Permissions-Policy",
	                "camera=(self), microphone=(self), display-capture=(self)");
	http_set_header(exchange, "Referrer-Policy", "no-referrer");
	http_set_header(exchange, "X-Content-Type-Options", "nosniff");
}

static void page_identified(struct http_exchange *exchange, const struct identity *identity,
                            enum signaling_error error)
{
	struct text context, page;

	(void)error;
	text_init(&context, 0);
	text_init(&page, 0);
	put_context(&context, exchange, identity);
	put_page(&page, text_slice(&context));
	set_headers(exchange);
	if (context.has_failed || page.has_failed)
		answer_no_memory(exchange);
	else
		http_answer(exchange, 200, "text/html; charset=utf-8", text_slice(&page));
	text_deinit(&context);
	text_deinit(&page);
}

/* What a browser opens for a person says so (RFC 9110 section 12.5.1); pictures and scripts that are missing stay so. */
static bool wants_page(struct http_exchange *exchange)
{
	static const char type[] = "text/html";
	struct slice accept = http_header(exchange, "Accept");

	if (http_method(exchange) != HTTP_GET && http_method(exchange) != HTTP_HEAD)
		return false;
	for (size_t i = 0; i + sizeof type - 1 <= accept.len; i++)
		if (strncasecmp(accept.at + i, type, sizeof type - 1) == 0)
			return true;
	return false;
}

bool channelling_page(struct http_exchange *exchange)
{
	const struct config *config = config_of(exchange);

	if (config == NULL || !config->room_page || !wants_page(exchange))
		return false;
	http_identify(exchange, page_identified);
	return true;
}
