export function run(text: string) {
	eval(text);
}
