from fastapi import APIRouter

router = APIRouter()


@router.get("/projects/{id}/webhooks")
def webhooks():
    return []


@router.post("/callbackless")
def other():
    return None
