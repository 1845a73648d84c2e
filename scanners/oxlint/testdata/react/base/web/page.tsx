export function Page(props: { html: string }) {
	return <div dangerouslySetInnerHTML={{ __html: props.html }} />;
}
