// Reads the text of a module that TinyGo has linked, with names, and prints the
// numbers of the functions that a goroutine may wait in, for asyncify to change
// those and no other. Told nothing, asyncify takes every function for one that has
// a call of JavaScript or of a function value in it, which is nearly all.
//
//   - A goroutine waits by calling asyncify.start_unwind. JavaScript cannot do that:
//     Go that it calls runs in goroutines of their own.
//   - A call of a function value may wait if one of its targets may: those of the
//     same type in the table. Where a goroutine begins, which TinyGo names
//     "$gowrapper", is in the table for the scheduler alone.
//   - The scheduler, which calls asyncify.stop_unwind, is where a wait ends.
"use strict";

const types = new Map(); // name of a type: its text
const functions = new Map(); // name: { number, type, calls, values }
const table = [];
let startUnwind, stopUnwind, f;

for (const line of require("node:fs").readFileSync(0, "utf8").split("\n")) {
	let m;
	if ((m = /^ \(type (\S+) \(func(.*)\)\)$/.exec(line))) {
		types.set(m[1], m[2].trim());
	} else if ((m = /^ \(import "asyncify" "(\w+)" \(func ([^\s)]+)/.exec(line))) {
		if (m[1] === "start_unwind") startUnwind = m[2];
		if (m[1] === "stop_unwind") stopUnwind = m[2];
	} else if ((m = /^ \(elem .*?\(i32\.const \d+\) (.*)\)$/.exec(line))) {
		table.push(...m[1].split(" "));
	} else if ((m = /^ \(func (\S+)(.*)$/.exec(line))) {
		const params = [...m[2].matchAll(/\(param \S+ (\w+)\)/g)].map((p) => p[1]);
		const result = /\(result .*?\)/.exec(m[2]);
		const type = [params.length && `(param ${params.join(" ")})`, result?.[0]].filter(Boolean).join(" ");
		f = { number: functions.size, type, calls: new Set(), values: new Set() };
		functions.set(m[1], f);
	} else if ((m = /^\s*\((?:return_)?call ([^\s)]+)/.exec(line))) {
		f.calls.add(m[1]);
	} else if ((m = /^\s*\((?:return_)?call_indirect (?:\S+ )?\(type (\S+)\)/.exec(line))) {
		f.values.add(types.get(m[1]));
	}
}

const targets = table.filter((name) => functions.has(name) && !name.endsWith("gowrapper"));
const waits = new Set([startUnwind]);
for (let before = 0; before < waits.size; ) {
	before = waits.size;
	const waiting = new Set(targets.filter((name) => waits.has(name)).map((name) => functions.get(name).type));
	for (const [name, { calls, values }] of functions) {
		if (!calls.has(stopUnwind) && ([...calls].some((c) => waits.has(c)) || [...values].some((t) => waiting.has(t)))) {
			waits.add(name);
		}
	}
}
waits.delete(startUnwind);
if (!waits.size || !stopUnwind) {
	throw new Error("no function waits: the text is not of such a module");
}
console.log([...waits].map((name) => functions.get(name).number).join(","));
