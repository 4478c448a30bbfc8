// SPDX-License-Identifier: GPL-2.0
/*
 * Differential runner: each scenario runs on kernel TCP and on xtcp, over IPv4 and IPv6, and the transcripts are
 * compared line by line. A difference that is meant stands in differential.list; the scenarios are in diff_*.c. On the
 * debug kernel, where the module is what is looked at, all scenarios run on xtcp alone: each must come to its end, with
 * no FATAL and no DEADLINE on the way. What they say is compared on the other kernels, and on this one with -s.
 *
 *	differential            compare kernel TCP and xtcp
 *	differential -k         kernel TCP with itself: are the scenarios repeatable?
 *	differential -s NAME    one scenario, both transcripts printed
 *	-f N     the number of AF_XTCP        -l FILE  another list
 *	-j N     scenario processes at once   -t       names only
 *
 * The two stacks run in namespaces of their own, and each scenario has 15 ports of its own in all:
 *
 *	lo    127.0.0.1, 127.0.0.2, ::1, fd00::2
 *	hole  10.9.0.1/24, fd09::1/64: everything else there is silent
 *	      10.8.0.0/16, fd08::/16 unreachable; 10.7.0.0/16, fd07::/16 prohibited
 */
#include "lib/diff.h"
#include "lib/kernel.h"
#include "lib/module.h"
#include "lib/netlink.h"
#include "lib/sides.h"
#include <kselftest.h>
#include <linux/if.h>
#include <signal.h>
#include <sys/wait.h>

#define TRANSCRIPT_MAX 65536
#define JOB_DEADLINE_MS 60000	/* times 4 on the debug kernel: reuseport_matrix_mapped has 1,048 cells */

/* One run of one scenario: a process and what it wrote. */
struct job {
	const struct diff_scenario *scenario;
	enum diff_stack stack;
	int netns, family, index;
	pid_t pid;
	int pipe;
	long long end;
	char *text;
	size_t len;
	bool over;	/* the transcript is complete */
};

/* The list, as it was when this program was built. */
extern const char list_start[], list_end[];
asm(".globl list_start, list_end\n"
	".section .rodata\n"
	"list_start: .incbin \"differential/differential.list\"\n"
	"list_end: .byte 0\n"
	".previous\n");

static int make_hole(int ns)
{
	struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct netlink_request req;
	struct rtattr *link;

	netlink_start(&req, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	netlink_put_string(&req, IFLA_IFNAME, "hole");
	link = netlink_begin(&req, IFLA_LINKINFO);
	netlink_put_string(&req, IFLA_INFO_KIND, "dummy");
	netlink_end(&req, link);
	return netlink_talk(ns, &req);
}

/* A route that refuses: RTN_UNREACHABLE or RTN_PROHIBIT. */
static int refuse(int ns, const char *net, int bits, int type)
{
	struct rtmsg r = {
		.rtm_family = strchr(net, ':') ? AF_INET6 : AF_INET,
		.rtm_dst_len = bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = type,
	};
	struct netlink_request req;
	char dst[16];

	inet_pton(r.rtm_family, net, dst);
	netlink_start(&req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r, sizeof(r));
	netlink_put(&req, RTA_DST, dst, r.rtm_family == AF_INET ? 4 : 16);
	return netlink_talk(ns, &req);
}

static int make_netns(void)
{
	int ns = ns_make();

	if (ns < 0 || make_hole(ns) || ns_addr_add(ns, "lo", "fd00::2/128") || ns_addr_add(ns, "hole", "10.9.0.1/24") ||
	    ns_addr_add(ns, "hole", "fd09::1/64") ||
	    refuse(ns, "10.8.0.0", 16, RTN_UNREACHABLE) ||
	    refuse(ns, "fd08::", 16, RTN_UNREACHABLE) ||
	    refuse(ns, "10.7.0.0", 16, RTN_PROHIBIT) ||
	    refuse(ns, "fd07::", 16, RTN_PROHIBIT))
		ksft_exit_fail_msg("no namespace: %s\n", strerror(errno));
	return ns;
}

static void job_child(struct job *j, int out)
{
	setpgid(0, 0);
	if (ns_enter(j->netns))
		_exit(4);
	diff.stack = j->stack;
	diff.family = j->family;
	diff.port_base = 10000 + 32 * j->index + (j->family == AF_INET6 ? 16 : 0);
	diff.out = out;
	signal(SIGPIPE, SIG_DFL);
	j->scenario->run();
	_exit(0);
}

static void job_start(struct job *j)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
	fflush(stdout);
	j->pid = fork();
	if (j->pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!j->pid)
		job_child(j, p[1]);
	setpgid(j->pid, j->pid);
	close(p[1]);
	j->pipe = p[0];
	j->end = wait_now_ms() + JOB_DEADLINE_MS * (release_is_debug() ? 4 : 1);
	j->text = calloc(1, TRANSCRIPT_MAX + 256);
	if (!j->text)
		ksft_exit_fail_msg("out of memory\n");
}

static void job_finish(struct job *j, bool late)
{
	int status = 0;

	/* Children first, while the leader's zombie keeps the group's number; it is given time to exit. */
	if (late)
		kill(-j->pid, SIGKILL);
	waitpid(j->pid, &status, 0);
	kill(-j->pid, SIGKILL);
	if (late)
		sprintf(j->text + j->len, "FATAL: ended by the watchdog\n");
	else if (WIFSIGNALED(status))
		sprintf(j->text + j->len, "FATAL: ended by %s\n", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		sprintf(j->text + j->len, "FATAL: exit status %d\n", WEXITSTATUS(status));
	close(j->pipe);
	j->pid = 0;
	j->over = true;
}

/* Take what the job wrote. Return: whether it has ended. */
static bool job_drain(struct job *j)
{
	ssize_t n;

	if (j->len == TRANSCRIPT_MAX)
		return true;
	n = read(j->pipe, j->text + j->len, TRANSCRIPT_MAX - j->len);
	if (n > 0)
		j->len += n;
	return n <= 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: differential [-k] [-t] [-s NAME] [-f N] [-j N] [-l FILE]\n");
	return KSFT_FAIL;
}

static const char *family_text(const struct job *j)
{
	return j->family == AF_INET ? "ipv4" : "ipv6";
}

static void report(struct job *a, struct job *b, bool show)
{
	bool same;

	if (show)
		printf("# %s %s on kernel TCP\n%s# %s %s on %s\n%s", a->scenario->name, family_text(a), a->text,
		       b->scenario->name, family_text(b),
		       b->stack == DIFF_XTCP ? "xtcp" : "kernel TCP", b->text);
	same = diff_list_compare(a->scenario->name, family_text(a), a->text, b->text);
	ksft_test_result(same, "%s %s\n", a->scenario->name, family_text(a));
}

/* Where nothing is compared. */
static void report_alone(const struct job *j)
{
	ksft_test_result(diff_list_sound(j->scenario->name, family_text(j), j->text), "%s %s\n", j->scenario->name,
			 family_text(j));
}

struct arguments {
	bool self_check, names, alone;
	const char *scenario, *list;
	int width;
};

/* Reports what is over, in order. Return: how many jobs were. */
static int report_some(struct job *jobs, int told, int nr, const struct arguments *a)
{
	while (told < nr && jobs[told].over && (a->alone || jobs[told + 1].over)) {
		if (a->alone)
			report_alone(&jobs[told]);
		else
			report(&jobs[told], &jobs[told + 1], a->scenario);
		told += a->alone ? 1 : 2;
	}
	return told;
}

static void run_jobs(struct job *jobs, int nr, const struct arguments *a)
{
	struct pollfd p[64];
	struct job *live[64];
	int next = 0, n = 0, told = 0, i;

	while (next < nr || n) {
		while (n < a->width && next < nr) {
			job_start(&jobs[next]);
			live[n++] = &jobs[next++];
		}
		for (i = 0; i < n; i++) {
			p[i].fd = live[i]->pipe;
			p[i].events = POLLIN;
		}
		poll(p, n, 1000);
		for (i = n - 1; i >= 0; i--) {
			bool late = wait_now_ms() > live[i]->end;
			bool ended = p[i].revents && job_drain(live[i]);

			if (!ended && !late)
				continue;
			job_finish(live[i], !ended);
			live[i] = live[--n];
			p[i] = p[n];
		}
		told = report_some(jobs, told, nr, a);
	}
}

static int parse(int argc, char **argv, struct arguments *a)
{
	int opt;

	a->width = 4;
	a->scenario = getenv("ONLY_ROW");
	while ((opt = getopt(argc, argv, "kts:f:j:l:")) != -1) {
		if (opt == 'k')
			a->self_check = true;
		else if (opt == 't')
			a->names = true;
		else if (opt == 's')
			a->scenario = optarg;
		else if (opt == 'f')
			diff_xtcp_family = atoi(optarg);
		else if (opt == 'j')
			a->width = atoi(optarg);
		else if (opt == 'l')
			a->list = optarg;
		else
			return -1;
	}
	a->alone = !a->self_check && !a->scenario && stack_first() == XTCP;
	return a->width < 1 || a->width > 64 || optind != argc ? -1 : 0;
}

/*
 * Four jobs for each scenario: IPv4 on both, IPv6 on both; or those on xtcp alone. There one IP version goes by
 * segments, IPv6 on 6.1 and IPv4 on other kernels, the other one the short way (net.xtcp.local).
 */
static int make_jobs(struct job **jobs, const struct arguments *a)
{
	int kernel = make_netns(), xtcp[2] = { make_netns(), make_netns() };
	int nr = 0, i;

	if (!a->self_check && ns_sysctl_set(xtcp[release_knows_kernel_tcp()], "net.xtcp.local", "0"))
		ksft_exit_fail_msg("net.xtcp.local: %s\n", strerror(errno));
	*jobs = calloc(4 * (__stop_diff_scenarios - __start_diff_scenarios),
		       sizeof(**jobs));
	for (const struct diff_scenario *s = __start_diff_scenarios; s < __stop_diff_scenarios; s++) {
		if (a->scenario && strcmp(a->scenario, s->name))
			continue;
		for (i = a->alone; i < 4; i += 1 + a->alone, nr++) {
			struct job *j = &(*jobs)[nr];

			j->scenario = s;
			j->family = i < 2 ? AF_INET : AF_INET6;
			j->netns = i & 1 ? xtcp[i / 2] : kernel;
			j->index = s - __start_diff_scenarios;
			j->stack = (i & 1) && !a->self_check ? DIFF_XTCP :
				   DIFF_KERNEL;
		}
	}
	return nr;
}

static void prepare(const char *path)
{
	int fd = socket(diff_xtcp_family, SOCK_STREAM, 0);
	FILE *f;

	if (fd < 0)
		ksft_exit_fail_msg("no xtcp: socket(%d): %s\n", diff_xtcp_family, strerror(errno));
	close(fd);
	if (path)
		f = fopen(path, "r");
	else
		f = fmemopen((char *)list_start, list_end - list_start, "r");
	if (!f)
		ksft_exit_fail_msg("cannot open the list: %s\n", strerror(errno));
	if (diff_list_load(f))
		ksft_exit_fail_msg("the list of differences is wrong\n");
	fclose(f);
}

int main(int argc, char **argv)
{
	struct arguments a = {};
	struct job *jobs;
	int nr, unused;

	if (parse(argc, argv, &a))
		return usage();
	if (a.names) {
		for (const struct diff_scenario *s = __start_diff_scenarios; s < __stop_diff_scenarios; s++)
			puts(s->name);
		return 0;
	}
	ksft_print_header();
	if (!a.self_check)
		prepare(a.list);
	nr = make_jobs(&jobs, &a);
	if (!nr)
		ksft_exit_fail_msg("no such scenario\n");
	module_let_nothing_load();
	ksft_set_plan(a.alone ? nr : nr / 2 + !a.self_check);
	run_jobs(jobs, nr, &a);
	if (!a.self_check && !a.alone) {
		unused = diff_list_unused(!a.scenario);
		ksft_test_result(!unused, "each listed difference occurs\n");
	}
	if (ksft_get_fail_cnt())
		ksft_exit_fail();
	ksft_exit_pass();
}
