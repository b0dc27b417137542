/* Forms of texts that a few options demand: what CHECKED names in options.def. */
#pragma once

#include <stdbool.h>

#include "config/option.h"

/* NAME:PASSWORD or NAME:0xKEY. The problem never quotes the text. */
bool check_user(const char *text, char problem[OPTION_PROBLEM_SIZE]);
/* A facility of syslog, by the name that coturn and syslog(3) give it, or without its LOG_. */
bool check_facility(const char *text, char problem[OPTION_PROBLEM_SIZE]);
/* An IP address alone: no name, no port. */
bool check_ip(const char *text, char problem[OPTION_PROBLEM_SIZE]);
/* http:// or https:// and what may follow it in a Location of HTTP, in at most 512 bytes; or nothing. */
bool check_url(const char *text, char problem[OPTION_PROBLEM_SIZE]);
/* What turn-uri, stun-uri and geo-zone demand. */
bool check_amqp_url(const char *text, char problem[OPTION_PROBLEM_SIZE]);
bool check_turn_uri(const char *text, char problem[OPTION_PROBLEM_SIZE]);
bool check_stun_uri(const char *text, char problem[OPTION_PROBLEM_SIZE]);
bool check_geo_zone(const char *text, char problem[OPTION_PROBLEM_SIZE]);
/* A token of RFC 9110 section 5.1, or nothing. */
bool check_header_name(const char *text, char problem[OPTION_PROBLEM_SIZE]);
/* EXPRESSION=TYPE, of room-type. */
bool check_room_type(const char *text, char problem[OPTION_PROBLEM_SIZE]);
