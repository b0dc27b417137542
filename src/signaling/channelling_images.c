/* Pictures of participants: a table by name, in order of age. */
#include "signaling/channelling_images.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/hash_table.h"
#include "base/list.h"

struct kept {
	struct list by_age;
	char name[BUDDY_IMAGE_NAME_MAX + 1];
	struct buddy_image image;
	size_t len;
	uint8_t bytes[];
};

struct buddy_images {
	struct buddy_images_lock lock; /* of all below */
	size_t bytes, bytes_max;
	struct hash_table by_name;
	struct list by_age; /* the oldest first */
};

static const struct {
	const char *suffix, *content_type;
} types[BUDDY_IMAGE_TYPES] = {
	[BUDDY_PNG] = {"png", "image/png"},
	[BUDDY_JPEG] = {"jpg", "image/jpeg"},
	[BUDDY_GIF] = {"gif", "image/gif"},
	[BUDDY_WEBP] = {"webp", "image/webp"},
};

static enum err read_url(struct slice url, struct kept **picture);
static struct kept *find(struct buddy_images *images, const char *name);
static void forget(struct buddy_images *images, struct kept *kept);
static enum err keep(struct buddy_images *images, struct kept *kept);

static void no_lock(void *context)
{
	(void)context;
}

enum err buddy_images_create(size_t bytes_max, const struct buddy_images_lock *lock,
                             struct buddy_images **images)
{
	static const struct buddy_images_lock none = {no_lock, no_lock, no_lock, NULL};
	struct buddy_images *made = calloc(1, sizeof *made);

	if (made == NULL)
		return ERR_NO_MEMORY;
	made->lock = lock == NULL ? none : *lock;
	made->bytes_max = bytes_max;
	hash_table_init(&made->by_name);
	list_init(&made->by_age);
	*images = made;
	return OK;
}

void buddy_images_destroy(struct buddy_images *images)
{
	if (images == NULL)
		return;
	LIST_FOR_EACH (node, &images->by_age)
		forget(images, CONTAINER_OF(node, struct kept, by_age));
	hash_table_deinit(&images->by_name);
	images->lock.destroy(images->lock.context);
	free(images);
}

enum err buddy_images_put(struct buddy_images *images, const char *name, struct slice data_url,
                          struct buddy_image *image)
{
	struct kept *picture = NULL;
	enum err err = read_url(data_url, &picture);

	if (err == OK)
		err = text_copy(picture->name, sizeof picture->name, name);
	if (err != OK) {
		free(picture);
		return err;
	}
	*image = picture->image;
	images->lock.take(images->lock.context);
	err = keep(images, picture);
	images->lock.give(images->lock.context);
	if (err != OK)
		free(picture);
	return err;
}

enum err buddy_images_get(struct buddy_images *images, const char *name, struct buddy_image *image,
                          struct text *bytes)
{
	struct kept *kept;

	images->lock.take(images->lock.context);
	kept = find(images, name);
	if (kept != NULL) {
		*image = kept->image;
		text_put(bytes, (struct slice){(const char *)kept->bytes, kept->len});
	}
	images->lock.give(images->lock.context);
	return kept == NULL ? ERR_NOT_FOUND : OK;
}

const char *buddy_image_suffix(enum buddy_image_type type)
{
	return types[type].suffix;
}

const char *buddy_image_content_type(enum buddy_image_type type)
{
	return types[type].content_type;
}

/* Under the lock. Names are made by an HMAC: a part of one is its hash. */

static uint64_t name_hash(const char *name)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < 10 && name[i] != '\0'; i++)
		hash = hash << 6 ^ hash >> 58 ^ (uint8_t)name[i];
	return hash;
}

static bool has_name(const void *item, const void *key)
{
	return strcmp(((const struct kept *)item)->name, key) == 0;
}

static struct kept *find(struct buddy_images *images, const char *name)
{
	return hash_table_find(&images->by_name, name_hash(name), has_name, name);
}

static void forget(struct buddy_images *images, struct kept *kept)
{
	hash_table_remove(&images->by_name, name_hash(kept->name), kept);
	list_remove(&kept->by_age);
	images->bytes -= sizeof *kept + kept->len;
	free(kept);
}

static enum err keep(struct buddy_images *images, struct kept *kept)
{
	struct kept *old = find(images, kept->name);
	size_t size = sizeof *kept + kept->len;

	if (size > images->bytes_max)
		return ERR_FULL;
	if (old != NULL)
		forget(images, old);
	while (images->bytes + size > images->bytes_max)
		forget(images, CONTAINER_OF(list_first(&images->by_age), struct kept, by_age));
	if (hash_table_insert(&images->by_name, name_hash(kept->name), kept) != OK)
		return ERR_NO_MEMORY;
	list_append(&images->by_age, &kept->by_age);
	images->bytes += size;
	return OK;
}

/* data:image/png;base64,... (RFC 2397) */

static bool starts_with(struct slice text, const char *start)
{
	return text.len >= strlen(start) && memcmp(text.at, start, strlen(start)) == 0;
}

static bool base64_of(struct slice url, struct slice *base64)
{
	const char *comma = url.len == 0 ? NULL : memchr(url.at, ',', url.len);
	static const char mark[] = ";base64";
	size_t head;

	if (comma == NULL || !starts_with(url, "data:image/"))
		return false;
	head = (size_t)(comma - url.at);
	if (head < sizeof mark - 1 || memcmp(comma - (sizeof mark - 1), mark, sizeof mark - 1) != 0)
		return false;
	*base64 = (struct slice){comma + 1, url.len - head - 1};
	return true;
}

static bool find_type(struct slice bytes, enum buddy_image_type *type)
{
	static const struct {
		enum buddy_image_type type;
		struct slice start;
	} magic[] = {
		{BUDDY_PNG, {"\x89PNG\r\n\x1A\n", 8}},
		{BUDDY_JPEG, {"\xFF\xD8\xFF", 3}},
		{BUDDY_GIF, {"GIF87a", 6}},
		{BUDDY_GIF, {"GIF89a", 6}},
	};

	for (size_t i = 0; i < sizeof magic / sizeof magic[0]; i++) {
		*type = magic[i].type;
		if (bytes.len > magic[i].start.len &&
		    memcmp(bytes.at, magic[i].start.at, magic[i].start.len) == 0)
			return true;
	}
	*type = BUDDY_WEBP;
	return bytes.len > 12 && memcmp(bytes.at, "RIFF", 4) == 0 &&
	       memcmp(bytes.at + 8, "WEBP", 4) == 0;
}

/* A part of the digest of its bytes: the same picture has the same ETag on all nodes. */
static enum err find_change(struct kept *picture)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(picture->bytes, picture->len, digest, NULL, EVP_sha256(), NULL) != 1)
		return ERR_UNAVAILABLE;
	hex_put(digest, (BUDDY_IMAGE_CHANGE_SIZE - 1) / 2, picture->image.change);
	return OK;
}

static enum err read_url(struct slice url, struct kept **picture)
{
	struct slice base64;
	struct kept *read;
	size_t size;
	enum err err;

	if (!base64_of(url, &base64))
		return ERR_INVALID;
	if (base64.len > BASE64_SIZE(BUDDY_IMAGE_MAX) - 1)
		return ERR_FULL;
	size = base64.len / 4 * 3 + 3;
	read = calloc(1, sizeof *read + size);
	if (read == NULL)
		return ERR_NO_MEMORY;
	err = base64_get(base64.at, base64.len, read->bytes, size, &read->len);
	if (err == OK &&
	    !find_type((struct slice){(const char *)read->bytes, read->len}, &read->image.type))
		err = ERR_INVALID;
	if (err == OK)
		err = find_change(read);
	if (err != OK) {
		free(read);
		return err;
	}
	*picture = read;
	return OK;
}
