/* Lists of keys and of members of sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"

enum { TEXTS_MAX = 1 << 22, TEXTS_FIRST = 64 }; /* powers of two: it is met when full */

static enum err texts_add(struct redis_store *redis, struct redis_texts *texts, const char *text);
static enum err take_all(struct redis_store *redis, const redisReply *reply, redis_take_fn *take,
                         void *context);
static redis_take_fn text_take;
static enum err texts_make_room(struct redis_store *redis, struct redis_texts *texts);

/* A list that texts come into. */
struct adding {
	struct redis_store *redis;
	struct redis_texts *texts;
	redis_part_fn *part; /* NULL: all of it */
};
static int compare_texts(const void *a, const void *b);

void redis_texts_deinit(struct redis_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		bytes_wipe(texts->item[i], strlen(texts->item[i]));
		free(texts->item[i]);
	}
	free(texts->item);
	*texts = (struct redis_texts){.item = NULL};
}

void redis_texts_sort(struct redis_texts *texts)
{
	size_t kept = 0;

	if (texts->count == 0)
		return;
	qsort(texts->item, texts->count, sizeof texts->item[0], compare_texts);
	for (size_t i = 1; i < texts->count; i++) {
		if (strcmp(texts->item[kept], texts->item[i]) == 0)
			free(texts->item[i]);
		else
			texts->item[++kept] = texts->item[i];
	}
	texts->count = kept + 1;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

enum err redis_scan(struct redis_store *redis, const char *pattern, struct redis_texts *keys)
{
	return redis_scan_parts(redis, pattern, NULL, keys);
}

enum err redis_scan_parts(struct redis_store *redis, const char *pattern, redis_part_fn *part,
                          struct redis_texts *keys)
{
	struct adding adding = {redis, keys, part};
	enum err err;

	*keys = (struct redis_texts){.item = NULL};
	err = redis_scan_each(redis, pattern, text_take, &adding);
	if (err == OK)
		redis_texts_sort(keys);
	else
		redis_texts_deinit(keys);
	return err;
}

/* SCAN gives a part of the keys at a time, and some twice; Redis serves others in between. */
enum err redis_scan_each(struct redis_store *redis, const char *pattern, redis_take_fn *take,
                         void *context)
{
	char cursor[32] = "0";
	enum err err = OK;

	do {
		redisReply *reply = NULL;

		err = redis_call(redis, &reply,
		                 WORDS("SCAN", cursor, "MATCH", pattern, "COUNT", "1000"));
		if (err == OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
		                  redis_text(reply->element[0], cursor, sizeof cursor) != OK))
			err = redis_say(redis, ERR_UNAVAILABLE, "SCAN gave no cursor");
		if (err == OK)
			err = take_all(redis, reply->element[1], take, context);
		redis_reply_free(reply);
	} while (err == OK && strcmp(cursor, "0") != 0);
	return err;
}

enum err redis_members(struct redis_store *redis, const char *key, struct redis_texts *members)
{
	struct adding adding = {redis, members, NULL};
	redisReply *reply = NULL;
	enum err err = redis_ask(redis, &reply, WORDS("SMEMBERS", key));

	*members = (struct redis_texts){.item = NULL};
	if (err == OK)
		err = take_all(redis, reply, text_take, &adding);
	redis_reply_free(reply);
	if (err == OK)
		redis_texts_sort(members);
	else
		redis_texts_deinit(members);
	return err;
}

/* What is no text of ours, such as a member with a zero in it, is left out. */
static enum err take_all(struct redis_store *redis, const redisReply *reply, redis_take_fn *take,
                         void *context)
{
	char text[REDIS_KEY_MAX];
	enum err err = OK;

	if (reply->type != REDIS_REPLY_ARRAY)
		return redis_say(redis, ERR_UNAVAILABLE, "its reply is no list");
	for (size_t i = 0; i < reply->elements && err == OK; i++)
		if (redis_text(reply->element[i], text, sizeof text) == OK)
			err = take(text, context);
	bytes_wipe(text, sizeof text);
	return err;
}

static enum err text_take(const char *text, void *context)
{
	const struct adding *adding = context;
	char kept[REDIS_KEY_MAX];

	if (adding->part == NULL)
		return texts_add(adding->redis, adding->texts, text);
	return adding->part(text, kept) ? texts_add(adding->redis, adding->texts, kept) : OK;
}

static enum err texts_add(struct redis_store *redis, struct redis_texts *texts, const char *text)
{
	enum err err = texts->count < texts->room ? OK : texts_make_room(redis, texts);

	if (err != OK)
		return err;
	texts->item[texts->count] = strdup(text);
	if (texts->item[texts->count] == NULL)
		return redis_say(redis, ERR_NO_MEMORY, err_string(ERR_NO_MEMORY));
	texts->count++;
	return OK;
}

/* First by what is there twice: to sort each time costs no more than to sort at the end, for each time is twice
 * as late as the one before. */
static enum err texts_make_room(struct redis_store *redis, struct redis_texts *texts)
{
	size_t room = texts->room == 0 ? TEXTS_FIRST : 2 * texts->room;
	char **grown;

	redis_texts_sort(texts);
	if (texts->count >= TEXTS_MAX)
		return redis_say(redis, ERR_FULL, "it has too many keys to list");
	if (texts->count < texts->room / 2)
		return OK;
	grown = realloc(texts->item, room * sizeof *grown);
	if (grown == NULL)
		return redis_say(redis, ERR_NO_MEMORY, err_string(ERR_NO_MEMORY));
	texts->item = grown;
	texts->room = room;
	return OK;
}

void redis_pattern(const char *text, char *pattern, size_t size)
{
	size_t len = 0;

	if (text == NULL) {
		snprintf(pattern, size, "*");
		return;
	}
	for (; *text != '\0' && len + 2 < size; text++) {
		if (strchr("*?[]\\^-", *text) != NULL)
			pattern[len++] = '\\';
		pattern[len++] = *text;
	}
	pattern[len] = '\0';
}

bool redis_key_part(const char *key, const char *beginning, const char *end, char *part,
                    size_t size)
{
	size_t before = strlen(beginning), behind = strlen(end), len = strlen(key);

	if (len < before + behind || strncmp(key, beginning, before) != 0 ||
	    strcmp(key + len - behind, end) != 0)
		return false;
	len -= before + behind;
	if (len >= size)
		return false;
	memcpy(part, key + before, len);
	part[len] = '\0';
	return true;
}
