// The part of tmcp's types that index.d.ts uses. It stands in for tmcp where index.d.ts is checked without `skipLibCheck`,
// because tmcp's own types do not pass that check.

export type Context = {
	sessionInfo?:
		| { clientInfo?: { name: string }; clientCapabilities?: { roots?: object }; logLevel?: string }
		| undefined;
};
