#!/usr/bin/env bash
# Sees to it that there is a Chromium to test with: takes the one there is,
# installs Debian's where that can be done, and otherwise says what to do.
set -euo pipefail
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable chrome \
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
	if [ -n "$name" ] && command -v "$name" >/dev/null; then
		exit 0
	fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	exec apt-get install -y -qq --no-install-recommends chromium
fi
cat >&2 <<'MESSAGE'
Chromium is needed to run the tests in a browser, and was not found. Install
Chromium or Google Chrome (Debian and Ubuntu: apt-get install chromium; macOS:
brew install --cask chromium), or name its executable in the environment
variable CHROMIUM.
MESSAGE
exit 1
