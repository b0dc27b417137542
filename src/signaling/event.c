/* What encode writes into. */
#include "signaling/event.h"

#include "signaling/dialect.h"

void encoder_init(struct encoder *encoder, size_t bytes_max)
{
	*encoder = (struct encoder){0};
	text_init(&encoder->text, bytes_max);
}

void encoder_deinit(struct encoder *encoder)
{
	text_deinit(&encoder->text);
}

void encoder_clear(struct encoder *encoder)
{
	text_clear(&encoder->text);
	encoder->count = 0;
	encoder->close_code = 0;
	encoder->close_reason = NULL;
}

void encoder_end_message(struct encoder *encoder)
{
	if (encoder->count == ENCODER_MESSAGES_MAX) {
		encoder->text.has_failed = true;
		return;
	}
	encoder->ends[encoder->count++] = encoder->text.len;
	text_put_char(&encoder->text, '\n');
}

struct slice encoder_message(const struct encoder *encoder, size_t index)
{
	size_t first = index == 0 ? 0 : encoder->ends[index - 1] + 1;

	return (struct slice){encoder->text.at + first, encoder->ends[index] - first};
}
