import click
import flask


@cli.command("serve")
def serve():
    os.path.join("a", "b")
    re.compile(r"^/x$")
