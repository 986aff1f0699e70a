#!/usr/bin/env bash
# lib.sh -- what the scripts that run a server for the benchmark share.
#
# A peer's script is called as
#	NAME.sh install              install the server from Debian, without starting a service
#	NAME.sh version              print its version
#	NAME.sh start DIR PORT       start a private instance that writes below DIR only
#	NAME.sh pid DIR              print the process whose costs count
#	NAME.sh stop DIR             stop it and wait until it is gone
# PORT is plain TCP, PORT+1 is STARTTLS, PORT+2 is direct TLS, all on 127.0.0.1.  Data below DIR
# survives a stop, so accounts are made once.  All peers use the same certificate (EC P-256),
# SCRAM only, in-band registration without limits, no archive, no rate limits, warnings in the
# log and nothing else, and modules that do the same things.

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# make_certificate DIR: a key and a certificate for localhost, once
make_certificate()
{
	[ -s "$1/cert.pem" ] && return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost \
		-keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null || die "no certificate"
	cat "$1/cert.pem" "$1/key.pem" >"$1/both.pem"
	chmod 600 "$1/key.pem" "$1/both.pem"
}

# wait_port PORT PID: until something listens, the process ends or a minute is over
wait_port()
{
	local i
	for ((i = 0; i < 600; i++)); do
		kill -0 "$2" 2>/dev/null || return 1
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

# stop_pid FILE: ask the process in FILE to end, insist after 30 s
stop_pid()
{
	local i pid
	[ -s "$1" ] || return 0
	pid=$(cat "$1")
	kill "$pid" 2>/dev/null
	for ((i = 0; i < 300; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null
	rm -f "$1"
}

# install_debian PACKAGE...: without starting or enabling their services
install_debian()
{
	local policy=/usr/sbin/policy-rc.d made='' p
	[ "$(id -u)" = 0 ] || die "installing needs root"
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		made=1
	fi
	if ! DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
	fi
	p=$?
	[ -n "$made" ] && rm -f $policy
	[ $p = 0 ] || die "cannot install $*"
}

# disable_service NAME: a package that was just installed must not start at the next boot either
disable_service()
{
	command -v systemctl >/dev/null && systemctl disable -q "$1" 2>/dev/null
	return 0
}

# peer_main "$@": the command line of every peer's script
peer_main()
{
	ulimit -n "$(ulimit -Hn)"
	case ${1:-} in
	install) peer_install ;;
	version) peer_version ;;
	start)
		[ $# = 3 ] || die "usage: start DIR PORT"
		mkdir -p "$2" && cd "$2" || exit 1
		make_certificate "$PWD"
		peer_start "$PWD" "$3" || die "did not start; see $PWD"
		;;
	pid) cat "$2/server.pid" ;;
	stop) stop_pid "$2/server.pid" ;;
	*) die "usage: install | version | start DIR PORT | pid DIR | stop DIR" ;;
	esac
}
