// SPDX-License-Identifier: GPL-2.0
/*
 * Handshakes of which a segment is lost: the SYN-ACK, the third ACK, or both; with each set of options; and with each
 * state that the listener's queues can be in. All end connected once the client sends, with the options that were
 * agreed on.
 *
 * A segment that is lost is one that this program does not look at, or does not write. What the listener sends again by
 * itself takes a second, for which all such rows wait together.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define text wire_text
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What the client's SYN offers; its windows are of 2,048 octets then. */
static const struct options {
	const char *name, *syn;
	const char *synack;	/* what is due in the SYN-ACK */
	const char *kernel_cookie;	/* what kernel TCP answers when it keeps nothing; NULL: the same */
	int win;		/* that window, as the client writes it after its SYN */
	int info;		/* TCP_INFO afterwards: 1 timestamps, 2 SACK, 4 window scale */
	int kernel_info, kernel_cookie_info;
} options[] = {
	{ "plain", "mss 1440", "mss A,nows,nots", NULL, 2048, 0, 0, 0 },
	{ "timestamps", "mss 1440,nop,nop,ts T 0", "mss A,nows,ts,ecr T", NULL, 2048, 1, 1, 1 },
	{ "scale", "mss 1440,nop,ws 7", "mss A,ws,nots", "mss A,nows,nots", 16, 4, 4, 0 },
	{ "all", "mss 1440,sackok,ts T 0,nop,ws 7", "mss A,ws,ts,ecr T", NULL, 16, 7, 7, 7 },
};

/* What is lost, as far as the client then sends a SYN again, a third ACK, or none before its data. */
static const struct loss {
	const char *name;
	bool synack, ack;
} losses[] = {
	{ "synack", true, false },
	{ "third_ack", false, true },
	{ "both", true, true },
};

/* The listener. Another client comes first where there is something to fill. */
static const struct queues {
	const char *name, *pre;
	const char *first;	/* before the SYN */
	const char *then;	/* after it */
	bool cookie;		/* nothing is kept for the client */
	bool declines;		/* but for another one it is */
	bool full;		/* what completes the handshake is refused until accept() makes room */
	int other_cookies, other_opens;	/* what the other client adds to the counters */
} queues[] = {
	{ .name = "empty", .pre = "listen 5", .first = "", .then = "" },
	{
		.name = "full", .pre = "listen 5",
		.first = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; ", .then = "listen 0; ",
		.full = true, .other_opens = 1,
	},
	{
		.name = "declining", .pre = "listen 0",
		.first = "< S 0 $; > S. 0 ack 1; fresh; ", .then = "", .cookie = true,
		.declines = true,
	},
	{
		.name = "cookies_only", .pre = "sysctl syncookies 2; listen 5", .first = "",
		.then = "", .cookie = true,
	},
	{
		.name = "cookies_only_full", .pre = "sysctl syncookies 2; listen 5",
		.first = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; ", .then = "listen 0; ",
		.cookie = true, .full = true, .other_cookies = 1, .other_opens = 1,
	},
};

static struct wire_row rows[128];
static size_t filled;

static bool kernel_is_poorer(const struct queues *q, const struct options *o)
{
	return q->cookie && o->kernel_cookie;
}

/* The peer's window as it has to be written, which depends on whether its scale was kept. */
static int window(const struct queues *q, const struct options *o, enum wire_stack stack)
{
	return stack == WIRE_KERNEL && kernel_is_poorer(q, o) ? 2048 : o->win;
}

static const char *synack(const struct queues *q, const struct options *o, enum wire_stack stack)
{
	return text("> S. 0 ack 1 <%s>; ", stack == WIRE_KERNEL && kernel_is_poorer(q, o) ?
		    o->kernel_cookie : o->synack);
}

static int info(const struct queues *q, const struct options *o, enum wire_stack stack)
{
	if (stack == WIRE_XTCP)
		return o->info;
	return q->cookie ? o->kernel_cookie_info : o->kernel_info;
}

/*
 * 4 kB towards a window of 2 kB, whose halves are what is sent at once, as in Linux: what comes without an ACK says
 * that the window's scale is known. One SYN-ACK that was lost leaves the initial window as it is, as in Linux.
 */
static const char *filled_window(int win)
{
	return text("> p. 1(1024) ack 101; > p. 1025(1024) ack 101; none; < . 101 ack 2049 win %d; "
		    "> p. 2049(1024) ack 101; > P. 3073(1024) ack 101", win);
}

static const char *connected(const struct queues *q, const struct options *o, enum wire_stack stack, bool resent)
{
	int win = window(q, o, stack);

	return text(">@1000 . 1 ack 101; accept; read 100; info options = %d; info total_retrans = %d; "
		    "write 4096; %s; < . 101 ack 4097 win %d", info(q, o, stack), resent,
		    filled_window(win), win);
}

/* What completes the handshake, and is refused until there is room. */
static const char *completed(const struct queues *q, const struct loss *l, int win)
{
	const char *data = text("< P. 1(100) ack 1 win %d; ", win);
	const char *ack = l->ack ? "" : text("< . 1 ack 1 win %d; ", win);

	if (!q->full)
		return text("tick 1; %s%s", ack, data);
	return text("tick 1; %s%s%snone; state %s; accept; tick 1; %s", ack, *ack ? "none; " : "", data,
		    q->cookie ? "listen" : "syn_received", data);
}

/* What is due in the SYN-ACK the second time; of an entry it echoes the timestamp of the first SYN. */
static const char *again(const struct queues *q, const struct options *o, enum wire_stack stack)
{
	const char *first = synack(q, o, stack), *echo = strstr(first, ",ecr");

	return q->cookie || !echo ? first : text("%.*s,ecr T-1000>; ", (int)(echo - first), first);
}

/* Up to the handshake's last segment. The client sends its SYN again, or else waits for the listener. */
static const char *opening(const struct queues *q, const struct loss *l, const struct options *o,
			   enum wire_stack stack, bool waits)
{
	const char *syn = text("%s< S 0 win 2048 $; %s", q->first, synack(q, o, stack)), *second = "";

	if (l->synack && !waits)
		second = text("tick 1000; < S 0 win 2048 $; %s", again(q, o, stack));
	return q->cookie ? text("%s%s%s", syn, second, q->then) : text("%s%s%s", syn, q->then, second);
}

static const char *ending(const struct queues *q, const struct loss *l, const struct options *o, enum wire_stack stack)
{
	return text("%s%s", completed(q, l, window(q, o, stack)), connected(q, o, stack, l->synack && !q->cookie));
}

/* Kernel TCP counts good cookies, xtcp opened connections. @resent: SYN-ACKs sent again. */
static const char *counters(const struct queues *q, const struct loss *l, enum wire_stack stack, int resent)
{
	int syns = 1 + l->synack, refused = q->full * (1 + !l->ack);
	int sent = q->cookie ? q->other_cookies + syns : 0;
	int good = 1 + (stack == WIRE_KERNEL ? refused : 0);

	return text("SyncookiesSent=%d SyncookiesRecv=%d SyncookiesFailed=0 TCPReqQFullDoCookies=%d "
		    "TCPReqQFullDrop=0 ListenOverflows=%d ListenDrops=%d TCPSynRetrans=%d "
		    "PassiveOpens=%d AttemptFails=0 EmbryonicRsts=0 CurrEstab=1 OutRsts=%d",
		    sent, q->cookie ? q->other_cookies + good : 0, sent, refused, refused,
		    resent, q->other_opens + 1, q->full);
}

/* Why kernel TCP does something else; NULL: it does the same. */
static const char *difference(const struct queues *q, const struct loss *l, const struct options *o)
{
	const char * const parts[] = {
		kernel_is_poorer(q, o) ? "has no room for the shift in a cookie without timestamps" : NULL,
		l->synack && !q->cookie ? "begins with ten segments nevertheless" : NULL,
		q->cookie && q->full ? "counts good cookies that it refuses" : NULL,
	};
	char *all = NULL;

	for (size_t i = 0; i < COUNT(parts); i++)
		if (parts[i])
			all = all ? text("%s; %s", all, parts[i]) : text("%s", parts[i]);
	return all;
}

static struct wire_row *new_row(const struct queues *q, const struct loss *l, const struct options *o, const char *how,
				int resent)
{
	struct wire_row *row = &rows[filled++];

	must(filled != COUNT(rows), "too many rows");
	*row = (struct wire_row) {
		.name = text("%s_lost_%s_%s%s", l->name, q->name, o->name, how), .pre = q->pre, .syn = o->syn,
		.rfc = q->cookie ? "RFC 4987 3.6" : "RFC 9293 3.10.7.4",
		.kernel_differs = difference(q, l, o), .kernel_shrinks = q->cookie,
	};
	row->want.state = ESTABLISHED;
	row->want.counters = counters(q, l, WIRE_XTCP, resent);
	row->kernel.counters = counters(q, l, WIRE_KERNEL, resent);
	return row;
}

/* The client does what there is to do. */
static void add_row(const struct queues *q, const struct loss *l, const struct options *o)
{
	struct wire_row *row = new_row(q, l, o, "", l->synack && !q->cookie);

	row->want.script = text("%s%s", opening(q, l, o, WIRE_XTCP, false), ending(q, l, o, WIRE_XTCP));
	row->kernel.script = text("%s%s", opening(q, l, o, WIRE_KERNEL, false), ending(q, l, o, WIRE_KERNEL));
}

/* It waits: an entry's SYN-ACK comes again, be it that this was lost or its ACK. */
static void add_entry_that_waits(const struct queues *q, const struct loss *l, const struct options *o)
{
	struct wire_row *row = new_row(q, l, o, "_client_waits", 1);
	const char *later[WIRE_STACKS];

	for (enum wire_stack stack = 0; stack < WIRE_STACKS; stack++)
		later[stack] = text("tick 1000; >@3000 %selapsed >= 500; %s", again(q, o, stack) + 2,
				    ending(q, l, o, stack));
	row->want.script = text("mark; %s", opening(q, l, o, WIRE_XTCP, true));
	row->want.later = later[WIRE_XTCP];
	row->kernel.later = later[WIRE_KERNEL];
}

/*
 * The limit of cookies: a client that believes in its connection and says nothing hears nothing, and the listener does
 * not know it. The SYN-ACK of the client that has an entry says that the listener's time has come.
 */
static void add_cookie_that_waits(const struct queues *q, const struct loss *l, const struct options *o)
{
	struct wire_row *row = new_row(q, l, o, "_client_waits", 1);
	static const char silence[] = "swap; >@3000 S. 0 ack 1; swap; none; state listen; accept EAGAIN; ";

	row->want.script = opening(q, l, o, WIRE_XTCP, true);
	row->want.later = text("%s%s", silence, ending(q, l, o, WIRE_XTCP));
	row->kernel.script = opening(q, l, o, WIRE_KERNEL, true);
	row->kernel.later = text("%s%s", silence, ending(q, l, o, WIRE_KERNEL));
}

/* All rows of one state of the queues. */
static void add_rows(const struct queues *q)
{
	for (size_t i = 0; i < COUNT(losses); i++)
		for (size_t j = 0; j < COUNT(options); j++) {
			add_row(q, &losses[i], &options[j]);
			if (losses[i].synack && !q->cookie)
				add_entry_that_waits(q, &losses[i], &options[j]);
			if (!losses[i].synack && q->declines)
				add_cookie_that_waits(q, &losses[i], &options[j]);
		}
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < COUNT(queues); i++)
		add_rows(&queues[i]);
	return wire_main(argc, argv, rows, filled);
}
