/* Pictures that several worker threads share. */
#pragma once

#include "signaling/channelling_images.h"

/* As buddy_images_create, with a lock of its own. */
MUST_CHECK enum err shared_images_create(size_t bytes_max, struct buddy_images **images);
