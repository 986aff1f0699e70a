#!/usr/bin/env bash
# ejabberd.sh -- run ejabberd for the benchmark; see lib.sh.
#
# Started with erl directly and without Erlang's distribution, so that no epmd and no second
# node is needed; the options are those of Debian's ejabberdctl.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

peer_install()
{
	command -v ejabberdctl >/dev/null && dpkg -s erlang-p1-mysql >/dev/null 2>&1 && return
	install_debian ejabberd erlang-p1-mysql
	disable_service ejabberd
}

peer_version()
{
	echo "ejabberd $(dpkg-query -W -f '${Version}' ejabberd) on Erlang $(dpkg-query -W -f '${Version}' erlang-base)"
}

archive=false
[ "${ARCHIVE:-none}" = none ] || archive=true

listener()
{
	cat <<-END
	  - port: $1
	    ip: "127.0.0.1"
	    module: ejabberd_c2s
	    max_stanza_size: 1048576
	    shaper: none
	    access: all
	    backlog: 1024
	END
	shift
	printf '    %s\n' "$@"
}

write_config()
{
	cat <<-END
	loglevel: warning
	hosts: [localhost]
	certfiles: ["$1/both.pem"]
	auth_method: internal
	auth_password_format: scram
	disable_sasl_mechanisms: [digest-md5, X-OAUTH2, plain]
	registration_timeout: infinity
	cache_size: 50000
	shaper: {}
	shaper_rules:
	  max_user_sessions: 1000
	  max_user_offline_messages: 1000
	listen:
	END
	listener "$2"
	listener $(($2 + 1)) "starttls: true"
	listener $(($2 + 2)) "tls: true"
	cat <<-END
	  - port: $(($2 + 3))
	    ip: "127.0.0.1"
	    module: ejabberd_http
	    request_handlers: {/http-bind: mod_bosh}
	modules:
	  mod_bosh: {}
	  mod_blocking: {}
	  mod_caps: {}
	  mod_disco: {}
	  mod_last: {}
	  mod_offline:
	    access_max_user_messages: max_user_offline_messages
	  mod_ping: {}
	  mod_privacy: {}
	  mod_private: {}
	  mod_register:
	    access: all
	    ip_access: all
	    password_strength: 0
	  mod_roster:
	    versioning: true
	  mod_muc:
	    access_create: all
	    history_size: 0
	    max_users: 200
	    default_room_options: {mam: $archive}
	  mod_time: {}
	  mod_vcard: {}
	  mod_version: {}
	END
	[ "$archive" = true ] || return 0
	cat <<-END
	  mod_mam:
	    db_type: sql
	    default: always
	    request_activates_archiving: false
	    assume_mam_usage: true
	sql_type: mysql
	sql_server: 127.0.0.1
	sql_port: $(($2 + 10))
	sql_database: bongsu
	sql_username: bench
	sql_password: bench
	default_db: mnesia
	END
}

peer_start()
{
	mkdir -p "$1/mnesia" "$1/log"
	if [ "$archive" = true ]; then
		start_database "$1/database" $(($2 + 10)) || return 1
		database_sql "$1/database" bongsu -e 'SELECT 1 FROM archive LIMIT 1' >/dev/null 2>&1 ||
			database_sql "$1/database" bongsu <"$(dpkg -L ejabberd | grep '/sql/mysql.sql$')"
	fi
	write_config "$1" "$2" >"$1/ejabberd.yml"
	EJABBERD_CONFIG_PATH=$1/ejabberd.yml EJABBERD_LOG_PATH=$1/log/ejabberd.log \
	ERL_CRASH_DUMP=/dev/null ERL_MAX_PORTS=32000 ERL_MAX_ETS_TABLES=1400 \
	ERL_LIBS=/usr/lib/x86_64-linux-gnu HOME=$1 \
		setsid erl +K true +P 250000 -noinput -mnesia dir "\"$1/mnesia\"" -s ejabberd \
		</dev/null >"$1/log/console" 2>&1 &
	echo $! >"$1/server.pid"
	wait_port $(($2 + 2)) "$(cat "$1/server.pid")"
}

peer_main "$@"
