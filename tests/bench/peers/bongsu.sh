#!/usr/bin/env bash
# bongsu.sh -- run Bongsu for the benchmark; see lib.sh.
#
# BONGSUD is the server (default: bongsud in the build folder BUILD, or in the current one),
# BONGSU_WORKERS its number of workers (default: one a core), BONGSU_STORE its store block.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

bongsud=${BONGSUD:-${BUILD:-$PWD}/bongsud}

peer_install()
{
	[ -x "$bongsud" ] || die "no $bongsud; build it first, or set BONGSUD"
}

peer_version()
{
	"$bongsud" --version | head -n 1
}

archive=${ARCHIVE:-none}

# DIR: the value of "store"
store()
{
	if [ "$archive" = mariadb ]; then
		cat "$1/database/store"
	else
		echo "${BONGSU_STORE:-{driver: sqlite\}}"
	fi
}

write_config()
{
	cat <<-END
	hosts: [localhost]
	data_dir: "$1/data"
	store: $(store "$1")
	workers: ${BONGSU_WORKERS:-0}
	tls: {certificate: "$1/cert.pem", key: "$1/key.pem"}
	listen:
	  - {service: c2s, address: 127.0.0.1, port: $2, starttls: off}
	  - {service: c2s, address: 127.0.0.1, port: $(($2 + 1)), starttls: required}
	  - {service: c2s, address: 127.0.0.1, port: $(($2 + 2)), tls: direct}
	  - {service: http, address: 127.0.0.1, port: $(($2 + 3))}
	c2s:
	  max_connections_per_address: 0
	  bytes_per_second: 0
	  stanzas_per_second: 0
	log: {level: warn}
	modules:
	  register: {open: true, per_hour: 0}
	END
	[ "$archive" != none ] || echo "  mam: false"
}

peer_start()
{
	mkdir -p "$1/data"
	if [ "$archive" = mariadb ]; then start_database "$1/database" $(($2 + 10)) || return 1; fi
	write_config "$1" "$2" >"$1/bongsu.yml"
	setsid "$bongsud" --config "$1/bongsu.yml" </dev/null >"$1/console" 2>&1 &
	echo $! >"$1/server.pid"
	wait_port $(($2 + 2)) "$(cat "$1/server.pid")"
}

peer_main "$@"
