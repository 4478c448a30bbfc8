// SPDX-License-Identifier: GPL-2.0
/* Steps of the peer's and the observer's: ICMP, a second connection, time, states (see wire_script.c). */
#include <string.h>
#include "wire.h"

#define DEADLINE_NS	20000000000ull

/* The peer is so far away: what it has sent by now arrives after this time. */
static int pass(struct wire *w, const char *args)
{
	uint32_t ms;

	if (wire_text_u32(w, args, &ms))
		return -1;
	wire_tun_wait(w, -1, 0, ms);
	return 0;
}

static int expect_none(struct wire *w)
{
	struct wire_segment seg = { 0 };
	int n = wire_peer_receive(w, &seg, 0);

	return n > 0 ? wire_fail(w, "a segment where none is due") : n;
}

static int skim(struct wire *w)
{
	struct wire_segment seg = { 0 };
	int n;

	do {
		n = wire_peer_receive(w, &seg, 0);
	} while (n > 0);
	return n;
}

/* A delayed acknowledgment is on its way. */
static int wait_ack(struct wire *w)
{
	struct wire_segment seg = { 0 };
	int n = wire_peer_receive(w, &seg, 1000);

	return n > 0 ? 0 : wire_fail(w, "data is not acknowledged");
}

static int icmp(struct wire *w, char *args)
{
	char *next, *kind = strtok_r(args, " ", &next), *word, *arg;
	uint32_t seq = 0, mtu = 0, times = 1, less = 0, *value;
	bool mapped = false;

	while ((word = strtok_r(NULL, " ", &next))) {
		if (*word == 'x') {
			if (wire_text_u32(w, word + 1, &times))
				return -1;
			continue;
		}
		if (!strcmp(word, "mapped")) {
			mapped = true;
			continue;
		}
		arg = strtok_r(NULL, " ", &next);
		value = !strcmp(word, "mtu") ? &mtu : !strcmp(word, "less") ? &less : &seq;
		if (wire_text_u32(w, arg, value))
			return -1;
	}
	for (; times; times--, mtu -= less)
		if (wire_peer_icmp(w, kind, w->c.irs + seq, mtu, mapped))
			return -1;
	return 0;
}

static int elapsed(struct wire *w, char *args)
{
	char *next, *op = strtok_r(args, " ", &next), *arg = strtok_r(NULL, " ", &next);
	uint64_t ms = (wire_now() - w->c.mark) / 1000000;
	uint32_t want;

	if (wire_text_u32(w, arg, &want))
		return -1;
	if (wire_text_compare(ms, op, want))
		return 0;
	return wire_fail(w, "%u ms since the mark, want %s %u", (unsigned int)ms, op, want);
}

static int check(struct wire *w, char *args)
{
	char *next, *left = strtok_r(args, " ", &next), *op = strtok_r(NULL, " ", &next);
	uint32_t a, b;

	if (wire_text_u32(w, left, &a) || wire_text_u32(w, strtok_r(NULL, " ", &next), &b))
		return -1;
	return wire_text_compare(a, op, b) ? 0 : wire_fail(w, "%s is %u, want %s %u", left, a,
							   op, b);
}

/* A millisecond of a loop that waits. A turn that took long means that the machine stood still. */
static uint64_t turn(struct wire *w, uint64_t *now)
{
	const uint64_t before = *now;

	wire_tun_wait(w, -1, 0, 1);
	*now = wire_now();
	wire_account_late(w, *now - before);
	return *now;
}

/* For what only time brings; the deadline is there to end a row that fails. */
static int until(struct wire *w, char *args)
{
	char *next, *left = strtok_r(args, " ", &next), *op = strtok_r(NULL, " ", &next);
	char *right = strtok_r(NULL, " ", &next);
	uint64_t now = wire_now(), end = now + DEADLINE_NS;
	uint32_t a, b;

	if (!right)
		return wire_fail(w, "until what?");
	do {
		if (wire_text_u32(w, left, &a) || wire_text_u32(w, right, &b))
			return -1;
		if (wire_text_compare(a, op, b))
			return 0;
	} while (turn(w, &now) < end);
	return wire_fail(w, "%s stays %u, want %s %u", left, a, op, b);
}

static int send_data(struct wire *w, uint32_t offset, uint32_t len)
{
	struct wire_segment seg = {
		.flags = WIRE_PSH | WIRE_ACK, .seq = w->c.rcv_nxt + offset, .ack = w->c.snd_nxt,
		.win = 65535, .len = len, .doff = -1, .cut = -1, .mss = -1, .ws = -1, .ao_keyid = -1, .ao_rnext = -1,
	};

	return wire_peer_send(w, &seg);
}

/* Close the socket's window: nobody reads, so the window goes as data comes. */
static int fill(struct wire *w)
{
	struct wire_conn *c = &w->c;
	uint32_t sent, left, before;
	int i;

	for (i = 0; i < 2000; i++) {
		left = c->edge - c->rcv_nxt;
		before = c->rcv_nxt;
		if (!left)
			return 0;
		if (left > 10000)
			left = 10000;
		for (sent = 0; sent < left; sent += left - sent < 1000 ? left - sent : 1000)
			if (send_data(w, sent, left - sent < 1000 ? left - sent : 1000))
				return -1;
		if (skim(w) || (c->rcv_nxt == before && wait_ack(w)))
			return -1;
	}
	return wire_fail(w, "the window does not close");
}

static int gone(struct wire *w, char *args)
{
	uint64_t now = wire_now(), end;
	uint32_t ms;
	int state;

	if (wire_text_u32(w, args, &ms))
		return -1;
	end = now + ms * 1000000ull;
	do {
		state = wire_state_in_proc(w, NULL, NULL);
		if (state <= 0)
			return state;
	} while (turn(w, &now) < end);
	return wire_fail(w, "still in /proc after %u ms", ms);
}

static int reopen(struct wire *w, char *args)
{
	struct wire_conn *c = &w->c;
	uint32_t v;

	if (wire_text_u32(w, args, &v))
		return -1;
	w->previous = *c;
	c->tint = ~c->tint;
	c->written = 0;
	c->consumed = 0;
	c->iss = c->rcv_nxt + v;
	c->kept = c->snd_nxt;
	c->irs_known = false;
	c->edge_known = false;
	c->ts_on = false;
	c->ts_in = false;
	c->ts_out = false;
	c->sack_in = false;
	c->sack_out = false;
	return 0;
}

static int swap(struct wire *w)
{
	struct wire_conn c = w->c;

	w->c = w->other;
	w->c.lfd = c.lfd;
	w->other = c;
	return 0;
}

/* The peer goes on from another port or address, with the numbers it has. */
static int move(struct wire *w, const char *verb, char *args)
{
	uint32_t v;

	if (!strcmp(args, "none")) {
		*(*verb == 's' ? &w->c.pport : &w->c.lport) = 0;
		return 0;
	}
	if (wire_text_u32(w, args, &v))
		return -1;
	if (*verb == 'h')
		w->peer[w->ip == 4 ? 3 : 15] += v;
	else
		*(*verb == 's' ? &w->c.pport : &w->c.lport) += v;
	return 0;
}

static const uint8_t *own_address(const struct wire *w, const char *name)
{
	return strcmp(name, "second") ? w->home : w->second;
}

static int sysctl(struct wire *w, char *args)
{
	char *next, *name = strtok_r(args, " ", &next), *value = strtok_r(NULL, "", &next);

	return value ? wire_tun_sysctl(w, name, value) : wire_fail(w, "a knob needs a value");
}

/* A step that is neither a segment nor a socket call. 1: the word is unknown here. @args may be changed. */
int wire_step(struct wire *w, const char *verb, char *args)
{
	uint32_t v;

	if (!strcmp(verb, "none"))
		return expect_none(w);
	if (!strcmp(verb, "skim"))
		return skim(w);
	if (!strcmp(verb, "pass"))
		return pass(w, args);
	if (!strcmp(verb, "icmp"))
		return icmp(w, args);
	if (!strcmp(verb, "elapsed"))
		return elapsed(w, args);
	if (!strcmp(verb, "reopen"))
		return reopen(w, args);
	if (!strcmp(verb, "check"))
		return check(w, args);
	if (!strcmp(verb, "until"))
		return until(w, args);
	if (!strcmp(verb, "prefer"))
		return wire_route_prefer(w, own_address(w, args));
	if (!strcmp(verb, "noroute"))
		return wire_route_lose(w);
	if (!strcmp(verb, "routemark"))
		return wire_text_u32(w, args, &v) ? -1 : wire_route_mark(w, v);
	if (!strcmp(verb, "routeuser"))
		return wire_text_u32(w, args, &v) ? -1 : wire_route_user(w, v);
	if (!strcmp(verb, "detour"))
		return wire_route_detour(w);
	if (!strcmp(verb, "foreign"))
		return wire_route_foreign(w);
	if (!strcmp(verb, "route"))
		return wire_route_metrics(w, args);
	if (!strcmp(verb, "at")) {
		memcpy(w->local, own_address(w, args), sizeof(w->local));
		return 0;
	}
	if (!strcmp(verb, "sport") || !strcmp(verb, "dport") || !strcmp(verb, "host"))
		return move(w, verb, args);
	if (!strcmp(verb, "fill"))
		return fill(w);
	if (!strcmp(verb, "trace"))
		return wire_traced_begin(w, args);
	if (!strcmp(verb, "traced"))
		return wire_traced_count(w, args);
	if (!strcmp(verb, "gone"))
		return gone(w, args);
	if (!strcmp(verb, "sysctl"))
		return sysctl(w, args);
	if (!strcmp(verb, "link"))
		return wire_tun_link(w, !strcmp(args, "up"));
	if (!strcmp(verb, "state")) {
		v = wire_state_parse(args);
		return v ? wire_state_check(w, v) : wire_fail(w, "no state '%s'", args);
	}
	if (!strcmp(verb, "mark")) {
		w->c.mark = wire_now();
		return 0;
	}
	if (!strcmp(verb, "fresh")) {
		wire_peer_reset(w, false);
		return 0;
	}
	if (!strcmp(verb, "nots")) {
		w->c.ts_out = false;
		w->c.ts_on = false;
		return 0;
	}
	if (!strcmp(verb, "key"))
		return wire_sign_step(w, args);
	if (!strcmp(verb, "isn")) {
		if (wire_text_u32(w, args, &w->c.iss))
			return -1;
		return 0;
	}
	if (!strcmp(verb, "swap"))
		return swap(w);
	if (!strcmp(verb, "tick") || !strcmp(verb, "mtu") || !strcmp(verb, "bundles")) {
		if (wire_text_u32(w, args, &v))
			return -1;
		if (*verb == 'm')
			return wire_tun_mtu(w, v);
		if (*verb == 'b')
			return wire_tun_bundles(w, v);
		w->c.tsval += v;
		return 0;
	}
	return 1;
}
