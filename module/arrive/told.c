// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the reason that a peer's RST gives: the diagnostic payload
 * (draft-ietf-tcpm-rst-diagnostic-payload-03, section 4.2).
 *
 * A RST may have any text (RFC 9293 section 3.5.3, SHLD-2), so the text never decides whether the
 * RST resets the connection. The text is read after that decision, and only for traces and
 * diagnosis.
 */
#include "arrive/told.h"

#include "base/endpoint.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/tuple.h"
#include "sight/mib.h"
#include "sight/trace.h"

static noinline_for_stack void trace_told(const struct sock *sk, const struct xtcp_rstdiag *told)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	trace_xtcp_rst_diagnostic(sock_net(sk), &tuple, false, told->code, told->pen);
}

/* Reads the text once, since a fragment's page may change between two reads. */
static noinline_for_stack void read_text(const struct sock *sk, const struct sk_buff *skb, const struct xtcp_seg *seg,
					 struct xtcp_rstdiag *told)
{
	u8 text[XTCP_RSTDIAG_LEN];

	if (skb_copy_bits(skb, seg->hdr_len, text, min_t(u32, seg->len, sizeof(text))))
		return;
	switch (xtcp_rstdiag_parse(text, seg->len, seg->end_seq - seg->seq, told)) {
	case XTCP_RSTDIAG_NONE:
		return;
	case XTCP_RSTDIAG_MALFORMED:
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RSTDIAGMALFORMED);
		break;
	case XTCP_RSTDIAG_VALID:
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_RSTDIAGRECV);
		break;
	}
	trace_told(sk, told);
}

/**
 * xtcp_told_by() - read the reason that a RST gives
 * @sk: the sock, which the RST is about to reset
 * @skb: the RST, skb->data at its TCP header
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the reason. Its code is 0 if the RST gives none, or if the payload is malformed.
 */
struct xtcp_rstdiag xtcp_told_by(const struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_rstdiag told = { };

	sock_owned_by_me(sk);
	if (unlikely(seg->len))
		read_text(sk, skb, seg, &told);
	return told;
}
