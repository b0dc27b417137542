/* Problems of TLS settings, put where the option was set. */
#include "process/certificate_check.h"

struct telling {
	const struct config *config;
	struct config_report *report;
};

static const enum option_id options[] = {
	[TLS_CERT] = OPTION_ID_cert,           [TLS_KEY] = OPTION_ID_pkey,
	[TLS_CIPHERS] = OPTION_ID_cipher_list, [TLS_CLIENT_CA] = OPTION_ID_ca_file,
	[TLS_DH] = OPTION_ID_dh_file,          [TLS_CURVE] = OPTION_ID_ec_curve_name,
};

struct tls_settings tls_settings_of(const struct config *config)
{
	return (struct tls_settings){
		.cert_file = config->cert,
		.key_file = config->pkey,
		.key_password = config->pkey_pwd,
		.cipher_list = config->cipher_list,
		.ca_file = config->ca_file,
		.dh_file = config->dh_file,
		.curve_name = config->ec_curve_name,
		.without_tls12 = !config->tlsv1_2,
	};
}

static void tell(enum tls_setting about, enum err err, const char *problem, void *context)
{
	const struct telling *telling = context;
	enum option_id id = options[about];

	if (err == ERR_NOT_FOUND)
		return;
	config_report_add(telling->report, err == OK ? CONFIG_WARNING : CONFIG_ERROR,
	                  config_source_name(telling->config, id), telling->config->origin[id].line,
	                  "%s", problem);
}

static void remember(enum tls_setting about, enum err err, const char *problem, void *context)
{
	enum option_id *id = context;

	(void)problem;
	if (err != OK && *id == OPTION_ID_COUNT)
		*id = options[about];
}

enum option_id certificate_option_at_fault(const struct config *config)
{
	const struct tls_settings settings = tls_settings_of(config);
	enum option_id id = OPTION_ID_COUNT;

	tls_settings_check(&settings, remember, &id);
	return id != OPTION_ID_COUNT ? id : OPTION_ID_cert;
}

void certificate_check(const struct config *config, struct config_report *report)
{
	const struct tls_settings settings = tls_settings_of(config);
	struct telling telling = {config, report};

	bool is_used = config->program == CONFIG_TURNSIGNAL || config->tls || config->dtls;

	if (config->cert != NULL && config->pkey != NULL && is_used)
		tls_settings_check(&settings, tell, &telling);
}
