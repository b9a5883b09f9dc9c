#!/usr/bin/env bash
# Sees to it that there is a Redis to test with: takes the one there is, installs
# Debian's where that can be done, and otherwise says what to do.
set -euo pipefail
for name in "${REDIS_SERVER:-}" redis-server valkey-server; do
	if [ -n "$name" ] && command -v "$name" >/dev/null; then
		exit 0
	fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	exec apt-get install -y -qq --no-install-recommends redis-server
fi
cat >&2 <<'MESSAGE'
Redis is needed to test package redis, and was not found. Install Redis or Valkey
(Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis), or
name its executable in the environment variable REDIS_SERVER.
MESSAGE
exit 1
