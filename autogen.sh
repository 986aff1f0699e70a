#!/bin/sh
# Make ./configure from configure.ac. Needed once after a checkout; make repeats it when needed.
set -eu
cd "$(dirname "$0")"
for tool in autoreconf automake pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: $tool is missing (Debian packages: autoconf automake pkg-config)" >&2
		exit 1
	}
done
exec autoreconf --force --install "$@"
