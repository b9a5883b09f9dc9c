#!/usr/bin/env bash
# Sees to it that there is a Chromium to test with: takes the one there is,
# installs Debian's where that can be done, and otherwise says what to do. Beside
# Debian's, the same engine without the browser around it, which is not needed.
set -euo pipefail
install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "$@"
}
candidate() { apt-cache policy "$1" 2>/dev/null | grep 'Candidate: [0-9]' >/dev/null; } # all of it is read: grep -q fails the pipe
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable chrome \
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
	if [ -n "$name" ] && command -v "$name" >/dev/null; then
		if [ "$name" = chromium ] && ! command -v chromium-headless-shell >/dev/null && may_install; then
			# A fresh machine may have no lists of packages yet.
			candidate chromium-headless-shell || apt-get update -qq >&2 || true
			if candidate chromium-headless-shell; then install chromium-headless-shell >&2 || true; fi
		fi
		exit 0
	fi
done
if may_install; then
	apt-get update -qq
	install chromium
	exec "$0"
fi
cat >&2 <<'MESSAGE'
Chromium is needed to run the tests in a browser, and was not found. Install
Chromium or Google Chrome (Debian and Ubuntu: apt-get install chromium; macOS:
brew install --cask chromium), or name its executable in the environment
variable CHROMIUM.
MESSAGE
exit 1
