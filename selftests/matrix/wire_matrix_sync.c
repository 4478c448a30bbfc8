// SPDX-License-Identifier: GPL-2.0
/* Everything that arrives in the synchronized states and TIME-WAIT, as in wire_matrix.c; text, old timestamps. */
#include "matrix.h"

int main(int argc, char **argv)
{
	return matrix_walk_main(argc, argv, SYNCHRONIZED | TIME_WAIT);
}
