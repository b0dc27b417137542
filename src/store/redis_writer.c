/* A connection, and how many replies are to come. */
#include "store/redis_writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "store/redis.h"

struct redis_writer {
	struct redis_settings settings;
	struct redis_address at;
	struct redis_connection *connection; /* owned */
	size_t awaited;
};

enum err redis_writer_check(const char *connection, char problem[256])
{
	struct redis_settings settings;
	enum err err = redis_settings_parse(connection, &settings, problem);

	bytes_wipe(&settings, sizeof settings);
	return err;
}

enum err redis_writer_open(const char *connection, struct redis_writer **result, char problem[256])
{
	struct redis_writer *writer = calloc(1, sizeof *writer);
	char words[256] = "";
	enum err err;

	if (writer == NULL) {
		snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	err = redis_settings_parse(connection, &writer->settings, words);
	writer->at = writer->settings.address;
	if (err == OK)
		err = redis_connect(&writer->settings,
		                    timestamp_now() +
		                            1000 * (timestamp)writer->settings.connect_timeout_s,
		                    &writer->at, &writer->connection, words);
	if (err != OK) {
		snprintf(problem, 256, "Redis at %.60s:%u: %.150s", writer->at.host,
		         writer->at.port, words);
		redis_writer_close(writer);
		return err;
	}
	*result = writer;
	return OK;
}

void redis_writer_close(struct redis_writer *writer)
{
	if (writer == NULL)
		return;
	redis_connection_close(writer->connection);
	bytes_wipe(writer, sizeof *writer);
	free(writer);
}

enum err redis_writer_put(struct redis_writer *writer, const char *const *words, size_t count)
{
	enum err err = redis_connection_put(writer->connection, words, count);

	writer->awaited += err == OK;
	return err;
}

enum err redis_writer_flush(struct redis_writer *writer, size_t *refused, char problem[256])
{
	timestamp deadline = timestamp_now() + REDIS_ANSWER_MS;

	*refused = 0;
	for (; writer->awaited > 0; writer->awaited--) {
		redisReply *reply = NULL;
		enum err err = redis_connection_get(writer->connection, deadline, &reply);

		if (err != OK) {
			snprintf(problem, 256, "Redis at %.60s:%u: %.150s", writer->at.host,
			         writer->at.port, redis_connection_problem(writer->connection));
			return err;
		}
		if (redis_reply_check(reply, problem) != OK)
			(*refused)++;
		redis_reply_free(reply);
	}
	return OK;
}
