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
