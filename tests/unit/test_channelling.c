/* The channelling dialect's parts that conversations do not reach: pictures and their bounds, what is sealed, letters' case, Turn with
 * zones, and pictures over HTTP. */
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "signaling/channelling.h"
#include "signaling/channelling_images.h"
#include "signaling/services.h"

#define ANNA "0123456789ABCDEF0123456789ABCDEF"
#define BERT "FEDCBA9876543210FEDCBA9876543210"

/* One request, and its answer: http_exchange.h as far as the dialect takes it. */
struct http_exchange {
	struct hub *hub;
	const char *image, *if_none_match;
	unsigned status;
	char etag[64], type[64];
	size_t body_len;
};

/* Pictures. */

static void put_url(struct text *url, const char *head, const void *bytes, size_t len)
{
	char *base64 = malloc(BASE64_SIZE(len));

	if (base64 == NULL)
		abort();
	base64_put(bytes, len, true, base64);
	text_clear(url);
	text_printf(url, "%s%s", head, base64);
	free(base64);
}

static enum err put_picture(struct buddy_images *images, const char *name, const char *bytes,
                            size_t len, struct buddy_image *image)
{
	struct text url;
	enum err err;

	text_init(&url, 0);
	put_url(&url, "data:image/jpeg;base64,", bytes, len);
	err = buddy_images_put(images, name, text_slice(&url), image);
	text_deinit(&url);
	return err;
}

static void test_types(struct buddy_images *images)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *suffix;
	} kinds[] = {
		{"\x89PNG\r\n\x1A\n....", 12, "png"},
		{"\xFF\xD8\xFF\xE0", 4, "jpg"},
		{"GIF87a.", 7, "gif"},
		{"GIF89a.", 7, "gif"},
		{"RIFF....WEBPVP8 ", 16, "webp"},
		{"RIFF....WAVEfmt ", 16, NULL},
		{"<svg xmlns='a'/>", 16, NULL},
		{"GIF89a", 6, NULL},
		{"", 0, NULL},
	};
	struct buddy_image image;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		enum err err = put_picture(images, "p", kinds[i].bytes, kinds[i].len, &image);
		if (kinds[i].suffix == NULL)
			is_int(err, ERR_INVALID, "%zu is no picture", i);
		else if (ok(err == OK, "%s is one", kinds[i].suffix))
			is_text(buddy_image_suffix(image.type), kinds[i].suffix,
			        "whatever its URL says");
	}
}

static void test_urls(struct buddy_images *images)
{
	static const char *const urls[] = {
		"",
		"data:",
		"data:image/png,GIF89a",
		"data:text/html;base64,R0lGODlhAQ==",
		"image/png;base64,R0lGODlhAQ==",
		"data:image/png;base64,R0lG?DlhAQ==",
		"data:image/;base64",
	};
	struct buddy_image image;

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		is_int(buddy_images_put(images, "p", slice_of(urls[i]), &image), ERR_INVALID,
		       "\"%s\" holds no picture", urls[i]);
}

static bool is_kept(struct buddy_images *images, const char *name)
{
	struct buddy_image image;
	struct text bytes;
	bool is_there;

	text_init(&bytes, 0);
	is_there = buddy_images_get(images, name, &image, &bytes) == OK;
	text_deinit(&bytes);
	return is_there;
}

static void test_bounds(void)
{
	static char large[BUDDY_IMAGE_MAX + 8] = "GIF89a.";
	struct buddy_images *images;
	struct buddy_image image;
	char name[16];

	if (buddy_images_create(2 * sizeof large, NULL, &images) != OK)
		abort();
	is_int(put_picture(images, "a", large, sizeof large, &image), ERR_FULL, "one is too large");
	is_int(put_picture(images, "a", large, BUDDY_IMAGE_MAX, &image), OK, "the largest fits");
	is_int(put_picture(images, "b", large, 1000, &image), OK, "and a small one");
	ok(is_kept(images, "a") && is_kept(images, "b"), "both are there");
	is_int(put_picture(images, "c", large, BUDDY_IMAGE_MAX, &image), OK, "a third one fits");
	ok(!is_kept(images, "a"), "the oldest made room");
	ok(is_kept(images, "b") && is_kept(images, "c"), "the others are there");
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "n%d", i);
		if (put_picture(images, name, large, 10000, &image) != OK)
			break;
	}
	ok(is_kept(images, "n499") && !is_kept(images, "n0") && !is_kept(images, "c"),
	   "the last of many is there, the first is not");
	buddy_images_destroy(images);
}

static void test_replaced(struct buddy_images *images)
{
	struct buddy_image first, second, same;
	struct text bytes;

	text_init(&bytes, 0);
	ok(put_picture(images, "r", "GIF89a1", 7, &first) == OK &&
	           put_picture(images, "r", "GIF89a1", 7, &same) == OK &&
	           put_picture(images, "r", "GIF89a22", 8, &second) == OK,
	   "a name has one picture after the other");
	is_text(same.change, first.change, "the same one has the same ETag");
	ok(strcmp(first.change, second.change) != 0, "another has another");
	ok(buddy_images_get(images, "r", &same, &bytes) == OK, "the last is there");
	ok(slice_is(text_slice(&bytes), "GIF89a22"), "byte by byte");
	text_deinit(&bytes);
}

/* Over HTTP. */

static void get(struct http_exchange *exchange)
{
	const struct http_route *route = &channelling_routes[CHANNELLING_ROUTES - 1];

	exchange->status = 0;
	route->handle(exchange);
}

static void test_http(struct hub *hub)
{
	struct http_exchange exchange = {.hub = hub, .image = "http"};
	struct buddy_image image;
	char etag[64];

	is_int(put_picture(hub_images(hub), "http", "GIF89a12", 8, &image), OK, "there is one");
	get(&exchange);
	is_int(exchange.status, 200, "it is served");
	is_text(exchange.type, "image/gif", "as what it is");
	is_int(exchange.body_len, 8, "whole");
	snprintf(etag, sizeof etag, "\"%s\"", image.change);
	is_text(exchange.etag, etag, "with its ETag");
	exchange.if_none_match = etag;
	get(&exchange);
	is_int(exchange.status, 304, "and not again to who has it");
	is_int(exchange.body_len, 0, "without a body");
	exchange.if_none_match = "\"other\"";
	get(&exchange);
	is_int(exchange.status, 200, "who has another gets it");
	exchange.image = "nobody";
	get(&exchange);
	is_int(exchange.status, 404, "a name that there is not");
	exchange.image = "";
	get(&exchange);
	is_int(exchange.status, 404, "no name");
	exchange.image = "0123456789012345678901234567890123456789";
	get(&exchange);
	is_int(exchange.status, 404, "a name that is too long");
}

/* Seals. */

static enum err open_nonce(const struct hub *hub, const char *id, uint64_t now, const char *nonce)
{
	struct channelling_proof proof;

	return channelling_open_nonce(hub, id, now, nonce, &proof);
}

static void test_nonce(const struct hub *hub, const struct hub *other)
{
	struct channelling_proof proof = {"1767229200:erin:x", "cHJvb2Y="}, got;
	char nonce[NONCE_SIZE], forged[NONCE_SIZE];
	unsigned refused = 0, len;

	is_int(channelling_make_nonce(hub, ANNA, 1000, &proof, nonce), OK, "a nonce is made");
	is_int(channelling_open_nonce(hub, ANNA, 1000 + NONCE_LIVES_MS, nonce, &got), OK,
	       "it opens for a minute");
	is_text(got.combo, proof.combo, "and has the name");
	is_text(got.mac, proof.mac, "and the proof");
	is_text(combo_user(got.combo), "erin:x", "the user is behind the first colon");
	is_int(open_nonce(hub, ANNA, 1001 + NONCE_LIVES_MS, nonce), ERR_DENIED, "and no longer");
	is_int(open_nonce(hub, BERT, 1000, nonce), ERR_DENIED, "for no other session");
	is_int(open_nonce(other, ANNA, 1000, nonce), ERR_DENIED, "under no other key");
	len = (unsigned)strlen(nonce);
	for (unsigned i = 0; i < len; i++) {
		memcpy(forged, nonce, len + 1);
		forged[i] = forged[i] == 'A' ? 'Q' : 'A';
		refused += open_nonce(hub, ANNA, 1000, forged) == ERR_DENIED;
	}
	is_int(refused, len, "none that was changed opens");
	for (refused = 0; refused < len; refused++) {
		memcpy(forged, nonce, refused);
		forged[refused] = '\0';
		if (open_nonce(hub, ANNA, 1000, forged) != ERR_DENIED)
			break;
	}
	is_int(refused, len, "nor one that was cut");
}

static void test_largest_nonce(const struct hub *hub)
{
	struct channelling_proof proof, got;
	char nonce[NONCE_SIZE];

	memset(&proof, 'x', sizeof proof);
	proof.combo[COMBO_MAX] = proof.mac[COMBO_PROOF_MAX] = '\0';
	is_int(channelling_make_nonce(hub, ANNA, 0, &proof, nonce), OK, "the largest proof fits");
	is_int(channelling_open_nonce(hub, ANNA, 0, nonce, &got), OK, "and opens");
	is_text(got.mac, proof.mac, "whole");
}

static void test_names(const struct hub *hub, const struct hub *other)
{
	char sid[SID_SIZE], second[SID_SIZE], user[SUSERID_SIZE], image[IMAGE_ID_SIZE];

	channelling_sid(hub, ANNA, sid);
	channelling_sid(hub, BERT, second);
	is_int(strlen(sid), 32, "a secret name has 32 letters");
	ok(strcmp(sid, second) != 0, "each session its own");
	ok(channelling_sid_is(hub, ANNA, sid), "it is known");
	ok(!channelling_sid_is(hub, BERT, sid) && !channelling_sid_is(other, ANNA, sid) &&
	           !channelling_sid_is(hub, "", sid) && !channelling_sid_is(hub, ANNA, ""),
	   "and of nobody else");
	channelling_suserid(hub, "erin", user);
	is_int(strlen(user), 44, "a user's is base64 of 32 octets");
	channelling_image_id(hub, ANNA, image);
	is_int(strlen(image), 20, "a picture's is base64url of 15");
	is_text(combo_user("erin"), "", "a name without a time is none");
}

/* Texts. */

static void test_lower_case(void)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"Tea Room 1", "tea room 1"},
		{"ÀÖ×ØÞßÿ", "àö×øþßÿ"},
		{"ĀĮİıĲĶķĹŇŊŶŹŽſ", "āįİıĳķķĺňŋŷźžſ"},
		{"ΑΡΣΩΫ", "αρσωϋ"},
		{"ЀЏАЯ", "ѐџая"},
		{"日本語 ẞ 😀", "日本語 ẞ 😀"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text text;
		text_init(&text, 0);
		text_printf(&text, "%s", cases[i][0]);
		text_lower_case(&text);
		ok(slice_is(text_slice(&text), cases[i][1]), "%s becomes %s", cases[i][0],
		   cases[i][1]);
		text_deinit(&text);
	}
}

static void test_time(void)
{
	char time[RFC3339_SIZE];

	put_rfc3339(951782400999, time);
	is_text(time, "2000-02-29T00:00:00Z", "RFC 3339, of a leap day");
}

/* The lowest number comes first, and is what clients get that know nothing of zones. */
static void test_zones(void)
{
	struct turn_credentials credentials = {
		.username = "1:u",
		.password = "p",
		.ttl_s = 60,
		.zones = {{.id = "us",
	                   .label = "",
	                   .priority = 2,
	                   .uris = {"turn:us.example.com"},
	                   .uri_count = 1},
	                  {.id = "eu",
	                   .label = "Europe",
	                   .labels = SLICE("{\"de\":\"Europa\"}"),
	                   .priority = 1,
	                   .uris = {"turn:eu.example.com", "turns:eu.example.com"},
	                   .uri_count = 2}},
		.zone_count = 2,
		.geo_uri = "https://example.com/geo",
	};
	struct text text;

	text_init(&text, 0);
	put_turn(&text, &credentials);
	ok(slice_is(text_slice(&text),
	            "\"Turn\":{\"username\":\"1:u\",\"password\":\"p\",\"ttl\":60,"
	            "\"urls\":[\"turn:eu.example.com\",\"turns:eu.example.com\"],"
	            "\"servers\":[{\"id\":\"us\",\"urns\":[\"turn:us.example.com\"],\"prio\":2},"
	            "{\"id\":\"eu\",\"urns\":[\"turn:eu.example.com\",\"turns:eu.example.com\"],"
	            "\"prio\":1,\"label\":\"Europe\",\"i18n\":{\"de\":\"Europa\"}}],"
	            "\"geo_uri\":\"https://example.com/geo\"}"),
	   "Turn has its zones");
	text_deinit(&text);
}

static void test_many_sessions(void)
{
	static struct participant people[CHANNELLING_USERS_MAX + 1];
	size_t position = 0, count = 0;
	struct slice value;
	struct text text;

	for (size_t i = 0; i < CHANNELLING_USERS_MAX + 1; i++)
		people[i] = (struct participant){.id = ANNA, .dialect = &dialect_channelling};
	text_init(&text, 0);
	json_open(&text, '{');
	put_sessions(&text, "Users", people, CHANNELLING_USERS_MAX + 1);
	json_close(&text, '}');
	ok(json_check(text_slice(&text)) == OK, "it is JSON");
	while (json_next_element(json_member(text_slice(&text), "Users"), &position, &value))
		count++;
	is_int(count, CHANNELLING_USERS_MAX, "and has no more than 5000 sessions");
	text_deinit(&text);
}

static struct hub *make_hub(uint8_t key, struct buddy_images *images)
{
	static const struct dialect *const dialects[] = {&dialect_channelling};
	struct hub_settings settings = {
		.workers = 1, .dialects = dialects, .dialect_count = 1, .images = images};
	struct hub *hub;

	memset(settings.seal_key, key, sizeof settings.seal_key);
	if (hub_create(&settings, 0, 0, &hub) != OK)
		abort();
	return hub;
}

int main(void)
{
	struct buddy_images *images;
	struct hub *hub, *other;

	if (buddy_images_create(BUDDY_IMAGES_BYTES, NULL, &images) != OK)
		abort();
	hub = make_hub(1, images);
	other = make_hub(2, images);
	test_types(images);
	test_urls(images);
	test_bounds();
	test_replaced(images);
	test_http(hub);
	test_nonce(hub, other);
	test_largest_nonce(hub);
	test_names(hub, other);
	test_lower_case();
	test_time();
	test_zones();
	test_many_sessions();
	hub_destroy(hub);
	hub_destroy(other);
	buddy_images_destroy(images);
	return tap_end();
}

/* http_exchange.h */

struct hub *http_hub(const struct http_exchange *exchange)
{
	return exchange->hub;
}

struct slice http_segment(const struct http_exchange *exchange, const char *name)
{
	return strcmp(name, "image") == 0 ? slice_of(exchange->image) : (struct slice){0};
}

struct slice http_header(const struct http_exchange *exchange, const char *name)
{
	return strcmp(name, "If-None-Match") == 0 ? slice_of(exchange->if_none_match)
	                                          : (struct slice){0};
}

void http_set_header(struct http_exchange *exchange, const char *name, const char *value)
{
	if (strcmp(name, "ETag") == 0)
		snprintf(exchange->etag, sizeof exchange->etag, "%s", value);
}

void http_answer(struct http_exchange *exchange, unsigned status, const char *content_type,
                 struct slice body)
{
	exchange->status = status;
	snprintf(exchange->type, sizeof exchange->type, "%s", content_type);
	exchange->body_len = body.len;
}

/* What pictures do not need. */

enum http_method http_method(const struct http_exchange *exchange)
{
	(void)exchange;
	abort();
}

bool http_is_tls(const struct http_exchange *exchange)
{
	(void)exchange;
	abort();
}

bool http_vouched_user(const struct http_exchange *exchange, char user[USER_NAME_MAX + 1])
{
	(void)exchange, (void)user;
	abort();
}

struct slice http_body(const struct http_exchange *exchange)
{
	(void)exchange;
	abort();
}

void http_answer_json(struct http_exchange *exchange, unsigned status, struct slice json)
{
	(void)exchange, (void)status, (void)json;
	abort();
}

bool http_form(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	(void)exchange, (void)name, (void)to, (void)size;
	abort();
}

bool http_query(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	return http_form(exchange, name, to, size);
}

void http_base_url(const struct http_exchange *exchange, char *to, size_t size)
{
	(void)exchange, (void)to, (void)size;
	abort();
}

const struct signaling_services *http_services(const struct http_exchange *exchange)
{
	(void)exchange;
	abort();
}

uint64_t http_wall_ms(const struct http_exchange *exchange)
{
	(void)exchange;
	abort();
}

void http_allow_origins(struct http_exchange *exchange)
{
	(void)exchange;
	abort();
}

void http_identify(struct http_exchange *exchange,
                   void (*identified)(struct http_exchange *exchange,
                                      const struct identity *identity, enum signaling_error error))
{
	(void)exchange, (void)identified;
	abort();
}

void http_identify_claim(struct http_exchange *exchange, const struct claim *claim,
                         void (*identified)(struct http_exchange *exchange,
                                            const struct identity *identity,
                                            enum signaling_error error))
{
	(void)exchange, (void)claim, (void)identified;
	abort();
}
