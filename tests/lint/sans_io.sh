#!/bin/sh
# The core opens no socket, reads no clock, starts no thread and logs nothing: the symbols that
# libstun.a and libturn.a need from elsewhere are on a list.
. "$srcdir/tests/lint/tap.sh"
cd "$builddir" || exit 99

libc='memcpy|memmove|memset|memcmp|memchr|strlen|strnlen|strcmp|strcasecmp|strncmp|strchr|strstr|strspn|strcspn|strdup|strndup|bcmp'
libc="$libc|malloc|calloc|realloc|reallocarray|free|qsort|bsearch|abort|snprintf|vsnprintf"
libc="$libc|inet_ntop|inet_pton|htons|ntohs|htonl|ntohl|explicit_bzero|__assert_fail"
libc="$libc|__(memcpy|memmove|memset|snprintf|vsnprintf|explicit_bzero)_chk|__stack_chk_fail"
libc="$libc|_GLOBAL_OFFSET_TABLE_|__tls_get_addr"
hashes='EVP_[A-Za-z0-9_]*|HMAC[A-Za-z0-9_]*|OSSL_PARAM_[a-z0-9_]*|CRYPTO_memcmp|OPENSSL_cleanse|CRYPTO_free'
# Of base, what has no effect but on its arguments.
base='addr_[a-z0-9_]*|five_tuple_[a-z0-9_]*|bytes_[a-z0-9_]*|hex_[a-z]*|base64_[a-z]*|crc32[a-z_]*'
base="$base|nat64_[a-z0-9_]*|transport_name|err_string|hash_table_[a-z0-9_]*|timer_[a-z0-9_]*"
base="$base|timer_wheel_[a-z0-9_]*|pool_[a-z0-9_]*|counters_[a-z0-9_]*"

# Texts of HTTP and JSON need a little more of it.
signaling_libc='strcspn|strpbrk|__strncat_chk|strncasecmp|strtoul|strtoull|strtol|strtoll|strtod|strrchr|memmem|memrchr|strncat|isxdigit|isdigit|__ctype_b_loc|__isoc99_sscanf|gmtime_r|timegm|strftime|reg(comp|exec|free)|SHA256|AES_[a-z_]*'

# needed ARCHIVE: what it uses and does not define.
needed() {
	nm -u "$1" 2> /dev/null | awk '$1 == "U" || $1 == "w" {print $NF}' | sort -u > "$tmp/used"
	nm --defined-only "$1" 2> /dev/null | awk 'NF == 3 {print $3}' | sort -u > "$tmp/own"
	# What a sanitizer adds reports and does nothing else.
	comm -23 "$tmp/used" "$tmp/own" | grep -vE '^__(asan|ubsan|tsan|msan|sanitizer|gcov|odr_asan)'
}

# check ARCHIVE ALLOWED
check() {
	name="$1 has no input, output, clock or thread"
	if [ ! -f "$1" ]; then
		skip "$name" 'it was not built'
		return
	fi
	symbols=$(needed "$1")
	if [ ! -s "$tmp/own" ]; then
		skip "$name" 'there is nothing in it yet'
		return
	fi
	expect_nothing "$name" "$(printf '%s\n' "$symbols" | grep -vE "^($2)$")"
}

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
# stun fills a result with noise where a hash could not be made, so that nothing ever matches it.
check libstun.a "$libc|$hashes|$base|random_bytes"
check libturn.a "$libc|$base|stun_[a-z0-9_]*|aead_[a-z]*|access_token_[a-z0-9_]*"
# Rooms and dialects of turnsignal: what a host or a program gives them they name, and none of it moves bytes or looks at a clock.
given='http_[a-z_]*|turn_source_[a-z_]*|authority_[a-z_]*|zones_[a-z_]*|config_[a-z_]*'
! has_signaling || check libsignaling_core.a "$libc|$hashes|$base|$signaling_libc|$given|text_copy|random_[a-z]*|utf8_[a-z_]*"

# Tests of the core link nothing else either.
problems=$(grep -nE '^tests_unit_test_[a-z0-9_]+_LDADD' "$srcdir/tests/unit/turn.am" |
	grep -E 'libio|liblisteners|librelay|libstore|libconfig|EVENT_LIBS')
expect_nothing 'tests of the core link only the core' "$problems"

tap_end
