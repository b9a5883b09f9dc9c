#!/usr/bin/env bash
# Sees to it that there is a Secret Service to test with: takes the one there is,
# installs Debian's where that can be done, and otherwise says what to do.
set -euo pipefail
if [ "$(uname)" != Linux ] || { command -v gnome-keyring-daemon && command -v dbus-daemon; } >/dev/null; then
	exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	exec apt-get install -y -qq --no-install-recommends gnome-keyring dbus-daemon
fi
cat >&2 <<'MESSAGE'
GNOME Keyring is needed to test package keychain, and was not found. Install it
and D-Bus (Debian and Ubuntu: apt-get install gnome-keyring dbus-daemon).
MESSAGE
exit 1
