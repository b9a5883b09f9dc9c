#!/usr/bin/env bash
# Sees to it that there are a WebKitGTK and a Firefox to test with: takes those
# there are, installs Debian's where that can be done, and otherwise says what
# to do.
set -euo pipefail
missing=()
command -v WebKitWebDriver >/dev/null || missing+=(webkit2gtk-driver)
command -v Xvfb >/dev/null || missing+=(xvfb)
firefox=
for name in "${FIREFOX:-}" firefox-esr firefox /Applications/Firefox.app/Contents/MacOS/firefox; do
	if [ -n "$name" ] && command -v "$name" >/dev/null; then
		firefox=$name
		break
	fi
done
[ -n "$firefox" ] || missing+=(firefox-esr)
if [ ${#missing[@]} = 0 ]; then
	exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	exec apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
cat >&2 <<MESSAGE
To run the tests in WebKitGTK and Firefox these are missing, by their names in
Debian: ${missing[*]}. Install them (as root: apt-get install ${missing[*]}).
Elsewhere it takes WebKitWebDriver with its MiniBrowser, Xvfb and Firefox; the
environment variable FIREFOX may name the executable of the last. There is no
WebKitGTK for macOS and Windows.
MESSAGE
exit 1
