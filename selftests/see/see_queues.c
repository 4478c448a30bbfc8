// SPDX-License-Identifier: GPL-2.0
/* What the tracepoint xtcp_queue says of a listener's queues, step by step, with kernel TCP as the peer. */
#include "see.h"
#include "test.h"

#define EVENT		"events/xtcp/xtcp_queue/"
#define BACKLOG		1		/* each queue holds one more */
#define CLIENTS		3

/* A listener that goes through the steps, and what has come to it. */
struct scene {
	const struct see_view *view;
	const char *a;			/* kernel TCP's address */
	unsigned int port;
	int listener;
	int client[CLIENTS];
	int clients;
	unsigned int next_hole_port;
};

struct step {
	const char *what;
	void (*act)(struct scene *scene);
	const char *want;		/* all its events, in order: queue, old and new length, reason */
};

/* Does not wait: the events say what becomes of it. */
static void connect_one(struct scene *scene)
{
	int fd = see_must(stack_socket(see_net.a, KERNEL, scene->view->b), "socket");

	see_must(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	CHECK(!stack_connect(fd, scene->view->b, scene->port) || errno == EINPROGRESS, "%s", strerror(errno));
	scene->client[scene->clients++] = fd;
}

static void accept_one(struct scene *scene)
{
	close(see_must(accept(scene->listener, NULL, NULL), "accept"));
}

static void syn_from_nobody(struct scene *scene)
{
	see_send_syn(scene->view, scene->view->hole, scene->next_hole_port++, scene->port);
}

/* The SYN queue is full with one less. */
static void greater_limit(struct scene *scene)
{
	see_must(listen(scene->listener, BACKLOG + 1), "listen");
	syn_from_nobody(scene);
}

/* Kernel TCP there did not send it, and resets what answers it. */
static void syn_in_the_name_of_a(struct scene *scene)
{
	see_send_syn(scene->view, scene->a, 998, scene->port);
}

static void close_listener(struct scene *scene)
{
	close(scene->listener);
}

static const struct step steps[] = {
	{ "a handshake", connect_one, "syn 0 1 arrived; accept 0 1 completed; syn 1 0 completed; " },
	{ "a second one", connect_one, "syn 0 1 arrived; accept 1 2 completed; syn 1 0 completed; " },
	{ "the accept queue is full", syn_from_nobody, "accept 2 2 refused; syn 0 0 refused; " },
	{ "accept()", accept_one, "accept 2 1 accepted; " },
	{ "accept()", accept_one, "accept 1 0 accepted; " },
	{ "a peer that resets", syn_in_the_name_of_a, "syn 0 1 arrived; syn 1 0 reset; " },
	{ "a silent peer", syn_from_nobody, "syn 0 1 arrived; " },
	{ "another one", syn_from_nobody, "syn 1 2 arrived; " },
	{ "the SYN queue is full: a cookie", connect_one, "syn 2 2 cookie; accept 0 1 completed; " },
	{ "a SYN more", syn_from_nobody, "syn 2 2 cookie; " },
	{ "a greater limit", greater_limit, "syn 2 3 arrived; " },
	{ "which is reached", syn_from_nobody, "syn 3 3 cookie; " },
	{ "close()", close_listener, "accept 1 0 closed; syn 3 2 closed; syn 2 1 closed; syn 1 0 closed; " },
};

/* Each event says for whom; the whole accept queue goes at once, with all its peers. */
static bool names_its_peer(const char *peer, const char *queue, const char *reason)
{
	const char *port = strrchr(peer, ':');
	bool all_go = !strcmp(queue, "accept") && !strcmp(reason, "closed");

	return port && !strcmp(port, ":0") == all_go;
}

/* The events of the scene's listener since they were last forgotten. */
static const char *events(const struct scene *scene)
{
	char line[512], local[80], peer[80], queue[16], reason[16], *at;
	bool v6 = strchr(scene->view->b, ':');
	FILE *file = tracing_open();
	unsigned int old, new;
	static char text[1024];
	size_t len = 0;

	snprintf(local, sizeof(local), "local=%s%s%s:%u peer=", v6 ? "[" : "", scene->view->b, v6 ? "]" : "",
		 scene->port);
	text[0] = 0;
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "xtcp_queue:");
		at = at ? strstr(at, local) : NULL;
		if (!at || len > sizeof(text) - 80 ||
		    sscanf(at + strlen(local), "%79s queue=%15s old=%u new=%u reason=%15s", peer, queue, &old, &new,
			   reason) != 5)
			continue;
		CHECK(names_its_peer(peer, queue, reason), "peer %s in %s", peer, line);
		len += snprintf(text + len, sizeof(text) - len, "%s %u %u %s; ", queue, old, new, reason);
	}
	fclose(file);
	return text;
}

static void take(const struct step *step, struct scene *scene, char *want, size_t size)
{
	size_t len = strlen(want);

	snprintf(want + len, size - len, "%s", step->want);
	step->act(scene);
	CHECK(WAIT_FOR(strlen(events(scene)) >= strlen(want), SOON) && !strcmp(events(scene), want),
	      "%s: events \"%s\", due: \"%s\"", step->what, events(scene), want);
}

/* A result: the events of both queues, in their order, with their lengths. */
void see_queues(const struct see_view *view)
{
	struct scene scene = { .view = view, .port = see_new_port(), .next_hole_port = 1000 };
	char want[1024] = "";
	unsigned int i;

	scene.a = view == XTCP4 ? NS_A4 : NS_A6;
	tracing_start("queues");
	tracing_set("trace_clock", "global");
	tracing_set(EVENT "enable", "1");
	scene.listener = see_must(stack_bound(see_net.b, XTCP, view->b, scene.port, false), "bind");
	see_must(listen(scene.listener, BACKLOG), "listen");
	for (i = 0; i < sizeof(steps) / sizeof(*steps) && !see_problems; i++)
		take(&steps[i], &scene, want, sizeof(want));
	/* nothing came late */
	CHECK(see_problems || !strcmp(events(&scene), want), "events \"%s\", due: \"%s\"", events(&scene), want);
	if (see_problems)
		close(scene.listener);
	while (scene.clients)
		close(scene.client[--scene.clients]);
	tracing_set(EVENT "enable", "0");
	tracing_stop();
	see_report("the events of a listener's queues", view->name);
}
