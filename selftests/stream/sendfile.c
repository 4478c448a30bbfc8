// SPDX-License-Identifier: GPL-2.0
/*
 * sendfile() and splice() send pages, not copies of them: what is written to a page before it is sent, or sent again,
 * goes out. Octets of a file from any place and in pieces of any size, over devices that gather and make checksums and
 * over such as do not, with loss. What a program sends itself is copied, whatever flags it sets. What the pages of one
 * call hold goes together. On both stacks, the peer is the other one.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>
#include "lib/tap.h"
#include "lib/test.h"

#define PORT		5390
#define PAGE		4096
#define FILE_OCTETS	1500000
#define SPLICE_PAGES	0x8000000	/* MSG_SPLICE_PAGES, which is for the kernel */

static struct ns_pair net;

static unsigned char octet(long n)
{
	return n * 7 + (n >> 8) * 13 + (n >> 16) * 31;
}

static int file_of(size_t len, unsigned char **at)
{
	int fd = memfd_create("file", 0);

	must(fd >= 0 && !ftruncate(fd, len), "memfd");
	*at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(*at != MAP_FAILED, "mmap");
	return fd;
}

static void pair(enum stack stack, int *client, int *server)
{
	stack_pair_or_die(net.a, stack, net.b, stack == XTCP ? KERNEL : XTCP, NS_B4, PORT, client, server);
}

/* A page's worth of octets comes, all of them @octet. */
static bool all_are(int fd, unsigned char octet)
{
	unsigned char in[PAGE];

	must(recv(fd, in, PAGE, MSG_WAITALL) == PAGE, "recv");
	for (int i = 0; i < PAGE; i++)
		if (in[i] != octet)
			return false;
	return true;
}

enum how { SENDFILE, SPLICE, SEND };

static void send_page(int client, int file, const unsigned char *page, enum how how)
{
	struct iovec piece = { (void *)page, PAGE };
	off_t from = 0;
	int ends[2];

	switch (how) {
	case SENDFILE:
		must(sendfile(client, file, &from, PAGE) == PAGE, "sendfile");
		break;
	case SPLICE:
		must(!pipe(ends) && vmsplice(ends[1], &piece, 1, 0) == PAGE, "vmsplice");
		must(splice(ends[0], NULL, client, NULL, PAGE, 0) == PAGE, "splice");
		close_each(ends[0], ends[1]);
		break;
	case SEND:
		/* a kernel that knows the flag takes it off, or refuses it */
		if (send(client, page, PAGE, SPLICE_PAGES) != PAGE)
			must(send(client, page, PAGE, 0) == PAGE, "send");
		break;
	}
}

/* The page changes while its first transmission waits in the device, or, @resent, when that was lost. */
static void page_changes(enum stack stack, enum how how, bool resent)
{
	static const char *const names[] = { "sendfile", "splice", "send" };
	unsigned char *page;
	int client, server, file = file_of(PAGE, &page);

	memset(page, 'a', PAGE);
	pair(stack, &client, &server);
	must(!(resent ? netem_gate(net.a, "veth0", false) : netem_hold(net.a, "veth0")), "gate");
	send_page(client, file, page, how);
	must(WAIT_FOR(resent ? netem_drops(net.a, "veth0") > 0 : netem_waiting(net.a, "veth0") > 0, STACK_DEADLINE_MS),
	     "sent");
	memset(page, 'b', PAGE);
	must(!(resent ? netem_gate(net.a, "veth0", true) : netem_release(net.a, "veth0")), "gate");
	ksft_test_result(all_are(server, how == SEND ? 'a' : 'b'), "%s: %s() %s\n", stack_name(stack), names[how],
			 how == SEND ? "copies" : resent ? "sends again what the page has become" :
			 "sends the page itself");
	close_each(client, server);
	must(resent || !netem_clear(net.a, "veth0"), "no qdisc");
	munmap(page, PAGE);
	close(file);
}

/* What one call sends goes together, whatever pages it has: a bundle and a rest, each at once, without an ACK. */
static void pages_go_together(enum stack stack)
{
	const int len = 3 * PAGE;
	unsigned char *at, in[3 * PAGE];
	int client, server, file = file_of(len, &at), tap, bundles = 0, octets = 0;
	struct tap_segment seen;
	off_t from = 0;

	memset(at, 'a', len);
	must(!ns_link_offloads(net.a, "veth0", true), "offloads");
	pair(stack, &client, &server);
	tap = tap_open(net.a, "veth0");
	must(tap >= 0 && !netem_hold(net.b, "veth0"), "plug");
	must(sendfile(client, file, &from, len) == len, "sendfile");
	must(recv(server, in, len, MSG_WAITALL) == len, "recv");
	/* on a slow machine the same text goes once more, behind all of it */
	while (octets < len && tap_next(tap, &seen))
		if (seen.text > 0 && seen.from_port == stack_port(client)) {
			bundles++;
			octets += seen.text;
		}
	if (bundles > 2)
		ksft_print_msg("%d bundles\n", bundles);
	ksft_test_result(bundles >= 1 && bundles <= 2, "%s: the pages of a sendfile() go together\n",
			 stack_name(stack));
	must(!netem_release(net.b, "veth0"), "plug");
	close_each(tap, client, server);
	must(!netem_clear(net.b, "veth0"), "no qdisc");
	munmap(at, len);
	close(file);
}

/* The whole file, in pieces of sizes around those of pages, with some octets by send() between them. */
static void whole_file(enum stack stack, bool offloads)
{
	static const int sizes[] = { 1, 4095, 4097, 8192, 65537, 3, 200000 };
	const struct netem bad = { .delay_ms = 2, .loss = 20000 };
	struct bulk_reader r;
	unsigned char *at;
	int client, file = file_of(FILE_OCTETS, &at), piece = 0;
	off_t from = 0;
	ssize_t n;

	for (n = 0; n < FILE_OCTETS; n++)
		at[n] = octet(n);
	must(!ns_link_offloads(net.a, "veth0", offloads) && !ns_link_offloads(net.b, "veth0", offloads), "offloads");
	must(!netem_set(net.a, "veth0", &bad), "netem");
	pair(stack, &client, &r.fd);
	bulk_compare(&r, at, FILE_OCTETS);
	while (from < FILE_OCTETS) {
		n = sizes[piece++ % (sizeof(sizes) / sizeof(sizes[0]))];
		if (piece % 5 == 0) {
			n = n < FILE_OCTETS - from ? n : FILE_OCTETS - from;
			n = send(client, at + from, n, MSG_NOSIGNAL);
			from += n;
		} else {
			n = sendfile(client, file, &from, n);
		}
		must(n > 0, "sendfile");
	}
	shutdown(client, SHUT_WR);
	ksft_test_result(bulk_is_right(&r), "%s: a file in pieces arrives whole, offloads %s\n", stack_name(stack),
			 offloads ? "on" : "off");
	close_each(client, r.fd);
	must(!netem_clear(net.a, "veth0"), "no netem");
	munmap(at, FILE_OCTETS);
	close(file);
}

int main(void)
{
	test_begin(2 * 7);
	/* no tail loss probe goes out while a test holds the ACKs */
	must(!ns_pair_make(&net) && !ns_sysctl_set(net.a, "net.ipv4.tcp_early_retrans", "0") &&
	     !ns_sysctl_set(net.a, "net.xtcp.early_retrans", "0"), "namespaces");
	for (enum stack stack = KERNEL; stack <= XTCP; stack++) {
		page_changes(stack, SENDFILE, false);
		page_changes(stack, SPLICE, false);
		page_changes(stack, SENDFILE, true);
		page_changes(stack, SEND, false);
		pages_go_together(stack);
		whole_file(stack, true);
		whole_file(stack, false);
	}
	ksft_finished();
}
