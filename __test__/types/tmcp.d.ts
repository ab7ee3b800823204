// What our types need of tmcp's. Used to check ours by themselves: those of tmcp do not pass without `skipLibCheck`.

export type Context = {
	sessionInfo?:
		| { clientInfo?: { name: string }; clientCapabilities?: { roots?: object }; logLevel?: string }
		| undefined;
};
