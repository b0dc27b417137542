/* What the broker is given, in the order of the spool. After a new connection all that it has not confirmed is given again. */
#include "signaling/sinks.h"

#include <stdlib.h>

enum { WINDOW_COUNT = 512, WINDOW_BYTES = 1 << 20 };

static bool has_room(const struct amqp_feed *feed)
{
	return feed->is_ready && feed->count < WINDOW_COUNT && feed->bytes < WINDOW_BYTES;
}

static struct parcel *choose(struct amqp_feed *feed, const struct spooled *spooled)
{
	struct parcel *parcel = parcel_create(&spooled->fact);

	if (parcel == NULL)
		return NULL;
	parcel->id = spooled->id;
	parcel->is_again = spooled->was_tried;
	parcel->session = feed->session;
	list_append(&feed->chosen, &parcel->node);
	feed->cursor = parcel->id;
	feed->count++;
	feed->bytes += fact_size(&parcel->fact);
	return parcel;
}

enum err amqp_feed_prepare(struct sinks *sinks)
{
	struct amqp_feed *feed = &sinks->amqp_feed;
	struct spooled spooled;
	enum err err = OK;

	feed->chosen_after = feed->cursor;
	while (err == OK && has_room(feed)) {
		err = spool_next(sinks->spool, feed->sink, feed->cursor, &spooled);
		if (err != OK)
			break;
		struct parcel *parcel = choose(feed, &spooled);
		err = parcel == NULL ? ERR_NO_MEMORY
		                     : spool_mark_tried(sinks->spool, feed->sink, parcel->id);
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

void amqp_feed_send(struct sinks *sinks)
{
	LIST_FOR_EACH (node, &sinks->amqp_feed.chosen) {
		struct parcel *parcel = CONTAINER_OF(node, struct parcel, node);
		list_remove(node);
		if (parcel->is_again)
			sinks_count_of(sinks, sinks->amqp_feed.sink, SINK_REPEATED, 1);
		amqp_publish(sinks->amqp_feed.amqp, parcel);
	}
}

void amqp_feed_undo(struct sinks *sinks)
{
	struct amqp_feed *feed = &sinks->amqp_feed;

	LIST_FOR_EACH (node, &feed->chosen) {
		struct parcel *parcel = CONTAINER_OF(node, struct parcel, node);
		list_remove(node);
		feed->count--;
		feed->bytes -= fact_size(&parcel->fact);
		parcel_destroy(parcel);
	}
	feed->cursor = feed->chosen_after;
}

/* What the connection before was given, and did not confirm, is given again. */
static void begin_session(struct amqp_feed *feed, unsigned session)
{
	feed->session = session;
	feed->is_ready = true;
	feed->cursor = 0;
	feed->count = 0;
	feed->bytes = 0;
}

/* Confirmed facts leave the window by the mean of its bytes: their sizes are with the broker's thread no more. */
static void take_confirmed(struct sinks *sinks, const struct amqp_news *news)
{
	struct amqp_feed *feed = &sinks->amqp_feed;

	for (size_t i = 0; i < news->count; i++)
		sinks_done(sinks, feed->sink, news->ids[i]);
	if (news->session != feed->session || feed->count < news->count)
		return;
	feed->bytes -= feed->bytes / feed->count * news->count;
	feed->count -= news->count;
	if (feed->count == 0)
		feed->bytes = 0;
}

void amqp_feed_news(struct mail *mail, void *receiver)
{
	struct sinks *sinks = receiver;
	struct amqp_news *news = CONTAINER_OF(mail, struct amqp_news, mail);

	if (news->kind == AMQP_READY)
		sinks_count_of(sinks, sinks->amqp_feed.sink, SINK_FAILED, sinks->amqp_feed.count);
	if (news->kind == AMQP_READY)
		begin_session(&sinks->amqp_feed, news->session);
	else
		take_confirmed(sinks, news);
	free(news);
}

enum err amqp_feed_start(struct sinks *sinks)
{
	struct amqp_feed *feed = &sinks->amqp_feed;
	enum err err = feed->amqp == NULL || feed->is_running ? OK : amqp_start(feed->amqp);

	if (err == OK)
		feed->is_running = feed->amqp != NULL;
	return err;
}

/* What it was told to say at last is in the mailbox, and is heard before the next one is there. */
void amqp_feed_stop(struct sinks *sinks)
{
	struct amqp_feed *feed = &sinks->amqp_feed;

	amqp_destroy(feed->amqp);
	feed->amqp = NULL;
	mailbox_deliver(sinks->mailbox, sinks);
	sinks_count_of(sinks, feed->sink, SINK_FAILED, feed->count);
	*feed = (struct amqp_feed){.amqp = NULL};
	list_init(&feed->chosen);
}
