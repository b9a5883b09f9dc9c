#!/usr/bin/env bash
# Sees to it that there is a TinyGo, and prints the path of its wasm_exec.js and,
# a word on each line, the command that compiles with it for the browser. Takes
# the one on PATH, if that is of the version in go.mod. Otherwise builds the one
# of go.mod against the LLVM of Debian, into the folder bin/tinygo of the project.
#
# The module's zip has no wasi-libc and no compiler-rt, and its target names
# features that LLVM 19 does not know: hence a target of our own, over Debian's.
set -euo pipefail

# A panic is a trap: what it would print is of no use to a page, and costs as much
# as all of package time.
flags=(-no-debug -opt=z -panic=trap)
here=$(cd "$(dirname "$0")" && pwd)
version=$(cd "$here" && go list -m -f '{{.Version}}' github.com/tinygo-org/tinygo)
if command -v tinygo >/dev/null && [[ "$(tinygo version)" == "tinygo version ${version#v} "* ]]; then
	printf '%s\n' "$(tinygo env TINYGOROOT)/targets/wasm_exec.js" tinygo build -target=wasm "${flags[@]}" -stack-size=64KB
	exit
fi
bin=$(cd "$here/../.." && pwd)/bin/tinygo
mkdir -p "$(dirname "$bin")"
if command -v flock >/dev/null; then # two builds at a time would be at the same folder
	exec 9>"$bin.lock"
	flock 9
fi
made=$version-$(cat "$here/ensure.sh" "$here"/*.patch "$here/who-waits.js" "$here/context/context.go" | cksum | cut -d ' ' -f 1)
if [ ! -e "$bin/$made" ]; then
	libc=/usr/lib/wasm32-wasi/libc.a
	builtins=/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a
	if ! [ -e "$libc" ] || ! [ -e "$builtins" ] || ! [ -x /usr/bin/wasm-ld-19 ] || ! [ -x /usr/bin/llvm-config-19 ] || ! [ -x /usr/bin/clang-19 ] || ! command -v g++ >/dev/null || ! command -v npm >/dev/null || ! command -v patch >/dev/null; then
		packages=(g++ llvm-19-dev libclang-19-dev clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc libpolly-19-dev patch)
		# Debian's npm conflicts with a Node.js that brings its own.
		command -v npm >/dev/null || packages+=(npm)
		if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
			echo "TinyGo is needed, and was not found. Install it (https://tinygo.org/getting-started/install/)," >&2
			echo "or, on Debian or Ubuntu, what to build it with: apt-get install ${packages[*]}" >&2
			echo "With the Go toolchain alone, COMPILER=go builds and tests the module of the standard compiler." >&2
			exit 1
		fi
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq >&2
		apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "${packages[@]}" >&2
	fi
	rm -rf "$bin"
	mkdir -p "$bin/path"
	echo 'module tinygo' >"$bin/go.mod" # go vet ./... of the project stays out of it, even while it is copied
	# Until a module is downloaded, it has no folder to list.
	(cd "$here" && go mod download github.com/tinygo-org/tinygo) >&2
	cp -r "$(cd "$here" && go list -m -f '{{.Dir}}' github.com/tinygo-org/tinygo)" "$bin/root"
	chmod -R u+w "$bin/root"
	mkdir -p "$bin/root/src/net" "$bin/root/src/context" # net is imported by nothing here, and looked for
	cp "$here/context/context.go" "$bin/root/src/context"
	for change in "$here"/*.patch; do patch --silent -d "$bin/root" -p1 <"$change"; done
	mkdir "$bin/build"
	cp "$here"/go.* "$here/tools.go" "$bin/build"
	(cd "$bin/build" && go mod edit -replace=github.com/tinygo-org/tinygo=../root && go build -tags llvm19 -o "$bin/path/tinygo" github.com/tinygo-org/tinygo) >&2
	ln -s /usr/bin/wasm-ld-19 "$bin/path/wasm-ld"
	ln -s /usr/bin/clang-19 "$bin/path/clang"
	npm install --silent --no-package-lock --no-save --prefix "$bin" binaryen@123.0.0 >&2
	# What is small before asyncify gets less added by it, and what it adds can be
	# made smaller more than once. The numbers of functions are the same without
	# their names.
	cp "$here/who-waits.js" "$bin"
	cat >"$bin/path/wasm-opt" <<-SCRIPT
		#!/bin/sh
		set -e
		opt() { "$bin/node_modules/.bin/wasm-opt" --enable-bulk-memory --enable-mutable-globals --enable-nontrapping-float-to-int --enable-sign-ext "\$@"; }
		waits=
		for out; do
			if [ -f "\$out" ]; then
				opt -Oz -g "\$out" -o "\$out"
				waits=\$(opt "\$out" --print -o /dev/null | node "$bin/who-waits.js")
				opt --strip-debug "\$out" -o "\$out"
			fi
		done
		"$bin/node_modules/.bin/wasm-opt" \${waits:+--pass-arg=asyncify-ignore-imports "--pass-arg=asyncify-onlylist@\$waits"} "\$@"
		if [ -f "\$out" ]; then opt -Oz --converge --strip-debug --strip-target-features "\$out" -o "\$out"; fi
	SCRIPT
	chmod +x "$bin/path/wasm-opt"
	# The libc of Debian prints what fails before it aborts, and has a generator of
	# random numbers between the engine's and the few that are needed.
	clang-19 --target=wasm32-unknown-wasi -Oz -c -x c - -o "$bin/libc.o" <<-'CODE'
		void __assert_fail(const char *what, const char *file, int line, const char *function) { __builtin_trap(); }

		__attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get"))) int random_get(void *to, unsigned n);

		unsigned arc4random(void) {
			unsigned r;
			if (random_get(&r, sizeof r) != 0) __builtin_trap();
			return r;
		}
	CODE
	node - "$bin/root/targets" "$bin/libc.o" "$libc" "$builtins" <<'SCRIPT'
const fs = require("fs");
const [, , folder, ...archives] = process.argv;
const target = JSON.parse(fs.readFileSync(`${folder}/wasm.json`));
delete target.libc;
delete target.rtlib;
target.features = target.features.replace("+bulk-memory-opt,", "").replace("+call-indirect-overlong,", "");
target["extra-files"] = target["extra-files"].filter((name) => !name.includes("boehm"));
target.ldflags.push(...archives);
fs.writeFileSync(`${folder}/onerefresh.json`, JSON.stringify(target));
SCRIPT
	touch "$bin/$made"
fi
printf '%s\n' "$bin/root/targets/wasm_exec.js" env "PATH=$bin/path:$PATH" "TINYGOROOT=$bin/root" "WASMOPT=$bin/path/wasm-opt" \
	tinygo build "-target=$bin/root/targets/onerefresh.json" "${flags[@]}" -stack-size=24KB
