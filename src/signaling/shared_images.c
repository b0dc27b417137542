/* The lock of pictures. */
#include "signaling/shared_images.h"

#include <pthread.h>
#include <stdlib.h>

static void take(void *context)
{
	pthread_mutex_lock(context);
}

static void give(void *context)
{
	pthread_mutex_unlock(context);
}

static void destroy(void *context)
{
	pthread_mutex_destroy(context);
	free(context);
}

enum err shared_images_create(size_t bytes_max, struct buddy_images **images)
{
	pthread_mutex_t *mutex = malloc(sizeof *mutex);
	struct buddy_images_lock lock = {take, give, destroy, mutex};
	enum err err;

	if (mutex == NULL || pthread_mutex_init(mutex, NULL) != 0) {
		free(mutex);
		return ERR_NO_MEMORY;
	}
	err = buddy_images_create(bytes_max, &lock, images);
	if (err != OK)
		destroy(mutex);
	return err;
}
