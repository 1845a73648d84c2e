type Props = { html: string; url: string };

export function Page(props: Props) {
	eval(props.url);
	const build = new Function(props.html);
	setTimeout("refresh()", 10);
	location.href = "javascript:void(0)";
	window.postMessage(props.html);
	return <div dangerouslySetInnerHTML={{ __html: props.html }} />;
}

export function Frame(props: Props) {
	return <main><iframe src={props.url} /><a href="javascript:void(0)">Ü</a></main>;
}

export const buffer = new Buffer(10);
