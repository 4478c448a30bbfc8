// SPDX-License-Identifier: GPL-2.0
/*
 * TCP MD5 signatures (RFC 2385) at the peer's end: it signs what it sends, and checks that what
 * arrives is signed with the same key, or not at all.
 */
#include "aoopt.h"
#include "mac.h"
#include "test.h"
#include "wire.h"

/*
 * TCP-AO (RFC 5925) at the peer's end, and its options of the socket. The peer has a table of keys.
 * It signs what it sends with one of them, and checks that what arrives is signed with one of them
 * and has the identifiers that it expects.
 *
 * A key has two identifiers: @to in what is sent to the stack, its RecvID there, and @from in what
 * the stack sends, its SendID.
 *
 *   ao TO FROM TEXT [cmac] [mac N] [noopts]	one more key, with which the peer signs from here on. It
 *				asks for it and expects that the stack does both, too
 *   ao none			the peer forgets all keys; nothing may be signed
 *   aouse TO [FROM]		it signs with this key, and asks for that one (RNextKeyID)
 *   aowant FROM TO		what is sent to it is signed with key FROM and asks for key TO
 *   mkt SNDID RCVID TEXT [cmac] [mac N] [noopts] [prefix N] [current] [rnext] [ERR]	TCP_AO_ADD_KEY for
 *				the peer, of the connection's socket; mktlistener: of the listener;
 *				mktotherlistener: of the listener, for a host that is not the peer
 *   mktdel SNDID RCVID [current N] [rnext N] [async] [ERR]	TCP_AO_DEL_KEY; mktdellistener
 *   aoset [current N] [rnext N] [required N] [icmps N] [ERR]	TCP_AO_INFO; aosetlistener
 *   aoinfo FIELD OP VALUE	of TCP_AO_INFO: current, rnext, good, bad, notfound, required, icmps
 */

/* As they stand between the octets of the message that has the MAC. */
static const struct { const char *name; int at4, at6; } places[] = {
	{ "sne", 3, 3 }, { "src", 4 + 3, 4 + 15 }, { "dst", 4 + 7, 4 + 31 }, { "protocol", 4 + 9, 4 + 39 },
	{ "length", 4 + 11, 4 + 35 },
};

/* The place of an octet that the MAC covers: sne, src, dst, protocol, length or its number in the segment. */
int wire_ao_turn(struct wire *w, const char *text, int *place)
{
	uint32_t v;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (!strcmp(places[i].name, text)) {
			*place = w->ip == 4 ? places[i].at4 : places[i].at6;
			return 0;
		}
	if (wire_text_u32(w, text, &v))
		return -1;
	*place = ao_header_at(w->ip) + v;
	return 0;
}

static const struct wire_ao_key *find_key(const struct wire_ao *ao, int to, int from)
{
	for (unsigned int i = 0; i < ao->nr; i++)
		if ((to < 0 || ao->keys[i].to == to) && (from < 0 || ao->keys[i].from == from))
			return &ao->keys[i];
	return NULL;
}

/* Add the option to a segment that is to be sent, without its MAC. */
static void ao_add(struct wire *w, struct wire_segment *seg)
{
	const struct wire_ao *ao = &w->ao;
	const unsigned int len = AO_HEADER + (ao->nr ? ao->use->key.mac_len : 0) + seg->ao_longer;
	uint8_t *o = seg->opt + seg->optlen;

	if (!ao->nr || seg->is_unsigned || seg->optlen + len > sizeof(seg->opt))
		return;
	o[0] = AO_KIND;
	o[1] = len;
	o[2] = seg->ao_keyid >= 0 ? seg->ao_keyid : ao->use->to;
	o[3] = seg->ao_rnext >= 0 ? seg->ao_rnext : ao->rnext;
	seg->mac_at = 20 + seg->optlen + AO_HEADER;
	seg->optlen += len;
	/* what is left of a word */
	while (seg->optlen % 4)
		seg->opt[seg->optlen++] = 1;
}

/* Write the MAC into a segment that is complete but for its checksum. */
static void ao_fill(const struct wire *w, const struct wire_segment *seg, uint8_t *t, size_t len)
{
	const bool opens = (seg->flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN;
	const struct ao_ends ends = {
		.ip = w->ip, .src = seg->src, .dst = seg->dst, .sport = seg->sport, .dport = seg->dport,
		.src_isn = w->c.iss, .dst_isn = opens ? 0 : w->c.irs,
	};
	struct ao_key key;

	if (!seg->mac_at)
		return;
	key = w->ao.use->key;
	if (seg->other_key) {
		key.len = strlen(seg->other_key);
		memcpy(key.octets, seg->other_key, key.len);
	}
	ao_mac(&key, &ends, ao_sne(w->c.iss, seg->seq), t, len, seg->mac_at, seg->turned ? seg->turned : AO_NONE,
	       t + seg->mac_at);
	t[seg->mac_at] ^= seg->bad_digest;
}

/* Is a segment that the stack sent signed as it must be? @seg: parsed, from the lane's packet. */
static int ao_check(struct wire *w, const struct wire_segment *seg)
{
	const bool opens = (seg->flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN;
	const uint8_t *t = w->packet + (w->ip == 4 ? 20 : 40), *o = seg->ao;
	const struct ao_ends ends = {
		.ip = w->ip, .src = seg->src, .dst = seg->dst, .sport = seg->sport, .dport = seg->dport,
		.src_isn = w->c.irs, .dst_isn = opens ? 0 : w->c.iss,
	};
	const struct wire_ao_key *key;
	uint8_t right[AO_MOST_MAC];

	if (!w->ao.nr)
		return o ? wire_fail(w, "a MAC without a key (RFC 5925)") : 0;
	if (!o)
		return wire_fail(w, "no MAC (RFC 5925 5.1)");
	key = find_key(&w->ao, -1, o[2]);
	if (!key)
		return wire_fail(w, "KeyID %u is no key's (RFC 5925 2.2)", o[2]);
	if (o[2] != w->ao.want_from || o[3] != w->ao.want_to)
		return wire_fail(w, "KeyID %u, RNextKeyID %u, want %u, %u", o[2], o[3], w->ao.want_from, w->ao.want_to);
	if (o[1] != AO_HEADER + key->key.mac_len)
		return wire_fail(w, "a MAC of %u octets, want %u", o[1] - AO_HEADER, key->key.mac_len);
	ao_mac(&key->key, &ends, ao_sne(w->c.irs, seg->seq), t, seg->packet - (t - w->packet), o + AO_HEADER - t,
	       AO_NONE, right);
	return memcmp(right, o + AO_HEADER, key->key.mac_len) ? wire_fail(w, "a wrong MAC (RFC 5925 5.1)") : 0;
}

/* The words behind a key, up to one that is none of them. Return: that word, or NULL. */
static char *key_words(char **next, struct ao_key *key, struct aoopt_key *opt)
{
	char *word;

	while ((word = strtok_r(NULL, " ", next))) {
		if (!strcmp(word, "cmac")) {
			key->algorithm = AO_AES_CMAC;
			opt->algorithm = AOOPT_CMAC;
		} else if (!strcmp(word, "mac")) {
			key->mac_len = atoi(strtok_r(NULL, " ", next));
			opt->maclen = key->mac_len;
		} else if (!strcmp(word, "noopts")) {
			key->no_options = true;
			opt->keyflags |= TCP_AO_KEYF_EXCLUDE_OPT;
		} else if (!strcmp(word, "prefix")) {
			opt->prefix = atoi(strtok_r(NULL, " ", next)) ?: AOOPT_ALL;
		} else if (!strcmp(word, "current")) {
			opt->set_current = true;
		} else if (!strcmp(word, "rnext")) {
			opt->set_rnext = true;
		} else {
			break;
		}
	}
	return word;
}

static int peers_key(struct wire *w, char *args)
{
	char *next, *to = strtok_r(args, " ", &next), *from, *text;
	struct wire_ao *ao = &w->ao;
	struct wire_ao_key *k = &ao->keys[ao->nr];
	struct aoopt_key unused = { 0 };

	if (to && !strcmp(to, "none")) {
		ao->nr = 0;
		return 0;
	}
	from = strtok_r(NULL, " ", &next);
	text = strtok_r(NULL, " ", &next);
	if (!text || strlen(text) > AO_MOST_KEY || ao->nr == WIRE_AO_KEYS)
		return wire_fail(w, "ao TO FROM TEXT");
	*k = (struct wire_ao_key) { .to = atoi(to), .from = atoi(from),
				    .key = { .len = strlen(text), .mac_len = AO_USUAL_MAC } };
	memcpy(k->key.octets, text, k->key.len);
	key_words(&next, &k->key, &unused);
	ao->nr++;
	ao->use = k;
	ao->rnext = k->from;
	ao->want_from = k->from;
	ao->want_to = k->to;
	return 0;
}

static int use(struct wire *w, char *args)
{
	char *next, *to = strtok_r(args, " ", &next), *from = strtok_r(NULL, " ", &next);

	w->ao.use = to ? find_key(&w->ao, atoi(to), -1) : NULL;
	if (!w->ao.use)
		return wire_fail(w, "the peer has no such key");
	if (from)
		w->ao.rnext = atoi(from);
	return 0;
}

/* The words "current N" and the like. Return: is @word the name, with N behind it? */
static bool number_after(const char *word, const char *name, char **next, int *n)
{
	const char *text = !strcmp(word, name) ? strtok_r(NULL, " ", next) : NULL;

	*n = text ? atoi(text) : 0;
	return text;
}

static char *peers_address(const struct wire *w, char *out, size_t room)
{
	inet_ntop(w->ip == 4 ? AF_INET : AF_INET6, w->peer, out, room);
	return out;
}

/* The first octets of the peer's address, as its prefix. */
static void mask(struct tcp_ao_add *cmd)
{
	uint8_t *octets = cmd->addr.ss_family == AF_INET ?
			  (uint8_t *)&((struct sockaddr_in *)&cmd->addr)->sin_addr :
			  (uint8_t *)&((struct sockaddr_in6 *)&cmd->addr)->sin6_addr;
	const int bits = cmd->addr.ss_family == AF_INET ? 32 : 128;

	for (int i = cmd->prefix; i < bits; i++)
		octets[i / 8] &= ~(0x80 >> i % 8);
}

/* A host next to the peer. */
static char *others_address(const struct wire *w, char *out, size_t room)
{
	uint8_t octets[16];

	memcpy(octets, w->peer, sizeof(octets));
	octets[w->ip == 4 ? 3 : 15] ^= 0x40;
	inet_ntop(w->ip == 4 ? AF_INET : AF_INET6, octets, out, room);
	return out;
}

static int set_key(struct wire *w, int fd, bool of_other, char *args)
{
	char *next, *sndid = strtok_r(args, " ", &next), *rcvid = strtok_r(NULL, " ", &next), addr[64];
	struct aoopt_key key = { .text = strtok_r(NULL, " ", &next) };
	struct ao_key unused;
	struct tcp_ao_add cmd;
	char *err;

	if (!key.text)
		return wire_fail(w, "mkt SNDID RCVID TEXT");
	key.addr = of_other ? others_address(w, addr, sizeof(addr)) : peers_address(w, addr, sizeof(addr));
	key.sndid = atoi(sndid);
	key.rcvid = atoi(rcvid);
	err = key_words(&next, &unused, &key);
	aoopt_fill(&cmd, &key);
	mask(&cmd);
	return wire_socket_verdict(w, "TCP_AO_ADD_KEY",
				   setsockopt(fd, IPPROTO_TCP, TCP_AO_ADD_KEY, &cmd, sizeof(cmd)), err);
}

static int delete_key(struct wire *w, int fd, char *args)
{
	char *next, *sndid = strtok_r(args, " ", &next), *rcvid = strtok_r(NULL, " ", &next), addr[64], *word;
	struct aoopt_key key = { .addr = peers_address(w, addr, sizeof(addr)) };
	struct tcp_ao_del cmd;
	int v;

	if (!rcvid)
		return wire_fail(w, "mktdel SNDID RCVID");
	key.sndid = atoi(sndid);
	key.rcvid = atoi(rcvid);
	aoopt_fill_del(&cmd, &key);
	while ((word = strtok_r(NULL, " ", &next))) {
		if (number_after(word, "current", &next, &v)) {
			cmd.set_current = 1;
			cmd.current_key = v;
		} else if (number_after(word, "rnext", &next, &v)) {
			cmd.set_rnext = 1;
			cmd.rnext = v;
		} else if (!strcmp(word, "async")) {
			cmd.del_async = 1;
		} else {
			break;
		}
	}
	return wire_socket_verdict(w, "TCP_AO_DEL_KEY",
				   setsockopt(fd, IPPROTO_TCP, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), word);
}

static int get_info(struct wire *w, int fd, struct tcp_ao_info_opt *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, len);
	return wire_socket_verdict(w, "TCP_AO_INFO", getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, info, &len), NULL);
}

/* What is not named stays; before there is a key, nothing is set. */
static int set_info(struct wire *w, int fd, char *args)
{
	struct tcp_ao_info_opt info = { 0 };
	socklen_t len = sizeof(info);
	char *next, *word;
	int v;

	if (getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, &len))
		memset(&info, 0, sizeof(info));
	info.set_current = 0;
	info.set_rnext = 0;
	for (word = strtok_r(args, " ", &next); word; word = strtok_r(NULL, " ", &next)) {
		if (number_after(word, "current", &next, &v)) {
			info.set_current = 1;
			info.current_key = v;
		} else if (number_after(word, "rnext", &next, &v)) {
			info.set_rnext = 1;
			info.rnext = v;
		} else if (number_after(word, "required", &next, &v)) {
			info.ao_required = v;
		} else if (number_after(word, "icmps", &next, &v)) {
			info.accept_icmps = v;
		} else {
			break;
		}
	}
	return wire_socket_verdict(w, "TCP_AO_INFO",
				   setsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, sizeof(info)), word);
}

static int info(struct wire *w, int fd, char *args)
{
	char *next, *name = strtok_r(args, " ", &next), *op = strtok_r(NULL, " ", &next);
	char *arg = strtok_r(NULL, " ", &next);
	struct tcp_ao_info_opt got;
	uint64_t value, want = 0;
	size_t i;

	if (!arg || get_info(w, fd, &got) || wire_text_number(w, arg, &want))
		return wire_fail(w, "aoinfo FIELD OP VALUE");
	const struct { const char *name; uint64_t value; } fields[] = {
		{ "current", got.set_current ? got.current_key : 1000 },
		{ "rnext", got.set_rnext ? got.rnext : 1000 },
		{ "good", got.pkt_good }, { "bad", got.pkt_bad }, { "notfound", got.pkt_key_not_found },
		{ "required", got.pkt_ao_required }, { "icmps", got.pkt_dropped_icmp },
	};

	for (i = 0; i < sizeof(fields) / sizeof(*fields) && strcmp(fields[i].name, name); i++)
		;
	if (i == sizeof(fields) / sizeof(*fields))
		return wire_fail(w, "no field '%s'", name);
	value = fields[i].value;
	if (wire_text_compare(value, op, want))
		return 0;
	return wire_fail(w, "%s is %llu, want %s %s", name, (unsigned long long)value, op, arg);
}

int wire_ao_step(struct wire *w, const char *verb, char *args)
{
	const size_t n = strlen(verb);
	int fd = n > 8 && !strcmp(verb + n - 8, "listener") ? w->c.lfd : w->c.fd;

	if (!strcmp(verb, "ao"))
		return peers_key(w, args);
	if (!strcmp(verb, "aouse"))
		return use(w, args);
	if (!strcmp(verb, "aowant")) {
		w->ao.want_from = atoi(args);
		w->ao.want_to = atoi(args + strcspn(args, " "));
		return 0;
	}
	if (fd < 0)
		return wire_fail(w, "no socket");
	if (!strncmp(verb, "mktdel", 6))
		return delete_key(w, fd, args);
	if (!strncmp(verb, "mkt", 3))
		return set_key(w, fd, !strcmp(verb, "mktotherlistener"), args);
	if (!strncmp(verb, "aoset", 5))
		return set_info(w, fd, args);
	if (!strncmp(verb, "aoinfo", 6))
		return info(w, fd, args);
	return wire_fail(w, "no step '%s'", verb);
}

#define OPTION_LEN	18

/* Choose the key by which the peer signs from here on. @key: its text, or "none". */
int wire_sign_step(struct wire *w, const char *key)
{
	if (strlen(key) >= sizeof(w->key))
		return wire_fail(w, "the key is too long");
	strcpy(w->key, strcmp(key, "none") ? key : "");
	return 0;
}

/* Add the option to a segment that is to be sent, without its digest. */
void wire_sign_add(struct wire *w, struct wire_segment *seg)
{
	uint8_t *o = seg->opt + seg->optlen;

	ao_add(w, seg);
	if (!*w->key || seg->is_unsigned || seg->optlen + OPTION_LEN + 2 > sizeof(seg->opt))
		return;
	o[0] = 1;
	o[1] = 1;
	o[2] = 19;
	o[3] = OPTION_LEN;
	seg->digest_at = 20 + seg->optlen + 4;
	seg->optlen += OPTION_LEN + 2;
}

/* RFC 2385 section 2.0. @t: TCP header of a segment of @len octets */
static void digest(const struct wire *w, const uint8_t *src, const uint8_t *dst, const uint8_t *t, size_t len,
		   const char *key, uint8_t *out)
{
	const size_t n = w->ip == 4 ? 4 : 16, header = (t[12] >> 4) * 4;
	const uint8_t length4[4] = { 0, IPPROTO_TCP, len >> 8, len };
	const uint8_t length6[8] = { 0, 0, len >> 8, len, 0, 0, 0, IPPROTO_TCP };
	struct md5 m;

	md5_begin(&m);
	md5_add(&m, src, n);
	md5_add(&m, dst, n);
	if (w->ip == 4)
		md5_add(&m, length4, sizeof(length4));
	else
		md5_add(&m, length6, sizeof(length6));
	md5_add(&m, t, 16);
	md5_add(&m, "\0", 2);
	md5_add(&m, t + 18, 2);
	if (len > header)
		md5_add(&m, t + header, len - header);
	md5_add(&m, key, strlen(key));
	md5_end(&m, out);
}

/* Write the digest into a segment that is complete but for its checksum. */
void wire_sign_fill(const struct wire *w, const struct wire_segment *seg, uint8_t *t, size_t len)
{
	ao_fill(w, seg, t, len);
	if (!seg->digest_at)
		return;
	digest(w, seg->src, seg->dst, t, len, seg->other_key ? seg->other_key : w->key, t + seg->digest_at);
	t[seg->digest_at] ^= seg->bad_digest;
}

int wire_sign_check(struct wire *w, const struct wire_segment *seg)
{
	const size_t ip_len = w->ip == 4 ? 20 : 40;
	uint8_t right[16];

	if (ao_check(w, seg))
		return -1;
	if (!*w->key)
		return seg->digest ? wire_fail(w, "a signature without a key (RFC 2385)") : 0;
	if (!seg->digest)
		return wire_fail(w, "no signature (RFC 2385 2.0)");
	digest(w, seg->src, seg->dst, w->packet + ip_len, seg->packet - ip_len, w->key, right);
	return memcmp(right, seg->digest, 16) ? wire_fail(w, "a wrong signature (RFC 2385 2.0)") : 0;
}

/* As setsockopt() of TCP_MD5SIG for the peer. @key: "none" removes it. @prefix: how many bits count; -1: all. */
int wire_sign_option(const struct wire *w, int fd, const char *key, int prefix)
{
	struct tcp_md5sig cmd = { .tcpm_flags = prefix < 0 ? 0 : TCP_MD5SIG_FLAG_PREFIX, .tcpm_prefixlen = prefix };
	struct sockaddr_in *sin = (struct sockaddr_in *)&cmd.tcpm_addr;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&cmd.tcpm_addr;
	const int bits = w->ip == 4 ? 32 : 128;
	uint8_t *addr = w->ip == 4 ? (uint8_t *)&sin->sin_addr : (uint8_t *)&sin6->sin6_addr;

	cmd.tcpm_addr.ss_family = w->ip == 4 ? AF_INET : AF_INET6;
	memcpy(addr, w->peer, bits / 8);
	for (int i = prefix; prefix >= 0 && i < bits; i++)
		addr[i / 8] &= ~(0x80 >> i % 8);
	cmd.tcpm_keylen = strcmp(key, "none") ? strlen(key) : 0;
	memcpy(cmd.tcpm_key, key, cmd.tcpm_keylen);
	return setsockopt(fd, IPPROTO_TCP, prefix < 0 ? TCP_MD5SIG : TCP_MD5SIG_EXT, &cmd, sizeof(cmd));
}
