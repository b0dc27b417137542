/* What a username of this kind looks like, and what its password is made with. */
#include "store/time_limited.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { USER_PART_MAX = 160 }; /* bytes of the user in a username of at most STORE_USERNAME_MAX */

void time_limited_password(struct stun_hasher *hasher, const char *secret, const char *username,
                           char password[TIME_LIMITED_PASSWORD_SIZE])
{
	uint8_t mac[STUN_SHA1_SIZE];

	stun_hmac_sha1(hasher, (const uint8_t *)secret, strlen(secret), username, strlen(username),
	               mac);
	base64_put(mac, sizeof mac, true, password);
	bytes_wipe(mac, sizeof mac);
}

static void user_part(const char *user, char text[USER_PART_MAX + 1])
{
	static const char at_sign[] = "%40";
	size_t len = 0;

	for (; *user != '\0' && len + sizeof at_sign <= USER_PART_MAX; user++) {
		bool is_at = *user == '@';

		memcpy(text + len, is_at ? at_sign : user, is_at ? sizeof at_sign - 1 : 1);
		len += is_at ? sizeof at_sign - 1 : 1;
	}
	if (((uint8_t)*user & 0xC0) == 0x80) {
		while (len > 0 && ((uint8_t)text[len - 1] & 0xC0) == 0x80)
			len--;
		len -= len > 0;
	}
	text[len] = '\0';
}

void time_limited_username(const struct time_limited_name *name,
                           char username[STORE_USERNAME_MAX + 1])
{
	const char *session = name->session == NULL ? "" : name->session;
	char user[USER_PART_MAX + 1], between[2] = {name->separator, '\0'};

	/* The worst of each: 20 digits, 160 bytes with some escaped, 64, 255, and what is between. */
	user_part(name->user, user);
	snprintf(username, STORE_USERNAME_MAX + 1, "%" PRIu64 "%s%s%s%.64s%s%.255s",
	         name->expires_s, between, user, session[0] != '\0' ? between : "", session,
	         name->realm[0] != '\0' ? "@" : "", name->realm);
}

void time_limited_own_realm(const struct config *config, char *realm, size_t size)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (config->realm == NULL)
		gethostname(host, sizeof host - 1);
	snprintf(realm, size, "%s", config->realm != NULL ? config->realm : host);
}

const char *time_limited_secret(const struct config *config, const char *newest, bool is_own_realm)
{
	const struct text_list *fixed = &config->static_auth_secret;

	if ((is_own_realm || newest == NULL) && fixed->count > 0)
		return fixed->item[0];
	return newest != NULL ? newest : "";
}
