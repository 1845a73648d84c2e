from fastapi import APIRouter, UploadFile

router = APIRouter()


@router.post("/documents")
async def add_document(project_id: int, upload: UploadFile):
    return await store(project_id, upload)
