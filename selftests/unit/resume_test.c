// SPDX-License-Identifier: GPL-2.0
/* module/cong/resuming.c in user space: what is observed, how far the window jumps, and each phase (RFC 9959). */
#include <string.h>
#include "unit.h"
#include "resume.part.h"

#define MSS	1000U
#define MS	1000U
#define IW	(10 * MSS)
#define ISS	0xffff8000U	/* the flights pass zero */
#define DEVICE	3
#define DELIVERED	0xfffff800U	/* what has arrived passes zero, too */

static struct xtcp_resume_view view_at(u32 una, u32 nxt, u32 delivered, u32 now_us)
{
	return (struct xtcp_resume_view) {
		.snd_una = una, .snd_nxt = nxt, .delivered = delivered, .now_us = now_us,
		.min_rtt_us = 100 * MS, .seconds = 1000, .ifindex = DEVICE,
	};
}

/* A round in which @octets of what was in flight have arrived, and which took @took_us. */
static void one_round(struct xtcp_resume *resume, u32 octets, u32 took_us, u32 seconds)
{
	struct xtcp_resume_view view = view_at(ISS, ISS + octets, 0xfffffff0, 0xffffff00);

	xtcp_resume_round(resume, &view);
	view = view_at(ISS + octets - 1, ISS + 3 * octets, view.delivered + octets - 1, view.now_us + took_us);
	view.seconds = seconds;
	xtcp_resume_observe(resume, &view);
	view.snd_una++;
	view.delivered++;
	xtcp_resume_observe(resume, &view);
}

/* the octets of a round, once all that was in flight at its beginning is acknowledged */
UNIT(observes, "what arrives in a round (3.1)")
{
	struct xtcp_resume resume = { };
	struct xtcp_resume_view view = view_at(ISS, ISS + 50000, 7, 0);

	xtcp_resume_round(&resume, &view);
	view = view_at(ISS + 49999, ISS + 90000, 50006, 100 * MS);
	xtcp_resume_observe(&resume, &view);
	UNIT_CHECK(!resume.best.cwnd);
	view = view_at(ISS + 50000, ISS + 90000, 50007, 100 * MS);
	xtcp_resume_observe(&resume, &view);
	UNIT_CHECK(resume.best.cwnd == 50000 && resume.best.rtt_us == 100 * MS && resume.best.seconds == 1000);
	UNIT_CHECK(resume.best.ifindex == DEVICE && resume.round_end == ISS + 90000);
	/* an ACK of more than that round tells of both */
	view = view_at(ISS + 90000, ISS + 90000, 90007, 200 * MS);
	xtcp_resume_observe(&resume, &view);
	UNIT_CHECK(resume.best.cwnd == 50000);
}

/* a round that a queue has made longer counts for a part of its octets; one that seems shorter for no more than all */
UNIT(queues, "a queue is no capacity")
{
	struct xtcp_resume resume = { };

	one_round(&resume, 50000, 500 * MS, 1000);
	UNIT_CHECK(resume.best.cwnd == 10000);
	one_round(&resume, 50000, 1 * MS, 1000);
	UNIT_CHECK(resume.best.cwnd == 50000);
	memset(&resume, 0, sizeof(resume));
	one_round(&resume, 2000000000, 0xfffffff0, 1000);
	UNIT_CHECK(resume.best.cwnd == 46566);
}

/* the largest counts; after five minutes one that is half as large renews it */
UNIT(the_best, "the largest observation counts")
{
	struct xtcp_resume resume = { };

	one_round(&resume, 50000, 100 * MS, 1000);
	one_round(&resume, 49999, 100 * MS, 1300);
	UNIT_CHECK(resume.best.cwnd == 50000 && resume.best.seconds == 1000);
	one_round(&resume, 24999, 100 * MS, 1301);
	UNIT_CHECK(resume.best.cwnd == 50000);
	one_round(&resume, 25000, 100 * MS, 1301);
	UNIT_CHECK(resume.best.cwnd == 25000 && resume.best.seconds == 1301);
	one_round(&resume, 25000, 100 * MS, 1302);
	UNIT_CHECK(resume.best.seconds == 1302);
}

/* A round in which @octets arrive, and whose first and last ACK find the route on these devices. */
static void round_over(struct xtcp_resume *resume, u32 octets, int first, int last)
{
	struct xtcp_resume_view view = view_at(ISS, ISS + octets, 0, 0);

	view.ifindex = first;
	xtcp_resume_round(resume, &view);
	view = view_at(ISS + octets, ISS + octets, octets, 100 * MS);
	view.ifindex = last;
	xtcp_resume_observe(resume, &view);
}

/* after a move to another device nothing more is observed, not even after the move back */
UNIT(another_device, "nothing is observed after a move to another device")
{
	struct xtcp_resume resume = { };
	struct xtcp_resume_view view = view_at(ISS, ISS, 0, 0);

	round_over(&resume, 50000, DEVICE, DEVICE);
	UNIT_CHECK(resume.best.cwnd == 50000);
	round_over(&resume, 60000, DEVICE, DEVICE + 1);
	round_over(&resume, 70000, DEVICE + 1, DEVICE + 1);
	round_over(&resume, 80000, DEVICE, DEVICE);
	UNIT_CHECK(resume.best.cwnd == 50000 && resume.best.ifindex == DEVICE);
	/* an ACK that ends no round shows the move */
	memset(&resume, 0, sizeof(resume));
	view.snd_nxt += 50000;
	xtcp_resume_round(&resume, &view);
	view.ifindex = DEVICE + 1;
	xtcp_resume_observe(&resume, &view);
	view = view_at(ISS + 50000, ISS + 50000, 50000, 100 * MS);
	xtcp_resume_observe(&resume, &view);
	UNIT_CHECK(!resume.best.cwnd);
	/* or an ACK that begins a round */
	memset(&resume, 0, sizeof(resume));
	round_over(&resume, 50000, DEVICE, 0);
	round_over(&resume, 50000, DEVICE + 1, DEVICE);
	UNIT_CHECK(!resume.best.cwnd);
}

/* a route that is unknown at times has not moved; a round whose end finds no device does not count */
UNIT(no_device, "a route without a device has not moved")
{
	struct xtcp_resume resume = { };

	round_over(&resume, 50000, DEVICE, 0);
	UNIT_CHECK(!resume.best.cwnd);
	round_over(&resume, 50000, 0, DEVICE);
	UNIT_CHECK(resume.best.cwnd == 50000 && resume.best.ifindex == DEVICE);
	memset(&resume, 0, sizeof(resume));
	round_over(&resume, 50000, 0, DEVICE);
	UNIT_CHECK(resume.best.cwnd == 50000);
}

UNIT(congestion_caps, "a path takes no more than what congested it")
{
	struct xtcp_resume resume = { };

	one_round(&resume, 50000, 100 * MS, 1000);
	xtcp_resume_cap(&resume, 50001);
	UNIT_CHECK(resume.best.cwnd == 50000);
	xtcp_resume_cap(&resume, 5000);
	UNIT_CHECK(resume.best.cwnd == 5000);
	/* congestion of another device says nothing about this one */
	resume.has_moved = true;
	xtcp_resume_cap(&resume, 500);
	UNIT_CHECK(resume.best.cwnd == 5000);
}

/* half of what was saved, on the path that was saved, if slow start would not get there as soon */
UNIT(windows, "how far the window jumps (3.2, 3.3, 4.2.1)")
{
	static const struct {
		u32 saved, rtt_us, min_rtt_us, cwnd, jump;
	} rows[] = {
		{ 100000, 100 * MS, 100 * MS, 20000, 50000 },
		{ 100001, 100 * MS, 100 * MS, 20000, 50000 },
		/* 3.2: half of saved_rtt is too small */
		{ 100000, 100 * MS, 50 * MS, 20000, 0 },
		{ 100000, 100 * MS, 50 * MS + 1, 20000, 50000 },
		{ 100000, 100001, 50 * MS, 20000, 0 },
		{ 100000, 100001, 50 * MS + 1, 20000, 50000 },
		/* 4.2.1: ten times saved_rtt is another path */
		{ 100000, 100 * MS, 1000 * MS, 20000, 50000 },
		{ 100000, 100 * MS, 1000 * MS + 1, 20000, 0 },
		{ 100000, 0x80000000, 0xffffffff, 20000, 50000 },
		/* no RTT is known */
		{ 100000, 100 * MS, 0xffffffff, 20000, 0 },
		/* slow start doubles meanwhile */
		{ 100000, 100 * MS, 100 * MS, 25000, 0 },
		{ 100002, 100 * MS, 100 * MS, 25000, 50001 },
		{ 0xffffffff, 100 * MS, 100 * MS, 25000, 4 << 20 },
		{ 0xffffffff, 100 * MS, 100 * MS, 0xfffffff0, 0 },
		{ 0, 0, 0, 0, 0 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct xtcp_saved saved = { .cwnd = rows[i].saved, .rtt_us = rows[i].rtt_us };

		UNIT_CHECK(xtcp_resume_window(&saved, rows[i].min_rtt_us, rows[i].cwnd) == rows[i].jump);
	}
}

static struct xtcp_resume jumped(u32 pipe)
{
	struct xtcp_resume resume = { .phase = XTCP_RESUME_RECONNAISSANCE, .has_taken = true };

	xtcp_resume_jump(&resume, ISS, pipe, DELIVERED, 0xffffff00);
	UNIT_CHECK(resume.phase == XTCP_RESUME_UNVALIDATED && resume.has_jumped);
	UNIT_CHECK(xtcp_resume_pipe_size(&resume, DELIVERED) == pipe);
	return resume;
}

/* 3.3: an ACK of what was sent in the phase, or an RTT */
UNIT(unvalidated_ends, "the end of the Unvalidated Phase (3.3)")
{
	const struct xtcp_resume resume = jumped(20000);

	UNIT_CHECK(!xtcp_resume_is_due(&resume, ISS, 0xffffff00, 100 * MS));
	UNIT_CHECK(!xtcp_resume_is_due(&resume, ISS - 100, 0xffffff00 + 100 * MS, 100 * MS));
	UNIT_CHECK(xtcp_resume_is_due(&resume, ISS, 0xffffff00 + 100 * MS + 1, 100 * MS));
	UNIT_CHECK(xtcp_resume_is_due(&resume, ISS + 1, 0xffffff00, 100 * MS));
}

/* 3.3, "Check flight_size" */
UNIT(validation, "the flight is the window, or PipeSize (3.3)")
{
	struct xtcp_resume resume = jumped(20000);

	UNIT_CHECK(xtcp_resume_validate(&resume, 20001, DELIVERED, IW, ISS + 7) == 20001);
	UNIT_CHECK(resume.phase == XTCP_RESUME_VALIDATING && resume.mark == ISS + 7);
	resume = jumped(20000);
	UNIT_CHECK(xtcp_resume_validate(&resume, 20000, DELIVERED, IW, ISS) == 20000);
	UNIT_CHECK(resume.phase == XTCP_RESUME_NORMAL);
	resume = jumped(5000);
	UNIT_CHECK(xtcp_resume_validate(&resume, IW - 1, DELIVERED, IW, ISS) == IW);
	UNIT_CHECK(resume.phase == XTCP_RESUME_NORMAL);
	resume = jumped(5000);
	UNIT_CHECK(xtcp_resume_validate(&resume, IW, DELIVERED, IW, ISS) == IW);
	UNIT_CHECK(resume.phase == XTCP_RESUME_VALIDATING);
}

/* 3.5: half of PipeSize at once, and as ssthresh in the end, but a segment each */
UNIT(retreats, "the Safe Retreat Phase (3.5)")
{
	struct xtcp_resume resume = jumped(20000);

	UNIT_CHECK(xtcp_resume_retreat(&resume, 100000, DELIVERED, ISS + 9, MSS) == 10000);
	UNIT_CHECK(resume.phase == XTCP_RESUME_RETREAT && resume.mark == ISS + 9 && !resume.has_taken);
	UNIT_CHECK(xtcp_resume_may_free_one(&resume) && xtcp_resume_may_free_one(&resume));
	xtcp_resume_freed_one(&resume);
	UNIT_CHECK(!xtcp_resume_may_free_one(&resume));
	UNIT_CHECK(xtcp_resume_leave(&resume, 0xffffffff, DELIVERED + 5000, MSS) == 12500);
	UNIT_CHECK(resume.phase == XTCP_RESUME_NORMAL);

	resume = jumped(20000);
	UNIT_CHECK(xtcp_resume_validate(&resume, 50000, DELIVERED, IW, ISS + 5) == 50000);
	UNIT_CHECK(xtcp_resume_retreat(&resume, 9000, DELIVERED, ISS + 9, MSS) == 9000);
	UNIT_CHECK(resume.mark == ISS + 5);
	UNIT_CHECK(xtcp_resume_leave(&resume, 7000, DELIVERED, MSS) == 7000);
	UNIT_CHECK(!xtcp_resume_may_free_one(&resume) && !xtcp_resume_may_free_one(NULL));

	resume = jumped(1999);
	UNIT_CHECK(xtcp_resume_retreat(&resume, 100000, DELIVERED, ISS, MSS) == MSS);
	UNIT_CHECK(xtcp_resume_leave(&resume, 0xffffffff, DELIVERED, MSS) == MSS);
}

UNIT(asks, "questions")
{
	const struct xtcp_resume resume = jumped(1);

	UNIT_CHECK(xtcp_resume_is_in(&resume, XTCP_RESUME_UNVALIDATED));
	UNIT_CHECK(!xtcp_resume_is_in(&resume, XTCP_RESUME_RETREAT) && !xtcp_resume_is_in(NULL, XTCP_RESUME_NORMAL));
	UNIT_CHECK(xtcp_resume_has_jumped(&resume) && !xtcp_resume_has_jumped(NULL));
}

/* whatever was observed: never more than the octets of a round, nor a jump beyond half of it */
UNIT(anything, "random rounds")
{
	struct xtcp_resume resume = { };
	u32 i, most = 0;

	for (i = 0; i < 200000; i++) {
		u32 octets = 1 + ((unit_random() & 0x7fffffff) >> unit_random() % 31);
		u32 took_us = unit_random() >> unit_random() % 32;

		most = octets > most ? octets : most;
		one_round(&resume, octets, took_us, 1000 + i);
		UNIT_CHECK(resume.best.cwnd <= most);
		UNIT_CHECK(xtcp_resume_window(&resume.best, 100 * MS, unit_random() >> unit_random() % 32) <=
			   resume.best.cwnd / 2);
	}
}

UNIT_MAIN
