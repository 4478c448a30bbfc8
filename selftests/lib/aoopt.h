/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options of TCP-AO by the API of Linux. A struct aoopt_key says what a test wants of a key; the rest is 0. And
 * keys of MD5.
 */
#pragma once

#include <linux/tcp.h>
#include <linux/xtcp_ao.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define AOOPT_SHA1	"hmac(sha1)"
#define AOOPT_CMAC	"cmac(aes128)"

/* A master key and the peers it is for. */
struct aoopt_key {
	const char *addr;		/* of the peers */
	const char *text;		/* NULL: "secret" */
	const char *algorithm;		/* NULL: AOOPT_SHA1 */
	int prefix;			/* 0: all bits of the address; AOOPT_ALL: none of them */
	uint8_t sndid, rcvid, maclen, keyflags;
	bool set_current, set_rnext;
	int ifindex;
};

#define AOOPT_ALL	(-1)

/* setsockopt() with what the key says: 0, or -1 with errno. */
int aoopt_add(int fd, const struct aoopt_key *key);

/* The structure that aoopt_add() passes, for tests that change it first. */
void aoopt_fill(struct tcp_ao_add *cmd, const struct aoopt_key *key);

/* Removes the key of this address, prefix and these identifiers. */
int aoopt_del(int fd, const struct aoopt_key *key);
void aoopt_fill_del(struct tcp_ao_del *cmd, const struct aoopt_key *key);

/* TCP_AO_INFO; must succeed, or the program ends. */
struct tcp_ao_info_opt aoopt_info(int fd);

/* All keys of a socket; how many it has, or -1 with errno. */
int aoopt_keys(int fd, struct tcp_ao_getsockopt *keys, int room);

/*
 * A key of MD5 (RFC 2385) for the peers of a @prefix, reached by a @device; -1: one address, any device. NULL removes
 * it. Return what setsockopt() does.
 */
int md5_set_for(int fd, const char *peer, const char *text, int prefix, int device);
int md5_set(int fd, const char *peer, const char *text);

/* Has this kernel TCP the options? */
bool aoopt_kernel_has(void);
