/* Just so much of HTTP/1 as an answer takes that is always the same. */
#include "listeners/http.h"

#include <stdio.h>
#include <string.h>

static const char challenge_path[] = "GET /.well-known/acme-challenge/";

static size_t challenge_len(const uint8_t *request, size_t len);
static size_t write_answer(char answer[HTTP_ANSWER_SIZE], const char *status, const char *url,
                           const char *token, size_t token_len);

/* True when bytes are the beginning of text, or text that of bytes. */
static bool agrees(const uint8_t *bytes, size_t len, const char *text)
{
	size_t text_len = strlen(text);

	return memcmp(bytes, text, len < text_len ? len : text_len) == 0;
}

enum err http_request_find(const uint8_t *bytes, size_t len)
{
	static const char *const methods[] = {"GET ",    "HEAD ",    "POST ", "PUT ",
	                                      "DELETE ", "OPTIONS ", "PATCH "};
	bool is_method = false;

	for (size_t i = 0; i < sizeof methods / sizeof methods[0] && !is_method; i++)
		is_method = agrees(bytes, len, methods[i]);
	if (!is_method || len > HTTP_REQUEST_MAX)
		return ERR_INVALID;
	return memmem(bytes, len, "\r\n\r\n", 4) != NULL ? OK : ERR_AGAIN;
}

size_t http_answer(const struct http_settings *settings, bool is_tls, const uint8_t *request,
                   size_t len, char answer[HTTP_ANSWER_SIZE])
{
	size_t token_len = 0;

	/* RFC 8555 section 8.3: the authority comes over HTTP, and follows redirects. */
	if (settings->acme_redirect != NULL && !is_tls)
		token_len = challenge_len(request, len);
	if (token_len > 0)
		return write_answer(answer, "301 Moved Permanently", settings->acme_redirect,
		                    (const char *)request + sizeof challenge_path - 1, token_len);
	return settings->refuses ? write_answer(answer, "400 Bad Request", NULL, "", 0) : 0;
}

static bool is_of_token(uint8_t octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
	       (octet >= '0' && octet <= '9') || octet == '-' || octet == '_';
}

/* Returns the length of the token of a challenge (RFC 8555 section 8.1: base64url); 0 when the request is
 * for something else. What goes into the answer is of these letters alone. */
static size_t challenge_len(const uint8_t *request, size_t len)
{
	enum { TOKEN_MIN = 10, TOKEN_MAX = 128 };
	static const char version[] = " HTTP/1.";
	size_t before = sizeof challenge_path - 1, n = 0;

	if (len < before || memcmp(request, challenge_path, before) != 0)
		return 0;
	while (before + n < len && is_of_token(request[before + n]))
		n++;
	if (n < TOKEN_MIN || n > TOKEN_MAX || len - before - n < sizeof version - 1 ||
	    memcmp(request + before + n, version, sizeof version - 1) != 0)
		return 0;
	return n;
}

static size_t write_answer(char answer[HTTP_ANSWER_SIZE], const char *status, const char *url,
                           const char *token, size_t token_len)
{
	static const char body[] = "This is a STUN and TURN server.\n";
	int len = snprintf(answer, HTTP_ANSWER_SIZE,
	                   "HTTP/1.1 %s\r\n"
	                   "Connection: close\r\n"
	                   "Content-Type: text/plain\r\n"
	                   "Content-Length: %zu\r\n"
	                   "%s%s%.*s%s"
	                   "\r\n%s",
	                   status, sizeof body - 1, url != NULL ? "Location: " : "",
	                   url != NULL ? url : "", (int)token_len, token, url != NULL ? "\r\n" : "",
	                   body);

	return len > 0 && len < HTTP_ANSWER_SIZE ? (size_t)len : 0;
}
