#!/usr/bin/env bash
# prosody.sh -- run Prosody for the benchmark; see lib.sh.
#
# Prosody has one kind of client port besides direct TLS: STARTTLS is offered, not required, so
# PORT serves plain clients and PORT+1 those that use STARTTLS.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

peer_install()
{
	command -v prosody >/dev/null && dpkg -s lua-dbi-mysql >/dev/null 2>&1 && return
	install_debian prosody lua-sec lua-dbi-mysql
	disable_service prosody
}

peer_version()
{
	echo "Prosody $(dpkg-query -W -f '${Version}' prosody) on $(lua5.4 -v 2>&1 | cut -d' ' -f1,2)"
}

# DIR and PORT: the words of the configuration that depend on the archive
archive_words()
{
	storage='"internal"' sql='' mam='' muc_mam='' logging=false
	[ "${ARCHIVE:-none}" != none ] || return 0
	start_database "$1/database" $(($2 + 10)) || return 1
	storage='{ archive = "sql"; muc_log = "sql" }'
	sql="sql = { driver = 'MySQL', database = 'bongsu', username = 'bench', password = 'bench', host = '127.0.0.1', port = $(($2 + 10)) }"
	mam='"mam"' muc_mam='"muc_mam"' logging=true
}

write_config()
{
	cat <<-END
	run_as_root = true
	pidfile = "$1/prosody.pid"
	data_path = "$1/data"
	log = { warn = "$1/prosody.log" }
	network_backend = "epoll"
	network_settings = { tcp_backlog = 1024 }
	storage = $storage
	$sql
	default_archive_policy = true
	archive_expires_after = "never"
	authentication = "internal_hashed"
	default_iteration_count = 4096
	disable_sasl_mechanisms = { "PLAIN", "DIGEST-MD5" }
	allow_registration = true
	c2s_require_encryption = false
	interfaces = { "127.0.0.1" }
	c2s_ports = { $2, $(($2 + 1)) }
	c2s_direct_tls_ports = { $(($2 + 2)) }
	c2s_direct_tls_ssl = { certificate = "$1/cert.pem"; key = "$1/key.pem" }
	ssl = { certificate = "$1/cert.pem"; key = "$1/key.pem" }
	http_ports = { $(($2 + 3)) }
	https_ports = { }
	http_interfaces = { "127.0.0.1" }
	c2s_stanza_size_limit = 1048576
	modules_enabled = {
		"blocklist", "bosh", "disco", "lastactivity", "ping", "posix", "private", "register",
		"roster", "saslauth", "time", "tls", "vcard", "version", $mam
	}
	modules_disabled = { "s2s", "s2s_auth_certs" }
	VirtualHost "localhost"
	Component "conference.localhost" "muc"
		restrict_room_creation = false
		modules_enabled = { $muc_mam }
		muc_log_by_default = $logging
		max_history_messages = 0
	END
}

peer_start()
{
	mkdir -p "$1/data"
	archive_words "$1" "$2" || return 1
	write_config "$1" "$2" >"$1/prosody.cfg.lua"
	HOME=$1 setsid prosody -F --config "$1/prosody.cfg.lua" </dev/null >"$1/console" 2>&1 &
	echo $! >"$1/server.pid"
	wait_port $(($2 + 2)) "$(cat "$1/server.pid")"
}

peer_main "$@"
