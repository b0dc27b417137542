/* TLS contexts: what a good configuration gives, and the line for each bad one. */
#include "listeners/tls_context.h"

#include <sys/stat.h>

#include "base/log.h"
#include "listener_fixture.h"
#include "tap.h"

static char folder[] = "/tmp/turnstone-tls-XXXXXX";

static char *path_of(const char *name)
{
	static char paths[128][128];
	static unsigned next;
	char *path = paths[next++ % 128];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static void file_write(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	fputs(text, file);
	fclose(file);
}

static void pair_write(const char *certificate_name, const char *key_name, const char *password,
                       long valid_to_s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_make(key, -7200, valid_to_s);
	FILE *file = fopen(path_of(certificate_name), "w");

	PEM_write_X509(file, certificate);
	fclose(file);
	file = fopen(path_of(key_name), "w");
	PEM_write_PrivateKey(file, key, password != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
	                     (void *)password);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void expect_problem(const struct tls_settings *settings, const char *part,
                           const char *advice, const char *name)
{
	char problem[256] = "";
	SSL_CTX *context = NULL;

	ok(tls_context_create(settings, &context, problem) != OK && context == NULL,
	   "%s is refused", name);
	ok(strstr(problem, part) != NULL, "the line says \"%s\"", part);
	ok(strstr(problem, advice) != NULL && strchr(problem, '\n') == NULL,
	   "and what to do about it");
	if (strstr(problem, part) == NULL || strstr(problem, advice) == NULL)
		printf("# %s\n", problem);
	problem[0] = '\0';
	ok(dtls_context_create(settings, &context, problem) != OK && problem[0] != '\0',
	   "DTLS alike");
}

static void test_problems(void)
{
	struct tls_settings good = {.cert_file = path_of("cert.pem"),
	                            .key_file = path_of("key.pem")};
	struct tls_settings settings;

	settings = (struct tls_settings){.key_file = good.key_file};
	expect_problem(&settings, "cert is not set", "set cert=", "no certificate");
	settings = good;
	settings.cert_file = path_of("none.pem");
	expect_problem(&settings, "none.pem: no such file",
	               "or set cert=", "a certificate that is not there");
	settings = good;
	settings.cert_file = path_of("text");
	expect_problem(&settings, "text: no PEM certificate", "has to hold",
	               "a file that is no certificate");
	settings = good;
	settings.key_file = NULL;
	expect_problem(&settings, "pkey is not set", "set pkey=", "no key");
	settings.key_file = path_of("none.pem");
	expect_problem(&settings, "none.pem: no such file", "set pkey=", "a key that is not there");
	settings.key_file = path_of("text");
	expect_problem(&settings, "text: no PEM private key", "pkey", "a file that is no key");
	settings.key_file = path_of("other_key.pem");
	expect_problem(&settings, "not the key of cert", "made together", "another's key");
	settings.key_file = path_of("locked_key.pem");
	settings.cert_file = path_of("locked_cert.pem");
	expect_problem(&settings, "is encrypted and there is no password",
	               "set pkey-pwd=", "an encrypted key without its password");
	settings.key_password = "wrong";
	expect_problem(&settings, "the password does not open it", "pkey-pwd", "a wrong password");
	settings = good;
	settings.cipher_list = "NO-SUCH-CIPHER";
	expect_problem(&settings, "cipher-list NO-SUCH-CIPHER", "openssl ciphers",
	               "an unknown cipher");
	settings = good;
	settings.ca_file = path_of("text");
	expect_problem(&settings, "text: no PEM certificate in it", "CA-file", "a wrong CA file");
	settings = good;
	settings.dh_file = path_of("text");
	expect_problem(&settings, "text: no usable DH parameters", "openssl dhparam",
	               "a wrong DH file");
	settings = good;
	settings.curve_name = "flat";
	expect_problem(&settings, "ec-curve-name flat: no such curve", "prime256v1",
	               "an unknown curve");
}

struct told {
	unsigned settings, count; /* a bit for each */
	enum err err;
	char last[256];
};

static void tell(enum tls_setting about, enum err err, const char *problem, void *context)
{
	struct told *told = context;

	told->settings |= 1u << about;
	told->count++;
	told->err = err;
	snprintf(told->last, sizeof told->last, "%s", problem);
}

static struct told look(const struct tls_settings *settings)
{
	struct told told = {0};

	tls_settings_check(settings, tell, &told);
	return told;
}

static void test_every_problem(void)
{
	struct tls_settings settings = {.cert_file = path_of("cert.pem"),
	                                .key_file = path_of("key.pem")};
	struct told told = look(&settings);

	is_int(told.count, 0, "nothing is wrong with a good configuration");
	settings.cert_file = settings.key_file = settings.ca_file = path_of("text");
	settings.cipher_list = "NO-SUCH-CIPHER";
	settings.curve_name = "flat";
	settings.dh_file = path_of("none.pem");
	told = look(&settings);
	is_int(told.settings,
	       1u << TLS_CERT | 1u << TLS_KEY | 1u << TLS_CIPHERS | 1u << TLS_CLIENT_CA |
	               1u << TLS_DH | 1u << TLS_CURVE,
	       "every problem is told");
	is_int(told.count, 6, "once");
	settings =
		(struct tls_settings){.cert_file = path_of("text"), .key_file = path_of("key.pem")};
	told = look(&settings);
	ok(told.settings == 1u << TLS_CERT && told.err == ERR_INVALID,
	   "a key is not compared with a certificate that cannot be read");
	settings.cert_file = path_of("none.pem");
	is_int(look(&settings).err, ERR_NOT_FOUND, "a file that is not there");
	settings.cert_file = path_of("old_cert.pem");
	settings.key_file = path_of("old_key.pem");
	told = look(&settings);
	ok(told.settings == 1u << TLS_CERT && told.err == OK &&
	           strstr(told.last, "has expired on 2") != NULL,
	   "an expired certificate is told of, and no error");
	settings.cert_file = path_of("cert.pem");
	settings.key_file = path_of("other_key.pem");
	told = look(&settings);
	ok(told.settings == 1u << TLS_KEY && strstr(told.last, "not the key of cert") != NULL,
	   "another's key");
}

static SSL_CTX *context_of(const struct tls_settings *settings, const char *name)
{
	SSL_CTX *context = NULL;
	char problem[256] = "";

	is_int(tls_context_create(settings, &context, problem), OK, "%s %s", name, problem);
	return context;
}

/* Handshakes over memory. Gives the client's view: NULL when it failed. */
struct outcome {
	bool succeeded;
	int alert;
	char protocol[32], version[16], cipher[64];
};

static int alert_seen;
static void on_client_info(const SSL *ssl, int where, int value)
{
	(void)ssl;
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		alert_seen = value & 0xFF;
}

static struct outcome handshake(SSL_CTX *server_context, const char *alpn, size_t alpn_len,
                                int version)
{
	struct outcome outcome = {0};
	SSL_CTX *client_context = SSL_CTX_new(TLS_client_method());
	SSL *client = SSL_new(client_context), *server = SSL_new(server_context);
	BIO *a, *b;
	const unsigned char *protocol;
	unsigned protocol_len;

	BIO_new_bio_pair(&a, 0, &b, 0);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	SSL_set_info_callback(client, on_client_info);
	SSL_set_security_level(client, 0);
	SSL_set_min_proto_version(client, version);
	SSL_set_max_proto_version(client, version);
	if (alpn != NULL)
		SSL_set_alpn_protos(client, (const unsigned char *)alpn, (unsigned)alpn_len);
	alert_seen = 0;
	for (int i = 0; i < 20; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	outcome.succeeded = SSL_is_init_finished(client) && SSL_is_init_finished(server);
	outcome.alert = alert_seen;
	SSL_get0_alpn_selected(client, &protocol, &protocol_len);
	snprintf(outcome.protocol, sizeof outcome.protocol, "%.*s", (int)protocol_len,
	         protocol_len > 0 ? (const char *)protocol : "");
	snprintf(outcome.version, sizeof outcome.version, "%s", SSL_get_version(client));
	snprintf(outcome.cipher, sizeof outcome.cipher, "%s",
	         outcome.succeeded ? SSL_get_cipher_name(client) : "");
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_context);
	return outcome;
}

#define ALPN_TURN      "\x09stun.turn"
#define ALPN_DISCOVERY "\x12stun.nat-discovery"
#define ALPN_OTHER     "\x08http/1.1"
#define OFFER(alpn)    alpn, sizeof alpn - 1

static void test_handshakes(void)
{
	struct tls_settings settings = {.cert_file = path_of("cert.pem"),
	                                .key_file = path_of("key.pem")};
	SSL_CTX *context = context_of(&settings, "a good configuration makes a context");
	struct outcome outcome;

	outcome = handshake(context, NULL, 0, TLS1_3_VERSION);
	ok(outcome.succeeded && strcmp(outcome.version, "TLSv1.3") == 0, "TLS 1.3 is spoken");
	outcome = handshake(context, NULL, 0, TLS1_2_VERSION);
	ok(outcome.succeeded && strcmp(outcome.version, "TLSv1.2") == 0, "TLS 1.2 is spoken");
	ok(strstr(outcome.cipher, "GCM") != NULL || strstr(outcome.cipher, "CHACHA20") != NULL,
	   "with AEAD (%s)", outcome.cipher);
	outcome = handshake(context, NULL, 0, TLS1_1_VERSION);
	ok(!outcome.succeeded, "TLS 1.1 is not");
	outcome = handshake(context, OFFER(ALPN_OTHER ALPN_TURN), TLS1_3_VERSION);
	is_text(outcome.protocol, "stun.turn", "ALPN stun.turn is chosen (RFC 7443)");
	outcome = handshake(context, OFFER(ALPN_DISCOVERY), TLS1_2_VERSION);
	is_text(outcome.protocol, "stun.nat-discovery", "and stun.nat-discovery");
	outcome = handshake(context, OFFER(ALPN_OTHER), TLS1_3_VERSION);
	ok(!outcome.succeeded, "a client of other protocols alone is refused");
	is_int(outcome.alert, 120, "by no_application_protocol (RFC 7301 section 3.2)");
	SSL_CTX_free(context);

	settings.ca_file = path_of("cert.pem");
	context = context_of(&settings, "a CA file is read");
	outcome = handshake(context, NULL, 0, TLS1_2_VERSION);
	ok(!outcome.succeeded, "and clients without a certificate are refused");
	SSL_CTX_free(context);
}

static void test_files(void)
{
	struct tls_settings settings = {.cert_file = path_of("locked_cert.pem"),
	                                .key_file = path_of("locked_key.pem"),
	                                .key_password = "secret",
	                                .curve_name = "prime256v1"};
	SSL_CTX *context = context_of(&settings, "an encrypted key is opened by its password");
	char line[512] = "", problem[256] = "";

	SSL_CTX_free(context);
	is_int(dtls_context_create(&settings, &context, problem), OK, "for DTLS too");
	SSL_CTX_free(context);

	struct log_settings log = {.min_level = LEVEL_INFO, .file = path_of("log")};
	if (log_open(&log) != OK)
		abort();
	settings = (struct tls_settings){.cert_file = path_of("old_cert.pem"),
	                                 .key_file = path_of("old_key.pem")};
	context = context_of(&settings, "an expired certificate is no failure");
	SSL_CTX_free(context);
	log_close();
	FILE *file = fopen(path_of("log"), "r");
	ok(file != NULL && fgets(line, sizeof line, file) != NULL, "but a line in the log");
	ok(strstr(line, "expired") != NULL && strstr(line, "WARNING") != NULL, "a warning");
	if (file != NULL)
		fclose(file);
}

int main(void)
{
	static const char *const files[] = {"cert.pem",
	                                    "key.pem",
	                                    "other_cert.pem",
	                                    "other_key.pem",
	                                    "locked_cert.pem",
	                                    "locked_key.pem",
	                                    "old_cert.pem",
	                                    "old_key.pem",
	                                    "text",
	                                    "log"};

	if (mkdtemp(folder) == NULL)
		abort();
	pair_write("cert.pem", "key.pem", NULL, 3600);
	pair_write("other_cert.pem", "other_key.pem", NULL, 3600);
	pair_write("locked_cert.pem", "locked_key.pem", "secret", 3600);
	pair_write("old_cert.pem", "old_key.pem", NULL, -3600);
	file_write("text", "no certificate\n");
	test_problems();
	test_every_problem();
	test_handshakes();
	test_files();
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		unlink(path_of(files[i]));
	rmdir(folder);
	return tap_end();
}
