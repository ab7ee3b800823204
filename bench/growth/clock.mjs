// A clock of CPU time, which does not run while other programs use the CPU.

/** Returns a function that returns the nanoseconds of CPU time that this process has used since. */
export function startClock() {
	const start = process.cpuUsage();
	return () => {
		const { user, system } = process.cpuUsage(start);
		return (user + system) * 1e3;
	};
}
