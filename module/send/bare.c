// SPDX-License-Identifier: GPL-2.0
/*
 * The segments without text of a synchronized connection: ACKs, challenge ACKs, probes, RSTs.
 *
 * Decides which ACK rate the peer is asked for. A rate of R means one ACK for R full segments
 * (draft-ietf-tcpm-ack-rate-request-10). The program has set a rate by XTCP_ACK_RATE, and both SYNs
 * have the option.
 *
 * A request is sent when the rate changes, with the next text that has room. The text carries the
 * request again each time it is resent (segment.c). So a request arrives as reliably as text.
 *
 * The rate is not always the program's:
 *
 *  - In slow start, cwnd grows with each ACK, so we ask for frequent ACKs: a rate of at most two,
 *    which is the usual rate. With an algorithm that never sets ssthresh, such as BBR, we always
 *    ask for at most the usual rate, because we do not learn when slow start ends.
 *  - To find losses and to let the window slide, we choose a rate that gives at least four ACKs for
 *    each window. This rate is at most a quarter of the window, in segments, rounded down to a
 *    power of two. It does not follow each step of the window: when the window shrinks, the rate
 *    stays until fewer than two ACKs come for each window.
 *  - With fewer than four segments in the window, we ask for an ACK of each segment. A delayed ACK
 *    could leave nothing in flight until the peer's delayed-ACK timer fires. When the window has
 *    eight segments again, we ask for the usual rate.
 *
 * "The window" is the number of octets that may be in flight: the least of cwnd, the peer's window
 * and half of the send buffer.
 */
#include "send/send.h"

#include <linux/log2.h>
#include <linux/minmax.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/sock.h"
#include "base/wire.h"
#include "out/out.h"
#include "sight/sight.h"
#include "time/time.h"

#define USUAL_RATE	2U	/* full segments for each ACK (RFC 9293 section 3.8.6.3, SHLD-19) */
#define ACKS_PER_WINDOW	4U	/* a new rate gives at least so many ACKs for a window */
#define LEAST_ACKS	2U	/* if fewer ACKs come for a window, the rate changes */

/*
 * Computes the rate at which the peer should send ACKs now. @program: XTCP_ACK_RATE, 0: not set.
 * Return: full segments for each ACK; 0: the usual rate, for which the peer need not be asked.
 */
static u32 right_rate(const struct sock *sk, u32 program)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	/*
	 * only half of the buffer is for text, which is why SO_SNDBUF doubles the program's value
	 */
	const u32 segments = min3(tx->cong.cwnd, tx->snd.wnd, (u32)READ_ONCE(sk->sk_sndbuf) / 2) / tx->mss;
	const u32 most = tx->cong.cwnd < tx->cong.ssthresh ? min(program, USUAL_RATE) : program;
	const u32 wanted = tx->stream->wanted_rate, was = wanted ?: USUAL_RATE;
	u32 rate;

	if (!program)
		return wanted ? USUAL_RATE : 0;
	rate = min_t(u32, most, rounddown_pow_of_two(max(segments / ACKS_PER_WINDOW, 1U)));
	if (rate < was && was <= most && segments >= LEAST_ACKS * was)
		rate = was;
	return !wanted && rate == USUAL_RATE && program != USUAL_RATE ? 0 : rate;
}

/**
 * xtcp_asking_look() - decide whether the next text carries a request for another ACK rate
 * @sk: in a state that sends text, with text; both SYNs have the ACK Rate Request option
 */
void xtcp_asking_look(struct sock *sk)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	u32 rate = right_rate(sk, xtcp_seldom_ack_rate(sk));

	sock_owned_by_me(sk);
	if (likely(!rate || rate == stream->wanted_rate))
		return;
	stream->wanted_rate = rate;
	stream->sack.asks = rate != stream->asked_rate;
}

/**
 * xtcp_asking_hurries() - must the text that is resent now leave room for the ACK rate request?
 * @sk: as for xtcp_asking_look()
 *
 * The last request asked for one ACK per R full segments. If cwnd has fallen below R segments, as
 * after a timeout, the peer sends an ACK only when its delayed-ACK timer fires. So the new request
 * has to leave with the text that is resent now, even if a full segment has to be cut to make room
 * for it.
 *
 * Return: true when the text must leave room for the request.
 */
bool xtcp_asking_hurries(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const u32 asked = tx->stream->asked_rate;

	sock_owned_by_me(sk);
	return tx->stream->sack.asks && asked > USUAL_RATE && tx->stream->wanted_rate < asked &&
	       tx->cong.cwnd < asked * tx->mss;
}

#define SYNCHRONIZED (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT | TCPF_CLOSING | \
		      TCPF_LAST_ACK | TCPF_SYN_RECV)

/*
 * Returns the sequence number of a segment without text. Usually this is SND.NXT. If the peer's
 * window has shrunk, its right edge may be below SND.NXT. Then the number is the edge, because the
 * peer accepts no segment beyond the edge. But if the edge is below SND.NXT by less than one unit
 * of the window field, the peer has only rounded the window down. Then the number is SND.NXT.
 */
static u32 control_seq(const struct xtcp_sock *xsk)
{
	u32 edge = xsk->snd.una + xsk->snd.wnd;
	u32 unit = 1U << xsk->agreed.snd_wscale;

	if (xtcp_seq_ge(edge, xsk->snd.nxt) || xsk->snd.nxt - edge < unit)
		return xsk->snd.nxt;
	return edge;
}

/**
 * xtcp_bare_ack() - send an ACK: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
 * @sk: the sock; in CLOSED, LISTEN, SYN-SENT and TIME-WAIT nothing is sent
 *
 * If there is no memory, we try again at the delayed-ACK deadline. An ACK that the layers below
 * refuse counts as lost.
 */
void xtcp_bare_ack(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!((1 << sk->sk_state) & SYNCHRONIZED))
		return;
	if (xtcp_segment_send_control(sk, control_seq(xtcp_sk(sk)), XTCP_ACK) == -ENOBUFS) {
		xtcp_acking_owe(&xtcp_sk(sk)->acking);
		xtcp_timer_ack_owed(sk, msecs_to_jiffies(XTCP_DELACK_MAX_MS));
	}
}

/**
 * xtcp_bare_challenge_ack() - answer a segment that may be forged (RFC 5961)
 * @sk: the sock
 *
 * At most one challenge ACK is sent per interval of the sysctl invalid_ratelimit, and at most
 * XTCP_ACKLIMIT_CHALLENGES per second. Each connection has a limit of its own (section 7), so that
 * an attacker cannot learn about one connection by the limit of another. The sysctl
 * challenge_ack_limit may add a limit for the namespace.
 */
void xtcp_bare_challenge_ack(struct sock *sk)
{
	u32 apart = READ_ONCE(xtcp_net_of(sk)->sysctl.invalid_ratelimit);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = xtcp_clock_stamp();

	sock_owned_by_me(sk);
	if (xtcp_acklimit_is_early(&xsk->acklimit, now, apart)) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPACKSKIPPEDCHALLENGE);
		return;
	}
	if (!xtcp_acklimit_challenge(&xsk->acklimit, now) || !xtcp_acklimit_net_challenge(xtcp_net_of(sk)))
		return;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPCHALLENGEACK);
	xtcp_bare_ack(sk);
}

/**
 * xtcp_bare_rst_code() - which code shall a RST carry, to tell the peer why the connection ends?
 * @sk: in a synchronized state, or just CLOSED
 * @seq: SEG.SEQ of the RST
 * @reason: why the connection ends
 *
 * The payload fits every MSS, but not every window. If the peer's window has no room for the
 * payload, the peer might find the RST unacceptable (RFC 9293 section 3.10.7.4, first step), so the
 * RST has no payload.
 *
 * Return: the code for the diagnostic payload; 0: send no payload.
 */
u16 xtcp_bare_rst_code(const struct sock *sk, u32 seq, enum xtcp_abort_reason reason)
{
	BUILD_BUG_ON(XTCP_MSS_MIN_SND - XTCP_MAX_OPTIONS < XTCP_RSTDIAG_LEN);
	sock_owned_by_me(sk);
	if (likely(!READ_ONCE(xtcp_net_of(sk)->sysctl.rst_diagnostic)))
		return 0;
	return xtcp_snd_room(&xtcp_sk(sk)->snd, seq) < XTCP_RSTDIAG_LEN ? 0 : xtcp_rstdiag_code_of(reason);
}

/**
 * xtcp_bare_rst() - send the RST of ABORT: <SEQ=SND.NXT><CTL=RST> (RFC 9293 section 3.10.5)
 * @sk: in a synchronized state
 * @reason: why the connection ends
 *
 * As in Linux, the RST also has ACK.
 */
void xtcp_bare_rst(struct sock *sk, enum xtcp_abort_reason reason)
{
	u32 seq = control_seq(xtcp_sk(sk));

	sock_owned_by_me(sk);
	if (xtcp_segment_send_rst(sk, seq, xtcp_bare_rst_code(sk, seq, reason)))
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTFAILED);
}

/**
 * xtcp_bare_probe() - send a probe without text
 * @sk: in a synchronized state
 * @seq: its sequence number
 * @keepalive: true: a keepalive probe; false: a window probe
 *
 * As in Linux, the MIB counter counts the probe even if the layers below refuse it, but not if
 * there was no memory for it.
 *
 * Return: 0 or an error of xtcp_segment_send_control().
 */
int xtcp_bare_probe(struct sock *sk, u32 seq, bool keepalive)
{
	int err;

	sock_owned_by_me(sk);
	err = xtcp_segment_send_control(sk, seq, XTCP_ACK);
	if (err != -ENOBUFS)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), keepalive ? LINUX_MIB_TCPKEEPALIVE : LINUX_MIB_TCPWINPROBE);
	return err;
}
