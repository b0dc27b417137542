/* turnserver: the STUN and TURN relay. Reads the configuration, starts the relay threads, and waits
 * for signals; everything else happens on the relay threads. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "relay/process.h"
#include "relay/relay.h"
#include "store/store.h"

extern char **environ;

static enum err open_log(const struct config *config, char problem[256])
{
	struct log_settings settings = {
		.min_level = LEVEL_INFO,
		.file = config->log_file,
		.to_syslog = config->syslog,
		.program = "turnserver",
	};

	if (config->verbose)
		settings.min_level = LEVEL_DEBUG;
	else if (log_level_parse(config->log_min_level, &settings.min_level) != OK)
		return ERR_INVALID;

	enum err err = log_open(&settings);
	if (err != OK)
		snprintf(problem, 256,
		         "log-file %s cannot be written: name a file in a folder that can be",
		         config->log_file);
	return err;
}

static void log_ready(const struct relay *relay)
{
	const struct config *config = relay->config;

	for (size_t i = 0; i < relay->frontend_ip_count; i++) {
		char ip[ADDR_TEXT_SIZE];
		log_info("listening", "ip=%s port=%u tls_port=%u udp=%d tcp=%d tls=%d dtls=%d",
		         addr_format_ip(&relay->frontend_ips[i], ip), config->listening_port,
		         config->tls_listening_port, config->udp, config->tcp, relay->tls != NULL,
		         relay->dtls != NULL);
	}
	for (size_t i = 0; i < relay->address_count; i++) {
		char ip[ADDR_TEXT_SIZE], public_ip[ADDR_TEXT_SIZE];
		log_info("relaying from", "ip=%s seen_as=%s ports=%u-%u",
		         addr_format_ip(&relay->addresses[i].ip, ip),
		         addr_format_ip(&relay->addresses[i].public_ip, public_ip),
		         config->min_port, config->max_port);
	}
	log_info("ready", "version=%s realm=%s engine=%s threads=%u pid=%ld", PACKAGE_VERSION,
	         config->realm, engine_name(relay->engine), relay->thread_count, (long)getpid());
}

/* What a thread had; a counter that stayed at zero is not told. */
static void log_thread_totals(const struct relay *relay, unsigned thread)
{
	for (unsigned counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t value = relay_thread_counter(relay, thread, counter);
		if (value != 0)
			log_debug("total", "thread=%u %s=%" PRIu64, thread, counter_name(counter),
			          value);
	}
}

static void log_totals(const struct relay *relay)
{
	for (unsigned thread = 0; thread < relay->thread_count; thread++)
		log_thread_totals(relay, thread);
	for (unsigned counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t value = relay_counter(relay, counter);
		if (value != 0)
			log_debug("total", "%s=%" PRIu64, counter_name(counter), value);
	}
}

/* Signals are blocked in every thread and taken here, one at a time. */
static void wait_for_end(const struct relay *relay, const sigset_t *signals)
{
	for (;;) {
		char problem[256];
		int number = sigwaitinfo(signals, NULL);

		if (number == SIGHUP) {
			/* A log file that logrotate moved away is opened anew. */
			if (open_log(relay->config, problem) != OK)
				log_warning("log not reopened", "problem=\"%s\"", problem);
			continue;
		}
		if (number == SIGUSR1 || number == SIGUSR2) {
			/* coturn drains or reads certificates anew; scripts that send them must not end
			 * the server. */
			log_warning("signal ignored", "signal=%s mend=\"restart to apply changes\"",
			            number == SIGUSR1 ? "USR1" : "USR2");
			continue;
		}
		if (number == SIGINT || number == SIGTERM) {
			log_info("stopping", "signal=%s allocations=%" PRIu64,
			         number == SIGINT ? "INT" : "TERM",
			         relay_counter(relay, COUNT_allocations_now));
			return;
		}
	}
}

/* Whatever goes wrong ends the start with one line that says where the option was set; a daemon has
 * nothing but its log to say it to. */
static int fail(const struct config *config, enum option_id about, const char *problem)
{
	config_print_problem(config, about, problem, stderr);
	if (about != OPTION_ID_log_file && (config->log_file != NULL || config->syslog))
		log_error("not started", "problem=\"%s\"", problem);
	return EXIT_FAILURE;
}

static void block_signals(sigset_t *signals)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

	sigemptyset(signals);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaddset(signals, numbers[i]);
	sigprocmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The store was opened as root; when it goes away and comes back it is opened as the user. */
static enum err check_store(const struct config *config, char problem[256])
{
	struct store *store;
	enum err err;

	if (config->userdb == NULL)
		return OK;
	err = store_open(config->userdb, false, &store, problem);
	if (err == OK)
		store_close(store);
	return err;
}

/* What is done once the ports are bound. The pidfile comes first: its folder may be root's. */
static enum err settle(const struct config *config, char problem[256], enum option_id *about)
{
	enum err err = OK;

	*about = OPTION_ID_pidfile;
	if (config->pidfile != NULL)
		err = process_write_pidfile(config->pidfile, problem);
	if (err != OK)
		return err;
	*about = OPTION_ID_proc_user;
	err = process_drop_privileges(config, problem);
	if (err == OK && (config->proc_user != NULL || config->proc_group != NULL)) {
		*about = OPTION_ID_userdb;
		err = check_store(config, problem);
	}
	if (err != OK && config->pidfile != NULL)
		process_remove_pidfile(config->pidfile);
	return err;
}

static int serve(const struct config *config)
{
	struct relay *relay = NULL;
	char problem[256] = "";
	enum option_id about;
	sigset_t signals;

	block_signals(&signals);
	process_raise_limits();
	if (open_log(config, problem) != OK)
		return fail(config, OPTION_ID_log_file, problem);
	if (config->daemon && process_daemonise(problem) != OK)
		return fail(config, OPTION_ID_daemon, problem);
	if (relay_start(config, &relay, problem, &about) != OK)
		return fail(config, about, problem);
	if (settle(config, problem, &about) != OK) {
		relay_stop(relay);
		return fail(config, about, problem);
	}
	log_ready(relay);
	wait_for_end(relay, &signals);
	log_totals(relay);
	relay_stop(relay);
	if (config->pidfile != NULL)
		process_remove_pidfile(config->pidfile);
	log_info("stopped", NULL);
	log_close();
	return EXIT_SUCCESS;
}

static void print_help(void)
{
	puts("turnserver relays media for clients behind firewalls: STUN (RFC 8489) and TURN (RFC "
	     "8656).\n"
	     "\n"
	     "usage: turnserver [-c FILE] [options]\n"
	     "\n"
	     "An option NAME may also stand in the configuration file (NAME=VALUE) or in the "
	     "environment\n"
	     "(TURNSTONE_NAME). turnserver.conf(5) has more about each.\n");
	config_print_help(stdout);
}

static int run(const struct config *config, const struct config_report *report)
{
	if (config->help) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (config->version) {
		puts(PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	if (config->check) {
		printf("no errors, %zu warnings\n", report->warnings);
		return EXIT_SUCCESS;
	}
	return serve(config);
}

int main(int argc, char **argv)
{
	struct config_report report = {0};
	struct config *config = NULL;
	enum err err = config_load(argc, argv, environ, &report, &config);
	int status = EXIT_FAILURE;

	config_report_print(&report, stderr);
	if (err == OK)
		status = run(config, &report);
	config_destroy(config);
	config_report_deinit(&report);
	return status;
}
