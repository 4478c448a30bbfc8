// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading as such: what is there, what is refused, what is gone. */
#include "lib/test.h"

NEEDS_MODULE;
NEEDS_SCRIPTS;
NEEDS_PROGRAMS("modinfo");

static const char *program;
static int failures;

static void check(bool ok, const char *name)
{
	int error = errno;

	if (ok) {
		ksft_test_result_pass("%s\n", name);
		return;
	}
	failures++;
	ksft_print_msg("errno %d (%s)\n", error, strerror(error));
	ksft_test_result_fail("%s\n", name);
}

/* True if the socket cannot be made, for this reason. */
static bool refused(int type, int protocol, int reason)
{
	int fd = socket(AF_XTCP, type, protocol);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == reason;
}

/* True if xtcp-holders ends with this status and prints exactly this. */
static bool says(const char *option, int status, const char *expected)
{
	char said[512] = "", line[64];
	FILE *pipe;
	int ended;

	snprintf(line, sizeof(line), "scripts/tools/xtcp-holders %s 2>&1", option);
	pipe = popen(line, "re");
	if (!pipe)
		return false;
	said[fread(said, 1, sizeof(said) - 1, pipe)] = 0;
	ended = pclose(pipe);
	if (WIFEXITED(ended) && WEXITSTATUS(ended) == status && !strcmp(said, expected))
		return true;
	ksft_print_msg("xtcp-holders %s ended with %#x and said: %s", option, ended, said);
	return false;
}

static bool holders_are(int status, const char *expected)
{
	return says("", status, expected);
}

/* A name is what any user has chosen; a terminal would obey CSI (U+009B) as well as ESC. */
static void hostile_name(char *name)
{
	char was[5], holders[512];
	int fd = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(was, name, sizeof(was));
	memcpy(name, "\033\302\2332J", sizeof(was));
	snprintf(holders, sizeof(holders), "%7d  ??2J%s  (descriptor %d)\n", getpid(), name + sizeof(was), fd);
	check(holders_are(0, holders), "holder_with_a_hostile_name");
	memcpy(name, "h\303\251ro", sizeof(was));
	snprintf(holders, sizeof(holders), "%7d  h?ro%s  (descriptor %d)\n", getpid(), name + sizeof(was), fd);
	setenv("LC_ALL", "C", 1);
	setenv("PYTHONUTF8", "0", 1);
	setenv("PYTHONCOERCECLOCALE", "0", 1);
	check(holders_are(0, holders), "holder_with_a_letter_that_the_locale_lacks");
	unsetenv("LC_ALL");
	unsetenv("PYTHONUTF8");
	unsetenv("PYTHONCOERCECLOCALE");
	memcpy(name, was, sizeof(was));
	close(fd);
}

static void family(void)
{
	int v4 = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int v6 = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, 1);
	char holders[512];

	check(v4 >= 0, "socket_ipv4");
	check(v6 >= 0, "socket_ipv6");
	check(refused(SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT), "socket_other_protocol");
	check(refused(SOCK_DGRAM, 0, ESOCKTNOSUPPORT), "socket_other_type");
	/* the descriptor does, and the sock */
	check(module_references() == 4, "sockets_hold_the_module");
	check(module_unload_now() && errno == EWOULDBLOCK, "unload_while_open");
	snprintf(holders, sizeof(holders), "%7d  %s  (descriptors %d, %d)\n", getpid(), program, v4, v6);
	check(holders_are(0, holders), "holders");
	check(says("--unload", 1, holders) && refused(SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT),
	      "no_unload_while_open_and_sockets_as_before");
	close_each(v4, v6);
	check(WAIT_FOR(!module_references(), 10000), "they_let_go");
	check(holders_are(1, ""), "no_holder");
}

/* What modinfo and the log say; of the build of another name side_by_side asks. */
static void said(void)
{
	int records;
	bool told;

	check(module_says("XTCP_KO", "version", "0.1") && module_says("XTCP_KO", "author", "The xtcp developers") &&
	      module_says("XTCP_KO", "description", "A second TCP next to the kernel's") &&
	      module_says("XTCP_KO", "alias", ""), "modinfo_and_no_socket_loads_it");
	klog_forget();
	check(module_load("") == 0, "load_again");
	records = klog_count("xtcp: ", "xtcp: version 0.1, address family 25\n", &told);
	check(told, "the_version_is_told");
	check(records == 1, "nothing_else_is_told");
}

static bool nothing_is_in_use(void)
{
	FILE *file = fopen("/proc/net/xtcp_sockstat", "re");
	char line[128] = "";
	bool none = file && fgets(line, sizeof(line), file) &&
	       !strcmp(line, "TCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n");

	if (!none)
		ksft_print_msg("%s", line);
	if (file)
		fclose(file);
	return none;
}

static void reload(void)
{
	check(says("--unload", 0, ""), "unload");
	check(refused(SOCK_STREAM, 0, EAFNOSUPPORT), "socket_not_loaded");
	check(access("/proc/net/xtcp", F_OK), "proc_not_loaded");
	check(holders_are(2, "xtcp-holders: the xtcp module is not loaded: sudo modprobe xtcp, or, where it is not "
			    "installed, make and sudo insmod xtcp.ko\n"), "holders_not_loaded");
	said();
	check(!access("/proc/net/xtcp", R_OK) && !access("/proc/net/xtcp6", R_OK), "proc");
	check(nothing_is_in_use(), "nothing_in_use");
}

int main(int argc, char **argv)
{
	program = argv[0];
	test_begin(22);
	family();
	hostile_name(argv[0]);
	reload();
	return failures ? ksft_exit_fail() : ksft_exit_pass();
}
