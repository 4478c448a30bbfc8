// SPDX-License-Identifier: GPL-2.0
/* struct xtcp_net: how to find it. netns.c makes it. */
#include "base/net.h"

unsigned int xtcp_net_id;
