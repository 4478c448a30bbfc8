// SPDX-License-Identifier: GPL-2.0
/*
 * Small writes that come one upon the other leave as one segment: when one waits for the next, and what ends that. The
 * time is so long that it is over only where a row waits for it; by default each row of all other programs has none.
 * Kernel TCP sends each write at once.
 */
#include <linux/net_tstamp.h>
#include "lib/test.h"
#include "lib/wire.h"

#define LONG		"sysctl xtcp/coalesce_usecs 1000000;"
#define TWO		"set NODELAY 1; write 100; > P. 1(100) ack 1; write 100; > P. 101(100) ack 1;"
#define THREE		LONG TWO "write 100;"
#define SENT		"> P. 201(100) ack 1;"
#define KERNEL		"has no such wait"

/* A third write that waits until @what, after which it is sent. */
#define HELD_UNTIL(what) \
	.in = ESTABLISHED, \
	.want = { .script = THREE "none;" what ";" SENT "none" }, \
	.kernel_differs = KERNEL, \
	.kernel = { .script = THREE SENT what "; none" }

/* splice() finds nothing to read. */
static int splices(struct wire *w)
{
	int ends[2], err = 0;

	if (wire_script_run(w, w->stack == WIRE_KERNEL ? THREE SENT "none" : THREE "none"))
		return -1;
	if (pipe(ends))
		return wire_fail(w, "pipe: %s", strerror(errno));
	if (splice(w->c.fd, NULL, ends[1], NULL, 100, SPLICE_F_NONBLOCK) >= 0 || errno != EAGAIN)
		err = wire_fail(w, "splice: %s", strerror(errno));
	close_each(ends[0], ends[1]);
	return err ?: wire_script_run(w, w->stack == WIRE_KERNEL ? "none" : SENT "none");
}

/* The program wants to know when each write is sent. */
static int stamps(struct wire *w)
{
	int flags = SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;

	if (wire_script_run(w, LONG TWO))
		return -1;
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)))
		return wire_fail(w, "SO_TIMESTAMPING: %s", strerror(errno));
	return wire_script_run(w, "write 100;" SENT "none");
}

static const struct wire_row rows[] = {
	{ "coalesce_%s_third_waits_for_the_fourth", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { "sysctl xtcp/coalesce_usecs 100000;" TWO "mark; write 100; none; pass 50; write 100; none;"
			">@1000 P. 201(200) ack 1; elapsed >= 95; elapsed <= 140; none; < . 1 ack 401; none" },
		.kernel_differs = KERNEL,
		.kernel = { TWO "write 100;" SENT "write 100; > P. 301(100) ack 1; < . 1 ack 401; none" } },
	{ "coalesce_%s_goes_for_an_ack", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { THREE "none; write 100; none; < . 1 ack 101; > P. 201(200) ack 1; none; < . 1 ack 401;"
			"none" },
		.kernel_differs = KERNEL,
		.kernel = { THREE SENT "write 100; > P. 301(100) ack 1; < . 1 ack 401; none" } },
	{ "coalesce_%s_goes_before_recv", "RFC 9293 3.10.3", HELD_UNTIL("read EAGAIN") },
	{ "coalesce_%s_goes_before_splice", "RFC 9293 3.10.3", .in = ESTABLISHED, .run = splices },
	{ "coalesce_%s_goes_before_poll", "RFC 9293 3.10.6", HELD_UNTIL("poll OUT") },
	{ "coalesce_%s_goes_before_getsockopt", "RFC 9293 3.10.6", HELD_UNTIL("get NODELAY 1") },
	{ "coalesce_%s_goes_before_setsockopt", "RFC 9293 3.9.1", HELD_UNTIL("set KEEPIDLE 100") },
	{ "coalesce_%s_goes_before_ioctl", "RFC 9293 3.10.6", HELD_UNTIL("inq 0") },
	{ "coalesce_%s_goes_with_the_fin", "RFC 9293 3.10.4", .in = ESTABLISHED,
		.want = { THREE "none; shut; > FP. 201(100) ack 1; none", .state = FIN_WAIT_1 },
		.kernel_differs = KERNEL,
		.kernel = { THREE SENT "shut; > F. 301 ack 1; none", .state = FIN_WAIT_1 } },
	{ "coalesce_%s_goes_when_closed", "RFC 9293 3.10.4", .in = ESTABLISHED,
		.want = { THREE "none; close; > FP. 201(100) ack 1; none", .state = FIN_WAIT_1 },
		.kernel_differs = KERNEL,
		.kernel = { THREE SENT "close; > F. 301 ack 1; none", .state = FIN_WAIT_1 } },
	{ "coalesce_%s_goes_before_a_rst", "RFC 9293 3.10.5", .in = ESTABLISHED,
		.want = { THREE "none; abort;" SENT "> R. 301 ack 1; none", .state = CLOSED }, .kernel_differs = KERNEL,
		.kernel = { THREE SENT "abort; > R. 301 ack 1; none", .state = CLOSED } },
	{ "coalesce_%s_goes_before_a_rst_for_what_is_unread", "RFC 9293 3.6.1", .id = "SHLD-3", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1; skim; set NODELAY 1;" LONG "write 100; > P. 1(100) ack 11; write 100;"
			"> P. 101(100) ack 11; write 100; none; close; > P. 201(100) ack 11; > R. 301 ack 11; none",
			.state = CLOSED },
		.kernel_differs = KERNEL,
		.kernel = { "< P. 1(10) ack 1; skim; set NODELAY 1; write 100; > P. 1(100) ack 11; write 100;"
			"> P. 101(100) ack 11; write 100; > P. 201(100) ack 11; close; > R. 301 ack 11; none",
			.state = CLOSED } },
	{ "coalesce_%s_ends_with_a_rst", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { THREE "none; < R 1; write 1 ECONNRESET; read eof; none", .state = CLOSED },
		.kernel_differs = KERNEL,
		.kernel = { THREE SENT "< R 1; write 1 ECONNRESET; read eof; none", .state = CLOSED } },
	{ "coalesce_%s_goes_before_a_disconnect", "RFC 9293 3.10.5", .in = ESTABLISHED,
		.want = { THREE "none; disconnect;" SENT "> R. 301 ack 1; pass 1100; none", .state = CLOSED,
			.err = "ECONNRESET" },
		.kernel_differs = KERNEL,
		.kernel.script = THREE SENT "none; disconnect; > R. 301 ack 1; pass 1100; none" },
	{ "coalesce_%s_two_never_wait", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { LONG TWO "< . 1 ack 201; write 100; > P. 201(100) ack 1; write 100; > P. 301(100) ack 1;"
			"< . 1 ack 301; write 100; > P. 401(100) ack 1" } },
	{ "coalesce_%s_a_syn_ack_is_none_of_two", "RFC 7413 4.2.2",
		.pre = "sysctl fastopen 514; listen; set FASTOPEN 5",
		.want = { LONG "< S 0(10) $; > S. 0 ack 11; accept; set NODELAY 1; write 100; > P. 1(100) ack 11;"
			"write 100; > P. 101(100) ack 11; write 100; > P. 201(100) ack 11; none",
			.state = SYN_RECEIVED } },
	/* the program says of the fourth alone that more will come */
	{ "coalesce_%s_goes_before_what_is_corked", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { THREE "none; write 100 more;" SENT "none; read EAGAIN; none; write 100; none; read EAGAIN;"
			"> P. 301(200) ack 1; none" },
		.kernel_differs = KERNEL,
		.kernel = { THREE SENT "write 100 more; none; write 100; > P. 301(200) ack 1; none" } },
	{ "coalesce_%s_its_timer_leaves_what_is_corked", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { "sysctl xtcp/coalesce_usecs 50000;" TWO "write 100; none; < . 1 ack 101;" SENT
			"write 100 more; pass 100; none; write 100; > P. 301(200) ack 1; none" },
		.kernel_differs = KERNEL,
		.kernel = { TWO "write 100;" SENT "< . 1 ack 101; write 100 more; pass 100; none; write 100;"
			"> P. 301(200) ack 1; none" } },
	{ "coalesce_%s_what_is_stamped_never_waits", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .run = stamps },
	{ "coalesce_%s_0_is_off", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { "sysctl xtcp/coalesce_usecs 0;" TWO "write 100;" SENT "write 100; > P. 301(100) ack 1" } },
	{ "coalesce_%s_after_a_pause", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { "sysctl xtcp/coalesce_usecs 20000;" TWO "pass 50; write 100;" SENT "none" } },
	{ "coalesce_%s_urgent_never_waits", "RFC 9293 3.8.5", .id = "MUST-31", .in = ESTABLISHED,
		.want = { LONG TWO "write 100 urgent; > PU. 201(100) ack 1 urg 100; none" } },
	{ "coalesce_%s_urgent_takes_it_along", "RFC 9293 3.8.5", .in = ESTABLISHED,
		.want = { THREE "none; write 1 urgent; > PU. 201(101) ack 1 urg 101; none" }, .kernel_differs = KERNEL,
		.kernel = { THREE SENT "write 1 urgent; > PU. 301(1) ack 1 urg 1; none" } },
	{ "coalesce_%s_a_record_never_waits", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { LONG TWO "write 100 eor;" SENT "none" } },
	{ "coalesce_%s_a_record_takes_it_along", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { THREE "none; write 100 eor; > P. 201(200) ack 1; none" }, .kernel_differs = KERNEL,
		.kernel = { THREE SENT "write 100 eor; > P. 301(100) ack 1; none" } },
	/* the device has others cut its text */
	{ "coalesce_%s_a_full_segment_waits_for_no_bundle", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { LONG "write 1000; > P. 1(1000) ack 1; write 1000; > P. 1001(1000) ack 1; write 1000;"
			"> P. 2001(1000) ack 1; none" } },
	{ "coalesce_%s_what_nagle_sends_is_sent", "RFC 9293 3.7.4", .id = "SHLD-7", .in = ESTABLISHED,
		.want = { LONG "write 1000; > P. 1(1000) ack 1; write 1000; > P. 1001(1000) ack 1; write 100;"
			"> P. 2001(100) ack 1; write 100; none; < . 1 ack 2101; > P. 2101(100) ack 1; none" } },
	{ "coalesce_%s_waits_for_a_bundle_at_most", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .synwin = "8000",
		.want = { THREE "none; write 3900; > p. 201(1000) ack 1 x4; none" }, .kernel_differs = KERNEL,
		.kernel = { THREE SENT "write 3900; > p. 301(1000) ack 1 x3; > P. 3301(900) ack 1; none" } },
	{ "coalesce_%s_behind_a_bundle_none_waits", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .synwin = "4000",
		.want = { LONG "set NODELAY 1; write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; write 100;"
			"> P. 2001(100) ack 1; write 100; > P. 2101(100) ack 1; none" } },
};

WIRE_MAIN(rows)
