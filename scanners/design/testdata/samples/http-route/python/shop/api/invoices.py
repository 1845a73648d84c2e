"""Invoices.

    @router.get("/in-a-docstring")
"""
from fastapi import APIRouter, Depends

router = APIRouter(prefix="/invoices", tags=["invoices"])


@router.get("/{invoice_id}", response_model=Invoice)
async def read(invoice_id: int):
    return None


@router.post("")
def create():
    return None
