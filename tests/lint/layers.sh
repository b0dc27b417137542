#!/bin/sh
# Which folder of src may include what: ours as "folder/file.h", and other people's libraries.
# The store and turnadmin may use stun for keys, user hashes and origins: the same sums must not be
# written twice.
. "$srcdir/tests/lint/tap.sh"
cd "$srcdir" || exit 99

# FOLDER: the folders before it that it may use / the libraries. FOLDER/FILE.c adds to its folder's.
table='
base: /
base/random.c: / openssl
stun: base /
stun/aead.c: / openssl
stun/integrity.c: / openssl
stun/nonce.c: / openssl
turn: base stun /
config: base /
io: base / event2
listeners: base stun config io / event2 openssl
store: base stun config / sqlite3 event2 hiredis
store/password_hash.c: / openssl
store/redis_tls.c: / openssl
control: base / event2 jansson
process: base config control listeners / event2 openssl
process/fence_calls.c: / seccomp
process/reload_answer.c: / jansson
process/reload_answer.h: / jansson
relay: base stun turn config io listeners store control process / event2 openssl
relay/requests.c: / jansson
relay/session_requests.c: / jansson
relay/thread_requests.c: / jansson
relay/log_requests.c: / jansson
relay/option_requests.c: / jansson
relay/peer_requests.c: / jansson
relay/secret_requests.c: / jansson
relay/conversation.h: / jansson
relay/console_verbs.c: / jansson
relay/console_print.c: / jansson
relay/console_sessions.c: / jansson
relay/metrics.c: / jansson
relay/metrics.h: / jansson
relay/metrics_server.c: / jansson
signaling: base stun config control store listeners process / event2 openssl jansson http_parser jwt amqp maxminddb
signaling/spool.c: / sqlite3
admin: base stun config control store process / jansson
admin/http.c: / microhttpd
admin/console_serve.c: / event2
admin/api.c: / openssl
admin/doctor_secrets.c: / openssl
admin/turnadmin_cipher.c: / openssl
'

# The C library and the kernel are everyone's; these are not.
libraries='event2 openssl sqlite3 jansson hiredis seccomp wslay http_parser jwt amqp maxminddb microhttpd'

problems=$(find src -name '*.[ch]' -o -name '*.def' | sort |
	TABLE=$table LIBRARIES=$libraries xargs -r awk '
	BEGIN {
		lines = split(ENVIRON["TABLE"], line, "\n")
		for (i = 1; i <= lines; i++) {
			if (line[i] == "")
				continue
			where = line[i]; sub(/:.*/, "", where)
			what = line[i]; sub(/^[^:]*: */, "", what)
			known[where] = 1
			words = split(what, word, " ")
			for (j = 1; j <= words; j++)
				allowed[where, word[j]] = 1
		}
		count = split(ENVIRON["LIBRARIES"], library, " ")
		for (i = 1; i <= count; i++)
			foreign[library[i]] = 1
	}
	FNR == 1 {
		file = FILENAME; sub(/^src\//, "", file)
		folder = file; sub(/\/.*/, "", folder)
		if (!(folder in known))
			print FILENAME ": " folder " is not in the table of layers"
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		name = $0; sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
		part = name
		if (!sub(/\/.*/, "", part))
			print FILENAME ":" FNR ": \"" name "\" is not written \"folder/file.h\""
		else if (part != folder && !((folder, part) in allowed) && !((file, part) in allowed))
			print FILENAME ":" FNR ": " folder " may not include " part
	}
	/^[ \t]*#[ \t]*include[ \t]*</ {
		name = $0; sub(/^[^<]*</, "", name); sub(/>.*/, "", name)
		part = name; sub(/[\/.].*/, "", part)
		if (part in foreign && !((folder, part) in allowed) && !((file, part) in allowed))
			print FILENAME ":" FNR ": " folder " may not use " part
	}
')
expect_nothing 'each folder includes only what lies below it' "$problems"

# A header or source begins with its own header, so that headers are whole.
problems=$(find src -name '*.c' | sort | while read -r file; do
	header=${file%.c}.h
	[ -f "$header" ] || continue
	first=$(grep -m 1 '^#include' "$file")
	[ "$first" = "#include \"${header#src/}\"" ] || echo "$file: its first include is $first"
done)
expect_nothing 'a source includes its own header first' "$problems"

tap_end
