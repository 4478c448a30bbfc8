/* SPDX-License-Identifier: GPL-2.0 */
/* A scenario while it is played: connections, each with two ends and a judge, on one path. */
#pragma once

#include "end.h"
#include "judge.h"

/* Two namespaces with a tun device each; this program carries every packet between them, as the scenario says. */

#define PATH_DEVICE	"path0"
#define PATH_SECOND	"path1"		/* of scenarios whose route leads by another device for a while */
#define PATH_CLIENT4	"10.8.0.1"
#define PATH_SERVER4	"10.8.0.2"
#define PATH_CLIENT6	"fd00:8::1"
#define PATH_SERVER6	"fd00:8::2"
/* The server has all addresses of these, too, for scenarios whose client has to know nothing of it. */
#define PATH_SERVERS4	"10.8.128.0/17"
#define PATH_SERVERS6	"fd00:8::1:0/112"

/* One connection, by the client's port; 0: it has none yet. */
struct path_flow {
	uint16_t port;
	struct judge *judge;
};

struct path {
	int ns[SIDES], tun[SIDES];	/* -1: the namespace has ended */
	int second[SIDES];	/* the second device; -1: none */
	bool by_second[SIDES];	/* the route of that side leads there */
	bool moves[SIDES];	/* the route changes now: a packet may leave by either device */
	bool is_deaf[SIDES];	/* that side has lost its address */
	bool show;		/* print each packet */
	long long shown_us;	/* since when; 0: not yet */
	/* for one scenario */
	const struct scenario *scenario;
	struct chance chance;
	struct path_flow flow[CONNECTIONS];
	uint16_t port;		/* the server's: packets of other ports belong to earlier connections */
	long long began_us;
	long long free_us[SIDES];	/* when the bottleneck towards that side is free again */
	long long last_due_us[SIDES];
	bool is_burst[SIDES];
	int chosen[SIDES];	/* of the kind that the scenario loses, so many have left towards that side */
	long long burst_until_us[SIDES];
	struct path_packet *queue;
	unsigned int number[SIDES];	/* packets towards that side */
	struct drops lost[SIDES];	/* packets that chance took */
	/* TCP segments of all ports that a namespace sent, and got; those of other ports that it sent */
	unsigned int left[SIDES], arrived[SIDES], foreign[SIDES];
	long long moved_us;	/* the last packet */
	bool has_left[SIDES];	/* path_step() has to look whether packets have left that side */
	bool has_brought[SIDES];	/* the last path_step() brought packets to that side */
};

/* Monotonic, when path_look_at_clock() was called last: some system calls ago at most. */
long long path_now_us(void);
void path_look_at_clock(void);
/* 0, or -1 after a line on standard error. */
int path_open(struct path *path);
void path_begin(struct path *path, const struct scenario *scenario, unsigned int round, uint16_t port);
/* Ends a namespace, and makes its successor. */
void path_end_host(struct path *path, enum side side);
int path_open_host(struct path *path, enum side side);
/* Ends a device, and makes its successor, with the scenario's MTU. */
void path_end_device(struct path *path, enum side side);
int path_open_device(struct path *path, enum side side);
/* A second device, with an address of its own, which no connection uses. */
int path_open_second(struct path *path, enum side side);
void path_end_second(struct path *path, enum side side);
/* Takes the addresses of a side away, or gives them back. */
void path_set_address(struct path *path, enum side side, bool on);
void path_link_up(struct path *path, enum side side, bool up);
/* Takes packets that have left where has_left says so, and delivers those that are due. */
void path_step(struct path *path);
/* Takes packets that have left since the last look. True: some have. */
bool path_has_news(struct path *path);
/* Microseconds until the next packet is due; -1: none is on its way. */
long long path_wait_us(const struct path *path);

/* router.c: marks a packet of an ECN-capable sender. Others stay as they are. */
void router_mark(uint8_t *packet);
/* Makes NOPs of the Fast Open option of a SYN that has one. */
void router_strip_fastopen(uint8_t *packet, size_t len, const struct wire_segment *seg);

#define ICMP_LARGEST	1280

/* Writes the answer to a packet too long for the next link. Its length; 0: none is due, for IPv4 may cut the packet. */
size_t router_too_long(uint8_t icmp[ICMP_LARGEST], const uint8_t *packet, size_t len, int mtu);
/* Is the packet such an answer? */
bool router_is_icmp(const uint8_t *packet);

struct lane {
	struct end end[SIDES];
	struct judge judge;
	bool has_begun;
	long long looked_us;	/* ledger.c's last look */
	int views[SIDES];	/* looks of views.c so far */
	long long viewed_us[SIDES];	/* none before */
};

#define MEMBERS	2	/* of a SO_REUSEPORT group */

struct world {
	struct scenario scenario;
	const struct scenario *s;	/* the same */
	struct path path;
	struct lane lane[CONNECTIONS];
	int lanes;
	int port;
	char server[48];	/* its address */
	int listener[MEMBERS];	/* -1: closed */
	int drains[MEMBERS];	/* what another build has taken over; -1: nothing */
	bool is_upgraded;
	int tap;		/* of a scenario of one machine; -1: none */
	long long moved_us;	/* when something moved last, as far as silences are known */
	long long quiet_us;	/* the longest one that nothing explains */
	long long doubled_us;	/* all silences of a doubled RTO together */
	bool is_late;		/* its time is over */
	bool is_only_slow;	/* and the waits for timeouts explain that */
	long long carried;	/* octets that programs have written and read, at the last step */
	unsigned int steps;	/* of the program, since the beginning */
	bool is_down[SIDES], has_ended[SIDES], has_other_route[SIDES];
	bool has_failed;	/* the allocation that fails alone */
	long long switches;	/* so often each socket has got another algorithm, or its algorithm another module */
	bool is_rekeyed;	/* the server's Fast Open key has changed */
	char wrong[256];	/* the first rule that was broken on the way, with its name */
};

static inline const char *side_name(enum side side)
{
	return side == CLIENT ? "client" : "server";
}

/* The machine of that side. */
static inline int world_ns(const struct world *w, enum side side)
{
	return w->path.ns[w->s->local ? CLIENT : side];
}

/* knobs.c: sets the knobs of the scenario. After forget() it sets all again: a namespace is new. */
void knobs_set(struct world *w);
void knobs_forget(void);
void knobs_choose_server(struct world *w);

/* opens.c: a listener, or two; the connections that are due; those that wait to be accepted; another build. */
void opens_listen(struct world *w);
void opens_connect(struct world *w);
void opens_accept(struct world *w);
void opens_take_over(struct world *w);

/* happens.c: links, listeners and namespaces go when they are due. wait_us(): until the next; -1: no more. */
void happens_begin(struct world *w);
void happens_step(struct world *w);
long long happens_wait_us(const struct world *w);
void happens_end(struct world *w);
/* Closes what listens. */
void happens_unlisten(struct world *w);
bool happens_listens(const struct world *w);

/* route.c: routes change when they are due. wait_us(): until the next; -1: no more. */
void route_begin(struct world *w);
void route_step(struct world *w);
long long route_wait_us(const struct world *w);
void route_end(struct world *w);

#define REPAIRS	3	/* of a connection at one end */

/* repair.c: connections move to other sockets when they are due, and can. */
void repair_step(struct world *w);

/* faults.c: @s->fail_ppm of all allocations fail, or one. can(): the kernel can; end(): whether the one has failed. */
bool faults_can(void);
void faults_begin(const struct scenario *s);
void faults_pause(bool pause);
bool faults_end(void);

/* ledger.c: compares the counters of both stacks with the wire. */
void ledger_begin(struct world *w);
/* At each step: compares where no packet is on its way. */
void ledger_look(struct world *w);
void ledger_end(struct world *w);

/* views.c: compares what netlink, /proc and TCP_INFO say of an end. */
void views_look(struct world *w, const struct lane *lane, enum side side);
/* How often xtcp_segment_out has fired. */
void views_begin(const struct world *w);
long long views_events(void);
long long verdict_patience_us(const struct scenario *s);
/* The longest silence that can be explained next. */
long long verdict_silence_us(const struct world *w);
/* Do allocations fail, or one? */
bool verdict_may_fail(const struct world *w);
/* What a side has waited for its own timeouts, where it may need many. */
long long verdict_waited_us(const struct world *w);
/* When the scenario ends; sockets may still be open. */
void verdict_give(struct world *w);
/* Later, when no packet moves any more. */
void verdict_after(struct world *w);
/* The state of a connection that xtcp still has there, except TIME-WAIT; 0: none. */
int verdict_state(const struct world *w, enum side side);
/* Notes the first thing that is wrong. */
void verdict_wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
