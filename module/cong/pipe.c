// SPDX-License-Identifier: GPL-2.0
/* Pipe: the number of octets in flight, as the scoreboard counts them. */
#include "cong/pipe.h"

#include <net/sock.h>

#include "base/sender.h"
#include "base/stream.h"

/**
 * xtcp_pipe_octets() - count the octets in flight
 * @sk: the sock
 *
 * RFC 6675 section 4.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets of sequence space.
 */
u32 xtcp_pipe_octets(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_scoreboard *sb = &tx->stream->scoreboard;
	u32 out = tx->snd.nxt - tx->snd.una + sb->resent;
	u32 gone = sb->sacked + sb->lost;

	sock_owned_by_me(sk);
	/*
	 * when memory is short, an skb that is marked as sacked or lost may keep octets that are
	 * acknowledged already. "gone" counts these octets, but "out", which begins at SND.UNA,
	 * does not
	 */
	return out > gone ? out - gone : 0;
}
