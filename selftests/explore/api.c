// SPDX-License-Identifier: GPL-2.0
/*
 * A model of what the socket API says of a connection. It has four states, and what happens on the wire allows the
 * change from one to another:
 *
 *	open	  recv() gives octets or EAGAIN, send() takes octets or says EAGAIN
 *	ended	  the FIN has arrived, with all before it: recv() gives the octets before it, and then 0 for ever;
 *		  poll() says POLLIN and POLLRDHUP, and POLLHUP as soon as our direction is shut, too
 *		  poll() says so after shutdown(SHUT_RD), too, and recv() gives 0 behind what has arrived
 *	shut	  after shutdown(SHUT_WR): send() says EPIPE; recv() is as before
 *	failed	  a RST has arrived, or too long nothing: one call gives the error, whichever comes first. After it
 *		  recv() gives 0 behind what had arrived, send() says EPIPE, SO_ERROR 0; poll() says POLLIN, POLLOUT,
 *		  POLLRDHUP and POLLHUP, and no POLLERR
 *
 * A RST gives ECONNREFUSED in SYN-SENT, EPIPE behind a FIN, otherwise ECONNRESET. ECONNRESET also comes when text
 * arrives after both directions were shut: then we send the RST (RFC 9293 section 3.6.1, SHLD-3). The judge knows what
 * has arrived. It does not know what the receiver may have dropped, so an arrival allows a change, and does not demand
 * it. Both stacks keep these rules.
 */
#include "end.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "judge.h"

#define LONG_US	10000000LL	/* the first timeouts of a connection end none */
#define R2_US	100000000LL	/* retransmissions of one segment end none earlier (RFC 9293 section 3.8.3) */
#define ALL	(POLLIN | POLLOUT | POLLRDHUP)
#define PIECE	4096

static unsigned int events_of(const struct end *end)
{
	struct pollfd p = { .fd = end->fd, .events = ALL };

	poll(&p, 1, 0);
	return p.revents;
}

/*
 * An option lets it give up early, or for long nothing has answered what it sends. Or the peer has refused the same
 * octets for longer, though its window was open: its memory is used up. Its ACKs of nothing new do not count then.
 */
static bool may_time_out(const struct end *end)
{
	const struct judge_side *wire = end->wire;
	const bool is_refused = seq_lt(wire->una_most, wire->snd_nxt) && seq_lt(wire->una_most, wire->heard_edge) &&
				wire->left_us - wire->acked_us > R2_US;

	return end->program->user_timeout_ms || end->program->keepalive_s || end->may_lose_route || is_refused ||
	       wire->left_us - wire->heard_us > LONG_US;
}

/* No text comes any more, or none is wanted. */
static bool has_end(const struct end *end)
{
	return end->wire->heard_end || end->has_shut_read;
}

static bool may_be_reset(const struct end *end)
{
	return end->wire->heard_reset || (end->has_shut && end->has_shut_read);
}

static bool may_have_failed(const struct end *end)
{
	return end->may_fail || may_be_reset(end) || may_time_out(end);
}

/* In SYN-RECEIVED the peer may not know of the connection. */
void api_connected(struct end *end)
{
	if (!end->wire->heard_ack)
		end_wrong(end, "connect() has succeeded, and no ACK of the SYN has arrived");
}

void api_events(struct end *end, unsigned int events)
{
	if (may_have_failed(end))
		return;
	/* with MSG_ZEROCOPY the error queue has notifications */
	if (events & POLLERR && !end->sends)
		end_wrong(end, "POLLERR, and no RST has arrived");
	if (events & POLLRDHUP && !has_end(end))
		end_wrong(end, "POLLRDHUP, and no FIN has arrived");
	if (events & POLLHUP && !(has_end(end) && end->has_shut))
		end_wrong(end, "POLLHUP, and not both directions are shut");
}

void api_end(struct end *end)
{
	const unsigned int events = events_of(end);
	char octet;

	if (end->may_fail)
		return;
	if (!end->wire->heard_end)
		end_wrong(end, "recv() gives 0, and no FIN has arrived");
	if (recv(end->fd, &octet, 1, 0))
		end_wrong(end, "recv() gives 0, and then something else");
	if ((events & (POLLIN | POLLRDHUP)) != (POLLIN | POLLRDHUP))
		end_wrong(end, "poll() at the end of the stream says 0x%x", events);
	if (end->has_shut && !(events & POLLHUP))
		end_wrong(end, "no POLLHUP, and both directions are shut");
	api_events(end, events);
}

int api_shut(struct end *end)
{
	const ssize_t done = send(end->fd, "", 1, MSG_NOSIGNAL);

	if (done < 0 && errno != EPIPE && may_have_failed(end))
		return -1;
	if (!end->may_fail && (done >= 0 || errno != EPIPE))
		end_wrong(end, "send() after shutdown(): %zd, errno %d", done, errno);
	return 0;
}

/* A write that waited and took octets returns how many, and its error is lost; the next call says EPIPE. */
static bool may_swallow(const struct end *end)
{
	return end->program->sendfile && end->program->blocks;
}

/* Does what arrived explain the error? */
static void explain(struct end *end, const char *call)
{
	const struct judge_side *wire = end->wire;

	switch (end->error) {
	case ECONNREFUSED:
		if (!end->is_connecting || !wire->heard_reset)
			end_wrong(end, "%s: ECONNREFUSED, and no RST has arrived in SYN-SENT", call);
		break;
	case ECONNRESET:
		if (!may_be_reset(end))
			end_wrong(end, "%s: ECONNRESET, and no RST has arrived", call);
		break;
	case EPIPE:
		if (!(wire->heard_reset && wire->heard_end) && !(may_swallow(end) && may_have_failed(end)))
			end_wrong(end, "%s: EPIPE, and no RST has arrived behind a FIN", call);
		break;
	case ETIMEDOUT:
		if (!may_time_out(end))
			end_wrong(end, "%s: ETIMEDOUT, and something has arrived lately", call);
	}
}

/* What a connection that has failed says once the error is told. */
static void look_at_failed(struct end *end)
{
	char octets[PIECE];
	int error = -1;
	socklen_t len = sizeof(error);
	unsigned int events;
	ssize_t done;

	if (getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error)
		end_wrong(end, "an error is told twice: SO_ERROR is %d", error);
	if (send(end->fd, "", 1, MSG_NOSIGNAL) >= 0 || errno != EPIPE)
		end_wrong(end, "send() after the error gives no EPIPE");
	do
		done = recv(end->fd, octets, sizeof(octets), 0);
	while (done > 0);
	if (done)
		end_wrong(end, "recv() after the error: %s", strerror(errno));
	end_zerocopy_hear(end);
	events = events_of(end);
	if (events != (ALL | POLLHUP))
		end_wrong(end, "poll() after the error says 0x%x", events);
}

void api_error(struct end *end, const char *call)
{
	socklen_t len = sizeof(end->error);

	if (end->may_fail || end->may_lose_route)
		return;
	/* it tells no error of the connection */
	if (!strcmp(call, "shutdown()"))
		getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &end->error, &len);
	explain(end, call);
	/* a write that waited for the connection, and failed with it, has made the socket as new, as connect() does */
	if (!end->program->blocks || !end->program->fastopen || end->written)
		look_at_failed(end);
}
