from fastapi import APIRouter

router = APIRouter()


@router.websocket("/ws/{room}")
async def room(ws):
    pass
