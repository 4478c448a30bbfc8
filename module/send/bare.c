// SPDX-License-Identifier: GPL-2.0
/*
 * The segments without text of a synchronized connection: ACKs, challenge ACKs, probes, RSTs.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "send/bare.h"

#include <net/tcp.h>

#include "base/acklimit.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/rstdiag.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/wire.h"
#include "out/segment.h"
#include "sight/mib.h"
#include "time/time.h"

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
