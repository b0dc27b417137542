/* What draft-uberti-behave-turn-rest and coturn's use-auth-secret made of usernames. */
#include "relay/secret_name.h"

#include <string.h>

#include "base/bytes.h"
#include "store/time_limited.h"

enum { TIME_DIGITS = 18 }; /* fit 64 bits */

static bool digits_read(const char *text, size_t len, uint64_t *number);

bool secret_name_read_expiry(const char *username, char separator, uint64_t *expiry_s)
{
	const char *first = strchr(username, separator), *last = strrchr(username, separator);

	if (first == NULL || separator == '\0')
		return digits_read(username, strlen(username), expiry_s);
	return digits_read(username, (size_t)(first - username), expiry_s) ||
	       digits_read(last + 1, strlen(last + 1), expiry_s);
}

const char *secret_name_user(const char *username, char separator, size_t *len)
{
	const char *first = strchr(username, separator), *last = strrchr(username, separator);
	uint64_t expiry_s;

	*len = strlen(username);
	if (first == NULL || separator == '\0')
		return username;
	if (digits_read(username, (size_t)(first - username), &expiry_s)) {
		*len = strlen(first + 1);
		return first + 1;
	}
	if (digits_read(last + 1, strlen(last + 1), &expiry_s))
		*len = (size_t)(last - username);
	return username;
}

void secret_name_make_key(struct stun_hasher *hasher, enum stun_password_algorithm algorithm,
                          const char *username, const char *realm, const char *secret,
                          struct turn_key *key)
{
	char password[TIME_LIMITED_PASSWORD_SIZE];

	time_limited_password(hasher, secret, username, password);
	memcpy(key->username, username, strlen(username) + 1); /* a lookup's: it fits */
	key->len = stun_long_term_key(hasher, algorithm, username, realm, password, key->key);
	bytes_wipe(password, sizeof password);
}

static bool digits_read(const char *text, size_t len, uint64_t *number)
{
	if (len == 0 || len > TIME_DIGITS)
		return false;
	*number = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*number = *number * 10 + (uint64_t)(text[i] - '0');
	}
	return true;
}
