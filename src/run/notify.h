/*
 * notify.h -- tells the supervisor (systemd's sd_notify protocol) how the server is.
 *
 * Runs on: main.
 */
#ifndef RUN_NOTIFY_H
#define RUN_NOTIFY_H

#include <stdbool.h>

/* One datagram to the socket in NOTIFY_SOCKET, such as "READY=1\nSTATUS=...".  False if nobody
 * listens; that is no fault. */
bool notify_send(const char *state);
/* RELOADING=1 with the time that systemd asks for. */
bool notify_reloading(void);

#endif
