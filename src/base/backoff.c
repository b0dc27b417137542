/* The interval doubles; how much of its second half is waited is chance, for those who lost the same server
 * do not all come back to it in the same moment. */
#include "base/backoff.h"

#include "base/random.h"

void backoff_init(struct backoff *backoff, unsigned first_ms, unsigned last_ms)
{
	*backoff = (struct backoff){.first_ms = first_ms, .last_ms = last_ms, .next_ms = first_ms};
}

void backoff_worked(struct backoff *backoff, timestamp now)
{
	backoff->worked_at = now;
}

void backoff_failed(struct backoff *backoff, timestamp now)
{
	unsigned wait_ms;

	if (backoff->worked_at != 0 && now - backoff->worked_at >= BACKOFF_STEADY_MS)
		backoff->next_ms = backoff->first_ms;
	backoff->worked_at = 0;
	wait_ms = backoff->next_ms;
	backoff->due = now + wait_ms - random_below(wait_ms / 2 + 1);
	backoff->next_ms = wait_ms > backoff->last_ms / 2 ? backoff->last_ms : 2 * wait_ms;
}
