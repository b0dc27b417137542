/* The lists of alternate servers, as options and operators write them. */
#pragma once

#include "config/config.h"
#include "turn/turn.h"

/* Fills the lists from the options. */
void alternates_read(const struct config *config, struct turn_alternates *alternates);

const char *alternates_kind_name(
	enum turn_alternate_kind kind); /* "all", "udp", "tcp", "tls", "self" */
/* Returns true when there is a kind of this name that an operator may change. */
bool alternates_find_kind(const char *name, enum turn_alternate_kind *kind);

/* Reads IP[:PORT]; a port that is not given is the usual one of the kind. */
MUST_CHECK enum err alternates_parse(enum turn_alternate_kind kind, const char *text,
                                     struct transport_addr *addr);
/* Adds a server at the end, even when it is there already: it gets twice its share. ERR_FULL. */
MUST_CHECK enum err alternates_add(struct turn_alternates *alternates,
                                   enum turn_alternate_kind kind,
                                   const struct transport_addr *addr);
/* Takes a server out, once if it is there several times. ERR_NOT_FOUND. */
MUST_CHECK enum err alternates_delete(struct turn_alternates *alternates,
                                      enum turn_alternate_kind kind,
                                      const struct transport_addr *addr);
