#!/usr/bin/env bash
# Installs the npm packages that the package-lock.json of each folder given
# names, unless they are there: packages that tests run, and that no user of
# this module gets.
set -euo pipefail
if ! command -v npm >/dev/null || [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -lt 20 ]; then
	echo "Node.js 20 or newer, with npm, is needed to run the tests against packages from npm: https://nodejs.org/" >&2
	exit 1
fi
for folder in "$@"; do
	if ! [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
		# npm ci refuses a lockfile that lacks packages for other machines than
		# this, which not every registry has.
		npm install --no-save --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error
		touch "$folder/node_modules/.package-lock.json"
	fi
done
