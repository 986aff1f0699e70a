/*
 * serve.c -- the main thread while the server runs.
 *
 * It sleeps until a signal comes or a worker asks for something, and does that to the end before
 * the next.  A reload either replaces the configuration as a whole or changes nothing.
 *
 * Runs on: main.
 */
#include "boot.h"

#include "base/buf.h"
#include "base/log.h"
#include "home/home.h"
#include "home/session.h"
#include "hook/hook.h"
#include "run/control.h"
#include "run/notify.h"
#include "stream/c2s.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How long a count of repeated log lines may wait to be written. */
#define FLUSH_EVERY 5000

/* ---- Reload ------------------------------------------------------------------------ */

/* Lines of a reload go to the log and to whoever asked. */
struct report {
	struct buf *lines;
	bool faults;
};

static void
tell(const char *line, void *ctx)
{
	struct report *r = ctx;

	if (r->faults)
		log_error(AREA_SERVER, NULL, "%s", line);
	else
		log_info(AREA_SERVER, NULL, "reloaded %s", line);
	buf_printf(r->lines, "%s\n", line);
}

struct change {
	struct config *was, *is;
};

/* On each worker, between two turns: what goes is told while all is still as it was. */
static void
change_over(struct worker *w, void *arg)
{
	const struct change *change = arg;
	struct config_event ev = { { w, NULL }, change->was, change->is };

	for (size_t i = 0; i < change->was->hosts_count; i++) {
		ev.head.host = change->was->hosts[i];
		(void)hook_config_changing(&ev); /* nothing to stop */
	}
	sessions_leave(w, change->is);
	config_adopt(w, change->is);
	homes_leave(w);
	for (size_t i = 0; i < change->is->hosts_count; i++) {
		ev.head.host = change->is->hosts[i];
		(void)hook_config_reloaded(&ev);
	}
	ev.head.host = NULL;
	(void)hook_config_reloaded(&ev);
	c2s_reloaded(w);
}

/* Puts a new configuration in force. */
static void
replace(struct server *s, struct config *c, struct report *r)
{
	struct config *was = s->config;
	struct change change = { was, c };
	struct err e;

	if (!boot_log(&c->log, &e))
		log_error(AREA_SERVER, NULL, "log stays where it is: %s", e.text);
	r->faults = false;
	config_diff(was, c, tell, r);
	s->config = c;
	workers_each(change_over, &change);
	config_unref(&was);
}

static bool
reload(struct server *s, struct buf *lines)
{
	struct report r = { lines, true };
	struct config *c;

	(void)notify_reloading();
	c = boot_load(s->path, tell, &r);
	if (c)
		replace(s, c, &r);
	if (c)
		log_info(AREA_SERVER, NULL, "reloaded %s", s->path);
	else
		log_error(AREA_SERVER, NULL, "kept the old configuration");
	(void)notify_send("READY=1");
	return c != NULL;
}

static bool
reopen_log(struct buf *lines)
{
	struct err e;

	log_flush();
	if (log_reopen(&e)) {
		log_info(AREA_SERVER, NULL, "reopened the log");
		return true;
	}
	log_error(AREA_SERVER, NULL, "log stays where it is: %s", e.text);
	buf_printf(lines, "%s\n", e.text);
	return false;
}

/* ---- Signals and requests ------------------------------------------------------------ */

/* True: go on. */
static bool
on_signal(struct server *s, int fd)
{
	struct signalfd_siginfo info;
	struct buf lines = BUF_INIT;
	bool go_on = true;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	switch (info.ssi_signo) {
	case SIGHUP:
		(void)reload(s, &lines);
		break;
	case SIGUSR1:
		(void)reopen_log(&lines);
		break;
	default:
		log_info(AREA_SERVER, NULL, "stopping on %s",
			info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
		go_on = false;
		break;
	}
	buf_fini(&lines);
	return go_on;
}

/* True: go on. */
static bool
on_request(struct server *s)
{
	struct control *c = control_take();
	bool go_on = true, ok = true;

	if (!c)
		return true;
	switch (c->what) {
	case CONTROL_RELOAD:
		ok = reload(s, &c->lines);
		break;
	case CONTROL_REOPEN_LOG:
		ok = reopen_log(&c->lines);
		break;
	case CONTROL_STOP:
		log_info(AREA_SERVER, NULL, "stopping on request");
		go_on = false;
		break;
	case CONTROL_RESTART:
		log_info(AREA_SERVER, NULL, "restarting on request");
		s->again = true;
		go_on = false;
		break;
	}
	control_answer(c, ok);
	return go_on;
}

sigset_t
serve_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGUSR1);
	return set;
}

bool
serve(struct server *s, struct err *e)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .fd = control_fd(), .events = POLLIN } };
	sigset_t set = serve_signals();
	bool go_on = true;

	fds[0].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[0].fd < 0)
		return err_errno(e, "signalfd");
	while (go_on) {
		int ready = poll(fds, COUNT(fds), FLUSH_EVERY);

		if (ready <= 0)
			log_flush();
		else if (fds[0].revents)
			go_on = on_signal(s, fds[0].fd);
		else if (fds[1].revents)
			go_on = on_request(s);
	}
	(void)close(fds[0].fd);
	if (s->again)
		(void)notify_reloading(); /* READY=1 follows from the program that comes */
	else
		(void)notify_send("STOPPING=1");
	return true;
}
