// SPDX-License-Identifier: GPL-2.0
/*
 * TCP MD5 signatures (RFC 2385) at the peer's end: it signs what it sends, and checks that what
 * arrives is signed with the same key, or not at all. For TCP-AO it asks wire_ao.c.
 */
#include "mac.h"
#include "test.h"
#include "wire.h"

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

	wire_ao_add(w, seg);
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
	wire_ao_fill(w, seg, t, len);
	if (!seg->digest_at)
		return;
	digest(w, seg->src, seg->dst, t, len, seg->other_key ? seg->other_key : w->key, t + seg->digest_at);
	t[seg->digest_at] ^= seg->bad_digest;
}

int wire_sign_check(struct wire *w, const struct wire_segment *seg)
{
	const size_t ip_len = w->ip == 4 ? 20 : 40;
	uint8_t right[16];

	if (wire_ao_check(w, seg))
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
	int i;

	cmd.tcpm_addr.ss_family = w->ip == 4 ? AF_INET : AF_INET6;
	memcpy(addr, w->peer, bits / 8);
	for (i = prefix; prefix >= 0 && i < bits; i++)
		addr[i / 8] &= ~(0x80 >> i % 8);
	cmd.tcpm_keylen = strcmp(key, "none") ? strlen(key) : 0;
	memcpy(cmd.tcpm_key, key, cmd.tcpm_keylen);
	return setsockopt(fd, IPPROTO_TCP, prefix < 0 ? TCP_MD5SIG : TCP_MD5SIG_EXT, &cmd, sizeof(cmd));
}
