/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of what can arrive in each state: one cell for each state, segment, place of SEG.SEQ against the receive
 * window, and place of SEG.ACK against SND.UNA..SND.NXT. What is due in a cell is decided from RFC 9293 3.10.7 by the
 * functions of matrix_rfc.c; matrix_differs.c lists where a stack does something else, and why; matrix_walk.c walks
 * through the cells, and makes a row of the raw-segment engine of each.
 */
#pragma once

#include "lib/wire.h"

/* Besides enum wire_via: who has the port in CLOSED; and FIN-WAIT-2 as the record of a closed socket. */
enum { NOBODY = 8, BOUND = 16, ENDED = 32, ORPHAN = 64 };

/* The segments, as bits so that a difference can name several. */
#define IS_ACK		0x01
#define IS_FIN		0x02
#define IS_FIN_ACK	0x04
#define IS_RST		0x08
#define IS_RST_ACK	0x10
#define IS_SYN		0x20
#define IS_SYN_ACK	0x40
#define IS_SYN_FIN	0x80
#define IS_DATA		0x100

/* Where SEG.SEQ is. RIGHT_EDGE is RCV.NXT + RCV.WND, the first number outside. */
#define LEFT		0x01
#define LEFT_EDGE	0x02
#define INSIDE		0x04
#define RIGHT_EDGE	0x08
#define BEYOND		0x10
/* Where text is besides: its first octets are old, its last ones beyond the window. */
#define ACROSS_LEFT	0x20
#define ACROSS_RIGHT	0x40
/* Where it is against text that waits out of order. */
#define OVER_LEFT	0x80
#define OVER_RIGHT	0x100
#define OVER_BOTH	0x200
#define OVER_INSIDE	0x400
#define OVER		(OVER_LEFT | OVER_RIGHT | OVER_BOTH | OVER_INSIDE)

/* Where SEG.ACK is. */
#define BELOW_UNA	0x01
#define AT_UNA		0x02
#define AT_NXT		0x04
#define BEYOND_NXT	0x08
#define NO_ACK		0x10
#define TOO_OLD		0x20	/* below SND.UNA - MAX.SND.WND */

/*
 * A cell's numbers are those of a connection with SND.NXT 1 and RCV.NXT 0, and the windows below: small, so that they
 * compare without wrapping. On the wire the same relations hold around numbers that may wrap. SND.UNA is 0 where
 * something is outstanding, which is where a SYN, a FIN or an octet can be, else 1.
 */
#define SND_NXT		1
#define MAX_SND_WND	65535
#define RCV_NXT		0
#define RCV_WND		10000

struct matrix_cell {
	int state, via;
	int segment, position, acking;	/* one bit each of the sets above */
	unsigned int flags;		/* SEG.CTL */
	int seq, ack, len;		/* SEG.SEQ, SEG.ACK, SEG.LEN with SYN and FIN */
	int una;			/* SND.UNA */
	bool old_stamp;			/* SEG.TSval is older than TS.Recent */
};

/* A cell as the script language of the rows has it. */
struct matrix_spelling {
	const char *first;	/* steps before the segment, or NULL */
	const char *letters;
	const char *seq, *ack;	/* of the segment */
	int data, len;
	int hole, end;		/* before what waits; after what waits and the segment */
};

enum matrix_answer {
	SILENCE,
	RESET_AT_ACK,		/* <SEQ=SEG.ACK><CTL=RST> */
	RESET_AND_ACK,		/* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
	ACK_OF_NEXT,		/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, as it was before */
	ACK_OF_SEGMENT,		/* the same after the segment's SYN or FIN was taken */
	SYN_ACK_OF_SEGMENT,	/* <SEQ=ISS><ACK=SEG.SEQ+1><CTL=SYN,ACK> */
	SYN_ACK_AGAIN,		/* the SYN-ACK that was sent before */
};

struct matrix_outcome {
	const char *rfc;	/* the section that says so */
	enum matrix_answer answer;
	int state;		/* afterwards */
	const char *err;	/* SO_ERROR; NULL: none */
	bool challenge;		/* the ACK is a challenge (RFC 5961) and counts as one */
	bool syn_again;		/* our SYN is sent again without its timer (3.5.1) */
	bool acked;		/* SND.UNA moved to SND.NXT */
	bool in_err;		/* the segment counts as an error */
	bool paws;		/* as one with an old timestamp */
	int taken;		/* octets that the program gets */
};

/* A set of cells in which a stack does something else. */
struct matrix_difference {
	int state, via, segments, positions, ackings;	/* 0: any */
	bool old_stamp;		/* the cells with an old timestamp, and no others */
	bool kernel, xtcp;	/* which stack */
	const char *why;
	struct matrix_outcome does;	/* its rfc: where the reason comes from, NULL: nowhere */
	/* where what it does depends on the cell; nothing else in some of them */
	struct matrix_outcome (*how)(const struct matrix_cell *cell);
};

/* matrix_rfc.c */
struct matrix_outcome matrix_rfc_outcome(const struct matrix_cell *cell);
struct matrix_outcome matrix_sync_outcome(const struct matrix_cell *cell);
struct matrix_outcome matrix_sync_accepted(const struct matrix_cell *cell);

/* matrix_walk.c */
int matrix_walk_main(int argc, char **argv, int states);

/* matrix_differs.c */
struct matrix_outcome matrix_differs_outcome(const struct matrix_cell *cell, enum wire_stack stack, const char **why);
void matrix_differs_end(void);
bool matrix_differs_same(const struct matrix_outcome *a, const struct matrix_outcome *b);
