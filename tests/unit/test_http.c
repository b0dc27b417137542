/* HTTP at a port of TURN: what is one, and what it is answered. */
#include "listeners/http.h"

#include "tap.h"

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"

static enum err find(const char *text)
{
	return http_request_find((const uint8_t *)text, strlen(text));
}

static void test_find(void)
{
	char text[HTTP_REQUEST_MAX + 2];

	is_int(find("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), OK, "a request");
	is_int(find("POST / HTTP/1.1\r\n\r\nbody"), OK, "with a body, of which nothing is read");
	is_int(find("OPTIONS * HTTP/1.1\r\n\r\n"), OK, "a long method");
	for (size_t len = 1; len < 18; len++)
		is_int(http_request_find((const uint8_t *)"GET / HTTP/1.1\r\n\r\n", len), ERR_AGAIN,
		       "its first %zu bytes", len);
	is_int(find("GOT / HTTP/1.1\r\n\r\n"), ERR_INVALID, "another method");
	is_int(find("get / HTTP/1.1\r\n\r\n"), ERR_INVALID, "methods are in capitals");
	is_int(find("\x01"), ERR_INVALID, "STUN is none");
	memset(text, 'x', sizeof text);
	memcpy(text, "GET /", 5);
	is_int(http_request_find((uint8_t *)text, HTTP_REQUEST_MAX), ERR_AGAIN,
	       "as long as it may be");
	is_int(http_request_find((uint8_t *)text, HTTP_REQUEST_MAX + 1), ERR_INVALID, "too long");
}

static const char *answer(const struct http_settings *settings, bool is_tls, const char *request)
{
	static char text[HTTP_ANSWER_SIZE];
	size_t len = http_answer(settings, is_tls, (const uint8_t *)request, strlen(request), text);

	return len == 0 ? "" : text;
}

static void test_answers(void)
{
	const struct http_settings refuses = {.refuses = true};
	const struct http_settings acme = {.acme_redirect = "https://acme.example/x/"};
	const struct http_settings both = {true, "https://acme.example/x/"};
	const char challenge[] = "GET /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\n\r\n";
	const char *said = answer(&refuses, false, "GET / HTTP/1.1\r\n\r\n");

	ok(strncmp(said, "HTTP/1.1 400 ", 13) == 0, "400");
	ok(strstr(said, "\r\nContent-Length: 32\r\n") != NULL, "with a length");
	is_int(strlen(strstr(said, "\r\n\r\n") + 4), 32, "which is right");
	is_text(answer(&acme, false, "GET / HTTP/1.1\r\n\r\n"), "",
	        "nothing unless it is asked for");
	said = answer(&acme, false, challenge);
	ok(strncmp(said, "HTTP/1.1 301 ", 13) == 0, "a challenge is redirected");
	ok(strstr(said, "\r\nLocation: https://acme.example/x/" TOKEN "\r\n") != NULL,
	   "to the URL");
	is_text(answer(&acme, true, challenge), "", "not over TLS");
	ok(strncmp(answer(&both, true, challenge), "HTTP/1.1 400 ", 13) == 0, "where it gets 400");
}

static void test_no_challenges(void)
{
	static const char *const tokens[] = {
		"",
		"short",
		"with/slash-and-more",
		"with%0D%0Aescape",
		"with\"quote-and-more",
		"with\r\nSet-Cookie:x-and-more",
	};
	const struct http_settings both = {true, "https://acme.example/"};
	char request[512];

	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		snprintf(request, sizeof request,
		         "GET /.well-known/acme-challenge/%s HTTP/1.1\r\n\r\n", tokens[i]);
		ok(strstr(answer(&both, false, request), "301") == NULL, "no token: %zu", i);
	}
	snprintf(request, sizeof request,
	         "GET /.well-known/acme-challenge/%s%s%s%s HTTP/1.1\r\n\r\n", TOKEN, TOKEN, TOKEN,
	         TOKEN);
	ok(strstr(answer(&both, false, request), "301") == NULL, "one that is too long");
	ok(strstr(answer(&both, false, "GET /.well-known/acme-challenge/" TOKEN "\r\n\r\n"),
	          "301") == NULL,
	   "one without a version");
	ok(strstr(answer(&both, false,
	                 "POST /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\n\r\n"),
	          "301") == NULL,
	   "another method");
}

int main(void)
{
	test_find();
	test_answers();
	test_no_challenges();
	return tap_end();
}
