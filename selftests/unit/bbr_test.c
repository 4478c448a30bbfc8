// SPDX-License-Identifier: GPL-2.0
/*
 * module/cong/cong_bbr.c in user space: the state machine by tables of ACKs, most of them the test cases of the draft's
 * appendix, and random ACKs, which must not lead to windows that no connection could use.
 */
#include <string.h>
#include "unit.h"
#include "bbr.part.h"

#define MSS		1448U
#define RTT_US		20000U
#define BW		(2500000U / XTCP_BBR_UNIT)	/* 20 Mbit/s */
#define BDP		50000U
#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static struct xtcp_bbr bbr;
static struct xtcp_bbr_ack ack;

static void begin(void)
{
	ack = (struct xtcp_bbr_ack) {
		.now_us = 77000000, .cwnd = 10 * MSS, .mss = MSS, .quantum = 2 * MSS, .initial_cwnd = 10 * MSS,
		.delivered = (u32)-5 * MSS, .newly_acked = MSS, .rtt_us = RTT_US, .tx_in_flight = BDP,
		.inflight = 2 * BDP, .has_sample = true, .sack = true, .loss_thresh = 2,
	};
	xtcp_bbr_start(&bbr, ack.now_us, ack.delivered, RTT_US);
}

/* The first ACK of a round trip, in which @bw arrived; it brings what was sent when the round trip began. */
static void a_round(u32 bw)
{
	ack.now_us += RTT_US;
	ack.prior_delivered = ack.delivered;
	ack.delivered += BDP;
	ack.sample_delivered = BDP;
	ack.bw = bw;
	ack.cwnd = xtcp_bbr_acked(&bbr, &ack);
}

/* Another ACK of the same. */
static void an_ack(void)
{
	ack.now_us += RTT_US / 20;
	ack.prior_delivered = bbr.next_round_delivered - 1;
	ack.delivered += MSS;
	ack.cwnd = xtcp_bbr_acked(&bbr, &ack);
}

/* Out of Startup, through Drain, into ProbeBW. */
static void go_to_down(void)
{
	begin();
	a_round(BW / 2);
	for (int i = 0; i < 4; i++)
		a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_DRAIN);
	ack.inflight = 3 * BDP;
	for (int i = 0; i < 4; i++)
		a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN);
}

static void go_to_up(void)
{
	go_to_down();
	ack.inflight = BDP / 2;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_CRUISE);
	ack.now_us += 3001000;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_REFILL);
	UNIT_CHECK(!bbr.probe_sample && bbr.bw_shortterm == XTCP_BBR_NONE);
	a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_UP && bbr.probe_sample);
}

UNIT(startup_ends_at_a_plateau, "Startup ends at a plateau")
{
	/* the rate of each round trip, and whether it was the last of Startup */
	static const struct {
		u32 bw;
		bool limited, out;
	} rounds[] = {
		{ BW / 8, false, false }, { BW / 4, false, false }, { BW / 2, false, false }, { BW, false, false },
		{ BW, false, false }, { BW, true, false }, { BW * 5 / 4 - 1, false, false },
		{ BW * 6 / 5, false, true },
	};
	u64 rate;

	begin();
	for (u32 i = 0; i < COUNT(rounds); i++) {
		ack.is_limited = rounds[i].limited;
		a_round(rounds[i].bw);
		UNIT_CHECK((bbr.state != XTCP_BBR_STARTUP) == rounds[i].out);
		UNIT_CHECK(bbr.full_bw_reached == rounds[i].out);
	}
	UNIT_CHECK(bbr.state == XTCP_BBR_DRAIN && xtcp_bbr_pacing_gain(&bbr) == 50);
	/* half of the rate, less the margin */
	rate = (u64)(BW * 5 / 4 - 1) * XTCP_BBR_UNIT;
	UNIT_CHECK(xtcp_bbr_rate(&bbr) >= rate * 99 / 200 - 16 && xtcp_bbr_rate(&bbr) <= rate * 99 / 200 + 16);
}

UNIT(startup_goes_on_while_limited, "Startup goes on while the program limits")
{
	begin();
	ack.is_limited = true;
	for (int i = 0; i < 100; i++)
		a_round(BW / 8);
	UNIT_CHECK(bbr.state == XTCP_BBR_STARTUP && xtcp_bbr_pacing_gain(&bbr) == 277);
}

/* ACKs of a round trip tell of losses. */
static void startup_ends_by_loss(u32 lost, int acks, u32 thresh, bool out)
{
	begin();
	ack.loss_thresh = thresh;
	a_round(BW / 2);
	a_round(BW);
	ack.is_limited = true;
	ack.in_fast_recovery = true;
	ack.in_recovery = true;
	ack.newly_lost = MSS;
	ack.lost = lost;
	for (int i = 0; i < acks; i++) {
		ack.size = MSS;
		xtcp_bbr_lost(&bbr, &ack);
		an_ack();
	}
	UNIT_CHECK(bbr.state == XTCP_BBR_STARTUP);
	a_round(BW);
	UNIT_CHECK((bbr.state == XTCP_BBR_DRAIN) == out);
	if (!out)
		return;
	UNIT_CHECK(bbr.full_bw_reached && bbr.full_bw_now);
	UNIT_CHECK(bbr.inflight_longterm >= BDP * 99 / 100 && bbr.inflight_longterm <= 2 * BDP);
	/* and it was for nothing */
	xtcp_bbr_undone(&bbr, ack.delivered);
	UNIT_CHECK(bbr.state == XTCP_BBR_STARTUP && !bbr.full_bw_reached && bbr.inflight_longterm == XTCP_BBR_NONE);
}

/* As soon as no more is in flight than the path holds; and then there is nothing to go down for. */
UNIT(drain_ends_when_drained, "Drain ends when the queue is gone")
{
	begin();
	a_round(BW / 2);
	for (int i = 0; i < 4; i++)
		a_round(BW);
	ack.inflight = BDP * 11 / 10;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_DRAIN);
	ack.inflight = BDP * 9 / 10;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_CRUISE);
}

UNIT(drain_ends_after_three_rounds, "Drain ends after three round trips")
{
	begin();
	a_round(BW / 2);
	for (int i = 0; i < 4; i++)
		a_round(BW);
	ack.inflight = 3 * BDP;
	for (int i = 0; i < 3; i++) {
		a_round(BW);
		UNIT_CHECK(bbr.state == XTCP_BBR_DRAIN);
	}
	a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN && xtcp_bbr_pacing_gain(&bbr) == 90);
}

UNIT(down_waits_for_headroom, "ProbeBW_DOWN waits for headroom")
{
	go_to_down();
	bbr.inflight_longterm = BDP / 2;
	ack.tx_in_flight = BDP / 4;
	ack.inflight = BDP / 2 - MSS;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN);
	ack.inflight = BDP / 2 * 85 / 100;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_CRUISE && xtcp_bbr_pacing_gain(&bbr) == 100);
	/* the headroom is left free */
	UNIT_CHECK(ack.cwnd <= bbr.inflight_longterm * 85 / 100 + 1);
}

UNIT(down_ends_after_its_time, "ProbeBW_DOWN ends after its time")
{
	go_to_down();
	ack.inflight = 3 * BDP;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN);
	ack.now_us += 3001000;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_REFILL);
}

/* As often as Reno would: after as many round trips as segments fit the path, at most 63. */
UNIT(probes_as_often_as_reno, "probes as often as Reno")
{
	int i;

	go_to_down();
	ack.inflight = 3 * BDP;
	bbr.probe_wait_ms = 30000;
	bbr.rounds_since_probe = 0;
	for (i = 0; i < 100 && bbr.state == XTCP_BBR_DOWN; i++)
		a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_REFILL && i >= (int)(BDP / MSS) - 2 && i <= (int)(BDP / MSS) + 1);
}

UNIT(up_ends_at_a_plateau, "ProbeBW_UP ends at a plateau")
{
	go_to_up();
	UNIT_CHECK(xtcp_bbr_pacing_gain(&bbr) == 125 && xtcp_bbr_cwnd_gain(&bbr) == 225);
	for (int i = 0; i < 3; i++) {
		UNIT_CHECK(bbr.state == XTCP_BBR_UP);
		a_round(BW);
	}
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN && bbr.inflight_longterm == XTCP_BBR_NONE);
}

static void up_ends_by_loss(bool limited)
{
	go_to_up();
	ack.is_limited = limited;
	ack.size = 2 * MSS;
	ack.lost = 2 * MSS;
	ack.tx_in_flight = BDP + MSS;
	xtcp_bbr_lost(&bbr, &ack);
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN && bbr.prev_too_high && !bbr.probe_sample);
	if (limited) {
		UNIT_CHECK(bbr.inflight_longterm == XTCP_BBR_NONE);
		return;
	}
	/* 2 % of it had to be lost before it was too much; seven tenths of the window stay in any case */
	UNIT_CHECK(bbr.inflight_longterm <= BDP + MSS && bbr.inflight_longterm >= BDP - MSS);
	/* neither the recovery nor a second loss of this round trip takes the place of what the first one has saved */
	xtcp_bbr_repair_begins(&bbr);
	xtcp_bbr_lost(&bbr, &ack);
	xtcp_bbr_undone(&bbr, ack.delivered);
	UNIT_CHECK(bbr.state == XTCP_BBR_REFILL && bbr.inflight_longterm == XTCP_BBR_NONE);
}

/* More is lost than was in flight, with a threshold of 100 %: nothing is bounded. */
static void all_is_lost(void)
{
	ack.loss_thresh = 100;
	ack.size = BDP;
	ack.lost = 2 * BDP;
	ack.newly_lost = BDP;
	xtcp_bbr_lost(&bbr, &ack);
	UNIT_CHECK(!bbr.loss_in_round);
	a_round(BW / 2);
	a_round(BW / 2);
	UNIT_CHECK(bbr.bw_shortterm == XTCP_BBR_NONE && bbr.inflight_shortterm == XTCP_BBR_NONE);
	UNIT_CHECK(bbr.inflight_longterm == XTCP_BBR_NONE && !bbr.prev_too_high);
}

UNIT(losses_say_nothing, "losses say nothing with bbr_loss_thresh 100")
{
	startup_ends_by_loss(2 * BDP, 6, 100, false);
	go_to_down();
	all_is_lost();
	go_to_up();
	all_is_lost();
	/* a congestion mark still says something */
	ack.ece = true;
	an_ack();
	UNIT_CHECK(bbr.prev_too_high);
}

/* A recovery without a loss of this round trip, such as one after a timeout, saves the state itself. */
UNIT(recovery_saves_the_state, "a recovery saves the state")
{
	go_to_down();
	UNIT_CHECK(!bbr.loss_in_round);
	bbr.bw_shortterm = BW / 2;
	bbr.inflight_shortterm = BDP / 2;
	bbr.inflight_longterm = 2 * BDP;
	xtcp_bbr_repair_begins(&bbr);
	bbr.bw_shortterm = BW / 4;
	bbr.inflight_shortterm = BDP / 4;
	bbr.inflight_longterm = BDP;
	xtcp_bbr_undone(&bbr, ack.delivered);
	UNIT_CHECK(bbr.bw_shortterm == BW / 2 && bbr.inflight_shortterm == BDP / 2);
	UNIT_CHECK(bbr.inflight_longterm == 2 * BDP && bbr.state == XTCP_BBR_DOWN);
}

/* After a probe that went too high the next one turns at the same height, and the one behind it may stay there. */
UNIT(next_probe_is_cautious, "the next probe is cautious")
{
	go_to_up();
	ack.size = 2 * MSS;
	ack.lost = 2 * MSS;
	xtcp_bbr_lost(&bbr, &ack);
	ack.lost = 0;
	ack.inflight = BDP / 2;
	ack.tx_in_flight = BDP / 2;
	/* the least round trip is known */
	ack.rtt_us--;
	a_round(BW);
	ack.now_us += 3001000;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_REFILL);
	a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_UP);
	ack.inflight = bbr.inflight_longterm;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN && bbr.prev_precautionary && !bbr.prev_too_high);
	a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_REFILL && !bbr.prev_precautionary);
}

/* Losses while it does not probe: three tenths less in a round trip, no less than what arrives. */
UNIT(losses_bound_what_is_sent, "losses bound what is sent")
{
	go_to_down();
	ack.inflight = 3 * BDP;
	ack.bw = BW / 2;
	a_round(BW);
	ack.size = MSS;
	xtcp_bbr_lost(&bbr, &ack);
	a_round(BW / 2);
	UNIT_CHECK(bbr.bw_shortterm == XTCP_BBR_NONE || bbr.bw_shortterm >= BW * 7 / 10);
	a_round(BW / 2);
	/* in the round trip before the loss all of it had arrived */
	UNIT_CHECK(bbr.bw_shortterm == BW && xtcp_bbr_bw(&bbr) == BW && bbr.inflight_shortterm == BDP);
	/* half of it has arrived in that before the next one, so BBR.Beta bounds it: 0.7 */
	xtcp_bbr_lost(&bbr, &ack);
	a_round(BW / 2);
	a_round(BW / 2);
	UNIT_CHECK(bbr.bw_shortterm == BW * 7 / 10 && xtcp_bbr_bw(&bbr) == BW * 7 / 10);
	/* a mark does the same */
	go_to_down();
	ack.inflight = 3 * BDP;
	ack.ece = true;
	a_round(BW / 2);
	ack.ece = false;
	a_round(BW / 2);
	UNIT_CHECK(bbr.bw_shortterm <= BW);
}

UNIT(looks_at_the_least_round_trip, "ProbeRTT")
{
	go_to_down();
	bbr.probe_wait_ms = 30000;
	ack.rtt_us = RTT_US + 5000;
	ack.cwnd = 2 * BDP;
	ack.now_us += 5001000;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_PROBE_RTT && xtcp_bbr_cwnd_gain(&bbr) == 50);
	UNIT_CHECK(ack.cwnd <= BDP / 2 + MSS && ack.cwnd >= 4 * MSS && bbr.min_rtt_us == RTT_US);
	/* a round trip begins with the state, though more is in flight than it allows */
	UNIT_CHECK(bbr.next_round_delivered == ack.delivered);
	ack.inflight = ack.cwnd;
	for (int i = 0; i < 9; i++) {
		a_round(BW);
		UNIT_CHECK(bbr.state == XTCP_BBR_PROBE_RTT);
	}
	/* not by way of ProbeBW_DOWN */
	for (int i = 0; i < 4 && bbr.state == XTCP_BBR_PROBE_RTT; i++)
		a_round(BW);
	UNIT_CHECK(bbr.state == XTCP_BBR_CRUISE && ack.cwnd >= BDP);
	/* the old one is forgotten after ten seconds */
	ack.now_us += 10001000;
	an_ack();
	UNIT_CHECK(bbr.min_rtt_us == RTT_US + 5000);
}

UNIT(a_pause_is_as_good, "a pause is as good")
{
	go_to_down();
	ack.now_us += 6000000;
	ack.cwnd = xtcp_bbr_restarts(&bbr, ack.now_us, ack.delivered, ack.cwnd, 5);
	UNIT_CHECK(bbr.idle_restart && xtcp_bbr_pacing_gain(&bbr) == 100);
	an_ack();
	UNIT_CHECK(bbr.state != XTCP_BBR_PROBE_RTT && !bbr.idle_restart);
}

/* A rate that fell is forgotten after two cycles. */
UNIT(old_rates_go, "old rates go")
{
	u32 best;

	go_to_up();
	best = xtcp_bbr_bw(&bbr);
	a_round(BW / 2);
	a_round(BW / 2);
	a_round(BW / 2);
	UNIT_CHECK(bbr.state == XTCP_BBR_DOWN && xtcp_bbr_bw(&bbr) == best);
	a_round(BW / 2);
	a_round(BW / 2);
	UNIT_CHECK(xtcp_bbr_bw(&bbr) == best);
	ack.rtt_us--;
	an_ack();
	ack.now_us += 3001000;
	ack.inflight = BDP / 8;
	an_ack();
	a_round(BW / 2);
	a_round(BW / 2);
	a_round(BW / 2);
	a_round(BW / 2);
	a_round(BW / 2);
	UNIT_CHECK(xtcp_bbr_bw(&bbr) == BW / 2);
}

static u32 random_length(void)
{
	return unit_random() >> unit_random() % 32;
}

UNIT(whatever_comes, "whatever comes")
{
	static const u32 sizes[] = { 48, 536, 1448, 65535 };

	for (u32 i = 0; i < 300; i++) {
		begin();
		ack.mss = sizes[i % COUNT(sizes)];
		ack.initial_cwnd = 10 * ack.mss;
		if (i & 1)
			xtcp_bbr_start(&bbr, ack.now_us, ack.delivered, 0);
		for (u32 j = 0; j < 1000; j++) {
			ack.now_us += random_length() >> unit_random() % 24;
			ack.newly_acked = random_length() >> 2;
			ack.delivered += ack.newly_acked;
			ack.newly_lost = unit_random() % 8 ? 0 : random_length();
			ack.has_sample = unit_random() % 16;
			ack.sample_delivered = random_length();
			ack.prior_delivered = ack.delivered - ack.sample_delivered;
			ack.bw = unit_random() % 8 ? random_length() : 0;
			ack.tx_in_flight = random_length();
			ack.inflight = random_length();
			ack.lost = unit_random() % 4 ? 0 : random_length();
			ack.size = random_length();
			ack.rtt_us = unit_random() % 8 ? random_length() : 0;
			ack.quantum = 2 * ack.mss + unit_random() % 65536;
			ack.random = unit_random();
			ack.is_limited = unit_random() & 1;
			ack.cwnd_limited = unit_random() & 1;
			ack.in_fast_recovery = !(unit_random() & 3);
			ack.sack = unit_random() & 7;
			ack.ece = !(unit_random() & 31);
			if (!(unit_random() & 15))
				xtcp_bbr_lost(&bbr, &ack);
			if (!(unit_random() & 63))
				xtcp_bbr_undone(&bbr, ack.delivered);
			if (!(unit_random() & 63))
				ack.cwnd = xtcp_bbr_restarts(&bbr, ack.now_us, ack.delivered, ack.cwnd, unit_random());
			ack.cwnd = xtcp_bbr_acked(&bbr, &ack);
			UNIT_CHECK(ack.cwnd >= 4 * ack.mss && ack.cwnd < 1U << 31);
			UNIT_CHECK(bbr.state <= XTCP_BBR_PROBE_RTT);
		}
	}
}

UNIT(startup_ends_by_losses, "Startup ends by losses")
{
	startup_ends_by_loss(2 * MSS, 6, 2, true);
	/* not by so few of them, nor by few octets */
	startup_ends_by_loss(2 * MSS, 4, 2, false);
	startup_ends_by_loss(BDP / 50, 6, 2, false);
}

UNIT(up_ends_by_losses, "ProbeBW_UP ends by losses")
{
	up_ends_by_loss(false);
	up_ends_by_loss(true);
}

/* A round trip begins with the first ACK of text that was sent after the last one began, and with no other ACK. */
UNIT(a_round_trip_begins_once, "a round trip begins once")
{
	begin();
	a_round(BW);
	UNIT_CHECK(bbr.round_start);
	ack.prior_delivered = ack.delivered - MSS;
	ack.delivered += MSS;
	xtcp_bbr_acked(&bbr, &ack);
	UNIT_CHECK(!bbr.round_start);
	ack.prior_delivered = ack.delivered - MSS;
	ack.delivered += MSS;
	xtcp_bbr_acked(&bbr, &ack);
	UNIT_CHECK(bbr.round_start);
}

/* The long-term bound grows by a segment for so many octets; the rest counts later. A new plateau begins. */
UNIT(up_raises_the_bound, "ProbeBW_UP raises the bound")
{
	go_to_up();
	bbr.inflight_longterm = 10 * MSS;
	bbr.probe_up_acked = 0;
	bbr.probe_up_acked_per_inc = 3 * MSS;
	bbr.full_bw_count = 1;
	ack.tx_in_flight = MSS;
	ack.cwnd_limited = true;
	ack.cwnd = 20 * MSS;
	ack.newly_acked = 7 * MSS;
	ack.bw = BW - 1;
	an_ack();
	UNIT_CHECK(bbr.state == XTCP_BBR_UP);
	UNIT_CHECK(bbr.inflight_longterm == 12 * MSS && bbr.probe_up_acked == MSS);
	UNIT_CHECK(bbr.probe_up_acked_per_inc == 3 * MSS);
	UNIT_CHECK(bbr.full_bw == BW - 1 && !bbr.full_bw_count);
	/* with the rest of before, exactly so many */
	ack.newly_acked = 2 * MSS;
	an_ack();
	UNIT_CHECK(bbr.inflight_longterm == 13 * MSS && !bbr.probe_up_acked);
	/* twice as fast in each round trip */
	bbr.probe_up_rounds = 2;
	ack.cwnd = 40 * MSS;
	ack.newly_acked = 0;
	a_round(BW);
	UNIT_CHECK(bbr.probe_up_acked_per_inc == 10 * MSS && bbr.probe_up_rounds == 3);
}

/* How many octets came at once counts for five round trips at least, and for ten at most. */
UNIT(bursts_are_remembered, "bursts are remembered")
{
	go_to_down();
	bbr.extra_acked[bbr.extra_index] = 7 * MSS;
	for (int i = 0; i < 5; i++)
		a_round(BW);
	UNIT_CHECK(bbr.extra_acked[0] == 7 * MSS || bbr.extra_acked[1] == 7 * MSS);
	for (int i = 0; i < 6; i++)
		a_round(BW);
	UNIT_CHECK(bbr.extra_acked[0] < 7 * MSS && bbr.extra_acked[1] < 7 * MSS);
}

UNIT_MAIN
