/* Refresh (RFC 8656 section 8.2): prolongs or deletes an allocation, whole or one family of it. */
#include "stun/address.h"
#include "turn/action.h"
#include "turn/mobility.h"

struct families {
	bool is_meant[TURN_FAMILY_COUNT];
};

static bool is_deletion(const struct request *request);
static int get_families(const struct request *request, struct families *families);
static void refresh(struct turn_allocation *allocation, const struct families *families,
                    uint32_t lifetime_s);
static void delete (struct request *request, const struct families *families);

int handle_refresh(struct request *request)
{
	uint32_t lifetime_s;

	if (stun_has(&request->message, STUN_ATTR_MOBILITY_TICKET))
		return handle_move(request);
	if (request->allocation == NULL)
		return STUN_ALLOCATION_MISMATCH;
	int error = refresh_allocation(request, &lifetime_s);
	if (error != STUN_NO_ERROR)
		return error;
	stun_put_u32(&request->answer, STUN_ATTR_LIFETIME, lifetime_s);
	if (lifetime_s > 0)
		mobility_put_ticket(request, request->allocation);
	return STUN_NO_ERROR;
}

int refresh_allocation(struct request *request, uint32_t *lifetime_s)
{
	bool deletes = is_deletion(request);
	struct families families;
	int error = get_families(request, &families);

	*lifetime_s = deletes ? 0 : request_lifetime_s(request);
	if (error != STUN_NO_ERROR)
		return error;
	if (deletes)
		delete (request, &families);
	else
		refresh(request->allocation, &families, *lifetime_s);
	return STUN_NO_ERROR;
}

static bool is_deletion(const struct request *request)
{
	return stun_has(&request->message, STUN_ATTR_LIFETIME) &&
	       stun_get_u32(&request->message, STUN_ATTR_LIFETIME) == 0;
}

/* Without REQUESTED-ADDRESS-FAMILY all there are. One that was deleted before may be deleted
 * again, as its answer may have been lost; any other that is not there is a 443. */
static int get_families(const struct request *request, struct families *families)
{
	const struct turn_allocation *allocation = request->allocation;

	*families = (struct families){{allocation_has_family(allocation, TURN_IPV4),
	                               allocation_has_family(allocation, TURN_IPV6)}};
	if (!stun_has(&request->message, STUN_ATTR_REQUESTED_ADDRESS_FAMILY))
		return STUN_NO_ERROR;

	uint32_t value = stun_get_u32(&request->message, STUN_ATTR_REQUESTED_ADDRESS_FAMILY) >> 24;
	enum turn_family named = value == STUN_ADDRESS_IPV6 ? TURN_IPV6 : TURN_IPV4;
	bool is_there = families->is_meant[named];
	if (value != STUN_ADDRESS_IPV4 && value != STUN_ADDRESS_IPV6)
		return STUN_PEER_ADDRESS_FAMILY_MISMATCH;
	if (!is_there && !(is_deletion(request) && allocation->had_family[named]))
		return STUN_PEER_ADDRESS_FAMILY_MISMATCH;
	*families = (struct families){{false, false}};
	families->is_meant[named] = is_there;
	return STUN_NO_ERROR;
}

static void refresh(struct turn_allocation *allocation, const struct families *families,
                    uint32_t lifetime_s)
{
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (families->is_meant[family])
			allocation_refresh(allocation, family, lifetime_s);
	action_report(allocation, TURN_REFRESHED, "");
}

/* The other family of a dual allocation keeps its permissions and channels (section 8.1). */
static void delete (struct request *request, const struct families *families)
{
	struct turn_allocation *allocation = request->allocation;
	bool is_all = true;

	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		is_all = is_all &&
		         (families->is_meant[family] || !allocation_has_family(allocation, family));
	if (is_all) {
		allocation_end_as(allocation, COUNT_ended_by_client, "refresh with lifetime 0");
		request->allocation = NULL;
		return;
	}
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (families->is_meant[family])
			allocation_drop_family(allocation, family);
}
