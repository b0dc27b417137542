/* Requests by HTTP, and their answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

void play_http(struct play *play, char *rest)
{
	static const char *const methods[HTTP_METHODS] = {"GET",   "HEAD",   "POST",   "PUT",
	                                                  "PATCH", "DELETE", "OPTIONS"};
	const struct identity *identity = NULL;
	const char *method = take_word(&rest), *target = take_word(&rest);

	if (play->has_exchange)
		exchange_deinit(&play->exchange);
	play->has_exchange = true;
	exchange_init(play, &play->exchange, target);
	read_words(play, &play->exchange, rest, &identity);
	if (play->fault[0] != '\0')
		return;
	play->exchange.method = HTTP_METHODS;
	for (unsigned i = 0; i < HTTP_METHODS; i++)
		if (strcmp(methods[i], method) == 0)
			play->exchange.method = (enum http_method)i;
	if (play->exchange.method == HTTP_METHODS)
		fault(play, "there is no such method");
	else if (!exchange_run(&play->exchange))
		http_answer(&play->exchange, 404, "text/plain", (struct slice){0});
	host_run(&play->host);
}

static const char *answer_header(const struct http_exchange *exchange, const char *name)
{
	if (strcmp(name, "Content-Type") == 0)
		return exchange->content_type;
	for (unsigned i = 0; i < exchange->answer_header_count; i++)
		if (strcmp(exchange->answer_headers[i].name, name) == 0)
			return exchange->answer_headers[i].value;
	return "";
}

void play_http_answer(struct play *play, char *rest)
{
	const struct http_exchange *exchange = &play->exchange;
	char *word = take_word(&rest);

	if (!play->has_exchange || !exchange->is_answered) {
		fault(play, "there is no answer");
	} else if (strcmp(word, "header") == 0) {
		const char *got = answer_header(exchange, take_word(&rest));
		if (strcmp(got, rest) != 0)
			fault(play, "it is \"%s\"", got);
	} else if (strcmp(word, "text") == 0) {
		if (strcmp(exchange->answer, rest) != 0)
			fault(play, "it is %s", exchange->answer);
	} else if (strcmp(word, "has") == 0) {
		if (strstr(exchange->answer, rest) == NULL)
			fault(play, "it is %s", exchange->answer);
	} else if (exchange->status != strtoul(word, NULL, 10)) {
		fault(play, "it is %u %s", exchange->status, exchange->answer);
	} else if (*rest != '\0') {
		expect_json(play, rest, (struct slice){exchange->answer, exchange->answer_len});
	}
}
