/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of signed connections between two namespaces share, by MD5 (RFC 2385) or TCP-AO (RFC 5925). */
#pragma once

#include "sides.h"

#define SIGNING_STALL_MS	60000

/* By what both ends sign. */
struct signing {
	struct ns_pair *net;	/* the client is in a, the server in b */
	int port;		/* the server's */
	const char *bad[3];	/* counters of segments that are dropped */
	/* setsockopt() for one peer; @server: the socket is the listener */
	int (*set_key)(int fd, const char *peer, const char *text, bool server);
};

/* The segments that either end has dropped for their signature, or for lack of one. */
long long signing_all_bad(const struct signing *how, const struct sides *s);

/* A listener, and a socket for a client, with this key for the other end; NULL: without a key. */
int signing_listener(const struct signing *how, const struct sides *s, const char *text);
int signing_client(const struct signing *how, const struct sides *s, const char *text);

/* So many octets each way over an open pair, which is closed then. */
bool signing_stream(int client, int server, long long octets);

/* Loss, reordering and duplicates in both directions, or their end. */
void signing_lossy(const struct signing *how, bool lossy);

/* There is no connection; the client gives up after another SYN, and each SYN is counted. */
bool signing_refuses(const struct signing *how, const struct sides *s, const char *at_client, const char *at_server,
		     const char *counter);

/* A socket for both IPs serves a client over IPv4. @prepare gives it its keys, with "secret" for NS_A4. */
bool signing_mapped(const struct signing *how, const struct sides *s, bool (*prepare)(int listener));

/* A listener in a VRF. @prepare gives it its keys, with "secret" for the client in the VRF with the device @vrf. */
bool signing_vrf(const struct signing *how, const struct sides *s,
		 bool (*prepare)(int listener, const struct sides *s, int vrf));
