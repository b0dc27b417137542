/* Pictures of participants (buddy images): what a client puts into its Status as a data: URL is kept here, and fetched by
 * the others over HTTP, once. It is the one object of signaling with a lock, which the host hands in: a picture comes with a client of one
 * worker and is asked for by connections of all, a few times in the life of each; by mail every GET would cost two posts and hold the bytes
 * three times. The lock is held for a look-up and one copy, never across a call that waits. Pictures are bounded in all; the one that was
 * set the longest ago makes room. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "signaling/text.h"

enum {
	BUDDY_IMAGE_MAX = 128 * 1024, /* bytes of one; each session has one */
	BUDDY_IMAGES_BYTES = 32 * 1024 * 1024,
	BUDDY_IMAGE_NAME_MAX = 31,
	BUDDY_IMAGE_CHANGE_SIZE = 17,
};

enum buddy_image_type { BUDDY_PNG, BUDDY_JPEG, BUDDY_GIF, BUDDY_WEBP, BUDDY_IMAGE_TYPES };

struct buddy_images;

/* destroy is called with the images' own end. */
struct buddy_images_lock {
	void (*take)(void *context);
	void (*give)(void *context);
	void (*destroy)(void *context);
	void *context;
};
/* lock is copied; NULL: only one thread uses them. shared_images.h makes those of several. */
MUST_CHECK enum err buddy_images_create(size_t bytes_max, const struct buddy_images_lock *lock,
                                        struct buddy_images **images);
void buddy_images_destroy(struct buddy_images *images);

struct buddy_image {
	enum buddy_image_type type;
	char change[BUDDY_IMAGE_CHANGE_SIZE]; /* another one for other bytes: the ETag */
};
/* Keeps the picture of a data: URL under a name, in the place of the one that was there. What it is its first bytes say, not the
 * URL. ERR_INVALID: no picture; ERR_FULL: too large. */
MUST_CHECK enum err buddy_images_put(struct buddy_images *images, const char *name,
                                     struct slice data_url, struct buddy_image *image);
/* Appends the bytes. ERR_NOT_FOUND. */
MUST_CHECK enum err buddy_images_get(struct buddy_images *images, const char *name,
                                     struct buddy_image *image, struct text *bytes);
/* "png", "image/png" */
const char *buddy_image_suffix(enum buddy_image_type type);
const char *buddy_image_content_type(enum buddy_image_type type);
