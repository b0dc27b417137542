/* What the sinks are made of, by the configuration. */
#include "signaling/sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/log.h"

enum { HEARTBEAT_S = 15, SPOOL_NAME_SIZE = SPOOL_NAME_MAX + 1, DIGEST_SIZE = 32 };

static enum err make_tls(const char *ca_file, SSL_CTX **tls, char problem[256])
{
	*tls = SSL_CTX_new(TLS_client_method());
	if (*tls == NULL)
		return ERR_NO_MEMORY;
	SSL_CTX_set_min_proto_version(*tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(*tls, SSL_VERIFY_PEER, NULL);
	int is_set = ca_file == NULL ? SSL_CTX_set_default_verify_paths(*tls)
	                             : SSL_CTX_load_verify_locations(*tls, ca_file, NULL);
	ERR_clear_error();
	if (is_set == 1)
		return OK;
	snprintf(problem, 256, "event-ca-file: %.200s: no certificates could be read",
	         ca_file == NULL ? "" : ca_file);
	return ERR_INVALID;
}

static enum err make_loop(struct sinks *sinks)
{
	sinks->base = event_base_new();
	if (sinks->base == NULL)
		return ERR_NO_MEMORY;
	/* Where there is no name server, webhooks by address work all the same. */
	sinks->dns = evdns_base_new(sinks->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
	                                                 EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (sinks->dns == NULL)
		sinks->dns = evdns_base_new(sinks->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (sinks->dns == NULL)
		return ERR_NO_MEMORY;
	enum err err = mailbox_create(&sinks->mailbox);
	return err == OK ? sinks_make_events(sinks) : err;
}

/* The spool knows a webhook by the digest of its URL, which may have a secret in it. */
static void webhook_name(const char *url, char name[SPOOL_NAME_SIZE])
{
	unsigned char sum[DIGEST_SIZE] = {0};
	size_t len = (size_t)snprintf(name, SPOOL_NAME_SIZE, "webhook ");

	if (EVP_Digest(url, strlen(url), sum, NULL, EVP_sha256(), NULL) != 1)
		return;
	for (size_t i = 0; i < sizeof sum; i++)
		len += (size_t)snprintf(name + len, SPOOL_NAME_SIZE - len, "%02x", sum[i]);
}

/* One broker: it keeps its facts when its address or password changes. */
static enum err name_sinks(struct sinks *sinks, const struct config *config,
                           struct spool_forgotten *forgotten)
{
	char names[SPOOL_SINKS_MAX][SPOOL_NAME_SIZE];
	const char *list[SPOOL_SINKS_MAX];
	size_t count = 0;
	enum err err;

	if (config->amqp_url != NULL)
		snprintf(names[count++], SPOOL_NAME_SIZE, "amqp");
	for (size_t i = 0; i < config->webhook_url.count; i++)
		webhook_name(config->webhook_url.item[i], names[count++]);
	for (size_t i = 0; i < count; i++)
		list[i] = names[i];
	err = spool_set_sinks(sinks->spool, list, count, forgotten);
	if (err != OK)
		return err;
	atomic_store_explicit(&sinks->counters.brokers, config->amqp_url != NULL,
	                      memory_order_relaxed);
	atomic_store_explicit(&sinks->counters.webhooks, (unsigned)config->webhook_url.count,
	                      memory_order_relaxed);
	atomic_store_explicit(&sinks->counters.bytes_max, config->event_spool_size,
	                      memory_order_relaxed);
	sinks_count_waiting(sinks);
	if (forgotten->events > 0)
		log_warning("events dropped",
		            "value=%llu reason=\"the sinks that they waited for are not "
		            "configured any more\"",
		            (unsigned long long)forgotten->events);
	return OK;
}

static enum err open_spool(struct sinks *sinks, const struct config *config, char problem[256])
{
	struct spool_forgotten forgotten;
	enum err err = spool_open(config->event_spool, &sinks->spool, problem);

	if (err != OK)
		return err;
	err = name_sinks(sinks, config, &forgotten);
	if (err != OK) {
		snprintf(problem, 256, "event-spool: %.200s", spool_problem(sinks->spool));
		return err;
	}
	uint64_t bytes = spool_bytes(sinks->spool);
	atomic_store_explicit(&sinks->counters.bytes, bytes, memory_order_relaxed);
	if (bytes > 0)
		log_always("events wait since the last time", "file=\"%s\" bytes=%llu",
		           config->event_spool, (unsigned long long)bytes);
	return OK;
}

static enum err make_webhook(struct sinks *sinks, struct sinks_parts *parts, size_t number,
                             char problem[256])
{
	const struct config *config = parts->config;
	const struct webhook_settings settings = {
		.url = config->webhook_url.item[number],
		.secrets = config->webhook_secret.item,
		.secret_count = config->webhook_secret.count,
		.give_up_s = config->webhook_give_up,
		.base = sinks->base,
		.dns = sinks->dns,
		.tls = parts->tls,
		.spool = sinks->spool,
		.sink = (unsigned)number + (config->amqp_url != NULL),
		.done = sinks_webhook_done,
		.context = sinks,
	};
	enum err err = webhook_create(&settings, &parts->webhooks[number], problem);

	if (err == OK)
		parts->webhook_count++;
	return err;
}

static enum err check(const struct config *config, char problem[256])
{
	if (config->webhook_url.count >= SPOOL_SINKS_MAX) {
		snprintf(problem, 256, "webhook-url: at most %d are possible", SPOOL_SINKS_MAX - 1);
		return ERR_INVALID;
	}
	if (config->webhook_url.count > 0 && config->webhook_secret.count == 0) {
		snprintf(problem, 256,
		         "webhook-url: webhook-secret is missing, which signs requests");
		return ERR_INVALID;
	}
	return OK;
}

static enum err make_amqp(struct sinks *sinks, const struct config *config, struct amqp **amqp,
                          char problem[256])
{
	const struct amqp_settings settings = {
		.url = config->amqp_url,
		.exchange = config->amqp_exchange,
		.ca_file = config->event_ca_file,
		.heartbeat_s = HEARTBEAT_S,
		.mailbox = sinks->mailbox,
		.deliver = amqp_feed_news,
	};

	return config->amqp_url == NULL ? OK : amqp_create(&settings, amqp, problem);
}

/* The configuration is a copy: a reload frees the one it is of. */
static enum err make_parts(struct sinks *sinks, const struct config *config,
                           struct sinks_parts *parts, char problem[256])
{
	enum err err = check(config, problem);

	if (err == OK)
		err = config_copy(config, &parts->config);
	if (err == OK)
		err = make_tls(config->event_ca_file, &parts->tls, problem);
	for (size_t i = 0; err == OK && i < config->webhook_url.count; i++)
		err = make_webhook(sinks, parts, i, problem);
	return err;
}

static void unmake_parts(struct sinks_parts *parts)
{
	for (size_t i = 0; i < parts->webhook_count; i++)
		webhook_destroy(parts->webhooks[i]);
	SSL_CTX_free(parts->tls);
	config_destroy(parts->config);
	*parts = (struct sinks_parts){.config = NULL};
}

enum err sinks_open(struct sinks *sinks, const struct config *config, char problem[256])
{
	enum err err = open_spool(sinks, config, problem);

	if (err == OK)
		err = make_loop(sinks);
	if (err == OK)
		err = make_parts(sinks, config, &sinks->parts, problem);
	if (err == OK)
		err = make_amqp(sinks, config, &sinks->amqp_feed.amqp, problem);
	if (err == OK) {
		err = amqp_feed_start(sinks);
		if (err != OK)
			snprintf(problem, 256, "no thread for AMQP");
	}
	return err;
}

void sinks_close(struct sinks *sinks)
{
	if (sinks->mailbox != NULL)
		amqp_feed_stop(sinks);
	sinks_change_destroy(sinks->change);
	unmake_parts(&sinks->parts);
	if (sinks->letters != NULL)
		event_free(sinks->letters);
	if (sinks->wake != NULL)
		event_free(sinks->wake);
	if (sinks->mailbox != NULL)
		mailbox_destroy(sinks->mailbox);
	if (sinks->dns != NULL)
		evdns_base_free(sinks->dns, 0);
	if (sinks->base != NULL)
		event_base_free(sinks->base);
	spool_close(sinks->spool);
	free(sinks);
}

/* ---- others, while they run ---- */

enum err sinks_prepare(struct sinks *sinks, const struct config *config, bool has_other_broker,
                       struct sinks_change **result, char problem[256])
{
	struct sinks_change *change = calloc(1, sizeof *change);
	enum err err;

	if (change == NULL)
		return ERR_NO_MEMORY;
	change->has_other_broker = has_other_broker;
	err = make_parts(sinks, config, &change->parts, problem);
	if (err == OK && has_other_broker)
		err = make_amqp(sinks, config, &change->amqp, problem);
	if (err == OK)
		*result = change;
	else
		sinks_change_destroy(change);
	return err;
}

void sinks_change_destroy(struct sinks_change *change)
{
	if (change == NULL)
		return;
	amqp_destroy(change->amqp);
	unmake_parts(&change->parts);
	free(change);
}

/* What was on its way is sent again, with a mark. */
void sinks_end_replaced(struct sinks *sinks)
{
	for (size_t i = 0; i < sinks->parts.webhook_count; i++)
		webhook_destroy(sinks->parts.webhooks[i]);
	sinks->parts.webhook_count = 0;
	if (sinks->change->has_other_broker)
		amqp_feed_stop(sinks);
}

enum err sinks_replace(struct sinks *sinks)
{
	struct sinks_change *change = sinks->change;
	struct spool_forgotten forgotten;
	enum err err = name_sinks(sinks, change->parts.config, &forgotten);

	if (err != OK)
		return err;
	sinks_subtract(&sinks->counters.bytes, forgotten.bytes);
	unmake_parts(&sinks->parts);
	sinks->parts = change->parts;
	change->parts = (struct sinks_parts){.config = NULL};
	if (change->has_other_broker) {
		sinks->amqp_feed.amqp = change->amqp;
		change->amqp = NULL;
	}
	sinks->change = NULL;
	sinks_change_destroy(change);
	log_always("event sinks changed", "broker=%d webhooks=%zu", sinks->amqp_feed.amqp != NULL,
	           sinks->parts.webhook_count);
	return OK;
}
