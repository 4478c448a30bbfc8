// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can arrive before a connection is synchronized, cell by cell (matrix.h), on both stacks.
 *
 * A row's name is the state, the segment, the place of SEG.SEQ and the one of
 * SEG.ACK: syn_received_via_listen_rst_ack_inside_nxt.
 *
 *   -t		print what is tested: a letter is a tested place of SEG.SEQ
 *
 *   l  RCV.NXT - 1		r  RCV.NXT + RCV.WND, the first number outside
 *   e  RCV.NXT			b  one beyond it
 *   i  RCV.NXT + 1000		m  text across the left edge, n across the right one
 *   q  text in four places over text that waits out of order: on its left, on its right, on all of it, inside it
 *
 * The number after the letters says in how many places SEG.ACK is tested: SND.UNA - 1, SND.UNA, SND.NXT, SND.NXT + 1,
 * and from ESTABLISHED on also below SND.UNA - MAX.SND.WND. A capital letter: in some of these cells the two stacks do
 * different things. x: not tested here. Where the RFC asks for the same in several cells, one stands for all of them:
 *
 * - In CLOSED and LISTEN the flags alone decide (3.10.7.1, 3.10.7.2): any.
 * - From ESTABLISHED on, RST and SYN are decided before SEG.ACK (RFC 5961 3.2, 4.2): SEG.ACK is SND.NXT.
 * - In FIN-WAIT-2 and TIME-WAIT SND.UNA is SND.NXT: four places, not five.
 * - From ESTABLISHED on, 3.10.7.4 does not depend on how the connection was opened: passively here.
 * - An old timestamp is judged before SEG.SEQ (RFC 7323 5.3, R1): each of the segments comes at RCV.NXT.
 *
 * Text comes with every SEG.ACK at RCV.NXT, and elsewhere with SND.UNA. Before ESTABLISHED it has rows of its own in
 * wire_handshake and wire_reset.
 *
 * A handshake that a segment did not move has to go on. A segment that kernel TCP has to answer for
 * xtcp reaches kernel TCP, which sends one RST.
 */
#include "matrix.h"

int main(int argc, char **argv)
{
	return matrix_walk_main(argc, argv, ~(SYNCHRONIZED | TIME_WAIT));
}
