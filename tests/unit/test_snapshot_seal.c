/* What is kept of a session in Redis: nobody reads it, changes it, or passes it for another's. */
#include "signaling/snapshot_seal.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static const char id[] = "0123456789ABCDEF0123456789ABCDEF";

static struct snapshot_seal *make_seal(uint8_t fill)
{
	struct snapshot_seal *seal;
	uint8_t key[32];

	memset(key, fill, sizeof key);
	if (snapshot_seal_create(key, &seal) != OK)
		abort();
	return seal;
}

static bool opens(struct snapshot_seal *seal, const char *name, struct slice sealed,
                  struct slice wanted)
{
	struct text plain;
	bool is_it;

	text_init(&plain, 0);
	is_it = snapshot_seal_open(seal, name, sealed, &plain) == OK && plain.len == wanted.len &&
	        memcmp(plain.at, wanted.at, wanted.len) == 0;
	text_deinit(&plain);
	return is_it;
}

/* Each letter of it counts, and each that is cut off; what is tried fills its last letter. */
static bool is_bound(struct snapshot_seal *seal, struct text *sealed, struct slice wanted)
{
	for (size_t i = 0; i < sealed->len; i++) {
		char was = sealed->at[i];
		sealed->at[i] = was == 'A' ? 'B' : 'A';
		if (opens(seal, id, text_slice(sealed), wanted) ||
		    opens(seal, id, (struct slice){sealed->at, i}, wanted))
			return false;
		sealed->at[i] = was;
	}
	return true;
}

static void test_seal(struct slice plain)
{
	struct snapshot_seal *seal = make_seal(1), *other = make_seal(2);
	struct text sealed, again;

	text_init(&sealed, 0);
	text_init(&again, 0);
	snapshot_seal_close(seal, id, plain, &sealed);
	snapshot_seal_close(seal, id, plain, &again);
	ok(!sealed.has_failed && opens(seal, id, text_slice(&sealed), plain), "it comes back");
	ok(strspn(sealed.at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") >=
	           sealed.len,
	   "it is one word");
	ok(sealed.len != again.len || memcmp(sealed.at, again.at, sealed.len) != 0,
	   "the same is sealed otherwise each time");
	ok(!opens(other, id, text_slice(&sealed), plain), "another key does not open it");
	ok(!opens(seal, "1123456789ABCDEF0123456789ABCDEF", text_slice(&sealed), plain),
	   "it is nobody else's");
	ok(is_bound(seal, &sealed, plain), "what was changed or cut does not open");
	text_deinit(&sealed);
	text_deinit(&again);
	snapshot_seal_destroy(seal);
	snapshot_seal_destroy(other);
}

static void test_bounds(void)
{
	struct snapshot_seal *seal = make_seal(1);
	char *large = calloc(1, SNAPSHOT_MAX + 1);
	struct text sealed;

	text_init(&sealed, 0);
	snapshot_seal_close(seal, id, (struct slice){large, SNAPSHOT_MAX + 1}, &sealed);
	ok(sealed.has_failed, "what is too large is not sealed");
	ok(!opens(seal, id, SLICE(""), SLICE("")), "nothing is none");
	ok(!opens(seal, id, SLICE("AAAA AAAA"), SLICE("")), "nor is what is no base64");
	text_deinit(&sealed);
	free(large);
	snapshot_seal_destroy(seal);
}

int main(void)
{
	test_seal(SLICE("{\"of\":\"default1\"}"));
	test_seal(SLICE("of three"));
	test_bounds();
	return tap_end();
}
