/* What /proc and /sys tell of the kernel: memory for packets, ports, CPUs, features. */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/doctor.h"

enum {
	BUFFER_WANTED = 4 << 20, /* a tenth of a second at 300 Mbit/s */
	BUFFER_ADVISED = 8 << 20,
	UDP_MEMORY_WANTED_MB = 128,
	TRACKED_FOR_A_PORT = 2, /* the peer's flow and the client's */
	FULL_IN_HUNDRED = 80,
};

/* ---- buffers of sockets ---- */

static void look_at_buffer(struct doctor *doctor, const char *name)
{
	char path[64], mend[128];
	uint64_t wanted = doctor->config->sock_buf_size;
	long long most;

	snprintf(path, sizeof path, "/proc/sys/net/core/%s", name);
	snprintf(mend, sizeof mend, "sysctl -w net.core.%s=%llu", name,
	         (unsigned long long)(wanted > BUFFER_ADVISED ? wanted : BUFFER_ADVISED));
	if (doctor_read_numbers(doctor, path, &most, 1) != 1)
		return;
	if (wanted > (uint64_t)most)
		doctor_find(doctor, FINDING_WARNING, mend,
		            "net.core.%s is %lld, and sock-buf-size asks for %llu", name, most,
		            (unsigned long long)wanted);
	else if (most < BUFFER_WANTED)
		doctor_find(doctor, FINDING_NOTE, mend,
		            "net.core.%s is %lld: too little for bursts of thousands of clients",
		            name, most);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "net.core.%s is %lld", name, most);
}

/* "Udp: InDatagrams NoPorts ..." and, a line below, their values. */
static bool find_udp_counter(struct doctor *doctor, const char *name, long long *value)
{
	char text[8192], *names, *values, *name_end, *value_end;

	if (doctor_read(doctor, "/proc/net/snmp", text, sizeof text) != OK)
		return false;
	names = strstr(text, "\nUdp: ");
	values = names != NULL ? strstr(names + 1, "\nUdp: ") : NULL;
	if (values == NULL)
		return false;
	*values++ = '\0';
	names = strtok_r(names + 1, " ", &name_end);
	values = strtok_r(values, " ", &value_end);
	while (names != NULL && values != NULL) {
		if (strcmp(names, name) == 0) {
			*value = strtoll(values, NULL, 10);
			return true;
		}
		names = strtok_r(NULL, " ", &name_end);
		values = strtok_r(NULL, " \n", &value_end);
	}
	return false;
}

/* Twice what the server asks for now. */
static void advise_buffer(const struct doctor *doctor, char mend[128])
{
	uint64_t now = doctor->config->sock_buf_size;
	unsigned long long size = 2 * (now != 0 ? now : BUFFER_WANTED);
	long long most = 0;

	if (doctor_read_numbers(doctor, "/proc/sys/net/core/rmem_max", &most, 1) == 1 &&
	    (unsigned long long)most >= size)
		snprintf(mend, 128, "sock-buf-size=%llu", size);
	else
		snprintf(mend, 128, "sysctl -w net.core.rmem_max=%llu, and sock-buf-size=%llu",
		         size, size);
}

void doctor_look_at_buffers(struct doctor *doctor)
{
	long long received = 0, lost = 0;
	char mend[128];

	look_at_buffer(doctor, "rmem_max");
	look_at_buffer(doctor, "wmem_max");
	if (!find_udp_counter(doctor, "InDatagrams", &received) ||
	    !find_udp_counter(doctor, "RcvbufErrors", &lost) || lost == 0)
		return;
	advise_buffer(doctor, mend);
	doctor_find(doctor, lost > received / 1000 ? FINDING_WARNING : FINDING_NOTE, mend,
	            "%lld of %lld datagrams were dropped since the start of the machine, as a "
	            "socket's buffer was full",
	            lost, lost + received);
}

/* "UDP: inuse 5 mem 3", in pages. */
static long long udp_pages_used(const struct doctor *doctor)
{
	char text[1024];
	const char *line;
	long long used = 0;

	if (doctor_read(doctor, "/proc/net/sockstat", text, sizeof text) != OK)
		return 0;
	line = strstr(text, "UDP: ");
	line = line != NULL ? strstr(line, " mem ") : NULL;
	return line != NULL && sscanf(line, " mem %lld", &used) == 1 ? used : 0;
}

void doctor_look_at_udp_memory(struct doctor *doctor)
{
	const long long in_mb = (1 << 20) / sysconf(_SC_PAGESIZE);
	long long limits[3], used = udp_pages_used(doctor);
	char mend[128];

	if (doctor_read_numbers(doctor, "/proc/sys/net/ipv4/udp_mem", limits, 3) != 3)
		return;
	snprintf(mend, sizeof mend, "sysctl -w net.ipv4.udp_mem=\"%lld %lld %lld\"",
	         UDP_MEMORY_WANTED_MB * in_mb, UDP_MEMORY_WANTED_MB * 2 * in_mb,
	         UDP_MEMORY_WANTED_MB * 4 * in_mb);
	if (used > limits[2] / 100 * FULL_IN_HUNDRED)
		doctor_find(doctor, FINDING_ERROR, mend,
		            "sockets of UDP hold %lld MB of the %lld MB that they may",
		            used / in_mb, limits[2] / in_mb);
	else if (limits[2] < UDP_MEMORY_WANTED_MB * in_mb)
		doctor_find(doctor, FINDING_WARNING, mend,
		            "all sockets of UDP together may hold %lld MB", limits[2] / in_mb);
	else
		doctor_find(doctor, FINDING_FINE, NULL,
		            "sockets of UDP hold %lld MB, and may hold %lld MB", used / in_mb,
		            limits[2] / in_mb);
}

/* ---- connection tracking ---- */

void doctor_look_at_tracking(struct doctor *doctor)
{
	long long most, used = 0,
			wanted = (long long)TRACKED_FOR_A_PORT * doctor_relay_ports(doctor);
	char mend[128];

	if (doctor_read_numbers(doctor, "/proc/sys/net/netfilter/nf_conntrack_max", &most, 1) !=
	    1) {
		doctor_find(doctor, FINDING_FINE, NULL, "connections are not tracked");
		return;
	}
	(void)doctor_read_numbers(doctor, "/proc/sys/net/netfilter/nf_conntrack_count", &used, 1);
	snprintf(mend, sizeof mend, "sysctl -w net.netfilter.nf_conntrack_max=%lld",
	         most < wanted ? wanted * 4 : most * 4);
	if (used > most / 100 * FULL_IN_HUNDRED)
		doctor_find(doctor, FINDING_ERROR, mend,
		            "%lld of %lld connections are tracked: with a full table packets are "
		            "dropped",
		            used, most);
	else if (most < wanted)
		doctor_find(doctor, FINDING_WARNING, mend,
		            "%lld connections can be tracked, and %u relayed ports need %lld", most,
		            doctor_relay_ports(doctor), wanted);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "%lld of %lld connections are tracked",
		            used, most);
}

/* ---- ports ---- */

/* "1024-2048,3000": how many ports from low to high are in it. */
static unsigned count_reserved(const char *list, unsigned low, unsigned high)
{
	unsigned count = 0, first, last;
	int used;

	while (sscanf(list, "%u%n", &first, &used) == 1) {
		list += used;
		last = first;
		if (sscanf(list, "-%u%n", &last, &used) == 1)
			list += used;
		for (unsigned port = first; port <= last && port <= high; port++)
			count += port >= low;
		if (*list++ != ',')
			break;
	}
	return count;
}

void doctor_look_at_ports(struct doctor *doctor)
{
	unsigned low = doctor->config->min_port, high = doctor->config->max_port, shared = 0;
	char reserved[4096] = "", mend[128];
	long long own[2];

	if (doctor_read_numbers(doctor, "/proc/sys/net/ipv4/ip_local_port_range", own, 2) != 2)
		return;
	if (doctor_read(doctor, "/proc/sys/net/ipv4/ip_local_reserved_ports", reserved,
	                sizeof reserved) != OK)
		reserved[0] = '\0';
	unsigned first = (long long)low > own[0] ? low : (unsigned)own[0];
	unsigned last = (long long)high < own[1] ? high : (unsigned)own[1];
	if (first <= last)
		shared = last - first + 1 - count_reserved(reserved, first, last);
	snprintf(mend, sizeof mend, "sysctl -w net.ipv4.ip_local_reserved_ports=%u-%u", low, high);
	if (shared > 0)
		doctor_find(doctor, FINDING_WARNING, mend,
		            "%u of the relayed ports %u-%u may be taken by connections of this "
		            "machine (ip_local_port_range %lld-%lld)",
		            shared, low, high, own[0], own[1]);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "relayed ports %u-%u are nobody else's",
		            low, high);
}

/* ---- CPUs ---- */

static void look_at_governor(struct doctor *doctor)
{
	char governor[64];

	if (doctor_read(doctor, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor,
	                sizeof governor) == OK &&
	    strcmp(governor, "powersave") == 0)
		doctor_find(doctor, FINDING_NOTE, "cpupower frequency-set -g performance",
		            "CPUs save power, and wake slowly for a packet");
}

void doctor_look_at_cpus(struct doctor *doctor)
{
	cpu_set_t allowed;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long threads = doctor->threads != 0 ? doctor->threads : doctor->config->relay_threads;

	if (sched_getaffinity((pid_t)doctor->pid, sizeof allowed, &allowed) == 0)
		cpus = CPU_COUNT(&allowed);
	if (threads > cpus)
		doctor_find(doctor, FINDING_WARNING, "relay-threads=0",
		            "%ld relay threads share %ld CPUs", threads, cpus);
	else if (threads != 0 && threads < cpus)
		doctor_find(doctor, FINDING_NOTE, "relay-threads=0",
		            "%ld relay threads use %ld of %ld CPUs", threads, threads, cpus);
	else
		doctor_find(doctor, FINDING_FINE, NULL, "a relay thread for each of %ld CPUs",
		            cpus);
	look_at_governor(doctor);
}

/* ---- features ---- */

static bool socket_can(int level, int option, int value)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool can = fd >= 0 && setsockopt(fd, level, option, &value, sizeof value) == 0;

	if (fd >= 0)
		close(fd);
	return can;
}

void doctor_look_at_features(struct doctor *doctor)
{
	static const struct {
		const char *name;
		int level, option, value;
		enum finding_level without;
		const char *loss;
	} features[] = {
		{"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1, FINDING_ERROR,
	         "threads cannot share a port"},
		{"UDP GSO", IPPROTO_UDP, UDP_SEGMENT, 1200, FINDING_NOTE,
	         "bursts cost more CPU time"},
		{"UDP GRO", IPPROTO_UDP, UDP_GRO, 1, FINDING_NOTE, "bursts cost more CPU time"},
	};
	char ignored[64];

	for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
		if (socket_can(features[i].level, features[i].option, features[i].value))
			doctor_find(doctor, FINDING_FINE, NULL, "%s is there", features[i].name);
		else
			doctor_find(doctor, features[i].without, "use Linux 5.0 or later",
			            "there is no %s: %s", features[i].name, features[i].loss);
	if (doctor_read(doctor, "/proc/sys/kernel/seccomp/actions_avail", ignored,
	                sizeof ignored) != OK)
		doctor_find(doctor, FINDING_NOTE, NULL,
		            "there is no seccomp: the server is fenced less");
}
