export function build(text: string) {
	return new Function(text);
}

export function run(text: string) {
	eval(text);
}
