/**
 * Returns a try block for a compiler without recover: an exception that got to
 * Go would end the program.
 */
function tryBlock() {
	const failed = {}; // is returned in place of a result
	let thrown;
	return {
		failed,
		attempt(f, ...args) {
			try {
				return f(...args);
			} catch (e) {
				thrown = e;
				return failed;
			}
		},
		caught() {
			const e = thrown;
			thrown = undefined; // or it would be kept until the next
			return e;
		},
		isBigint: (v) => typeof v === "bigint", // js.Value.Type panics at one
	};
}

/**
 * Resumes the program after ns nanoseconds. Only the last request counts: the
 * program makes one whenever it has nothing to do, for the first of all its
 * timers. If it dies of it, the loader rejects what is pending; there is no
 * caller to throw at.
 */
function wakeUp(go, ns) {
	const timers = (go._scheduledTimeouts ??= new Map());
	clearTimeout(timers.get(0));
	timers.set(0, setTimeout(() => {
		try {
			go._resume();
		} catch {}
	}, Number(ns) / 1e6));
}

/**
 * Makes a stack of the one place where an event waits for its handler. The handler
 * is queued behind goroutines that can run already, and those may cause further
 * events: the handler that runs first is to find the innermost, whose caller waits
 * within those of the others. A program that has died handles none.
 */
function stackEvents(go) {
	const events = [];
	Object.defineProperty(go, "_pendingEvent", {
		get: () => events.pop() ?? null,
		set(event) {
			if (!go._inst) events.length = 0;
			else if (event) events.push(event); // a handler that has its event says null
		},
	});
}
