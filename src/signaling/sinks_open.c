/* What the sinks are made of, by the configuration. */
#include "signaling/sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/log.h"

enum { HEARTBEAT_S = 15, SINK_NAME_SIZE = 80, DIGEST_SIZE = 32 };

static enum err make_tls(struct sinks *sinks, const char *ca_file, char problem[256])
{
	sinks->tls = SSL_CTX_new(TLS_client_method());
	if (sinks->tls == NULL)
		return ERR_NO_MEMORY;
	SSL_CTX_set_min_proto_version(sinks->tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(sinks->tls, SSL_VERIFY_PEER, NULL);
	int is_set = ca_file == NULL ? SSL_CTX_set_default_verify_paths(sinks->tls)
	                             : SSL_CTX_load_verify_locations(sinks->tls, ca_file, NULL);
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
static void webhook_name(const char *url, char name[SINK_NAME_SIZE])
{
	unsigned char sum[DIGEST_SIZE] = {0};
	size_t len = (size_t)snprintf(name, SINK_NAME_SIZE, "webhook ");

	if (EVP_Digest(url, strlen(url), sum, NULL, EVP_sha256(), NULL) != 1)
		return;
	for (size_t i = 0; i < sizeof sum; i++)
		len += (size_t)snprintf(name + len, SINK_NAME_SIZE - len, "%02x", sum[i]);
}

/* One broker: it keeps its facts when its address or password changes. */
static enum err name_sinks(struct sinks *sinks, const struct config *config, char problem[256])
{
	char names[SPOOL_SINKS_MAX][SINK_NAME_SIZE];
	const char *list[SPOOL_SINKS_MAX];
	size_t count = 0;

	if (config->amqp_url != NULL)
		snprintf(names[count++], SINK_NAME_SIZE, "amqp");
	for (size_t i = 0; i < config->webhook_url.count; i++)
		webhook_name(config->webhook_url.item[i], names[count++]);
	for (size_t i = 0; i < count; i++)
		list[i] = names[i];
	enum err err = spool_set_sinks(sinks->spool, list, count);
	if (err != OK)
		snprintf(problem, 256, "event-spool: %.200s", spool_problem(sinks->spool));
	return err;
}

static enum err open_spool(struct sinks *sinks, const struct config *config, char problem[256])
{
	enum err err = spool_open(config->event_spool, &sinks->spool, problem);

	if (err == OK)
		err = name_sinks(sinks, config, problem);
	if (err != OK)
		return err;
	sinks->bytes_max = config->event_spool_size;
	uint64_t bytes = spool_bytes(sinks->spool);
	atomic_store_explicit(&sinks->counters.bytes, bytes, memory_order_relaxed);
	if (bytes > 0)
		log_always("events wait since the last time", "file=\"%s\" bytes=%llu",
		           config->event_spool, (unsigned long long)bytes);
	return OK;
}

static enum err make_webhook(struct sinks *sinks, const struct config *config, size_t number,
                             char problem[256])
{
	const struct webhook_settings settings = {
		.url = config->webhook_url.item[number],
		.secrets = config->webhook_secret.item,
		.secret_count = config->webhook_secret.count,
		.give_up_s = config->webhook_give_up,
		.base = sinks->base,
		.dns = sinks->dns,
		.tls = sinks->tls,
		.spool = sinks->spool,
		.sink = (unsigned)number + (config->amqp_url != NULL),
		.done = sinks_webhook_done,
		.context = sinks,
	};
	enum err err = webhook_create(&settings, &sinks->webhooks[number], problem);

	if (err == OK)
		sinks->webhook_count++;
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

static enum err make_amqp(struct sinks *sinks, const struct config *config, char problem[256])
{
	const struct amqp_settings settings = {
		.url = config->amqp_url,
		.exchange = config->amqp_exchange,
		.ca_file = config->event_ca_file,
		.heartbeat_s = HEARTBEAT_S,
		.mailbox = sinks->mailbox,
		.deliver = amqp_feed_news,
	};

	return amqp_create(&settings, &sinks->amqp_feed.amqp, problem);
}

enum err sinks_open(struct sinks *sinks, const struct config *config, char problem[256])
{
	enum err err = check(config, problem);

	if (err == OK)
		err = make_tls(sinks, config->event_ca_file, problem);
	if (err == OK)
		err = open_spool(sinks, config, problem);
	if (err == OK)
		err = make_loop(sinks);
	for (size_t i = 0; err == OK && i < config->webhook_url.count; i++)
		err = make_webhook(sinks, config, i, problem);
	if (err == OK && config->amqp_url != NULL)
		err = make_amqp(sinks, config, problem);
	return err;
}

void sinks_close(struct sinks *sinks)
{
	amqp_destroy(sinks->amqp_feed.amqp);
	for (size_t i = 0; i < sinks->webhook_count; i++)
		webhook_destroy(sinks->webhooks[i]);
	if (sinks->letters != NULL)
		event_free(sinks->letters);
	if (sinks->wake != NULL)
		event_free(sinks->wake);
	if (sinks->mailbox != NULL) {
		mailbox_deliver(sinks->mailbox,
		                sinks); /* the broker's thread is gone: its last words */
		mailbox_destroy(sinks->mailbox);
	}
	if (sinks->dns != NULL)
		evdns_base_free(sinks->dns, 0);
	if (sinks->base != NULL)
		event_base_free(sinks->base);
	spool_close(sinks->spool);
	SSL_CTX_free(sinks->tls);
	free(sinks);
}
