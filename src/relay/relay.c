/* What all relay threads share, made from the configuration in the order in which one thing needs
 * another, and undone the other way round. */
#include "relay/relay.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "listeners/tls_context.h"
#include "process/certificate_check.h"
#include "relay/alternates.h"
#include "relay/frontends.h"
#include "relay/statsdb.h"
#include "relay/thread.h"
#include "relay/thread_listeners.h"
#include "store/configured_store.h"
#include "turn/source_limit.h"

enum {
	THREADS_MAX = 128,       /* as relay-threads allows */
	ALL_THREADS_MAX = 1 << 8 /* the first octet of a reservation token tells them apart */
};

typedef enum err step_fn(struct relay *relay, char problem[256]);

static step_fn make_users, make_filter, make_secrets, make_ticket_key, make_features, open_store,
	open_statsdb, start_statsdb, make_limits, make_unproven, choose_engine, open_threads,
	list_senders, start_store, start_threads;

struct step {
	step_fn *take;
	enum option_id about; /* whose value is to be mended when it fails */
};

static const struct step opening[] = {
	{frontends_check_listening_device, OPTION_ID_listening_device},
	{frontends_check_relay_device, OPTION_ID_relay_device},
	{frontends_find, OPTION_ID_listening_ip},
	{frontends_find_relays, OPTION_ID_relay_ip},
	{make_users, OPTION_ID_user},
	{relay_make_contexts, OPTION_ID_cert},
	{frontends_list, OPTION_ID_listening_ip},
	{frontends_list_proxied, OPTION_ID_tcp_proxy_port},
	{frontends_pair, OPTION_ID_rfc5780},
	{make_filter, OPTION_ID_allowed_peer_ip},
	{make_secrets, OPTION_ID_stateless_nonce_secret},
	{make_ticket_key, OPTION_ID_mobility},
	{open_store, OPTION_ID_userdb},
	{open_statsdb, OPTION_ID_redis_statsdb},
	{make_features, OPTION_ID_userdb},
	{choose_engine, OPTION_ID_network_engine},
	{frontends_place, OPTION_ID_listening_ip},
	{make_limits, OPTION_ID_user_quota},
	{make_unproven, OPTION_ID_unauthorized_ratelimit_rps},
	{open_threads, OPTION_ID_listening_ip},
	{list_senders, OPTION_ID_listening_ip},
};
static const struct step starting[] = {
	{start_store, OPTION_ID_userdb},
	{start_statsdb, OPTION_ID_redis_statsdb},
	{start_threads, OPTION_ID_relay_threads},
};

/* What a reload makes anew. */
static const struct step steps_again[] = {
	{frontends_find, OPTION_ID_listening_ip},
	{make_users, OPTION_ID_user},
	{relay_make_contexts, OPTION_ID_cert},
	{frontends_list, OPTION_ID_listening_ip},
	{frontends_list_proxied, OPTION_ID_tcp_proxy_port},
	{frontends_place, OPTION_ID_listening_ip},
	{frontends_pair, OPTION_ID_rfc5780},
	{make_filter, OPTION_ID_allowed_peer_ip},
	{make_unproven, OPTION_ID_unauthorized_ratelimit_rps},
};

static enum err take_steps(struct relay *relay, const struct step *steps, size_t count,
                           char problem[256], enum option_id *about)
{
	enum err err = OK;

	for (size_t i = 0; i < count && err == OK; i++) {
		*about = steps[i].about;
		err = steps[i].take(relay, problem);
	}
	if (*about == OPTION_ID_userdb)
		*about = configured_store_option(relay->config);
	if (err != OK && *about == OPTION_ID_cert)
		*about = certificate_option_at_fault(relay->config);
	return err;
}

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum err relay_open(const struct config *config, struct relay **result, char problem[256],
                    enum option_id *about)
{
	struct relay *relay = calloc(1, sizeof *relay);
	enum err err;

	*about = OPTION_ID_relay_threads;
	if (relay == NULL) {
		snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	relay->running = relay;
	relay->config = config;
	alternates_read(config, &relay->alternates);
	err = take_steps(relay, opening, COUNT_OF(opening), problem, about);
	if (err != OK) {
		relay_stop(relay);
		return err;
	}
	*result = relay;
	return OK;
}

enum err relay_start(struct relay *relay, char problem[256], enum option_id *about)
{
	return take_steps(relay, starting, COUNT_OF(starting), problem, about);
}

/* ---- another configuration ---- */

/* What stays is lent to it. */
static struct relay begin_next(const struct relay *relay, const struct config *config)
{
	return (struct relay){
		.running = relay,
		.config = config,
		.addresses = relay->addresses,
		.address_count = relay->address_count,
		.engine = relay->engine,
		.relay_threads = relay->relay_threads,
		.thread_count = relay->thread_count,
		.security_features = relay->security_features,
	};
}

enum err relay_prepare(const struct relay *relay, const struct config *config, struct relay **next,
                       char problem[256], enum option_id *about)
{
	struct relay *made = calloc(1, sizeof *made);
	char unreadable[256];
	enum err err;

	*about = OPTION_ID_config_file;
	if (made == NULL) {
		snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	*made = begin_next(relay, config);
	err = take_steps(made, steps_again, COUNT_OF(steps_again), problem, about);
	if (err != OK) {
		relay_discard(made);
		return err;
	}
	/* A store that is away keeps nobody from changing anything else. */
	if (make_features(made, unreadable) != OK)
		log_warning("users of the store not looked at", "reason=\"%s\"", unreadable);
	*next = made;
	return OK;
}

static void stop_threads(struct relay *relay)
{
	for (unsigned i = 0; i < relay->thread_count; i++)
		relay_thread_join(relay->threads[i]);
	store_thread_stop(relay->store);
	statsdb_stop(relay->statsdb);
	/* Letters that crossed the farewell: the threads have ended, so this one may deliver them.
	 * A claim and its answer are two letters. */
	for (unsigned i = 0; i < 2 * relay->thread_count; i++) {
		struct relay_thread *thread = relay->threads[i % relay->thread_count];
		mailbox_deliver(thread->mailbox, thread);
	}
	for (unsigned i = 0; i < relay->thread_count; i++)
		relay_thread_destroy(relay->threads[i]);
	free(relay->threads);
}

void relay_stop(struct relay *relay)
{
	if (relay == NULL)
		return;
	stop_threads(relay);
	relay_free_replaceable(relay);
	quota_destroy(relay->quota);
	for (size_t i = 0; i < relay->address_count; i++)
		port_pool_destroy(relay->addresses[i].ports);
	free(relay->addresses);
	free(relay->address_map);
	bytes_wipe(relay->nonce_secret, sizeof relay->nonce_secret);
	bytes_wipe(&relay->ticket_key, sizeof relay->ticket_key);
	bytes_wipe(relay->dtls_cookie_secret, sizeof relay->dtls_cookie_secret);
	free(relay);
}

uint64_t relay_counter(const struct relay *relay, enum counter counter)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < relay->thread_count; i++)
		sum += counter_read(&relay->threads[i]->counters, counter);
	return sum;
}

/* The levels of the threads would leave out one that moves from a thread to another. What has ended is
 * read first, so that what is made and ends meanwhile counts as if it were still there. */
uint64_t relay_allocations(const struct relay *relay)
{
	uint64_t ended = relay_counter(relay, COUNT_allocations_expired) +
	                 relay_counter(relay, COUNT_allocations_deleted);

	return relay_counter(relay, COUNT_allocations_created) - ended;
}

uint64_t relay_thread_counter(const struct relay *relay, unsigned thread, enum counter counter)
{
	return counter_read(&relay->threads[thread]->counters, counter);
}

const struct relay_address *relay_address_for(const struct relay *relay, int family,
                                              const struct transport_addr *frontend)
{
	const struct relay_address *chosen = NULL;
	uint32_t candidates = 0;

	for (size_t i = 0; i < relay->address_count; i++) {
		const struct relay_address *address = &relay->addresses[i];
		if (addr_family(&address->ip) != family)
			continue;
		if (addr_equal_ip(&address->ip, frontend))
			return address;
		/* The n-th candidate replaces the chosen one in one case of n: all are as likely. */
		if (random_below(++candidates) == 0)
			chosen = address;
	}
	return chosen;
}

/* ---- the steps ---- */

static enum err make_users(struct relay *relay, char problem[256])
{
	const struct text_list *user = &relay->config->user;

	relay->users = calloc(user->count ? user->count : 1, sizeof *relay->users);
	if (relay->users == NULL) {
		snprintf(problem, 256, "user: %s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < user->count; i++) {
		enum err err = credentials_user_parse(user->item[i],
		                                      &relay->users[relay->user_count], problem);
		if (err != OK)
			return err;
		relay->user_count++;
	}
	return OK;
}

/* A peer with one of our relay IPs is one of our own relayed addresses, or nobody. Any thread. */
static bool is_relayed(const struct transport_addr *addr, bool is_tcp, void *context)
{
	const struct relay *relay = context;

	for (size_t i = 0; i < relay->address_count; i++) {
		const struct relay_address *address = &relay->addresses[i];
		if ((addr_equal_ip(&address->ip, addr) ||
		     addr_equal_ip(&address->public_ip, addr)) &&
		    port_pool_holds(address->ports, addr_port(addr), is_tcp))
			return true;
	}
	return false;
}

/* Every frontend, and every relay IP as it is bound and as it is seen. */
static void list_own(const struct relay *relay, struct transport_addr *listeners,
                     struct transport_addr *relay_ips)
{
	for (size_t i = 0; i < relay->frontend_count; i++)
		listeners[i] = relay->frontends[i].addr;
	for (size_t i = 0; i < relay->address_count; i++) {
		relay_ips[2 * i] = relay->addresses[i].ip;
		relay_ips[2 * i + 1] = relay->addresses[i].public_ip;
	}
}

static enum err make_filter(struct relay *relay, char problem[256])
{
	const struct config *config = relay->config;
	struct transport_addr *listeners = calloc(relay->frontend_count, sizeof *listeners);
	struct transport_addr *relay_ips = calloc(2 * relay->address_count, sizeof *relay_ips);
	struct peer_filter_settings settings = {
		.allowed = config->allowed_peer_ip.item,
		.allowed_count = config->allowed_peer_ip.count,
		.denied = config->denied_peer_ip.item,
		.denied_count = config->denied_peer_ip.count,
		.listeners = listeners,
		.listener_count = relay->frontend_count,
		.nat64 = config->nat64_prefix.item,
		.nat64_count = config->nat64_prefix.count,
		.allow_loopback = config->allow_loopback_peers,
		.relay_ips = relay_ips,
		.relay_ip_count = 2 * relay->address_count,
		.is_relayed = is_relayed,
		.context = (void *)relay->running,
	};
	enum err err = ERR_NO_MEMORY;

	if (listeners != NULL && relay_ips != NULL) {
		list_own(relay, listeners, relay_ips);
		err = peer_filter_create(&settings, &relay->filter);
	}
	free(listeners);
	free(relay_ips);
	if (err != OK)
		snprintf(problem, 256, "peer rules: %s", err_string(err));
	return err;
}

enum err relay_make_contexts(struct relay *relay, char problem[256])
{
	const struct config *config = relay->config;
	const struct tls_settings settings = tls_settings_of(config);
	enum err err = OK;

	if (config->cert == NULL) {
		if (config->tls || config->dtls)
			log_always("no TLS and DTLS",
			           "reason=\"no certificate\" advice=\"set cert and pkey\"");
		return OK;
	}
	if (config->tls)
		err = tls_context_create(&settings, &relay->tls, problem);
	if (err == OK && config->dtls)
		err = dtls_context_create(&settings, &relay->dtls, problem);
	return err;
}

/* What clients are given to show again, to whichever thread. */
static enum err make_secrets(struct relay *relay, char problem[256])
{
	const char *text = relay->config->stateless_nonce_secret;
	struct stun_hasher *hasher;
	enum err err;

	random_bytes(relay->dtls_cookie_secret, sizeof relay->dtls_cookie_secret);
	if (text == NULL) {
		random_bytes(relay->nonce_secret, sizeof relay->nonce_secret);
		return OK;
	}
	err = stun_hasher_create(&hasher);
	if (err != OK) {
		snprintf(problem, 256, "stateless-nonce-secret: %s", err_string(err));
		return err;
	}
	stun_nonce_secret(hasher, text, relay->nonce_secret);
	stun_hasher_destroy(hasher);
	return OK;
}

static enum err make_ticket_key(struct relay *relay, char problem[256])
{
	(void)problem;
	relay->ticket_key.len = AEAD_KEY_MAX;
	random_bytes(relay->ticket_key.bytes, AEAD_KEY_MAX);
	return OK;
}

static enum err open_store(struct relay *relay, char problem[256])
{
	const struct store_location location = configured_store(relay->config);

	if (!has_configured_store(relay->config))
		return OK;
	return store_thread_create_at(&location, &relay->store, problem);
}

static enum err start_store(struct relay *relay, char problem[256])
{
	return relay->store != NULL ? store_thread_run(relay->store, problem) : OK;
}

static enum err open_statsdb(struct relay *relay, char problem[256])
{
	if (relay->config->redis_statsdb == NULL)
		return OK;
	return statsdb_create(relay->config->redis_statsdb, &relay->statsdb, problem);
}

static enum err start_statsdb(struct relay *relay, char problem[256])
{
	return relay->statsdb != NULL ? statsdb_run(relay->statsdb, problem) : OK;
}

static bool stop_at_md5_only(const struct store_user *user, void *context)
{
	bool *is_found = context;

	*is_found = !user->has_sha256;
	return !*is_found;
}

/* Whether some user of ours has an MD5 key and no password or SHA-256 key. A Redis server that is away
 * may have such users. */
static enum err find_md5_only(const struct relay *relay, bool *is_found, char problem[256])
{
	const struct store_location location = configured_store(relay->config);
	struct store *store;
	enum err err;

	*is_found = false;
	for (size_t i = 0; i < relay->user_count; i++)
		*is_found |= relay->users[i].key_len == STUN_MD5_KEY_SIZE;
	if (*is_found || !has_configured_store(relay->config))
		return OK;
	err = store_open_at(&location, false, &store, problem);
	if (err == OK) {
		err = store_user_list(store, NULL, stop_at_md5_only, is_found);
		if (err != OK)
			snprintf(problem, 256, "%s", store_problem(store));
		store_close(store);
	}
	if (err != ERR_UNAVAILABLE || location.redis == NULL)
		return err;
	*is_found = true;
	return OK;
}

/* A client takes the first algorithm that it is offered and knows, SHA-256, whoever its user is; so
 * one user who has only coturn's MD5 key keeps it from being offered to all. Time-limited usernames
 * are not found by their hash. */
static enum err make_features(struct relay *relay, char problem[256])
{
	uint32_t features = 0;
	bool has_md5_only;
	enum err err = find_md5_only(relay, &has_md5_only, problem);

	if (has_md5_only)
		log_always("SHA-256 not offered",
		           "reason=\"a user has an MD5 key alone\" "
		           "advice=\"turnadmin user add sets the password anew\"");
	else if (err == OK)
		features |= STUN_FEATURE_PASSWORD_ALGORITHMS;
	if (!relay->config->use_auth_secret)
		features |= STUN_FEATURE_USERNAME_ANONYMITY;
	if (err == OK)
		relay->security_features = features;
	return err;
}

/* What holds for all threads together. */
static enum err make_limits(struct relay *relay, char problem[256])
{
	const struct config *config = relay->config;
	struct quota_settings settings = relay_quota_settings(config);

	random_bytes(&settings.hash_seed, sizeof settings.hash_seed);
	enum err err = quota_create(&settings, &relay->quota);
	if (err != OK)
		snprintf(problem, 256, "quotas: %s", err_string(err));
	return err;
}

struct quota_settings relay_quota_settings(const struct config *config)
{
	return (struct quota_settings){
		.limits = {config->user_quota, config->total_quota, config->max_bps},
		.bps_capacity = config->bps_capacity,
		.separator = config->use_auth_secret ? config->rest_api_separator[0] : '\0',
	};
}

static enum err make_unproven(struct relay *relay, char problem[256])
{
	uint64_t seed;
	enum err err;

	random_bytes(&seed, sizeof seed);
	err = source_limit_create(relay->config->unauthorized_ratelimit_rps, seed,
	                          &relay->unproven);
	if (err != OK)
		snprintf(problem, 256, "unauthorized-ratelimit-rps: %s", err_string(err));
	return err;
}

/* Those that this process may run on: a container or taskset leaves fewer than there are. */
static unsigned count_cpus(void)
{
	cpu_set_t allowed;
	long count = sched_getaffinity(0, sizeof allowed, &allowed) == 0
	                     ? CPU_COUNT(&allowed)
	                     : sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : count > THREADS_MAX ? THREADS_MAX : (unsigned)count;
}

/* The core of each thread draws reservation tokens by their count, so it is known before the first. */
static enum err choose_engine(struct relay *relay, char problem[256])
{
	unsigned wanted = relay->config->relay_threads;

	relay->engine = engine_find(relay->config->network_engine);
	if (relay->engine == NULL) {
		snprintf(problem, 256, "network-engine: there is no %s",
		         relay->config->network_engine);
		return ERR_INVALID;
	}
	relay->relay_threads = wanted != 0 ? wanted : count_cpus();
	relay->relay_threads = engine_relay_threads(relay);
	relay->thread_count = relay->relay_threads + engine_ip_threads(relay);
	if (relay->thread_count > ALL_THREADS_MAX) {
		snprintf(
			problem, 256,
			"network-engine: %u threads for relay-threads=%u and %zu listening IPs are "
			"more than %d: lower relay-threads, or use sharded",
			relay->thread_count, relay->relay_threads, relay->frontend_ip_count,
			ALL_THREADS_MAX);
		relay->thread_count = 0;
		return ERR_FULL;
	}
	return OK;
}

static enum err open_threads(struct relay *relay, char problem[256])
{
	unsigned wanted = relay->thread_count;

	relay->threads = calloc(wanted, sizeof(struct relay_thread *));
	if (relay->threads == NULL) {
		relay->thread_count = 0;
		snprintf(problem, 256, "relay-threads: %s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	for (unsigned i = 0; i < wanted; i++) {
		enum err err = relay_thread_create(relay, i, &relay->threads[i], problem);
		if (err != OK) {
			relay->thread_count = i;
			return err;
		}
	}
	return OK;
}

static enum err list_senders(struct relay *relay, char problem[256])
{
	enum err err = OK;

	for (unsigned i = 0; i < relay->thread_count && err == OK; i++)
		err = relay_add_senders(relay, &relay->threads[i]->serving);
	if (err != OK)
		snprintf(problem, 256, "listeners: %s", err_string(err));
	for (unsigned i = 0; i < relay->thread_count; i++)
		thread_listeners_configure(relay->threads[i]);
	return err;
}

static enum err start_threads(struct relay *relay, char problem[256])
{
	for (unsigned i = 0; i < relay->thread_count; i++)
		if (relay_thread_start(relay->threads[i]) != OK) {
			snprintf(problem, 256, "relay-threads: thread %u: %s", i, strerror(errno));
			return ERR_SYSTEM;
		}
	return OK;
}
