/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An explored scenario. All of it follows from a seed, or from a row such as "seed=7 client=xtcp mtu=1500", which
 * leaves out everything that it does not name. scenario_text.c has the names of the fields.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include "stack.h"

enum side { CLIENT, SERVER, SIDES };

enum algorithm { CUBIC, RENO, BBR, DCTCP, PRAGUE };

#define CONNECTIONS	4	/* at once */
#define DROPS		48
#define URGENT_OCTETS	64	/* of one program, at most */

struct chance {
	uint64_t state;
};

/* Packets by their number on the way to a side, from 1 on. */
struct drops {
	int n, number[DROPS];
};

/* Segments that a scenario loses by their kind. */
enum kind {
	NO_KIND,
	KIND_DATA,	/* text that is sent for the first time */
	KIND_AGAIN,	/* text that was sent before */
	KIND_ACK,	/* without text, SYN, FIN or RST */
	KIND_SYN,	/* SYN or SYN-ACK */
	KIND_FIN,
	KIND_RST,
	KINDS
};

/* What a middlebox does to a SYN or SYN-ACK. */
enum syn_box {
	PASSES,
	DROPS_TEXT,	/* drops one with text */
	DROPS_OPTION,	/* drops one with the Fast Open option */
	STRIPS_OPTION,	/* makes NOPs of that option */
};

/* The network towards one side: what happens to the packets that the other side sends. */
struct network {
	int delay_us, jitter_us;
	long long rate_bps;	/* of a bottleneck, bits per second; 0: none */
	int queue_octets;	/* in front of it */
	int loss_ppm;		/* parts per million, for each packet */
	int burst_ppm;		/* a burst of loss begins, which each packet ends by a fifth, or a tenth of a second */
	int duplicate_ppm, reorder_ppm, corrupt_ppm;
	bool corrupts_text;	/* not the header alone */
	int ce_ppm;		/* so many packets get a congestion mark, if their sender knows ECN */
	int silent_from_ms, silent_ms;	/* nothing passes */
	int mtu, mtu_from_ms;	/* of a link on the way, and from when on; 0: none */
	bool has_icmp;		/* the router says so */
	enum syn_box syn_box;
	enum kind lose;		/* of this kind, the @lose_nth one and the next ones are lost, @lose_n in all */
	int lose_nth, lose_n;
	struct drops drops;	/* these packets are lost, too */
};

enum ending {
	ORDERLY,	/* shutdown() behind the last octet, close() after the peer's end */
	CLOSED,		/* close() behind the last octet, and nothing is read */
	ABORTED,	/* a reset (SO_LINGER, 0) behind @total octets */
	KILLED,		/* as CLOSED, but the process is killed */
	CUT_OFF,	/* the process is killed while it waits in send(), in the middle of @total octets */
};

struct program {
	long long total;	/* octets that it writes */
	int write_max, read_max;
	int write_pause_us, read_pause_us;	/* the longest; 0: none */
	bool nodelay;
	int sndbuf, rcvbuf;	/* 0: as the system has it */
	enum ending ending;
	int urgent;		/* behind one of so many writes it sends an urgent octet; 0: never */
	bool inline_urgent;	/* SO_OOBINLINE */
	bool sendfile, splices;	/* sendfile() for send(), splice() for recv() */
	bool edges;		/* acts only on edges of epoll */
	int peek_ppm;		/* so many reads follow a MSG_PEEK */
	int more_ppm;		/* so many writes have MSG_MORE */
	int zerocopy_ppm;	/* so many writes have MSG_ZEROCOPY, if the stack is xtcp */
	int lowat;		/* SO_RCVLOWAT; 0: as the system has it */
	int mss;		/* TCP_MAXSEG; 0: as the system has it */
	int keepalive_s;	/* TCP_KEEPIDLE; 0: no keepalive */
	int user_timeout_ms;	/* TCP_USER_TIMEOUT; 0: none */
	bool blocks;		/* one thread writes, and one reads, with calls that wait */
	long long shut_rd;	/* SHUT_RD before it reads the octet of this number; 0: never */
	bool shuts_both;	/* SHUT_RDWR in place of SHUT_WR */
	/* client: 0: none, 1: MSG_FASTOPEN, 2: TCP_FASTOPEN_CONNECT; server: TCP_FASTOPEN, the limit of its listener */
	int fastopen;
};

/* What the route of a host to the other one becomes. */
enum route {
	ROUTE_STAYS,
	ROUTE_DEVICE,	/* by a second device */
	ROUTE_GATEWAY,
	ROUTE_MTU,	/* with an MTU of its own */
	ROUTE_UNREACHABLE,
	ROUTE_ADDRESS,	/* the host loses its address, and so the route */
};

/* Events at the machine of one end; all times count from the beginning. */
struct host {
	int down_from_ms, down_ms;	/* its link */
	bool device_goes;	/* meanwhile there is no device */
	int queue_kbit, queue_octets;	/* a queue right below the sender, which refuses packets; 0: none */
	int ends_ms;		/* its sockets are closed and its namespace ends; 0: it does not */
	int accecn;		/* net.xtcp.ecn, 3 to 5; 0: as the scenario's @ecn says */
	enum route route;
	int route_from_ms, route_ms;	/* since the last connection began; 0: for good */
	int route_mtu;
	int repair_ms;		/* so often its open connections go to new sockets; 0: never */
	bool repair_moves;	/* of the other stack each time */
};

struct scenario {
	uint64_t seed;
	enum stack stack[SIDES];
	bool v6;
	int mtu;
	bool sack, timestamps, window_scaling;
	int ecn;		/* net.xtcp.ecn of both sides: 0: none is asked for; 1; 3: accurate */
	enum algorithm algorithm;
	struct network towards[SIDES];
	struct program program[SIDES];
	struct host host[SIDES];
	int connections, apart_ms;	/* how many, and how long after each other they begin */
	int accept_ms;		/* the server accepts nothing before */
	int unlisten_ms;	/* the listener closes, even if clients wait; 0: when all are accepted */
	int upgrade_ms;		/* a second build takes over what listens; 0: it does not */
	int heir_ms;		/* a SO_REUSEPORT group listens, and its first member ends, with migrate_req; 0: none */
	int fastopen;		/* net.xtcp.fastopen of both sides; 0: as the system has it */
	int switch_ms;		/* so often each xtcp socket gets another algorithm; 0: never */
	int replace_ms;		/* so often a module with their algorithm takes another's place; 0: never */
	int rekey_ms;		/* the server's Fast Open key changes; 0: it does not */
	int local;		/* both ends are on the client's machine, with net.xtcp.local; 2: a tap comes, goes */
	bool opens_both;	/* nobody listens: both ends connect() to each other at once */
	int mem_pages;		/* tcp_mem: all connections share that; 0: as the system has it */
	int fail_ppm;		/* so many allocations fail, if the kernel can do that */
	int fail_after;		/* one fails alone, after so many octets of others; 0: none */
};

extern const char * const scenario_algorithms[];

uint64_t chance_next(struct chance *chance);
/* From 0 to @n - 1. */
uint64_t chance_below(struct chance *chance, uint64_t n);
bool chance_ppm(struct chance *chance, int ppm);
/* One time of @n. */
bool chance_once_in(struct chance *chance, int n);
/* From @least to @most, each order of magnitude as often as the others. */
long long chance_spread(struct chance *chance, double least, double most);

void scenario_make(struct scenario *s, uint64_t seed);
/* scenario_add.c: adds what came later, each from random numbers of its own, so a seed keeps what it had. */
void scenario_add(struct scenario *s, uint64_t state);

/* Both ends on one machine, without a network between them. */
void scenario_make_local(struct scenario *s);
/* Connections move to other sockets. moves(): does any? */
void scenario_make_live(struct scenario *s);
static inline bool scenario_moves(const struct scenario *s)
{
	return s->host[CLIENT].repair_ms || s->host[SERVER].repair_ms || s->upgrade_ms || s->replace_ms;
}

/* For how long the host has no way to the other one. */
int scenario_cut_ms(const struct scenario *s, enum side side);

/* Do all connections end in order? False: a program, a listener or a host ends some otherwise. */
bool scenario_is_orderly(const struct scenario *s);

/* Write and read a row. scenario_read() returns 0, or -1 after a line on standard error. */
void scenario_write(const struct scenario *s, FILE *out);
int scenario_read(struct scenario *s, const char *row);

/* Leaves out what the @nth field says, or halves its number. False: there is nothing to lose. */
unsigned int scenario_fields(void);
bool scenario_leave_out(struct scenario *s, unsigned int nth);
bool scenario_halve(struct scenario *s, unsigned int nth);
