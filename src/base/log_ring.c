/* Lines lie one behind the other in a buffer that is used round; a table by number tells where each begins. */
#include "base/log_ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/timestamp.h"

/* How far numbers of a later start are ahead of those of an earlier one, for each millisecond between: more lines than that are not written.
 * They stay below 2^53, up to which all readers of JSON know whole numbers (RFC 8259 section 6), until the year 2255. */
enum { NUMBERS_PER_MS = 1000 };

struct place {
	uint64_t at; /* bytes since the beginning, of which the buffer has the newest */
	uint32_t len;
	uint32_t level;
};

struct log_ring {
	pthread_mutex_t lock; /* for all below but fd */
	int fd;
	bool is_armed;
	uint64_t first, oldest, next; /* numbers; oldest == next: it is empty */
	uint64_t end;                 /* bytes since the beginning */
	size_t size;
	struct place places[LOG_RING_LINES]; /* by number */
	char bytes[];
};

enum err log_ring_create(size_t bytes, struct log_ring **result)
{
	struct log_ring *ring = calloc(1, sizeof *ring + bytes);

	if (ring == NULL)
		return ERR_NO_MEMORY;
	ring->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ring->fd < 0) {
		free(ring);
		return ERR_SYSTEM;
	}
	pthread_mutex_init(&ring->lock, NULL);
	ring->size = bytes;
	ring->first = ring->oldest = ring->next = timestamp_wall_ms() * NUMBERS_PER_MS;
	*result = ring;
	return OK;
}

void log_ring_destroy(struct log_ring *ring)
{
	if (ring == NULL)
		return;
	close(ring->fd);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

static struct place *place_of(struct log_ring *ring, uint64_t number)
{
	return &ring->places[number % LOG_RING_LINES];
}

/* ---- in ---- */

static void make_room(struct log_ring *ring, size_t len)
{
	while (ring->oldest != ring->next &&
	       (ring->next - ring->oldest == LOG_RING_LINES ||
	        ring->end + len - place_of(ring, ring->oldest)->at > ring->size))
		ring->oldest++;
}

/* Up to the end of the buffer, and the rest at its beginning. */
static void copy_in(struct log_ring *ring, const char *text, size_t len)
{
	size_t at = ring->end % ring->size;
	size_t first = len < ring->size - at ? len : ring->size - at;

	memcpy(ring->bytes + at, text, first);
	memcpy(ring->bytes, text + first, len - first);
	ring->end += len;
}

void log_ring_put(struct log_ring *ring, const struct log_entry *entry)
{
	struct log_line line;
	bool wakes;

	log_line_json(&line, entry);
	pthread_mutex_lock(&ring->lock);
	make_room(ring, line.len);
	*place_of(ring, ring->next++) =
		(struct place){ring->end, (uint32_t)line.len, (uint32_t)entry->level};
	copy_in(ring, line.text, line.len);
	wakes = ring->is_armed;
	ring->is_armed = false;
	pthread_mutex_unlock(&ring->lock);
	if (wakes)
		(void)!write(ring->fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* ---- out ---- */

static void copy_out(const struct log_ring *ring, const struct place *place, struct log_line *line)
{
	size_t at = place->at % ring->size;
	size_t first = place->len < ring->size - at ? place->len : ring->size - at;

	memcpy(line->text, ring->bytes + at, first);
	memcpy(line->text + first, ring->bytes, place->len - first);
	line->text[place->len] = '\0';
	line->len = line->limit = place->len;
}

bool log_ring_next(struct log_ring *ring, uint64_t after, struct log_ring_line *line)
{
	bool is_found;

	pthread_mutex_lock(&ring->lock);
	line->number = after >= ring->oldest && after < ring->next ? after + 1 : ring->oldest;
	is_found = line->number != ring->next;
	if (is_found) {
		const struct place *place = place_of(ring, line->number);
		line->level = (enum log_level)place->level;
		copy_out(ring, place, &line->json);
	}
	pthread_mutex_unlock(&ring->lock);
	return is_found;
}

void log_ring_numbers(struct log_ring *ring, uint64_t *first, uint64_t *oldest, uint64_t *newest)
{
	pthread_mutex_lock(&ring->lock);
	*first = ring->first;
	*oldest = ring->oldest;
	*newest = ring->next - 1;
	pthread_mutex_unlock(&ring->lock);
}

int log_ring_fd(const struct log_ring *ring)
{
	return ring->fd;
}

/* What was told before is forgotten: the lines that it was told for are there when the caller looks. */
void log_ring_arm(struct log_ring *ring)
{
	uint64_t told;

	(void)!read(ring->fd, &told, sizeof told);
	pthread_mutex_lock(&ring->lock);
	ring->is_armed = true;
	pthread_mutex_unlock(&ring->lock);
}
