/* Makes a time-limited TURN credential, as a web service does for each of its users.
 *
 *     cc -o credentials credentials.c -lcrypto
 *     ./credentials NAME [SECONDS] < secret
 *
 * The shared secret is read from standard input, for an argument list can be read by everyone on
 * the machine. The server needs use-auth-secret and the same secret. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { SECRET_MAX = 255, NAME_MAX_LEN = 400, USERNAME_SIZE = 512, SHA1_LEN = 20 };

/* Reads the first line of standard input. */
static bool read_secret(char secret[SECRET_MAX + 2])
{
	if (fgets(secret, SECRET_MAX + 2, stdin) == NULL)
		return false;
	secret[strcspn(secret, "\r\n")] = '\0';
	return secret[0] != '\0';
}

/* password = base64(HMAC-SHA1(secret, username)) */
static bool make_password(const char *secret, const char *username, char password[32])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)username,
	         strlen(username), mac, &len) == NULL ||
	    len != SHA1_LEN)
		return false;
	EVP_EncodeBlock((unsigned char *)password, mac, (int)len);
	return true;
}

/* The name goes into JSON as it is, so it must need no escapes. */
static bool is_plain_name(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
			return false;
	return name[0] != '\0' && strlen(name) <= NAME_MAX_LEN;
}

static bool parse_lifetime(const char *text, long *lifetime_s)
{
	char *end;
	*lifetime_s = strtol(text, &end, 10);
	return end != text && *end == '\0' && *lifetime_s > 0 && *lifetime_s <= 31536000;
}

int main(int argc, char **argv)
{
	char secret[SECRET_MAX + 2], username[USERNAME_SIZE], password[32];
	long lifetime_s = 3600;

	if (argc < 2 || argc > 3 || !is_plain_name(argv[1]) ||
	    (argc == 3 && !parse_lifetime(argv[2], &lifetime_s))) {
		fprintf(stderr, "usage: credentials NAME [SECONDS] < secret\n");
		return 1;
	}
	if (!read_secret(secret)) {
		fprintf(stderr, "credentials: standard input has no secret on its first line\n");
		return 1;
	}
	snprintf(username, sizeof(username), "%lld:%s", (long long)time(NULL) + lifetime_s,
	         argv[1]);
	bool is_made = make_password(secret, username, password);
	OPENSSL_cleanse(secret, sizeof(secret));
	if (!is_made) {
		fprintf(stderr, "credentials: OpenSSL has no HMAC-SHA1\n");
		return 1;
	}
	printf("{\"username\": \"%s\", \"credential\": \"%s\", \"ttl\": %ld}\n", username, password,
	       lifetime_s);
	return 0;
}
