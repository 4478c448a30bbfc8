// SPDX-License-Identifier: GPL-2.0
/*
 * An ordinary user reads files of the module into memory that nobody delivers: a page of a file of FUSE, whose server
 * is his own process and never answers. Unloading says "in use" at once, and xtcp-holders names him. When he
 * has gone, the module goes. Nor does a write of the parameter "name" wait for him. An open file that nobody reads
 * keeps nobody from unloading.
 *
 * A module cannot prevent one case: a write to a knob from such a page makes unloading wait until the writer ends
 * (module/INSTALLING.md).
 */
#include <grp.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include "test.h"

NEEDS_MODULE;
NEEDS_SCRIPTS;

#define NOBODY	65534
#define PLACE	"/tmp/readers.fuse"
#define PAGE	4096

struct slow {
	const char *path;
	const char *before;	/* a command by which the file gets contents; NULL: it has some */
	bool writes;
	bool lists;	/* a folder */
	bool holds;	/* the module */
};

static const struct slow slows[] = {
	{ "/proc/self/net/xtcp", .holds = true },
	{ "/proc/self/net/xtcp6", .holds = true },
	{ "/proc/self/net/xtcp_listen", .holds = true },
	{ "/proc/self/net/xtcp_aborts", .holds = true },
	{ "/proc/self/net/xtcp_netstat", .holds = true },
	{ "/proc/self/net/xtcp_snmp", .holds = true },
	{ "/proc/self/net/xtcp_sockstat", .holds = true },
	{ "/proc/self/net/xtcp_policy", "scripts/tools/xtcp-policy add dport=80 initcwnd=4", .holds = true },
	{ "/proc/sys/net/xtcp/tw_reuse", .writes = true },
	{ "/proc/sys/net/xtcp", .lists = true },
};

#define SLOWS	((int)ARRAY_SIZE(slows))

/* The user's processes: the server of the file, whose end frees the other one. */
struct user {
	pid_t server, reader;
	int told;
};

static void answer(int fuse, const struct fuse_in_header *in, int error, const void *text, size_t len)
{
	struct {
		struct fuse_out_header head;
		char text[256];
	} out = { .head = { .len = sizeof(out.head) + len, .error = error, .unique = in->unique } };

	memcpy(out.text, text, len);
	must(write(fuse, &out, out.head.len) == (ssize_t)out.head.len, "an answer of FUSE");
}

/* Answers what comes before a page is asked for, and says on @tell that it was. */
static void serve(int fuse, int tell)
{
	static char buf[FUSE_MIN_READ_BUFFER * 20] __attribute__((aligned(8)));
	const struct fuse_in_header *in = (void *)buf;
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = PAGE,
	};
	const struct fuse_attr_out attr = {
		.attr = { .ino = FUSE_ROOT_ID, .size = PAGE, .mode = S_IFREG | 0666, .nlink = 1 },
	};
	const struct fuse_open_out open = {};

	for (;;) {
		if (read(fuse, buf, sizeof(buf)) < 0)
			_exit(0);
		switch (in->opcode) {
		case FUSE_INIT:
			answer(fuse, in, 0, &init, sizeof(init));
			break;
		case FUSE_GETATTR:
			answer(fuse, in, 0, &attr, sizeof(attr));
			break;
		case FUSE_OPEN:
			answer(fuse, in, 0, &open, sizeof(open));
			break;
		case FUSE_READ:
			must(write(tell, "", 1) == 1, "pipe");
			break;
		default:
			answer(fuse, in, -ENOSYS, NULL, 0);
		}
	}
}

/*
 * An ordinary user may mount a file in namespaces of his own. A command before runs as root, since nobody else may
 * be able to read this tree; then root has made the network namespace.
 */
static int mount_file(const struct slow *slow)
{
	char options[80];
	int fuse;

	must(!slow->before || (!unshare(CLONE_NEWNET) && !system(slow->before)), "a command before");
	must(!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) && !setresuid(NOBODY, NOBODY, NOBODY) &&
	     !prctl(PR_SET_DUMPABLE, 1) && !unshare(CLONE_NEWUSER | CLONE_NEWNS | (slow->before ? 0 : CLONE_NEWNET)),
	     "an ordinary user's namespaces");
	must_put("/proc/self/setgroups", "deny");
	must_put("/proc/self/uid_map", "0 65534 1");
	must_put("/proc/self/gid_map", "0 65534 1");
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100666,user_id=0,group_id=0", fuse);
	must(fuse >= 0 && !mount("fuse", PLACE, "fuse", 0, options), "mount a file of FUSE");
	return fuse;
}

static void read_into_it(const struct slow *slow)
{
	int to = open(PLACE, O_RDWR | O_CLOEXEC), from = open(slow->path, slow->writes ? O_WRONLY : O_RDONLY);
	struct stat stat;
	void *page;

	/* the kernel learns how long the file is */
	must(to >= 0 && from >= 0 && !fstat(to, &stat) && stat.st_size == PAGE, slow->path);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, to, 0);
	must(page != MAP_FAILED, "mmap");
	must((slow->writes ? write(from, page, 1) : slow->lists ? syscall(SYS_getdents64, from, page, PAGE) :
	      read(from, page, PAGE)) < 0, "the page came");
	_exit(0);
}

static void be_user(const struct slow *slow, int tell)
{
	int fuse = mount_file(slow);
	pid_t reader = fork();

	if (!reader) {
		close(fuse);
		read_into_it(slow);
	}
	must(reader > 0 && write(tell, &reader, sizeof(reader)) == sizeof(reader), "a reader");
	serve(fuse, tell);
}

static struct user begin(const struct slow *slow)
{
	struct user user;
	char octet;
	int tell[2];

	must(!pipe2(tell, O_CLOEXEC), "pipe");
	fflush(NULL);
	user.server = fork();
	if (!user.server)
		be_user(slow, tell[1]);
	close(tell[1]);
	user.told = tell[0];
	must(read(user.told, &user.reader, sizeof(user.reader)) == sizeof(user.reader) &&
	     read(user.told, &octet, 1) == 1, "a user");
	return user;
}

/* Without its server the file ends, and the call fails. */
static void end(struct user *user)
{
	must(!kill(user->server, SIGKILL) && waitpid(user->server, NULL, 0) == user->server, "the server");
	close(user->told);
}

/* Does xtcp-holders name the process? */
static bool holders_name(pid_t pid)
{
	FILE *pipe = popen("scripts/tools/xtcp-holders 2>&1", "re");
	char line[256], word[16];
	bool found = false;

	must(pipe, "xtcp-holders");
	snprintf(word, sizeof(word), "%7d ", pid);
	while (fgets(line, sizeof(line), pipe)) {
		found |= !strncmp(line, word, strlen(word)) && strstr(line, "reads /proc/net/xtcp");
		ksft_print_msg("%s", line);
	}
	return !pclose(pipe) && found;
}

static void read_slowly(const struct slow *slow)
{
	struct user user = begin(slow);
	pid_t rmmod;
	int said;

	ksft_test_result(module_set(XTCP, "name", "xtcp") == (slow->lists ? 0 : EBUSY),
			 "%s: nothing waits for him to change the name\n", slow->path);
	said = module_unload_apart(&rmmod);
	ksft_print_msg("%s: rmmod: %d\n", slow->path, said);
	if (slow->holds) {
		ksft_test_result(said == EWOULDBLOCK, "%s: unloading says \"in use\"\n", slow->path);
		ksft_test_result(holders_name(user.reader), "%s: the reader is named\n", slow->path);
	} else {
		ksft_test_result(said < 0, "%s: unloading waits for the writer\n", slow->path);
	}
	end(&user);
	if (rmmod)
		must(waitpid(rmmod, NULL, 0) == rmmod, "rmmod");
	ksft_test_result(WAIT_FOR(!module_is_loaded() || !module_unload_now(), STACK_DEADLINE_MS),
			 "%s: when he has gone the module goes\n", slow->path);
	must(!module_load("") && !module_set(XTCP, "name", "xtcp"), "the module");
}

static void only_open(void)
{
	int fd = open("/proc/self/net/xtcp", O_RDONLY | O_CLOEXEC), said;
	char text[PAGE];
	pid_t rmmod;

	must(fd >= 0 && read(fd, text, sizeof(text)) > 0, "/proc/net/xtcp");
	said = module_unload_apart(&rmmod);
	ksft_print_msg("rmmod: %d\n", said);
	ksft_test_result(!said && read(fd, text, sizeof(text)) < 0,
			 "an open file that nobody reads keeps nobody from unloading\n");
	close(fd);
	must(!module_load(""), "the module");
}

int main(void)
{
	int i, count = 1, fd;

	ksft_print_header();
	/* as every distribution has them */
	if (system("modprobe -q fuse") || chmod("/dev/fuse", 0666))
		ksft_exit_skip("this kernel has no FUSE\n");
	fd = open(PLACE, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	must(fd >= 0 && !fchmod(fd, 0666), PLACE);
	close(fd);
	for (i = 0; i < SLOWS; i++)
		count += slows[i].holds ? 4 : 3;
	ksft_set_plan(count);
	only_open();
	for (i = 0; i < SLOWS; i++)
		read_slowly(&slows[i]);
	unlink(PLACE);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
