/* What the server tells of itself beside its counters: a function for each METRIC_SERVER of metrics.def.
 * What cannot be found out, as where /proc is not to be read, has no sample. */
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "relay/metrics.h"
#include "relay/thread.h"

typedef void describe_fn(const struct main_thread *main_thread, json_t *samples);
#define METRIC_SERVER(name, type, unit, labels, help) static describe_fn name;
#include "base/metrics.def"
#undef METRIC_SERVER

static describe_fn *const describers[METRIC_SERVER_COUNT] = {
#define METRIC_SERVER(name, type, unit, labels, help) name,
#include "base/metrics.def"
#undef METRIC_SERVER
};

void metrics_describe_server(const struct main_thread *main_thread, enum metric_server row,
                             json_t *samples)
{
	describers[row](main_thread, samples);
}

static void add_integer(json_t *samples, uint64_t value)
{
	metrics_add(samples, NULL, json_integer((json_int_t)value));
}

static void add_real(json_t *samples, double value)
{
	metrics_add(samples, NULL, json_real(value));
}

/* ---- the server ---- */

static void turnstone_build(const struct main_thread *main_thread, json_t *samples)
{
	const char *engine = engine_name(main_thread->relay->engine);

	metrics_add(samples, json_pack("{s:s, s:s}", "version", PACKAGE_VERSION, "engine", engine),
	            json_integer(1));
}

static void turnstone_uptime_seconds(const struct main_thread *main_thread, json_t *samples)
{
	add_real(samples, (double)(timestamp_now() - main_thread->started) / 1000);
}

static void process_start_time_seconds(const struct main_thread *main_thread, json_t *samples)
{
	uint64_t up_ms = timestamp_now() - main_thread->started;

	add_real(samples, (double)(timestamp_wall_ms() - up_ms) / 1000);
}

static void turnstone_draining(const struct main_thread *main_thread, json_t *samples)
{
	add_integer(samples, drain_state(main_thread->drain).is_on);
}

/* ---- CPU time ---- */

static bool read_clock(clockid_t clock, double *seconds)
{
	struct timespec time;

	if (clock_gettime(clock, &time) != 0)
		return false;
	*seconds = (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
	return true;
}

static void add_thread(json_t *samples, const char *name, clockid_t clock)
{
	double seconds;

	if (read_clock(clock, &seconds))
		metrics_add(samples, json_pack("{s:s}", "thread", name), json_real(seconds));
}

static void turnstone_thread_cpu_seconds(const struct main_thread *main_thread, json_t *samples)
{
	const struct relay *relay = main_thread->relay;
	char name[RELAY_THREAD_NAME_SIZE];
	clockid_t clock;

	add_thread(samples, "main", CLOCK_THREAD_CPUTIME_ID);
	for (unsigned i = 0; i < relay->thread_count; i++)
		if (pthread_getcpuclockid(relay->threads[i]->pthread, &clock) == 0)
			add_thread(samples, relay_thread_name(relay->threads[i], name), clock);
}

static void process_cpu_seconds(const struct main_thread *main_thread, json_t *samples)
{
	double seconds;

	(void)main_thread;
	if (read_clock(CLOCK_PROCESS_CPUTIME_ID, &seconds))
		add_real(samples, seconds);
}

/* ---- memory and descriptors ---- */

static void turnstone_memory_used_bytes(const struct main_thread *main_thread, json_t *samples)
{
	struct mallinfo2 info = mallinfo2();

	(void)main_thread;
	add_integer(samples, info.uordblks + info.hblkhd);
}

static void turnstone_memory_reserved_bytes(const struct main_thread *main_thread, json_t *samples)
{
	struct mallinfo2 info = mallinfo2();

	(void)main_thread;
	add_integer(samples, info.arena + info.hblkhd);
}

/* Of /proc/self/statm: the address space, then what is in RAM, in pages. */
static void add_pages(json_t *samples, bool is_resident)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t total, resident;

	if (file == NULL)
		return;
	if (fscanf(file, "%" SCNu64 " %" SCNu64, &total, &resident) == 2)
		add_integer(samples,
		            (is_resident ? resident : total) * (uint64_t)sysconf(_SC_PAGESIZE));
	fclose(file);
}

static void process_resident_memory_bytes(const struct main_thread *main_thread, json_t *samples)
{
	(void)main_thread;
	add_pages(samples, true);
}

static void process_virtual_memory_bytes(const struct main_thread *main_thread, json_t *samples)
{
	(void)main_thread;
	add_pages(samples, false);
}

/* ".", ".." and the descriptor that reads are in the list as well. */
static void process_open_fds(const struct main_thread *main_thread, json_t *samples)
{
	enum { NOT_OPEN_OTHERWISE = 3 };
	DIR *folder = opendir("/proc/self/fd");
	uint64_t count = 0;

	(void)main_thread;
	if (folder == NULL)
		return;
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	add_integer(samples, count - NOT_OPEN_OTHERWISE);
}

static void process_max_fds(const struct main_thread *main_thread, json_t *samples)
{
	struct rlimit limit;

	(void)main_thread;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		add_integer(samples, limit.rlim_cur);
}

/* ---- ports and certificates ---- */

static void add_ports(const struct relay *relay, json_t *samples, bool is_taken)
{
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < relay->address_count; i++) {
		const struct relay_address *address = &relay->addresses[i];
		uint32_t count =
			is_taken ? port_pool_taken(address->ports) : port_pool_size(address->ports);
		metrics_add(samples,
		            json_pack("{s:s}", "address", addr_format_ip(&address->ip, text)),
		            json_integer(count));
	}
}

static void turnstone_relay_ports(const struct main_thread *main_thread, json_t *samples)
{
	add_ports(main_thread->relay, samples, false);
}

static void turnstone_relay_ports_taken(const struct main_thread *main_thread, json_t *samples)
{
	add_ports(main_thread->relay, samples, true);
}

static void add_certificate(json_t *samples, SSL_CTX *context, const char *transport)
{
	const X509 *certificate = context != NULL ? SSL_CTX_get0_certificate(context) : NULL;
	struct tm end;

	if (certificate != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
		metrics_add(samples, json_pack("{s:s}", "transport", transport),
		            json_integer((json_int_t)timegm(&end)));
}

static void turnstone_certificate_expiry_seconds(const struct main_thread *main_thread,
                                                 json_t *samples)
{
	add_certificate(samples, main_thread->relay->tls, "tls");
	add_certificate(samples, main_thread->relay->dtls, "dtls");
}
