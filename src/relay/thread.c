/* A relay thread: what it owns, how it begins and ends, and its loop's idle work. What it does with
 * packets is in forward.c, with the core's wishes in actions.c, what clients reach it by in thread_listeners.c. */
#include "relay/thread.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "listeners/rounds.h"
#include "relay/door.h"
#include "relay/peer_connection.h"
#include "relay/relay_socket.h"
#include "relay/secret_name.h"
#include "relay/statsdb.h"
#include "relay/thread_listeners.h"

enum { REALMS_PATIENCE_MS = 1000 };

static enum err open_loop(struct relay_thread *thread);
static enum err open_server(struct relay_thread *thread);
static enum err open_realms(struct relay_thread *thread);
static enum err open_credentials(struct relay_thread *thread);

enum err relay_thread_create(struct relay *relay, unsigned index, struct relay_thread **result,
                             char problem[256])
{
	struct relay_thread *thread = aligned_alloc(64, sizeof *thread);
	enum err err = ERR_NO_MEMORY;

	if (thread == NULL) {
		snprintf(problem, 256, "relay thread: %s", err_string(err));
		return err;
	}
	memset(thread, 0, sizeof *thread);
	thread->relay = relay;
	thread->config = relay->config;
	thread->index = index;
	engine_role(relay, index, &thread->role);
	pool_init(&thread->relay_sockets, sizeof(struct relay_socket));
	list_init(&thread->open_sockets);
	hash_table_init(&thread->peer_connections);
	err = open_loop(thread);
	if (err == OK)
		err = open_realms(thread);
	if (err == OK)
		err = open_server(thread);
	if (err == OK)
		err = open_credentials(thread);
	if (err == OK && thread->role.is_door)
		err = door_create(thread, &thread->door);
	if (err != OK) {
		snprintf(problem, 256, "relay thread %u: %s", index,
		         err == ERR_SYSTEM ? strerror(errno) : err_string(err));
	} else {
		err = thread_listeners_open(thread, problem);
	}
	if (err != OK) {
		relay_thread_destroy(thread);
		return err;
	}
	*result = thread;
	return OK;
}

void relay_thread_destroy(struct relay_thread *thread)
{
	if (thread == NULL)
		return;
	thread_listeners_close(thread);
	peer_connections_deinit(thread);
	door_destroy(thread->door);
	LIST_FOR_EACH (node, &thread->open_sockets)
		relay_socket_close(CONTAINER_OF(node, struct relay_socket, node));
	turn_server_destroy(thread->server);
	realms_destroy(thread->realms);
	credentials_destroy(thread->credentials);
	rounds_destroy(thread->rounds);
	if (thread->io != NULL)
		thread->io->backend->close(thread->io);
	timer_wheel_destroy(thread->timers);
	if (thread->mail_event != NULL)
		event_free(thread->mail_event);
	if (thread->timeout_event != NULL)
		event_free(thread->timeout_event);
	mailbox_destroy(thread->mailbox);
	if (thread->base != NULL)
		event_base_free(thread->base);
	pool_deinit(&thread->relay_sockets);
	free(thread);
}

/* ---- the loop ---- */

/* io calls this after each round of batches, before it sends. */
static void on_batch_ended(void *context)
{
	struct relay_thread *thread = context;

	rounds_flush(thread->rounds);
	relay_thread_count_setups(thread);
	thread->replies_used = 0; /* io flushes next */
}

void relay_thread_count_setups(struct relay_thread *thread)
{
	struct histogram *times = &thread->counters.histogram[HISTOGRAM_allocation_setup];
	uint64_t now_us = thread->setups_used > 0 ? timestamp_us() : 0;

	for (unsigned i = 0; i < thread->setups_used; i++)
		histogram_add(times, now_us - thread->setup_began_us[i]);
	thread->setups_used = 0;
}

static timestamp next_timeout(const struct relay_thread *thread)
{
	timestamp core = turn_next_timeout(thread->server);
	timestamp listeners = timer_wheel_next(thread->timers);

	return core < listeners ? core : listeners;
}

/* Called after whatever the loop did, which may have set any timer. A timeout that is set too early
 * only wakes the thread once more; moving it each time costs more. */
static void set_timeout(struct relay_thread *thread)
{
	timestamp due = next_timeout(thread);

	if (due >= thread->timeout_at)
		return;

	timestamp now = timestamp_now(), wait = due > now ? due - now : 0;
	struct timeval tv = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000)};

	thread->timeout_at = due;
	event_add(thread->timeout_event, &tv);
}

void relay_thread_settle(struct relay_thread *thread)
{
	on_batch_ended(thread);
	io_flush(thread->io);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	struct relay_thread *thread = context;
	timestamp now = timestamp_now();

	(void)fd;
	(void)what;
	thread->timeout_at = TIMESTAMP_NEVER;
	turn_handle_timeout(thread->server, now);
	relay_thread_act(thread, now);
	timer_wheel_advance(thread->timers, now);
	relay_thread_settle(thread);
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
	struct relay_thread *thread = context;

	(void)fd;
	(void)what;
	mailbox_deliver(thread->mailbox, thread);
	relay_thread_act(thread, timestamp_now());
	relay_thread_settle(thread);
}

static enum err open_loop(struct relay_thread *thread)
{
	struct event_config *config = event_config_new();
	const struct io_settings settings = {
		.counters = &thread->counters,
		.gso = thread->relay->config->udp_gso,
		.gro = thread->relay->config->udp_gro,
		.batch_ended = on_batch_ended,
		.context = thread,
	};
	enum err err;

	thread->timeout_at = TIMESTAMP_NEVER;
	if (config == NULL)
		return ERR_NO_MEMORY;
	/* Only its own thread touches the loop. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	thread->base = event_base_new_with_config(config);
	event_config_free(config);
	if (thread->base == NULL)
		return ERR_NO_MEMORY;
	err = timer_wheel_create(timestamp_now(), &thread->timers);
	if (err == OK)
		err = mailbox_create(&thread->mailbox);
	if (err == OK)
		err = io_mmsg.open(thread->base, &settings, &thread->io);
	if (err == OK)
		err = rounds_create(thread->base, thread->io, thread->relay->config->coalesce,
		                    &thread->rounds);
	if (err != OK)
		return err;
	thread->mail_event = event_new(thread->base, mailbox_fd(thread->mailbox),
	                               EV_READ | EV_PERSIST, on_mail, thread);
	thread->timeout_event = event_new(thread->base, -1, 0, on_timeout, thread);
	if (thread->mail_event == NULL || thread->timeout_event == NULL ||
	    event_add(thread->mail_event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

/* ---- what hangs on it ---- */

static bool has_family(const struct relay *relay, int family)
{
	for (size_t i = 0; i < relay->address_count; i++)
		if (addr_family(&relay->addresses[i].ip) == family)
			return true;
	return false;
}

static const char *realm_of_origin(void *context, const char *origin)
{
	const struct relay_thread *thread = context;

	return realms_of_origin(thread->realms, origin);
}

/* NAME@REALM, where the store knows the realm; of a time-limited name the part that is its user's. */
static const char *realm_of_name(void *context, const char *username)
{
	const struct relay_thread *thread = context;
	size_t len;
	const char *user = secret_name_user(username, thread->name_separator, &len);
	const char *at = memrchr(user, '@', len);

	return at != NULL ? realms_find(thread->realms, at + 1, (size_t)(user + len - (at + 1)))
	                  : NULL;
}

static enum turn_default_family default_family(const struct config *config)
{
	static const char *const names[] = {
		[TURN_DEFAULT_IPV4] = "ipv4",
		[TURN_DEFAULT_IPV6] = "ipv6",
		[TURN_DEFAULT_KEEP] = "keep",
	};
	enum turn_default_family family = TURN_DEFAULT_KEEP;

	while (family > TURN_DEFAULT_IPV4 &&
	       strcmp(config->allocation_default_address_family, names[family]) != 0)
		family--;
	return family;
}

static struct turn_settings turn_settings(struct relay_thread *thread, timestamp now)
{
	const struct relay *relay = thread->relay;
	const struct config *config = relay->config;
	struct turn_settings settings = {
		.realm = config->realm != NULL ? config->realm : "turnstone",
		.realm_of_origin = realm_of_origin,
		.realm_of_name = config->realm_from_username ? realm_of_name : NULL,
		.origin_context = thread,
		.is_open = config->no_auth,
		.is_door = thread->role.is_door,
		.has_family = {has_family(relay, AF_INET), has_family(relay, AF_INET6)},
		.default_family = default_family(config),
		.rfc5766_channel_numbers = config->rfc5766_channel_numbers,
		.fingerprint = config->fingerprint,
		.reason_phrases = config->include_reason_string,
		.tells = (config->log_coturn_sessions ? TURN_TELL_SUCCESS : 0u) |
	                 (config->log_binding ? TURN_TELL_BINDING : 0u),
		.software = config->software_attribute ? "turnstone " PACKAGE_VERSION : NULL,
		.security_features = relay->security_features,
		.stun_only = config->stun_only,
		.no_stun = config->no_stun,
		.secure_stun = config->secure_stun,
		.mapped_address = config->stun_backward_compatibility,
		.rfc3489_compatibility = config->rfc3489_compatibility,
		.nat_discovery = config->rfc5780,
		.pairs = relay->pairs,
		.pair_count = relay->pair_count,
		.traffic_report_s = relay->statsdb != NULL ? STATSDB_TRAFFIC_S : 0,
		.max_lifetime_s = config->max_allocate_lifetime,
		.permission_lifetime_s = config->permission_lifetime,
		.channel_lifetime_s = config->channel_lifetime,
		.nonce_lifetime_s = config->stale_nonce,
		.permissions_per_allocation = config->max_permissions,
		.channels_per_allocation = config->max_channels,
		.pending_max = config->max_pending_requests,
		.refuses_udp_relay = !config->udp_relay,
		.refuses_tcp_relay = !config->tcp_relay,
		.connect_timeout_s = config->peer_connect_timeout,
		.bind_timeout_s = config->connection_bind_timeout,
		.connections_per_allocation = config->max_peer_connections,
		.connections_max =
			engine_share(relay, config->max_peer_connections_total, ENGINE_STREAMS),
		.alternates = &relay->alternates,
		.alternate_domain = config->alternate_domain,
		.packets_per_s = config->max_pps,
		.new_peers_per_s = config->max_new_peers,
		.quotas = {quota_take, quota_give, &thread->quota},
		.unproven = relay->unproven,
		.check_origin = config->check_origin_consistency,
		.oauth = config->oauth,
		.server_name = config->server_name,
		.mobility = config->mobility,
		.ticket_key = relay->ticket_key,
		.thread = thread->index,
		.thread_count = relay->thread_count,
		.stream_threads = relay->relay_threads,
		.filter = relay->filter,
		.address_map = relay->address_map,
		.address_map_count = relay->address_map_count,
		.wall_offset_ms = (int64_t)timestamp_wall_ms() - (int64_t)now,
		.random = random_bytes,
		.microseconds = timestamp_us,
		.counters = &thread->counters,
	};

	memcpy(settings.nonce_secret, relay->nonce_secret, sizeof settings.nonce_secret);
	return settings;
}

static enum err open_server(struct relay_thread *thread)
{
	timestamp now = timestamp_now();
	struct turn_settings settings = turn_settings(thread, now);
	enum err err = turn_server_create(&settings, now, &thread->server);

	bytes_wipe(&settings, sizeof settings);
	return err;
}

/* What the core has said by the old settings is done by them. */
void relay_thread_configure(struct relay_thread *thread, struct fixed_credentials **fixed)
{
	timestamp now = timestamp_now();

	relay_thread_act(thread, now);
	thread->config = thread->relay->config;
	thread_listeners_configure(thread);

	struct turn_settings settings = turn_settings(thread, now);
	turn_server_configure(thread->server, &settings, now);
	bytes_wipe(&settings, sizeof settings);
	credentials_exchange_fixed(thread->credentials, fixed);
}

static const struct quota_own_limits *own_limits(const void *context, const char *realm)
{
	const struct relay_thread *thread = context;

	return realms_limits(thread->realms, realm);
}

static void peers_changed(void *context, const struct peer_rules *rules)
{
	struct relay_thread *thread = context;
	size_t ended = turn_server_set_peer_rules(thread->server, rules, timestamp_now());

	if (ended > 0)
		log_info("permissions ended by peer lists of realms", "thread=%u permissions=%zu",
		         thread->index, ended);
}

static enum err open_realms(struct relay_thread *thread)
{
	const struct relay *relay = thread->relay;
	const struct config *config = relay->config;
	const struct realms_settings settings = {
		.default_realm = config->realm != NULL ? config->realm : "turnstone",
		.dynamic_realms = config->dynamic_realms,
		.dynamic_peers = config->dynamic_ip_list,
		.names_count = config->realm_from_username,
		.store = relay->store,
		.replies = thread->mailbox,
		.peers_changed = peers_changed,
		.context = thread,
	};

	thread->quota = (struct quota_view){relay->quota, own_limits, thread};
	thread->name_separator = config->use_auth_secret ? config->rest_api_separator[0] : '\0';
	return realms_create(&settings, &thread->realms);
}

struct credentials_settings relay_credentials_settings(const struct relay *relay)
{
	const struct config *config = relay->config;

	return (struct credentials_settings){
		.realm = config->realm != NULL ? config->realm : "turnstone",
		.users = relay->users,
		.user_count = relay->user_count,
		.lt_cred_mech = config->lt_cred_mech,
		.use_auth_secret = config->use_auth_secret,
		.secrets = (const char *const *)config->static_auth_secret.item,
		.secret_count = config->static_auth_secret.count,
		.separator = config->rest_api_separator[0],
		.store = relay->store,
	};
}

static enum err open_credentials(struct relay_thread *thread)
{
	struct credentials_settings settings = relay_credentials_settings(thread->relay);

	if (thread->config->realm_from_username)
		settings.realm_of_name = realm_of_name;
	settings.context = thread;
	settings.replies = thread->mailbox;
	settings.counters = &thread->counters;
	return credentials_create(&settings, &thread->credentials);
}

/* ---- start and end ---- */

/* The i-th of the CPUs this process may use. */
static void pin(unsigned index)
{
	cpu_set_t allowed, one;
	int count, wanted;

	if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
		return;
	count = CPU_COUNT(&allowed);
	wanted = (int)index % (count > 0 ? count : 1);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || wanted-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(pthread_self(), sizeof one, &one);
		return;
	}
}

/* Whoever came before the realms are known would be told a wrong one, or reach a peer that is denied. */
static void await_realms(struct relay_thread *thread)
{
	timestamp deadline = timestamp_now() + REALMS_PATIENCE_MS;
	struct pollfd wait = {.fd = mailbox_fd(thread->mailbox), .events = POLLIN};

	while (!realms_are_known(thread->realms) && !thread->is_ending &&
	       timestamp_now() < deadline) {
		poll(&wait, 1, REALMS_PATIENCE_MS);
		on_mail(wait.fd, EV_READ, thread);
	}
}

const char *relay_thread_name(const struct relay_thread *thread, char name[RELAY_THREAD_NAME_SIZE])
{
	bool is_door = thread->role.is_door;

	snprintf(name, RELAY_THREAD_NAME_SIZE, "%s-%u", is_door ? "listener" : "relay",
	         is_door ? thread->role.ip_index : thread->index);
	return name;
}

static void *run(void *context)
{
	struct relay_thread *thread = context;
	char name[RELAY_THREAD_NAME_SIZE];

	pthread_setname_np(pthread_self(), relay_thread_name(thread, name));
	pin(thread->index);
	await_realms(thread);
	while (!thread->is_ending) {
		set_timeout(thread);
		event_base_loop(thread->base, EVLOOP_ONCE);
		relay_thread_count_setups(thread); /* over streams, which end no batch */
	}
	return NULL;
}

enum err relay_thread_start(struct relay_thread *thread)
{
	int failure;

	realms_watch(thread->realms);
	credentials_watch(thread->credentials);
	failure = pthread_create(&thread->pthread, NULL, run, thread);

	errno = failure;
	thread->is_running = failure == 0;
	return thread->is_running ? OK : ERR_SYSTEM;
}

static void on_farewell(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;

	(void)mail;
	thread->is_ending = true;
}

void relay_thread_join(struct relay_thread *thread)
{
	if (thread == NULL)
		return;
	if (!thread->is_running) {
		thread->is_ending = true; /* letters may have come to it all the same */
		return;
	}
	thread->farewell.deliver = on_farewell;
	mailbox_post(thread->mailbox, &thread->farewell);
	pthread_join(thread->pthread, NULL);
	thread->is_running = false;
}
