from litestar import Litestar, get


@get("/notes/{note_id:int}")
async def note(note_id: int) -> dict:
    return {}
