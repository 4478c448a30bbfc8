// SPDX-License-Identifier: GPL-2.0
/* The index by which xtcp_net() finds struct xtcp_net. netns.c makes the struct. */
#include "base/net.h"

unsigned int xtcp_net_id;
