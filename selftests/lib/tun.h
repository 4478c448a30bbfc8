/* SPDX-License-Identifier: GPL-2.0 */
/* A tun device: the test is the wire behind it. */
#pragma once

#include <netinet/ip.h>
#include <stdbool.h>
#include <stdint.h>
/* as in test.h */
#ifndef _NETINET_TCP_H
#include <linux/tcp.h>
#endif

struct wire_segment;

/* Makes a tun device whose packets begin with the IP header, without blocking. Its descriptor, or -1 with a line. */
int tun_open(int ns, const char *name);

/*
 * Lays out the segment that @seg tells of (wire.h), from one address to another one, with its IP header. A doff of 0 is
 * the right one, and nothing is cut. Its length. tun_inject() writes it to a tun device, or ends the program.
 */
size_t tun_lay_out(uint8_t *packet, const char *from, const char *to, const struct wire_segment *seg);
void tun_inject(int tun, const char *from, const char *to, const struct wire_segment *seg);

/*
 * Makes the namespace @ns one whose answers vanish: packets come in by the tun device tun0, which has @addr, and what
 * goes to 10.99.0.0/16 leaves by a device that drops it. Returns the descriptor of tun0, or -1 after a line on standard
 * error.
 */
int tun_before_sink(int ns, const char *addr);

/* A segment of IPv4, for tests and benchmarks that need no engine for them. */
struct tun_segment {
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t rest[8];	/* options, or text */
};

/* One without flags and numbers; @from: address in host order. */
struct tun_segment tun_segment(uint32_t from, int port, const char *to, int to_port);

/* Puts its lengths and checksums, with @rest octets behind the TCP header. How long it is then. */
size_t tun_finish(struct tun_segment *s, unsigned int rest);

/* The same, and writes it into @tun; false: it could not. */
bool tun_send(int tun, struct tun_segment *s, unsigned int rest);
