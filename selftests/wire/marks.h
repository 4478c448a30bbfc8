/* SPDX-License-Identifier: GPL-2.0 */
/* What scripts about congestion marks have in common. */
#pragma once

/* A peer opens a connection: both ends agree on ECN, or on AccECN. */
#define AGREE_ECN	"< SEC 0 $; > S.E 0 ack 1 tos 0; < . 1 ack 1; accept;"
#define AGREE_ACCURATE	"< SECA 0 $; > S.C 0 ack 1 tos 0; < .C 1 ack 1; accept;"

/* The same steps three times: of three equal ACKs the third one shows a loss. */
#define THREE(steps)	steps steps steps ""
