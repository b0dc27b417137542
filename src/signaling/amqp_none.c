/* A build without librabbitmq. */
#include "signaling/amqp.h"

#include <stdio.h>

enum err amqp_create(const struct amqp_settings *settings, struct amqp **amqp, char problem[256])
{
	(void)settings;
	(void)amqp;
	snprintf(problem, 256, "amqp-url: this program was built without AMQP (librabbitmq)");
	return ERR_UNAVAILABLE;
}

enum err amqp_start(struct amqp *amqp)
{
	(void)amqp;
	return ERR_UNAVAILABLE;
}

void amqp_destroy(struct amqp *amqp)
{
	(void)amqp;
}

void amqp_publish(struct amqp *amqp, struct parcel *parcel)
{
	(void)amqp;
	parcel_destroy(parcel);
}
