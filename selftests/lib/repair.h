/* SPDX-License-Identifier: GPL-2.0 */
/* TCP_REPAIR carries a connection to another socket, of either stack. What fails ends the program. */
#pragma once

#include <linux/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include "stack.h"

/* All that goes into the new socket, but for the text of the queues. */
struct repair_numbers {
	uint32_t snd_seq, rcv_seq;	/* of the first octet in the queue */
	uint32_t timestamp;
	struct tcp_repair_opt options[4];
	struct tcp_repair_window window;
};

struct repair {
	struct repair_numbers numbers;
	union stack_addr from, to;
	int n_options;
	uint8_t *text[TCP_QUEUES_NR];
	int len[TCP_QUEUES_NR];
	int unsent;			/* octets at the end of the send queue */
	char algorithm[16];
};

/* Takes it out of @fd, which is closed. */
void repair_take(int fd, struct repair *r);

/* Puts it into @fd, a new socket with enough room. @mode: how the repair ends. False: a number was refused. */
bool repair_give(int fd, const struct repair *r, const struct repair_numbers *numbers, int mode);

void repair_free(struct repair *r);

void repair_choose(int fd, int queue);
uint32_t repair_number(int fd, int option);
