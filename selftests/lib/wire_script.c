// SPDX-License-Identifier: GPL-2.0
/*
 * The script language of the rows. Steps stand between semicolons.
 *
 *   < FLAGS SEQ(LEN) ack ACK win WIN urg N <OPTIONS> ...	inject a segment
 *   > FLAGS SEQ(LEN) ack ACK win WIN ttl N tos N ip N label same|other <OPTIONS> xN	the next answer;
 *				IPv4's header has N octets of options, or none
 *   >@MS ...			it may take MS milliseconds, for timers
 *   <old ...; >old ...		the same for the incarnation before "reopen": its numbers, clock and octets
 *   none			nothing more was sent
 *   pass MS			the peer is so far away: time passes before what comes next arrives
 *   repeat N < ...		inject the same segment N times; what it draws is forgotten
 *   skim			forget what was sent
 *   icmp KIND seq SEQ mtu N less N xN mapped	inject an ICMP error that quotes a segment, so many times,
 *				each with an MTU that is so much less; mapped: over IPv6, and
 *				what it quotes has the v4-mapped forms of IPv4's addresses
 *   state NAME			the connection is in this state now
 *   mark; elapsed OP MS	time since the mark, which stands before what starts a timer: it can only be too long.
 *				The lower bound is half of what is due: on a starved machine an old clock sets a timer
 *   fresh			meet the same listener from another port
 *   swap			go on with the connection before "fresh"
 *   reopen N			same ports, an initial sequence number N above RCV.NXT
 *   isn N			the peer's SYN has this number, if it has sent none yet
 *   sport N|none; host N	go on from the peer's port, its address that is N above; port 0
 *   dport N|none		the same to another port of the stack
 *   tick N			move the peer's timestamp clock
 *   nots			from here on no segment has timestamps
 *   key TEXT|none		the peer signs with this key (RFC 2385), and what is sent to it has to be
 *				signed with it; none: nothing may be signed
 *   ao, aouse, aowant		the same by TCP-AO; and its options, see wire_sign.c
 *   at home|second		go on with this address of the stack
 *   prefer home|second		its routing now chooses this source towards the peer
 *   route NAME VALUE ... lock	metrics of its route to the peer, as in ip-route(8); lock: all of them are locked
 *   noroute			nothing reaches its peer until "route" or "prefer"
 *   routemark N		no segment reaches its peer but those that have the mark N
 *   routeuser N		no segment reaches its peer but those of sockets of the user N
 *   detour			no segment reaches its IPv4 peer but those bound to the tun device
 *   foreign			its own address is one that no device of it has
 *   fill			send data until the socket's window is closed
 *   gone MS			wait until the connection is in /proc no more
 *   check NUMBER OP NUMBER; until NUMBER OP NUMBER, which waits for it
 *   trace EVENT; traced N TEXT	so many events of the module's tracepoint have this text; not on kernel TCP
 *   link down; link up		of the device; its routes go, and come back
 *   mtu N; bundles N; sysctl NAME VALUE	undone at the end of the row; N segments of a bundle
 *
 * and the socket calls of wire_socket.c. FLAGS are letters of "FSRP.UECA" as tcpdump writes them ('-': none); in an
 * answer 'p' leaves PSH open, and SEQ, ACK or WIN may be '*' (open), over:N or under:N. Left out, SEQ is RCV.NXT and
 * ACK all that was seen. More words of an injected segment: badsum, off WORDS (data offset), cut BYTES, src and dst
 * (mcast, bcast, self), tos N, record (IPv4's Record Route), res N (the reserved bits), unsigned, badsign, signed KEY,
 * and of TCP-AO keyid N, rnext N, longer N (so many octets in the option behind the MAC), turn
 * sne|src|dst|protocol|length|N (an octet of the segment that changed after it was signed). "text HEX", also of an
 * answer: its text is these octets, and not those of the stream. OPTIONS: mss N, ws N, sackok, ts VAL ECR, nop, eol,
 * hex BYTES, sack FROM:TO FROM:TO ...; in an answer a name says that it is there (accecn HEX: in these octets; fo HEX:
 * with this cookie, fo alone asks for one; laid HEX: all options in their order, a dot is any digit), noNAME that it is
 * not, "ecr N" is the echoed timestamp, "sack ..." all blocks in their order. $ stands for the row's SYN options, or
 * else for mss 1000; $$, in a crossing SYN, for mss 1000 and ws 0 (kernel TCP takes a window scale for agreed there
 * although the peer offered none).
 *
 * Numbers are relative to the initial sequence number of who counts them, and may use these letters, with + - and *:
 *   N RCV.NXT, W the right edge of the socket's window; S SND.NXT, U SND.UNA, L the
 *   right edge offered to it; M default MSS, A MSS of the link's MTU; T the peer's
 *   timestamp clock, R the last timestamp it saw; K the last value of "keep"; Z the
 *   absolute 0, which the socket puts in a RST, O the peer's; I how far its last ISN is above the
 *   SND.NXT before "reopen"; Q the connection's timer in /proc, in 1/100 s, P its probes there.
 */
#include <ctype.h>
#include <string.h>
#include "test.h"
#include "wire.h"

/*
 * What a tracepoint of the module says of the row's connection. Kernel TCP has no such tracepoints, so both steps do
 * nothing there.
 *
 *   trace EVENT	record this event from now on
 *   traced N TEXT	so many of the events so far contain this text
 */

/* The recorded event of this process; empty: none. */
static char event[48];

static const char *file_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "events/xtcp/%s/%s", event, name);
	return path;
}

static int traced_begin(struct wire *w, const char *name)
{
	char text[64];
	struct stat st;

	if (w->stack == WIRE_KERNEL)
		return 0;
	if (*event || stat("/proc/self/ns/net", &st))
		return wire_fail(w, "trace '%s'", name);
	snprintf(event, sizeof(event), "%s", name);
	snprintf(text, sizeof(text), "wire-%d", getpid());
	tracing_start(text);
	snprintf(text, sizeof(text), "netns==%lu", (unsigned long)st.st_ino);
	tracing_set(file_of("filter"), text);
	tracing_forget();
	tracing_set(file_of("enable"), "1");
	return 0;
}

/* Compare the number of events that contain a text. @args: the number and the text. */
static int traced_count(struct wire *w, char *args)
{
	char *text, *number = strtok_r(args, " ", &text), local[32];
	uint32_t want, found;

	if (w->stack == WIRE_KERNEL)
		return 0;
	if (!*event || wire_text_u32(w, number, &want))
		return wire_fail(w, "nothing is traced");
	snprintf(local, sizeof(local), ":%u peer=", w->c.lport);
	found = tracing_count(event, local, text);
	return found == want ? 0 : wire_fail(w, "%u events with '%s', want %u", found, text, want);
}

/** wire_traced_cleanup() - Record nothing any more. */
void wire_traced_cleanup(void)
{
	if (!*event)
		return;
	tracing_set(file_of("enable"), "0");
	tracing_set(file_of("filter"), "0");
	tracing_stop();
	*event = 0;
}

/* Steps of the peer's and the observer's: ICMP, a second connection, time, states (see wire_script.c). */

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
	return wire_text_compare(a, op, b) ? 0 : wire_fail(w, "%s is %u, want %s %u", left, a, op, b);
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

	for (int i = 0; i < 2000; i++) {
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
static int other_step(struct wire *w, const char *verb, char *args)
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
		return traced_begin(w, args);
	if (!strcmp(verb, "traced"))
		return traced_count(w, args);
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

/* Split "SEQ(LEN)"; @len stays when there is none. */
static int sequence(struct wire *w, char *word, char **seq, uint32_t *len)
{
	char *open = strchr(word, '('), *close = strchr(word, ')');

	*seq = word;
	if (!open)
		return 0;
	if (!close)
		return wire_fail(w, "no ')' in '%s'", word);
	*open = 0;
	*close = 0;
	return wire_text_u32(w, open + 1, len);
}

static bool is_number(const char *word)
{
	return word && (isdigit((unsigned char)*word) || strchr("NWSULMATRKZOIQP*-", *word));
}

static int row_syn(struct wire *w, struct wire_segment *seg, const char *otherwise)
{
	return wire_text_options(w, w->row->syn ? w->row->syn : otherwise, seg);
}

/* Octets in hex. Return: how many; -1 after wire_fail(). */
static int octets_of(struct wire *w, const char *hex, uint8_t *octets)
{
	unsigned int octet;
	int n;

	for (n = 0; *hex; n++, hex += 2) {
		if (n == WIRE_TEXT_MAX || !hex[1] || sscanf(hex, "%2x", &octet) != 1)
			return wire_fail(w, "bad text '%s'", hex);
		octets[n] = octet;
	}
	return n;
}

static int inject_text(struct wire *w, const char *hex, struct wire_segment *seg)
{
	static uint8_t octets[WIRE_TEXT_MAX];
	int n = octets_of(w, hex, octets);

	seg->data = octets;
	seg->len = n;
	return n < 0 ? -1 : 0;
}

static int compare_text(struct wire *w, const char *hex, const struct wire_segment *seg)
{
	uint8_t octets[WIRE_TEXT_MAX];
	int n = octets_of(w, hex, octets);

	if (n < 0)
		return -1;
	return (int)seg->len == n && !memcmp(seg->data, octets, n) ? 0 : wire_fail(w, "the text is not %s", hex);
}

static int inject_word(struct wire *w, char *word, char **next, struct wire_segment *seg)
{
	char *arg;
	uint32_t v;

	if (!strcmp(word, "$"))
		return row_syn(w, seg, "mss 1000");
	if (!strcmp(word, "$$"))
		return row_syn(w, seg, "mss 1000,ws 0");
	if (!strcmp(word, "badsum")) {
		seg->badsum = true;
		return 0;
	}
	if (!strcmp(word, "record")) {
		seg->record = true;
		return 0;
	}
	if (!strcmp(word, "unsigned")) {
		seg->is_unsigned = true;
		return 0;
	}
	if (!strcmp(word, "badsign")) {
		seg->bad_digest = 1;
		return 0;
	}
	arg = strtok_r(NULL, " ", next);
	if (!arg)
		return wire_fail(w, "'%s' lacks a value", word);
	if (!strcmp(word, "text"))
		return inject_text(w, arg, seg);
	if (!strcmp(word, "signed")) {
		seg->other_key = arg;
		return 0;
	}
	if (!strcmp(word, "turn"))
		return wire_ao_turn(w, arg, &seg->turned);
	if (!strcmp(word, "src") || !strcmp(word, "dst")) {
		if (!strcmp(arg, "self"))
			seg->sport = w->c.lport;
		return wire_text_address(w, arg, *word == 's' ? seg->src : seg->dst);
	}
	if (wire_text_u32(w, arg, &v))
		return -1;
	if (!strcmp(word, "ack"))
		seg->ack = w->c.irs + v;
	else if (!strcmp(word, "win"))
		seg->win = v;
	else if (!strcmp(word, "urg"))
		seg->urg = v;
	else if (!strcmp(word, "off"))
		seg->doff = v;
	else if (!strcmp(word, "cut"))
		seg->cut = v;
	else if (!strcmp(word, "tos"))
		seg->tos = v;
	else if (!strcmp(word, "res"))
		seg->reserved = v;
	else if (!strcmp(word, "keyid"))
		seg->ao_keyid = v;
	else if (!strcmp(word, "rnext"))
		seg->ao_rnext = v;
	else if (!strcmp(word, "longer"))
		seg->ao_longer = v;
	else
		return wire_fail(w, "no word '%s'", word);
	return 0;
}

/* Take "<...>", which ends a line, off it. */
static char *cut_options(char *line)
{
	char *open = strchr(line, '<'), *close = open ? strchr(open, '>') : NULL;

	if (!close)
		return NULL;
	*open = 0;
	*close = 0;
	return open + 1;
}

static int inject(struct wire *w, char *line)
{
	struct wire_segment seg = { .doff = -1, .cut = -1, .mss = -1, .ws = -1, .ao_keyid = -1, .ao_rnext = -1 };
	char *options = cut_options(line), *next, *word, *seq;
	uint32_t v;
	int flags;

	word = strtok_r(line, " ", &next);
	flags = word ? wire_segment_flags(word) : -1;
	if (flags < 0)
		return wire_fail(w, "flags '%s'", word ? word : "");
	seg.flags = flags;
	seg.seq = w->c.edge_known ? w->c.rcv_nxt : w->c.iss;
	seg.ack = flags & WIRE_ACK ? w->c.snd_nxt : 0;
	if (wire_text_u32(w, w->row->synwin ? w->row->synwin : "65535", &v))
		return -1;
	seg.win = v;
	word = strtok_r(NULL, " ", &next);
	if (is_number(word)) {
		if (sequence(w, word, &seq, &seg.len) || wire_text_u32(w, seq, &v))
			return -1;
		seg.seq = w->c.iss + v;
		word = strtok_r(NULL, " ", &next);
	}
	for (; word; word = strtok_r(NULL, " ", &next))
		if (inject_word(w, word, &next, &seg))
			return -1;
	if (options && wire_text_options(w, options, &seg))
		return -1;
	return wire_peer_send(w, &seg);
}

/* What a number of an answer must be. */
struct bound {
	const char *text;
	enum { OPEN, EQUAL, OVER, UNDER } kind;
	uint32_t value;
};

/* Letters mean what they meant before the answer came, so evaluate first. */
static int evaluate(struct wire *w, const char *text, struct bound *b)
{
	b->text = text;
	b->kind = EQUAL;
	if (!text || !strcmp(text, "*")) {
		b->kind = OPEN;
		return 0;
	}
	if (!strncmp(text, "over:", 5)) {
		b->kind = OVER;
		text += 5;
	} else if (!strncmp(text, "under:", 6)) {
		b->kind = UNDER;
		text += 6;
	}
	return wire_text_u32(w, text, &b->value);
}

static int compare(struct wire *w, const char *what, const struct bound *b, uint32_t got)
{
	if (b->kind == OPEN || (b->kind == EQUAL && got == b->value) ||
	    (b->kind == OVER && got > b->value) || (b->kind == UNDER && got < b->value))
		return 0;
	return wire_fail(w, "%s is %u, want %s (%u)", what, got, b->text, b->value);
}

/* An answer as the line describes it, its numbers still text. */
struct answer {
	char *flags, *seq, *ack, *win, *urg, *ttl, *tos, *ip, *label, *text, *options;
	uint32_t len, times;
};

static int parse_answer(struct wire *w, char *line, struct answer *a)
{
	char *next, *word, *arg;

	memset(a, 0, sizeof(*a));
	a->times = 1;
	a->options = cut_options(line);
	a->flags = strtok_r(line, " ", &next);
	word = strtok_r(NULL, " ", &next);
	if (is_number(word)) {
		if (sequence(w, word, &a->seq, &a->len))
			return -1;
		word = strtok_r(NULL, " ", &next);
	}
	for (; word; word = strtok_r(NULL, " ", &next)) {
		if (*word == 'x') {
			if (wire_text_u32(w, word + 1, &a->times))
				return -1;
			continue;
		}
		arg = strtok_r(NULL, " ", &next);
		if (!arg)
			return wire_fail(w, "'%s' lacks a value", word);
		if (!strcmp(word, "ack"))
			a->ack = arg;
		else if (!strcmp(word, "win"))
			a->win = arg;
		else if (!strcmp(word, "urg"))
			a->urg = arg;
		else if (!strcmp(word, "ttl"))
			a->ttl = arg;
		else if (!strcmp(word, "tos"))
			a->tos = arg;
		else if (!strcmp(word, "ip"))
			a->ip = arg;
		else if (!strcmp(word, "label"))
			a->label = arg;
		else if (!strcmp(word, "text"))
			a->text = arg;
		else
			return wire_fail(w, "no word '%s'", word);
	}
	return a->flags && a->seq ? 0 : wire_fail(w, "an answer needs flags and SEQ");
}

static int compare_flags(struct wire *w, const char *text, uint16_t got)
{
	char copy[16], *p;
	int want;

	snprintf(copy, sizeof(copy), "%s", text);
	p = strchr(copy, 'p');
	if (p) {
		memmove(p, p + 1, strlen(p));
		got &= ~WIRE_PSH;
	}
	want = wire_segment_flags(copy);
	if (want < 0)
		return wire_fail(w, "flags '%s'", text);
	return want == got ? 0 : wire_fail(w, "flags are not %s", text);
}

/* The flow label, beside that of the answer before. */
static int compare_label(struct wire *w, const char *text, uint32_t got)
{
	uint32_t before = w->c.label;

	w->c.label = got;
	if (!text)
		return 0;
	if (!strcmp(text, "same"))
		return got == before ? 0 : wire_fail(w, "flow label is %#x, was %#x", got, before);
	return got != before ? 0 : wire_fail(w, "flow label is %#x, as before", got);
}

static int expect_one(struct wire *w, const struct answer *a, uint32_t i, int wait_ms)
{
	struct bound seq, ack, win, urg, ttl, tos, ip;
	struct wire_segment seg = { 0 };
	struct wire_conn *c = &w->c;
	char shifted[64];
	int n;

	snprintf(shifted, sizeof(shifted), "%s", a->seq);
	if (i)
		snprintf(shifted, sizeof(shifted), "%s+%u", a->seq, i * a->len);
	if (evaluate(w, shifted, &seq) || evaluate(w, a->ack ? a->ack : "N", &ack) ||
	    evaluate(w, a->win, &win) || evaluate(w, a->urg, &urg) || evaluate(w, a->ttl, &ttl) ||
	    evaluate(w, a->tos, &tos) || evaluate(w, a->ip ? a->ip : "0", &ip))
		return -1;
	n = wire_peer_receive(w, &seg, wait_ms);
	if (n <= 0)
		return n < 0 ? -1 : wire_fail(w, "no answer");
	if (compare_flags(w, a->flags, seg.flags) || compare(w, "SEQ", &seq, seg.seq - c->irs))
		return -1;
	if (a->text && compare_text(w, a->text, &seg))
		return -1;
	if (!a->text && seg.len != a->len)
		return wire_fail(w, "%u bytes, want %u", seg.len, a->len);
	if (seg.flags & WIRE_ACK && compare(w, "ACK", &ack, seg.ack - c->iss))
		return -1;
	if (compare(w, "window", &win, seg.win) || compare(w, "urgent pointer", &urg, seg.urg))
		return -1;
	if (compare(w, "TTL", &ttl, seg.ttl) || compare(w, "TOS", &tos, seg.tos) ||
	    compare(w, "length of IP's options", &ip, seg.ip_options) || compare_label(w, a->label, seg.label))
		return -1;
	return a->options ? wire_text_expect_options(w, a->options, &seg) : 0;
}

static int expect(struct wire *w, char *line)
{
	struct answer a;
	int wait_ms = 0;

	if (*line == '@')
		wait_ms = strtol(line + 1, &line, 10);
	if (parse_answer(w, line, &a))
		return -1;
	for (uint32_t i = 0; i < a.times; i++)
		if (expect_one(w, &a, i, wait_ms))
			return -1;
	return 0;
}

static int segment(struct wire *w, char *line)
{
	int (*run)(struct wire *w, char *line) = *line == '<' ? inject : expect;
	struct wire_conn c = w->c;
	int ret;

	if (strncmp(line + 1, "old ", 4))
		return run(w, line + 1);
	if (!w->previous.pport)
		return wire_fail(w, "there was no incarnation before");
	w->c = w->previous;
	ret = run(w, line + 5);
	w->previous = w->c;
	w->c = c;
	return ret;
}

/* The device's queue is emptied on the way: it holds a few hundred segments. */
static int repeat(struct wire *w, const char *line)
{
	uint32_t n = strtoul(line, (char **)&line, 0), i;
	size_t shown = 0;
	char copy[256];

	line += strspn(line, " ");
	if (*line != '<')
		return wire_fail(w, "what is repeated?");
	for (i = 0; i < n; i++) {
		snprintf(copy, sizeof(copy), "%s", line);
		if (segment(w, copy) || (i % 64 == 63 && other_step(w, "skim", NULL)))
			return -1;
		if (i)
			w->ladder[w->ladder_len = shown] = 0;	/* one of them is enough */
		shown = w->ladder_len;
	}
	return 0;
}

static int step(struct wire *w, char *line)
{
	char *verb = line, *args = line + strcspn(line, " ");
	int ret;

	if (*line == '<' || *line == '>')
		return segment(w, line);
	if (!strncmp(line, "repeat ", 7))
		return repeat(w, line + 7);
	if (*args)
		*args++ = 0;
	ret = other_step(w, verb, args);
	return ret > 0 ? wire_socket_step(w, verb, args) : ret;
}

static bool waits(const char *line)
{
	return !strncmp(line, ">@", 2) || !strncmp(line, "hup ", 4) ||
	       !strncmp(line, "gone ", 5) || !strncmp(line, "until ", 6) || !strcmp(line, "fill") ||
	       !strncmp(line, "pass ", 5) || !strncmp(line, "repeat ", 7) || !strncmp(line, "waits ", 6) ||
	       !strncmp(line, "waited ", 7) || !strncmp(line, "holds ", 6) || !strncmp(line, "gives ", 6);
}

/* Run steps up to the first that fails. */
int wire_script_run(struct wire *w, const char *script)
{
	char copy[4096], *line, *next, *end, shown[256];
	int ret;

	if (strlen(script) >= sizeof(copy))
		return wire_fail(w, "the script is too long");
	strcpy(copy, script);
	for (line = strtok_r(copy, ";\n", &next); line; line = strtok_r(NULL, ";\n", &next)) {
		line += strspn(line, " \t");
		end = line + strlen(line);
		while (end > line && isspace((unsigned char)end[-1]))
			*--end = 0;
		if (!*line)
			continue;
		snprintf(shown, sizeof(shown), "%s", line);
		wire_note(w, "%s", shown);
		ret = step(w, line);
		wire_account(w, waits(shown));
		if (ret)
			return wire_fail(w, "in step: %s", shown);
	}
	return 0;
}
