/* The order in which turnsignal opens what it needs: ports and keys while it may be root, then as proc-user all that is
 * opened again later, and threads at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "process/process.h"
#include "process/process_control.h"
#include "signaling/authority.h"
#include "signaling/channelling_rules.h"
#include "signaling/cluster.h"
#include "signaling/program.h"
#include "signaling/program_host.h"
#include "signaling/program_needs.h"
#include "signaling/program_outside.h"
#include "signaling/program_reload.h"
#include "signaling/program_rooms.h"
#include "signaling/program_routes.h"
#include "signaling/room_keeper.h"
#include "signaling/shared_images.h"
#include "signaling/tenant_counts.h"
#include "signaling/turn_source.h"
#include "store/configured_store.h"
#include "store/tenancy.h"
#include "store/time_limited.h"

enum {
	LISTENERS_MAX = 128,
	TASKS_PATIENCE_MS = 6000, /* longer than a hub waits for another */
};

struct start {
	struct program *program;
	struct config *config;
	struct worker_listener listeners[LISTENERS_MAX];
	size_t listener_count;
	SSL_CTX *tls;
	char *problem;
	enum option_id *about;
};

typedef enum err step_fn(struct start *start);
static step_fn make_tls, list_listeners, make_images, make_rules, count_tenants, join_cluster,
	open_workers, open_control, drop_privileges, raise_fence, open_store, open_outside,
	make_services, open_rooms, serve_control, start_workers, start_cluster, bring_rooms_back;

static const struct {
	step_fn *run;
	enum option_id about;
} steps[] = {
	{make_tls, OPTION_ID_cert},
	{list_listeners, OPTION_ID_signaling_port},
	{make_images, OPTION_ID_buddy_image_memory},
	{make_rules, OPTION_ID_room_type},
	{count_tenants, OPTION_ID_signaling_threads},
	{join_cluster, OPTION_ID_redis_userdb},
	{open_workers, OPTION_ID_signaling_ip},
	{open_control, OPTION_ID_signaling_control_socket},
	{drop_privileges, OPTION_ID_proc_user},
	{raise_fence, OPTION_ID_fence},
	{open_store, OPTION_ID_userdb},
	{open_outside, OPTION_ID_webhook_url},
	{make_services, OPTION_ID_jwt_key_file},
	{open_rooms, OPTION_ID_userdb},
	{serve_control, OPTION_ID_signaling_control_socket},
	{start_workers, OPTION_ID_signaling_threads},
	{start_cluster, OPTION_ID_signaling_cluster},
	{bring_rooms_back, OPTION_ID_userdb},
};

static void log_ready(const struct program *program, const struct start *start);

enum err program_open(struct program *program, struct config *config, char problem[256],
                      enum option_id *about)
{
	struct start start = {program, config, .problem = problem, .about = about};
	enum err err = OK;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0] && err == OK; i++) {
		*about = steps[i].about;
		err = steps[i].run(&start);
		if (err == ERR_NO_MEMORY)
			snprintf(problem, 256, "%s", err_string(err));
	}
	if (err == OK) {
		log_ready(program, &start);
		return OK;
	}
	if (program_current(program) != NULL)
		program_current(program)->config = NULL; /* stays the caller's */
	else
		SSL_CTX_free(start.tls);
	program_close(program);
	return err;
}

void program_close(struct program *program)
{
	outside_close_service(program);
	program_finish(program, TASKS_PATIENCE_MS);
	cluster_stop(program->cluster);
	workers_destroy(program->workers);
	cluster_destroy(program->cluster);
	buddy_images_destroy(program->images);
	channelling_rules_destroy(program->channelling);
	tenant_counts_destroy(program->tenants);
	program_reload_destroy(program->reload);
	program->reload = NULL;
	control_server_destroy(program->control);
	program_alive_close(program);
	program_wait_close(program);
	program_drain_close(program);
	control_socket_close(&program->control_socket);
	room_keeper_destroy(program->rooms);
	outside_close_sinks(program);
	if (program->store_thread != NULL)
		store_thread_stop(program->store_thread);
	mailbox_deliver(program->mailbox, program);
	turn_source_destroy(program->fetched);
	free(program->nodes);
	tenancy_destroy(program->tenancy);
	if (program->store != NULL)
		store_close(program->store);
	service_set_destroy(program_current(program));
}

/* ---- while it may be root ---- */

static enum err make_tls(struct start *start)
{
	return service_tls_create(start->config, &start->tls, start->problem, start->about);
}

static enum err add_listener(struct start *start, const struct transport_addr *ip, uint16_t port,
                             bool is_tls)
{
	struct worker_listener *listener = &start->listeners[start->listener_count];

	if (port == 0)
		return OK;
	if (start->listener_count == LISTENERS_MAX) {
		snprintf(start->problem, 256, "signaling-ip: more than %d listeners",
		         LISTENERS_MAX);
		return ERR_INVALID;
	}
	*listener = (struct worker_listener){.addr = *ip, .is_tls = is_tls};
	addr_set_port(&listener->addr, port);
	start->listener_count++;
	return OK;
}

static enum err add_listeners(struct start *start, const struct transport_addr *ip)
{
	uint16_t tls_port = start->tls != NULL ? start->config->signaling_port : 0;
	enum err err = add_listener(start, ip, tls_port, true);

	return err == OK ? add_listener(start, ip, start->config->signaling_plain_port, false)
	                 : err;
}

static bool has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static enum err add_every_address(struct start *start)
{
	static const char *const every[] = {"0.0.0.0", "::"};
	struct transport_addr ip;
	enum err err = OK;

	for (size_t i = 0; i < (has_ipv6() ? 2 : 1) && err == OK; i++) {
		err = addr_parse(every[i], 0, &ip);
		if (err == OK)
			err = add_listeners(start, &ip);
	}
	return err;
}

static enum err list_listeners(struct start *start)
{
	const struct addr_list *ips = &start->config->signaling_ip;
	enum err err = ips->count == 0 ? add_every_address(start) : OK;

	for (size_t i = 0; i < ips->count && err == OK; i++)
		err = add_listeners(start, &ips->item[i]);
	if (err != OK || start->listener_count > 0)
		return err;
	snprintf(start->problem, 256,
	         "signaling has no port to listen on: set cert and pkey for signaling-port, or "
	         "signaling-plain-port");
	return ERR_INVALID;
}

static unsigned thread_count(const struct config *config)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->signaling_threads != 0)
		return config->signaling_threads;
	return cpus < 1 ? 1 : cpus > 256 ? 256 : (unsigned)cpus;
}

static enum err make_images(struct start *start)
{
	if (start->config->buddy_image_memory == 0)
		return OK;
	return shared_images_create(start->config->buddy_image_memory, &start->program->images);
}

static enum err make_rules(struct start *start)
{
	return channelling_rules_create(start->config, &start->program->channelling);
}

static enum err count_tenants(struct start *start)
{
	return tenant_counts_create(&start->program->tenants);
}

static enum err join_cluster(struct start *start)
{
	const struct config *config = start->config;

	if (!config->signaling_cluster)
		return OK;
	enum err err =
		program_host_join(start->program, config, thread_count(config), start->problem);
	if (err == OK && !cluster_is_joined(start->program->cluster))
		atomic_store_explicit(&start->program->wait.is_on, true, memory_order_relaxed);
	return err;
}

static enum err open_workers(struct start *start)
{
	const struct config *config = start->config;
	struct workers_settings settings = {
		.threads = thread_count(config),
		.listeners = start->listeners,
		.listener_count = start->listener_count,
		.connections_max = config->signaling_connections,
		.routes = program_route_tables,
		.route_table_count = program_route_table_count,
	};
	enum err err;

	program_host_fill(start->program, config, settings.threads, &settings);
	err = workers_create(&settings, &start->program->workers, start->problem);
	explicit_bzero(settings.hub.seal_key, sizeof settings.hub.seal_key);
	return err;
}

static enum err open_control(struct start *start)
{
	return process_control_open(start->config, OPTION_ID_signaling_control_socket,
	                            start->config->signaling_control_socket,
	                            &start->program->control_socket, start->problem);
}

static enum err drop_privileges(struct start *start)
{
	return privileges_drop(start->config, &program_needs, start->problem);
}

/* Before there is any other thread: what is opened from here on, and by all of them, is opened from inside. */
static enum err raise_fence(struct start *start)
{
	return privileges_fence(start->config, &program_needs, start->problem);
}

/* ---- as the user ---- */

static void on_tenants(struct mail *mail, void *receiver)
{
	struct tenancy *tenancy = CONTAINER_OF(mail, struct tenancy, mail);
	struct program *program = receiver;
	bool has_others = !tenancy_has_same_tenants(tenancy, program->tenancy),
	     is_news = has_others || program->tenancy == NULL ||
	               !tenancy_has_same_secrets(tenancy, program->tenancy);

	program->has_other_tenants |= has_others;
	tenancy_destroy(program->tenancy);
	program->tenancy = tenancy;
	/* The first letter has what was read at the start, unless the store was away then. */
	if (program->reload == NULL || (!is_news && program_current(program)->has_store))
		return;
	log_info("tenants changed", "tenants=%zu api_keys=%zu secrets=%zu", tenancy->tenant_count,
	         tenancy->api_key_count, tenancy->secret_count);
	program_reload_begin(program->reload, RELOAD_OF_STORE, "store", NULL);
}

static enum err open_store(struct start *start)
{
	struct store_location location = configured_store(start->config);
	struct program *program = start->program;
	enum err err;

	if (!has_configured_store(start->config))
		return OK;
	*start->about = configured_store_option(start->config);
	location.is_patient = true;
	err = store_thread_create_at(&location, &program->store_thread, start->problem);
	if (err == OK)
		err = store_open_at(&location, false, &program->store, start->problem);
	if (err != OK)
		return err;
	program->store_watch = (struct store_watch){
		.notify = program->mailbox,
		.tenants = on_tenants,
		.realm = program->realm,
	};
	time_limited_own_realm(start->config, program->realm, sizeof program->realm);
	store_thread_watch(program->store_thread, &program->store_watch);
	return store_thread_run(program->store_thread, start->problem);
}

static enum err open_outside(struct start *start)
{
	struct program *program = start->program;
	struct outside_change change;
	enum err err = outside_prepare(program, start->config, NULL, &change, start->problem,
	                               start->about);

	if (err == OK)
		outside_apply(program, start->config, &change);
	return err;
}

/* Nobody has to wait yet, but who starts it. */
static enum err read_tenants(struct start *start)
{
	struct program *program = start->program;
	enum err err = OK;

	if (program->store == NULL)
		return OK;
	*start->about = configured_store_option(start->config);
	err = tenancy_read(program->store, program->realm, NULL, &program->tenancy);
	if (err != OK && err != ERR_NO_MEMORY)
		snprintf(start->problem, 256, "%.250s", store_problem(program->store));
	return err;
}

static enum err make_services(struct start *start)
{
	struct program *program = start->program;
	struct service_set *set;
	enum err err = read_tenants(start);

	/* What it has comes by the first letter. */
	if (err == ERR_UNAVAILABLE && start->config->redis_userdb != NULL) {
		atomic_store_explicit(&program->wait.is_on, true, memory_order_relaxed);
		err = OK;
	}
	if (err != OK)
		return err;
	const struct service_parts parts = {
		.tenancy = program->tenancy,
		.tls = start->tls,
		.sinks = program->sinks,
	};
	err = service_set_create(start->config, &parts, &set, start->problem, start->about);
	if (err != OK)
		return err;
	atomic_store_explicit(&program->current, set, memory_order_release);
	start->tls = NULL;
	authority_warn(set->authority, NULL);

	/* No thread runs yet: this one is theirs. */
	struct worker_policy policy = program_host_policy(program);
	for (unsigned i = 0; i < workers_count(program->workers); i++) {
		worker_adopt(workers_at(program->workers, i), &policy);
		if (program_is_waiting(program))
			hub_wait(worker_hub(workers_at(program->workers, i)));
	}
	cluster_set_ready(program->cluster, !program_is_waiting(program));
	return program_reload_create(program, &program->reload);
}

static enum err open_rooms(struct start *start)
{
	struct store_location location = configured_store(start->config);

	if (!has_configured_store(start->config))
		return OK;
	*start->about = configured_store_option(start->config);
	location.is_patient = true;
	return room_keeper_create(&location, &start->program->rooms, start->problem);
}

static enum err serve_control(struct start *start)
{
	struct program *program = start->program;
	const struct control_settings settings =
		main_loop_requests(&program->loop, program_requests, program_request_count);
	enum err err = program_alive_open(program);

	if (err == OK)
		err = program_drain_open(program);
	if (err != OK || program->control_socket.fd < 0)
		return err;
	return control_server_create(&settings, &program->control_socket, &program->control);
}

static enum err start_workers(struct start *start)
{
	return workers_start(start->program->workers, start->problem);
}

static enum err start_cluster(struct start *start)
{
	struct program *program = start->program;

	if (program->cluster == NULL)
		return OK;
	return cluster_start(program->cluster, program->workers, start->problem);
}

static enum err bring_rooms_back(struct start *start)
{
	if (program_is_waiting(start->program))
		return program_wait_open(start->program);
	return program_bring_rooms_back(start->program, start->problem);
}

static void log_ready(const struct program *program, const struct start *start)
{
	const struct config *config = start->config;

	for (size_t i = 0; i < start->listener_count; i++) {
		struct transport_addr addr = start->listeners[i].addr;
		char text[ADDR_TEXT_SIZE];

		addr_set_port(&addr, workers_port(program->workers, i));
		log_always("signaling", "address=%s tls=%d", addr_format(&addr, text),
		           start->listeners[i].is_tls);
	}
	if (program->control_socket.fd >= 0)
		log_always("control socket", "path=%s", program->control_socket.path);
	log_always("ready", "version=%s realm=%s threads=%u pid=%ld", PACKAGE_VERSION,
	           config->realm != NULL ? config->realm : "", workers_count(program->workers),
	           (long)getpid());
}
