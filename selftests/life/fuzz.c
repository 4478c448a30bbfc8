// SPDX-License-Identifier: GPL-2.0
/*
 * Random and malformed segments at each kind of port: short headers, wrong data offsets, options that do not parse,
 * wrong checksums, every combination of flags, numbers around the edges of the windows. Each must be counted once, by
 * one of the two stacks, as an error exactly if it is one; what comes back must be well formed, and never a RST for a
 * RST; then a new connection must carry data, and when that has gone, too, every slab of xtcp holds what it held at the
 * start.
 *
 * RSTs with any octets behind them: each resets, and only what is a diagnostic payload to the last octet is told.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define SEGMENTS	4000
#define REVIVE_EVERY	50	/* segments, then a connection that ended is built anew */
#define SIGNATURE	19	/* RFC 2385: refused before the checksum is looked at */
#define PEERS		32	/* ports from which a listener or a free port is met */
#define RSTDIAG_MAGIC	0x33aa	/* draft-ietf-tcpm-rst-diagnostic-payload */
#define RST_EACH	40	/* each length up to here, */
#define RST_MOST	1000	/* and some up to here */
#define RST_ROUNDS	160
#define SLABS_MS	60000	/* for the namespaces of the lanes to die */

/* What the stacks must have counted. */
struct expected {
	unsigned int errors, checksums, undecided;
};

static uint32_t below(struct wire *w, uint32_t n)
{
	return wire_random(w) % n;
}

/* A number near one of the places where something changes. */
static uint32_t near(struct wire *w, uint32_t left, uint32_t right)
{
	switch (below(w, 6)) {
	case 0:
		return left;
	case 1:
		return left + below(w, 2000);
	case 2:
		return left - below(w, 2000);
	case 3:
		return right + below(w, 3) - 1;
	case 4:
		return left + below(w, 0x20000) - 0x10000;
	}
	return wire_random(w);
}

/* Append one; return its kind. */
static uint8_t random_option(struct wire *w, struct wire_segment *seg)
{
	static const uint8_t kinds[] = { 0, 1, 2, 3, 4, 5, 8, 14, 19, 28, 30, 34, 253, 255 };
	static const uint8_t lengths[] = { 0, 0, 4, 3, 2, 10, 10, 3, 18, 4, 12, 6, 6, 2 };
	unsigned int k = below(w, sizeof(kinds)), i, n = lengths[k];
	uint8_t *o = seg->opt + seg->optlen;
	unsigned int room = sizeof(seg->opt) - seg->optlen;

	if (!below(w, 4))
		n = below(w, 41);
	o[0] = kinds[k];
	if (kinds[k] < 2) {
		seg->optlen++;
		return kinds[k];
	}
	if (room > 1)
		o[1] = n;
	for (i = 2; i < n && i < room; i++)
		o[i] = wire_random(w);
	seg->optlen += n < 2 ? 2 : n;
	if (seg->optlen > sizeof(seg->opt))
		seg->optlen = sizeof(seg->opt);
	return kinds[k];
}

static void random_segment(struct wire *w, struct wire_segment *seg)
{
	struct wire_conn *c = &w->c;
	bool with_signature = false;
	unsigned int length;

	memset(seg, 0, sizeof(*seg));
	seg->mss = -1;
	seg->ws = -1;
	seg->doff = -1;
	seg->cut = -1;
	seg->ts = true;		/* no automatic timestamp */
	seg->flags = wire_random(w);
	seg->seq = near(w, c->edge_known ? c->rcv_nxt : c->iss, c->edge);
	seg->ack = near(w, c->irs_known ? c->snd_nxt : wire_random(w), c->snd_una - 65535);
	seg->win = below(w, 3) ? wire_random(w) : 0;
	seg->urg = wire_random(w);
	while (below(w, 3) && seg->optlen < sizeof(seg->opt))
		with_signature |= random_option(w, seg) == SIGNATURE;
	seg->len = below(w, 4) ? below(w, 100) : 0;
	length = 20 + ((seg->optlen + 3) & ~3u) + seg->len;
	if (!below(w, 6))
		seg->doff = below(w, 16);
	if (!below(w, 8))
		seg->cut = below(w, length + 1);
	seg->badsum = !below(w, 8) && !with_signature;
	if (!c->irs_known)
		seg->sport = c->pport + below(w, PEERS);
}

/* Count what the stack must make of it, in the order of the checks. */
static void classify(const struct wire_segment *seg, struct expected *e)
{
	unsigned int optlen = (seg->optlen + 3) & ~3u, length = 20 + optlen + seg->len, doff;

	doff = seg->doff >= 0 ? (unsigned int)seg->doff * 4 : 20 + optlen;
	if (seg->cut >= 0 && (unsigned int)seg->cut < length)
		length = seg->cut;
	if (length < 20)
		return;
	if (doff < 20) {
		e->errors++;
		return;
	}
	if (doff > length) {
		e->undecided++;
		return;
	}
	if (seg->badsum) {
		e->errors++;
		e->checksums++;
	}
}

/* Look at everything that came back. */
static int drain(struct wire *w, const struct wire_segment *stimulus)
{
	struct wire_segment seg;
	int n, tcp;

	while ((n = wire_tun_read(w, 0)) > 0) {
		tcp = wire_segment_parse(w, w->packet, n, &seg);
		if (tcp < 0)
			return -1;
		if (!tcp || memcmp(seg.dst, w->peer, w->ip == 4 ? 4 : 16))
			continue;
		if (seg.flags & WIRE_RST && stimulus->flags & WIRE_RST &&
		    seg.dport == stimulus->sport && seg.sport == stimulus->dport)
			return wire_fail(w, "a RST was answered by a RST");
		if (seg.dport != w->c.pport || seg.sport != w->c.lport || !w->c.edge_known)
			continue;
		if (seg.flags & WIRE_ACK && !(seg.flags & (WIRE_RST | WIRE_SYN))) {
			w->c.rcv_nxt = seg.ack;
			w->c.edge = seg.ack + (seg.win << w->c.ws_in);
		}
	}
	return n;
}

static int accept_and_close(struct wire *w)
{
	static const struct wire_segment none;
	struct linger l = { .l_onoff = 1 };
	int fd;

	while (w->c.lfd >= 0 && (fd = accept(w->c.lfd, NULL, NULL)) >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		close(fd);
	}
	return drain(w, &none);
}

static int read_both(struct wire *w, struct wire_counters *own, struct wire_counters *kernel)
{
	enum wire_stack stack = w->stack;
	int ret = wire_counter_read(w, own);

	w->stack = WIRE_KERNEL;
	ret = ret || wire_counter_read(w, kernel);
	w->stack = stack;
	return ret;
}

static uint64_t moved(const struct wire_counters *before, const struct wire_counters *after, const char *name)
{
	return wire_counter_value(after, name) - wire_counter_value(before, name);
}

static struct wire_counters before[2], after[2];

static uint64_t both(struct wire *w, const char *name)
{
	uint64_t n = moved(&before[1], &after[1], name);

	if (w->stack == WIRE_XTCP)
		n += moved(&before[0], &after[0], name);
	return n;
}

/* Kernel TCP counts SYNs on an open connection as errors, and not headers beyond the segment; xtcp the other way. */
static int check_counters(struct wire *w, unsigned int sent, const struct expected *e)
{
	uint64_t segments = both(w, "InSegs"), errors = both(w, "InErrs");
	uint64_t checksums = both(w, "InCsumErrors");
	uint64_t more = w->stack == WIRE_KERNEL ? both(w, "TCPSYNChallenge") : e->undecided;

	if (segments != sent)
		return wire_fail(w, "InSegs moved by %llu for %u segments", (unsigned long long)segments, sent);
	if (checksums != e->checksums)
		return wire_fail(w, "InCsumErrors moved by %llu, want %u", (unsigned long long)checksums, e->checksums);
	if (errors < e->errors || errors > e->errors + more)
		return wire_fail(w, "InErrs moved by %llu, want %u and at most %llu more",
				 (unsigned long long)errors, e->errors, (unsigned long long)more);
	return 0;
}

/* A row ends its connection in many ways; the ladder of each segment says nothing. */
static void forget_ladder(struct wire *w)
{
	w->ladder_len = 0;
	w->ladder[0] = 0;
}

/* Thousands of segments always take long, which is no reason to start over. The script that comes is. */
static void forget_time(struct wire *w)
{
	wire_account(w, true);
	w->longest = 0;
	w->total = 0;
}

static int revived(struct wire *w, const char *script)
{
	wire_socket_cleanup(w);
	wire_peer_reset(w, true);
	forget_time(w);
	return wire_script_run(w, script);
}

/* Fails for what no delay explains, but for a script that brings a connection back. */
static int shoot_all(struct wire *w, const char *revive)
{
	struct expected e = { 0 };
	struct wire_segment seg;
	unsigned int i, sent;
	int ret = 0;

	if (read_both(w, &before[0], &before[1]))
		return -1;
	sent = w->sent;
	for (i = 0; i < SEGMENTS && !ret; i++) {
		if (revive && i % REVIVE_EVERY == 0 && revived(w, revive))
			return -1;
		random_segment(w, &seg);
		classify(&seg, &e);
		ret = wire_peer_send(w, &seg) || drain(w, &seg);
		if (!ret && i % REVIVE_EVERY == 0) {
			forget_ladder(w);
			ret = accept_and_close(w);
		}
	}
	ret = ret || accept_and_close(w) || read_both(w, &after[0], &after[1]) ||
	      check_counters(w, w->sent - sent, &e);
	forget_time(w);
	return ret ? -1 : 0;
}

static int shoot(struct wire *w)
{
	if (shoot_all(w, w->row->with))
		return -1;
	return revived(w, "listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
		       "< P. 1(1000) ack 1; >@1000 . 1 ack 1001; read 1000; write 1000;"
		       "> P. 1(1000) ack 1001; < . 1001 ack 1001; shut; > F. 1001 ack 1001;"
		       "< F. 1001 ack 1002; > . 1002 ack 1002; read eof");
}

/* Octets behind a RST: any, but most of them begin as a diagnostic payload does. */
static void random_payload(struct wire *w, uint8_t *text, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		text[i] = below(w, 3) ? wire_random(w) : 0;
	if (len > 1 && below(w, 5)) {
		text[0] = RSTDIAG_MAGIC >> 8;
		text[1] = RSTDIAG_MAGIC & 0xff;
	}
}

static uint32_t number_at(const uint8_t *text)
{
	return (uint32_t)text[0] << 24 | text[1] << 16 | text[2] << 8 | text[3];
}

/* What XTCP_ABORT must say: a code only of eight octets that are right, and nothing of what stands behind them. */
static int check_told(struct wire *w, const uint8_t *text, unsigned int len, bool valid)
{
	struct xtcp_abort abort, want = { .reason = XTCP_ABORT_RESET, .cause = XTCP_CAUSE_PEER, .error = ECONNRESET };
	socklen_t size = sizeof(abort);

	memset(&abort, 0xff, sizeof(abort));
	if (getsockopt(w->c.fd, IPPROTO_TCP, XTCP_ABORT, &abort, &size) || size != sizeof(abort))
		return wire_fail(w, "XTCP_ABORT");
	want.flags = abort.flags;
	if (valid) {
		want.peer_code = number_at(text) & 0xffff;
		want.peer_pen = number_at(text + 4);
	}
	if (memcmp(&abort, &want, sizeof(abort)))
		return wire_fail(w, "%u octets: reason %u, code %u, enterprise %u; want code %u, enterprise %u", len,
				 abort.reason, abort.peer_code, abort.peer_pen, want.peer_code, want.peer_pen);
	return 0;
}

/* A connection that a RST with @len octets resets, whatever they are. */
static int reset_with(struct wire *w, unsigned int len, unsigned int *told, unsigned int *malformed)
{
	static uint8_t text[RST_MOST];
	struct wire_segment seg = { .mss = -1, .ws = -1, .doff = -1, .cut = -1, .ts = true, .data = text, .len = len };
	bool begins, valid;

	if (revived(w, "listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept"))
		return -1;
	random_payload(w, text, len);
	seg.flags = WIRE_RST | (below(w, 2) ? WIRE_ACK : 0) | (below(w, 8) ? 0 : WIRE_FIN);
	seg.seq = w->c.rcv_nxt;
	seg.ack = w->c.snd_nxt;
	if (wire_peer_send(w, &seg) || wire_script_run(w, "hup 3000; err ECONNRESET"))
		return -1;
	forget_ladder(w);
	begins = len > 1 && text[0] == RSTDIAG_MAGIC >> 8 && text[1] == (RSTDIAG_MAGIC & 0xff);
	valid = begins && len == 8 && !(seg.flags & WIRE_FIN) && (text[2] || text[3]);
	*told += valid;
	*malformed += begins && !valid;
	return w->stack == WIRE_KERNEL ? 0 : check_told(w, text, len, valid);
}

/* Each length to RST_EACH, most often the right one, and some longer ones. */
static int fuzz_rst_text(struct wire *w)
{
	unsigned int told = 0, malformed = 0, i;

	if (wire_script_run(w, w->row->with) || read_both(w, &before[0], &before[1]))
		return -1;
	for (i = 0; i < RST_ROUNDS; i++) {
		unsigned int len = i <= RST_EACH ? i : below(w, 2) ? 8 : below(w, RST_MOST + 1);

		if (reset_with(w, len, &told, &malformed))
			return -1;
	}
	forget_time(w);
	if (read_both(w, &after[0], &after[1]))
		return -1;
	if (w->stack == WIRE_KERNEL)
		return 0;
	if (moved(&before[0], &after[0], "TCPRstDiagRecv") != told ||
	    moved(&before[0], &after[0], "TCPRstDiagMalformed") != malformed ||
	    moved(&before[0], &after[0], "TCPAbortOnReset") != RST_ROUNDS || !told || !malformed)
		return wire_fail(w,
				 "TCPRstDiagRecv %llu, want %u; TCPRstDiagMalformed %llu, want %u; TCPAbortOnReset %llu",
				 (unsigned long long)moved(&before[0], &after[0], "TCPRstDiagRecv"), told,
				 (unsigned long long)moved(&before[0], &after[0], "TCPRstDiagMalformed"), malformed,
				 (unsigned long long)moved(&before[0], &after[0], "TCPAbortOnReset"));
	return 0;
}

#define RFC	"RFC 9293 3.10.7"

/* @with: what brings the connection back that a segment has ended. */
#define FUZZ(name_, with_)	{ .name = name_, .rfc = RFC, .id = "MUST-7", .run = shoot, .with = with_ }
#define RST_TEXT(name_, with_)	\
	{ .name = name_, .rfc = "RFC 9293 3.5.3", .id = "SHLD-2", .run = fuzz_rst_text, .with = with_ }
#define OPENED	"listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; "

static const struct wire_row rows[] = {
	FUZZ("fuzz_closed", NULL),
	{ .name = "fuzz_listen", .rfc = RFC, .id = "MUST-7", .pre = "listen 1000", .run = shoot },
	FUZZ("fuzz_syn_sent", "connect; > S 0"),
	FUZZ("fuzz_syn_received", "listen; < S 0 $; > S. 0 ack 1"),
	FUZZ("fuzz_established", OPENED "write 2000; skim"),
	FUZZ("fuzz_fin_wait_1", OPENED "shut; > F. 1 ack 1"),
	FUZZ("fuzz_orphan", OPENED "close; > F. 1 ack 1; < . 1 ack 2"),
	FUZZ("fuzz_last_ack", OPENED "< F. 1 ack 1; shut; skim"),
	RST_TEXT("fuzz_rst_text", "sysctl xtcp/rst_diagnostic 0"),
	RST_TEXT("fuzz_rst_text_diagnostic", "sysctl xtcp/rst_diagnostic 1"),
	FUZZ("fuzz_time_wait", OPENED "shut; > F. 1 ack 1; < F. 1 ack 2; > . 2 ack 2"),
};

static struct slabs slabs_before;

static void read_slabs(void)
{
	slabs_read(&slabs_before);
}

static bool slabs_are_back(void)
{
	int i, shown = 0;

	for (i = 0; i < SLABS_N; i++) {
		if (slabs_before.active[i] < 0)
			printf("# this kernel does not show the slab %s\n", slabs_names[i]);
		else
			shown++;
	}
	return shown && slabs_back(&slabs_before, SLABS_MS);
}

static const struct wire_around slabs_test = {
	.name = "slabs_are_back", .before = read_slabs, .after = slabs_are_back,
};

int main(int argc, char **argv)
{
	return wire_main_around(argc, argv, rows, sizeof(rows) / sizeof(*rows), &slabs_test);
}
