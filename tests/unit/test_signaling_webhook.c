/* What a webhook's URL may be, and how its requests are signed. */
#include "signaling/webhook_call.h"

#include "tap.h"

static void places(void)
{
	struct webhook_place place;
	char problem[256];

	is_int(webhook_place_read(&place, "https://example.org/in?a=b&c", problem), OK, "https");
	ok(place.is_tls && place.port == 443, "its port");
	is_text(place.path, "/in?a=b&c", "path with query");
	webhook_place_deinit(&place);
	is_int(webhook_place_read(&place, "http://[::1]:8080", problem), OK, "an IPv6 address");
	is_text(place.plain_host, "::1", "without its brackets");
	is_text(place.host, "[::1]", "and with them, for Host");
	is_text(place.path, "/", "no path is /");
	ok(!place.is_tls && place.port == 8080, "its port");
	webhook_place_deinit(&place);
}

static void refusals(void)
{
	static const char *const urls[] = {"ftp://example.org/",
	                                   "/in",
	                                   "https://",
	                                   "https:///in",
	                                   "https://anna:secret@example.org/",
	                                   "https://a b/"};
	struct webhook_place place;
	char problem[256];

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		is_int(webhook_place_read(&place, urls[i], problem), ERR_INVALID, "refused: %s",
		       urls[i]);
		ok(strstr(problem, "secret") == NULL, "without telling it: %s", problem);
		webhook_place_deinit(&place);
	}
}

/* The value is that of: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key */
static void signatures(void)
{
	char one[] = "key", other[] = "rotated";
	char *secrets[] = {one, other};
	char signature[WEBHOOK_SIGNATURE_SIZE];

	webhook_sign(secrets, 1, 1700000000, SLICE("{\"a\":1}"), signature);
	is_text(signature,
	        "t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03",
	        "HMAC-SHA256 of time, dot and body");
	webhook_sign(secrets, 2, 1700000000, SLICE("{\"a\":1}"), signature);
	const char *second = strstr(strstr(signature, "v1=") + 1, "v1=");
	ok(second != NULL && strlen(second) == 67, "a second secret has a v1 of its own");
	ok(second != NULL && strncmp(second, strstr(signature, "v1="), 67) != 0, "a different one");
}

int main(void)
{
	places();
	refusals();
	signatures();
	return tap_end();
}
