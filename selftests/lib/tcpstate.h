/* SPDX-License-Identifier: GPL-2.0 */
/* States of connections as TCP_INFO and /proc give them: netinet/tcp.h cannot be had beside linux/tcp.h. */
#pragma once

enum {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1,
	TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE, TCP_CLOSE_WAIT, TCP_LAST_ACK,
	TCP_LISTEN, TCP_CLOSING,
};
