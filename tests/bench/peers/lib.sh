#!/usr/bin/env bash
# lib.sh -- what the scripts that run a server for the benchmark share.
#
# A peer's script is called as
#	NAME.sh install              install the server from Debian, without starting a service
#	NAME.sh version              print its version
#	NAME.sh start DIR PORT       start a private instance that writes below DIR only
#	NAME.sh pid DIR              print the process whose costs count
#	NAME.sh database DIR         print its database's process, or nothing
#	NAME.sh stop DIR             stop it and wait until it is gone
# PORT is plain TCP, PORT+1 is STARTTLS, PORT+2 is direct TLS, PORT+3 is HTTP with BOSH at
# /http-bind, all on 127.0.0.1.  Data below DIR
# survives a stop, so accounts are made once.  All peers use the same certificate (EC P-256),
# SCRAM only, in-band registration without limits, no archive, no rate limits, warnings in the
# log and nothing else, and modules that do the same things.
#
# ARCHIVE=mariadb in the environment: every message is archived for both sides, in rooms for the
# room, in a private MariaDB instance below DIR (its process: NAME.sh database DIR) that commits to
# disk.  ARCHIVE=sqlite: only Bongsu, in its own SQLite file.

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

# The same for all: room for the pages in use, and each commit on disk.  DATABASE_POOL and
# DATABASE_OPTIONS in the environment say otherwise.
database_options=(--innodb-buffer-pool-size="${DATABASE_POOL:-1G}" --innodb-log-file-size=1G
	--innodb-flush-log-at-trx-commit=1 --innodb-flush-method=O_DIRECT --max-connections=200)
read -ra database_more <<<"${DATABASE_OPTIONS:-}"

mariadb_script=$(cd "$(dirname "$0")/../../../contrib" && pwd -P)/mariadb

# start_database DIR PORT: on 127.0.0.1, with the database bongsu and the user bench, once
start_database()
{
	local i
	command -v mariadbd >/dev/null || install_debian mariadb-server-core mariadb-client-core
	"$mariadb_script" init "$1" || return 1
	setsid "$mariadb_script" serve "$1" "${database_options[@]}" "${database_more[@]}" \
		--skip-networking=0 \
		--bind-address=127.0.0.1 --port="$2" </dev/null >/dev/null 2>&1 &
	echo $! >"$1/database.pid"
	for ((i = 0; i < 600; i++)); do
		database_sql "$1" -e 'SELECT 1' >/dev/null 2>&1 && break
		sleep 0.1
	done
	"$mariadb_script" ready "$1" >"$1/store" || return 1
	database_sql "$1" -e "CREATE USER IF NOT EXISTS bench@127.0.0.1 IDENTIFIED BY 'bench';
		GRANT ALL ON bongsu.* TO bench@127.0.0.1"
}

# database_sql DIR ARGUMENT...
database_sql()
{
	"$mariadb_script" sql "$@"
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
	database) cat "$2/database/database.pid" 2>/dev/null || true ;;
	stop)
		stop_pid "$2/server.pid"
		stop_pid "$2/database/database.pid"
		;;
	*) die "usage: install | version | start DIR PORT | pid DIR | database DIR | stop DIR" ;;
	esac
}
