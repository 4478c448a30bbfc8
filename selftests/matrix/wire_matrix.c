// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can arrive before a connection is synchronized, cell by cell
 * (matrix.h), on both stacks.
 *
 * A row's name is the state, the segment, the place of SEG.SEQ and the one of
 * SEG.ACK: syn_received_via_listen_rst_ack_inside_nxt.
 *
 *   -t		print what is tested, for README.md (scripts/check/matrix-table.sh)
 *
 * A handshake that a segment did not move has to go on. A segment that kernel TCP has to answer for
 * xtcp reaches kernel TCP, which sends one RST.
 */
#include "matrix.h"

int main(int argc, char **argv)
{
	return matrix_walk_main(argc, argv, ~(SYNCHRONIZED | TIME_WAIT));
}
