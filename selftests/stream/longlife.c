// SPDX-License-Identifier: GPL-2.0
/*
 * More than 2^32 octets on one connection: sequence numbers go round, and each octet counter that a program can read
 * goes on. Each block says where in the stream it belongs. xtcp and kernel TCP, each as the sender once. The debug
 * kernel is too slow for that: there it is a stream as any other.
 */
#include "lib/test.h"

#define PORT	5395
#define BLOCK	262144
#define MORE	300		/* blocks */

static struct ns_pair net;
static long long blocks;

struct reader {
	int fd;
	bool right;
	pthread_t thread;
};

static void *read_all(void *arg)
{
	static char in[BLOCK];
	struct reader *r = arg;
	int64_t n, where;

	for (n = 0; n < blocks; n++) {
		if (recv(r->fd, in, BLOCK, MSG_WAITALL) != BLOCK)
			return NULL;
		memcpy(&where, in, sizeof(where));
		if (where != n)
			return NULL;
		memcpy(&where, in + BLOCK - sizeof(where), sizeof(where));
		if (where != -n)
			return NULL;
	}
	r->right = recv(r->fd, in, 1, 0) == 0;
	return NULL;
}

static void more_than_sequence_numbers(enum stack from, enum stack to)
{
	static char out[BLOCK];
	struct reader r = { .right = false };
	struct tcp_info sent, got;
	int64_t n, back;
	int client;

	stack_pair_or_die(net.a, from, net.b, to, NS_B4, PORT, &client, &r.fd);
	must(!pthread_create(&r.thread, NULL, read_all, &r), "thread");
	for (n = 0; n < blocks; n++) {
		back = -n;
		memcpy(out, &n, sizeof(n));
		memcpy(out + BLOCK - sizeof(back), &back, sizeof(back));
		if (send(client, out, BLOCK, MSG_NOSIGNAL) != BLOCK)
			break;
	}
	shutdown(client, SHUT_WR);
	must(!pthread_join(r.thread, NULL), "thread");
	sent = info_of(client);
	got = info_of(r.fd);
	ksft_print_msg("%lld blocks of %d octets; acknowledged %llu, received %llu\n", (long long)n, BLOCK,
		       (unsigned long long)sent.tcpi_bytes_acked, (unsigned long long)got.tcpi_bytes_received);
	/* kernel TCP counts the FIN, too */
	got.tcpi_bytes_received -= to == KERNEL;
	sent.tcpi_bytes_sent -= sent.tcpi_bytes_retrans;
	ksft_test_result(r.right && n == blocks && got.tcpi_bytes_received == (unsigned long long)blocks * BLOCK &&
			 sent.tcpi_bytes_sent == (unsigned long long)blocks * BLOCK,
			 "%s to %s: more octets than there are sequence numbers\n", stack_name(from), stack_name(to));
	close_each(client, r.fd);
}

int main(void)
{
	test_begin(2);
	blocks = MORE + (release_is_debug() ? 0 : (1LL << 32) / BLOCK);
	must(!ns_pair_make(&net), "namespaces");
	must(!ns_link_mtu(net.a, "veth0", 65535) && !ns_link_mtu(net.b, "veth0", 65535), "mtu");
	more_than_sequence_numbers(XTCP, KERNEL);
	more_than_sequence_numbers(KERNEL, XTCP);
	ksft_finished();
}
