/* password hash, and encrypt, decrypt and make-key, which are of use to coturn alone: it can have the
 * password of its MySQL connection encrypted in its configuration. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/turnadmin_cipher.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"
#include "base/random.h"
#include "store/password_hash.h"

static bool key_read(const struct turnadmin_request *request, uint8_t key[TURNADMIN_KEY_SIZE]);
static void result_print(const struct turnadmin_request *request, const char *name,
                         const char *text);
static bool is_text(const uint8_t *bytes, size_t len);

/* What coturn's -P makes may go into a configuration of coturn's, whose cli-password takes no other. */
enum turnadmin_exit turnadmin_password_hash(const struct turnadmin_request *request)
{
	char password[TURNADMIN_PASSWORD_MAX + 1], hash[PASSWORD_HASH_SIZE];
	bool as_coturn = request->as_coturn || request->is_coturn_style;
	enum err err;

	if (!turnadmin_password_read(request, password))
		return TURNADMIN_PROBLEM;
	err = as_coturn ? password_hash_make_coturn(password, hash)
	                : password_hash_make(password, hash);
	bytes_wipe(password, sizeof password);
	if (err != OK) {
		turnadmin_say("the password cannot be hashed: %s", err_string(err));
		return TURNADMIN_PROBLEM;
	}
	result_print(request, "hash", hash);
	return TURNADMIN_DONE;
}

enum turnadmin_exit turnadmin_password_encrypt(const struct turnadmin_request *request)
{
	char password[TURNADMIN_PASSWORD_MAX + 1], text[BASE64_SIZE(TURNADMIN_PASSWORD_MAX)];
	uint8_t key[TURNADMIN_KEY_SIZE], sealed[TURNADMIN_PASSWORD_MAX];
	enum err err;
	size_t len;

	if (!key_read(request, key))
		return TURNADMIN_PROBLEM;
	if (!turnadmin_password_read(request, password)) {
		bytes_wipe(key, sizeof key);
		return TURNADMIN_PROBLEM;
	}
	len = strlen(password);
	err = turnadmin_cipher(key, (const uint8_t *)password, len, sealed);
	bytes_wipe(key, sizeof key);
	bytes_wipe(password, sizeof password);
	if (err != OK) {
		turnadmin_say("the password cannot be encrypted: %s", err_string(err));
		return TURNADMIN_PROBLEM;
	}
	base64_put(sealed, len, true, text);
	result_print(request, "encrypted", text);
	return TURNADMIN_DONE;
}

enum turnadmin_exit turnadmin_password_decrypt(const struct turnadmin_request *request)
{
	uint8_t key[TURNADMIN_KEY_SIZE], sealed[TURNADMIN_PASSWORD_MAX];
	char text[TURNADMIN_PASSWORD_MAX + 1];
	enum turnadmin_exit status = TURNADMIN_DONE;
	size_t len;

	if (base64_get(request->name, strlen(request->name), sealed, sizeof sealed, &len) != OK) {
		turnadmin_say("what is to be decrypted is base64 of at most %zu bytes",
		              sizeof sealed);
		return TURNADMIN_USAGE;
	}
	if (!key_read(request, key))
		return TURNADMIN_PROBLEM;
	if (turnadmin_cipher(key, sealed, len, (uint8_t *)text) != OK ||
	    !is_text((const uint8_t *)text, len)) {
		turnadmin_say("%s is not the key that it was encrypted with", request->key_file);
		status = TURNADMIN_PROBLEM;
	} else {
		text[len] = '\0';
		result_print(request, "password", text);
	}
	bytes_wipe(key, sizeof key);
	bytes_wipe(text, sizeof text);
	return status;
}

/* A key that is there is not written over: what was encrypted with it would be lost. */
enum turnadmin_exit turnadmin_password_make_key(const struct turnadmin_request *request)
{
	int fd = open(request->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	uint8_t key[TURNADMIN_KEY_SIZE];
	bool was_written;

	if (fd < 0) {
		turnadmin_say("%s: %s", request->name, strerror(errno));
		return TURNADMIN_PROBLEM;
	}
	random_bytes(key, sizeof key);
	was_written = write(fd, key, sizeof key) == (ssize_t)sizeof key;
	bytes_wipe(key, sizeof key);
	if (close(fd) == 0 && was_written)
		return TURNADMIN_DONE;
	turnadmin_say("%s: cannot be written: is the disk full?", request->name);
	unlink(request->name);
	return TURNADMIN_PROBLEM;
}

static bool key_read(const struct turnadmin_request *request, uint8_t key[TURNADMIN_KEY_SIZE])
{
	int fd;
	ssize_t n;

	if (request->key_file == NULL) {
		turnadmin_say("--file-key-path is missing: password make-key makes such a file");
		return false;
	}
	fd = open(request->key_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		turnadmin_say("%s: %s", request->key_file, strerror(errno));
		return false;
	}
	n = read(fd, key, TURNADMIN_KEY_SIZE);
	close(fd);
	if (n == TURNADMIN_KEY_SIZE)
		return true;
	bytes_wipe(key, TURNADMIN_KEY_SIZE);
	turnadmin_say("%s: a key has %d bytes", request->key_file, TURNADMIN_KEY_SIZE);
	return false;
}

static void result_print(const struct turnadmin_request *request, const char *name,
                         const char *text)
{
	if (!request->as_json) {
		turnadmin_output_text(text);
		putchar('\n');
		return;
	}
	printf("{\"%s\": ", name);
	turnadmin_output_json(text);
	puts("}");
}

/* A wrong key gives noise, and hardly ever such that could be a password. */
static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return false;
	return len > 0;
}
