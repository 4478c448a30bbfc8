// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can arrive in the synchronized states and TIME-WAIT, as in
 * wire_matrix.c; also text, and old timestamps.
 *
 * Text comes in 7 places against the window and in 4 against text that waits out of order. If a
 * connection did not answer, the row asks it where it is.
 */
#include "matrix.h"

int main(int argc, char **argv)
{
	return matrix_walk_main(argc, argv, SYNCHRONIZED | TIME_WAIT);
}
