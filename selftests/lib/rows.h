/* SPDX-License-Identifier: GPL-2.0 */
/* The rows of /proc/net/tcp, tcp6, xtcp and xtcp6. */
#pragma once

/* A row, every column that Linux has; of those that only a full socket has, -1 where they are not there. */
struct row {
	int number;
	char local[33];			/* hexadecimal, as printed */
	unsigned int local_port;
	char peer[33];
	unsigned int peer_port;
	unsigned int state;		/* TCP_ESTABLISHED ... as in TCP_INFO */
	unsigned int tx_queue;
	unsigned int rx_queue;
	unsigned int timer;
	unsigned long when;
	unsigned int retransmits;
	unsigned int uid;
	int probes;
	unsigned long inode;
	int refcount;
	long rto;
	long ato;
	int quick;
	int cwnd;
	int ssthresh;
	int columns;			/* how many were there, the address included: 16, a full socket 21 */
	int width;			/* characters in the line */
};

/* All rows of @path as seen in @ns; free() them. The number of rows, or -1; *header, if not NULL: the first line. */
int rows_read(int ns, const char *path, struct row **rows, char **header);

/* The row with these ports, 0 for any; 1 if it is there, 0 if not, -1 if there are several. */
int rows_find(int ns, const char *path, unsigned int local_port, unsigned int peer_port, struct row *row);

/* The state in that row, 0 if there is none, -1 if there are several. */
int rows_state(int ns, const char *path, unsigned int local_port, unsigned int peer_port);

/* How many rows are in @state, with @port at either end; 0: any. */
int rows_count(int ns, const char *path, unsigned int state, unsigned int port);

/* The queues of a listener of xtcp, a line of /proc/net/xtcp_listen. */
struct listed_queues {
	long limit, accept_len, accept_peak, syn_len, syn_peak, overflows, declined, sent, recv;
};

/* Of the first listener in @ns, or of the first that is listed with @addr. Ends the program where there is none. */
struct listed_queues rows_queues(int ns, const char *addr);
