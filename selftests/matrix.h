/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of what can arrive in each state: one cell for each state, segment,
 * place of SEG.SEQ against the receive window, and place of SEG.ACK against
 * SND.UNA..SND.NXT. What is due in a cell is decided from RFC 9293 3.10.7 by the
 * functions of matrix_rfc.c; matrix_differs.c lists where a stack does something
 * else, and why; wire_matrix.c makes a row of the raw-segment engine from it.
 */
#ifndef MATRIX_H
#define MATRIX_H

#include <stdbool.h>

#include "lib/wire.h"

/* Besides enum wire_via: who has the port of a segment that arrives in CLOSED. */
enum { NOBODY = 8, BOUND = 16, ENDED = 32 };

/* The segments, as bits so that a difference can name several. */
#define IS_ACK		0x01
#define IS_FIN		0x02
#define IS_FIN_ACK	0x04
#define IS_RST		0x08
#define IS_RST_ACK	0x10
#define IS_SYN		0x20
#define IS_SYN_ACK	0x40
#define IS_SYN_FIN	0x80

/* Where SEG.SEQ is. RIGHT_EDGE is RCV.NXT + RCV.WND, the first number outside. */
#define LEFT		0x01
#define LEFT_EDGE	0x02
#define INSIDE		0x04
#define RIGHT_EDGE	0x08
#define BEYOND		0x10

/* Where SEG.ACK is. */
#define BELOW_UNA	0x01
#define AT_UNA		0x02
#define AT_NXT		0x04
#define BEYOND_NXT	0x08
#define NO_ACK		0x10

/*
 * A cell's numbers are those of a connection with SND.UNA 0, SND.NXT 1 and RCV.NXT
 * 0, and the window below: small, so that they compare without wrapping. On the
 * wire the same relations hold around numbers that may wrap.
 */
#define SND_UNA		0
#define SND_NXT		1
#define RCV_NXT		0
#define RCV_WND		10000

struct matrix_cell {
	int state, via;
	int segment, position, acking;	/* one bit each of the sets above */
	unsigned int flags;		/* SEG.CTL */
	int seq, ack, len;		/* SEG.SEQ, SEG.ACK, SEG.LEN with SYN and FIN */
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
};

/* A set of cells in which a stack does something else. */
struct matrix_difference {
	int state, via, segments, positions, ackings;	/* 0: any */
	bool kernel, xtcp;	/* which stack */
	const char *why;
	struct matrix_outcome does;	/* its rfc: where the reason comes from, NULL: nowhere */
};

/* matrix_rfc.c */
struct matrix_outcome matrix_rfc_outcome(const struct matrix_cell *cell);

/* matrix_differs.c */
const struct matrix_difference *matrix_differs_find(const struct matrix_cell *cell,
						    enum wire_stack stack);
const struct matrix_difference *matrix_differs_unused(void);

#endif
