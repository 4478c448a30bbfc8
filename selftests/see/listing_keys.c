// SPDX-License-Identifier: GPL-2.0
/*
 * MD5 keys in listings by sock_diag (INET_DIAG_MD5SIG): a user with CAP_NET_ADMIN in the namespace sees the same keys
 * of the same sockets as kernel TCP shows him, and nobody else sees any. A socket has more keys than a message has room
 * for. What `xtcp ss -i` and its JSON show of them, as ss does of kernel TCP's.
 */
#include "lib/aoopt.h"
#include "see/listing.h"

NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ss");

#define PORT	8900
#define COMMON	4	/* rows of each stack and IP version */
#define MANY	100	/* more than the usual size of a message has room for; less than net.core.optmem_max */

/* glibc lacks it */
struct shown_key {
	uint8_t family, prefixlen;
	uint16_t keylen;
	uint8_t addr[16], key[80];
};

/* "family address/prefix key" of each key of the listener, as one text; @copy keeps the row. */
static void keys_of(const struct setting *s, struct diag_copy *copy, char *text, size_t size)
{
	const struct shown_key *key;
	char addr[INET6_ADDRSTRLEN];
	int left;

	*text = 0;
	SAME(find(s, PORT, 0, copy), 1);
	key = copy->row.attr[INET_DIAG_MD5SIG];
	if (!key)
		return;
	for (left = copy->row.len[INET_DIAG_MD5SIG]; left >= (int)sizeof(*key); left -= sizeof(*key), key++) {
		inet_ntop(key->family, key->addr, addr, sizeof(addr));
		snprintf(text + strlen(text), size - strlen(text), "%d %s/%d %.*s;", key->family, addr, key->prefixlen,
			 key->keylen, key->key);
	}
	SAME(left, 0);
}

static void keys_are(const struct setting *s, const char *want)
{
	struct diag_copy copy;
	char text[1024];

	keys_of(s, &copy, text, sizeof(text));
	if (!strcmp(text, want))
		return;
	ksft_print_msg("the keys are '%s', not '%s'\n", text, want);
	problems++;
}

static int look_unprivileged(void *arg)
{
	struct diag_copy copy;

	must(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534), "setresuid");
	return find(arg, PORT, 0, &copy) == 1 ? !!copy.row.attr[INET_DIAG_MD5SIG] : 2;
}

/* The keys that are listed, newest first; then one is replaced, and another one is removed. */
static void shown(const struct setting *s, int fd)
{
	SAME(md5_set(fd, s->peer_addr, "secret"), 0);
	if (s->v6) {
		SAME(md5_set_for(fd, "fd00:a::", "of a prefix", 64, -1), 0);
		SAME(md5_set_for(fd, "::ffff:192.0.2.0", "mapped", 24, -1), 0);
		keys_are(s, "2 192.0.2.0/24 mapped;10 fd00:a::/64 of a prefix;10 " NS_B6 "/128 secret;");
	} else {
		SAME(md5_set_for(fd, "192.0.2.0", "of a prefix", 24, -1), 0);
		keys_are(s, "2 192.0.2.0/24 of a prefix;2 " NS_B4 "/32 secret;");
	}
	result(s, "the keys of a listener");
	SAME(ns_child(net.a, look_unprivileged, (void *)s), 0);
	result(s, "no key is for a user without CAP_NET_ADMIN");
	SAME(md5_set(fd, s->peer_addr, "another secret"), 0);
	if (s->v6) {
		SAME(md5_set_for(fd, "fd00:a::", "", 64, -1), 0);
		keys_are(s, "2 192.0.2.0/24 mapped;10 " NS_B6 "/128 another secret;");
		SAME(md5_set_for(fd, "::ffff:192.0.2.0", "", 24, -1), 0);
	} else {
		SAME(md5_set_for(fd, "192.0.2.0", "", 24, -1), 0);
		keys_are(s, "2 " NS_B4 "/32 another secret;");
	}
	SAME(md5_set(fd, s->peer_addr, ""), 0);
	keys_are(s, "");
	result(s, "a key that was replaced, and keys that are gone");
}

static void count_keys(const struct diag_row *row, void *most)
{
	int n = row->len[INET_DIAG_MD5SIG] / (int)sizeof(struct shown_key);

	if (row->attr[INET_DIAG_MD5SIG] && n > *(int *)most)
		*(int *)most = n;
}

/* Receives the whole dump with room for @size octets at a time: the rows, or a negative errno. */
static int dump_by(const struct setting *s, size_t size, int *most)
{
	static struct diag_request request;
	const struct diag_query query = all_of(s);
	int fd = diag_open(), more;

	diag_fill(&request, &query);
	diag_send(fd, &request);
	do {
		more = diag_receive(fd, size, count_keys, most);
	} while (more > 0);
	close(fd);
	return more;
}

/* Kernel TCP's listing ends there. */
static void many(const struct setting *s, int fd)
{
	const struct diag_query query = all_of(s);
	struct diag_copy listener, one;
	int i, most = 0;
	char peer[32];

	for (i = 0; i < MANY; i++) {
		snprintf(peer, sizeof(peer), s->v6 ? "fd00:b::%x" : "192.0.2.%d", i + 1);
		SAME(md5_set(fd, peer, "one of many"), 0);
	}
	SAME(dump_by(s, 65536, &most), 0);
	SAME(most, MANY);
	SAME(find(s, PORT, 0, &listener), 1);
	SAME(diag_get(&query, &listener.msg.id, &one), 0);
	SAME(one.row.len[INET_DIAG_MD5SIG], MANY * (int)sizeof(struct shown_key));
	for (i = 0; i < MANY; i++) {
		snprintf(peer, sizeof(peer), s->v6 ? "fd00:b::%x" : "192.0.2.%d", i + 1);
		SAME(md5_set(fd, peer, ""), 0);
	}
	result(s, "a listener with many keys is listed with all of them, by itself and among others");
}

/* Runs @command in net.a; what it says has to have @words in it. */
static void says(const char *command, const char *words)
{
	SAME(ns_shell(net.a, "out=$(%s 2>&1); case $out in *'%s'*) ;; *) echo \"# $out\"; exit 99 ;; esac", command,
		      words), 0);
}

/* ss of iproute2 6.1 does not print a key where it belongs. */
static void by_tools(const struct setting *s, int fd)
{
	char words[256];

	SAME(md5_set(fd, s->peer_addr, "secret"), 0);
	snprintf(words, sizeof(words), "md5keys:%s/%d=", s->peer_addr, s->v6 ? 128 : 32);
	says(s->stack == XTCP ? "scripts/tools/xtcp-ss -nliO" : "ss -nltiO", words);
	if (s->stack == XTCP) {
		snprintf(words, sizeof(words), "\"md5keys\": [{\"peer\": \"%s/%d\", \"key\": \"736563726574\"}]",
			 s->peer_addr, s->v6 ? 128 : 32);
		says("scripts/tools/xtcp-ss --json -l", words);
	}
	SAME(md5_set(fd, s->peer_addr, ""), 0);
	result(s, "what ss -i says of a key");
}

static void each(const struct setting *s)
{
	int i, fd = must_have(stack_listener(net.a, s->stack, s->addr, PORT, true), "listener");

	if (s->stack == KERNEL && md5_set(fd, s->peer_addr, "") && errno == ENOPROTOOPT) {
		for (i = 0; i < COMMON; i++)
			ksft_test_result_skip("the kernel cannot sign segments of kernel TCP, IPv%d: row %d\n",
					      s->v6 ? 6 : 4, i);
	} else {
		shown(s, fd);
		by_tools(s, fd);
		if (s->stack == XTCP)
			many(s, fd);
	}
	close(fd);
}

int main(void)
{
	test_begin(2 * (stack_count() * COMMON + 1));
	settings(each);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
